"""A client that a generator makes of the contract works with the server as it is."""

import importlib
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support import ROOT, WORKFLOW, Server


def test_a_generated_client_starts_an_execution_and_reads_what_is_refused_or_injected(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("content_type_overrides: {text/json: application/json}\npost_hooks: []\n")
    contract = str(ROOT / "openapi" / "workflow-api.yaml")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "openapi_python_client",
            "generate",
            "--meta",
            "none",
            "--path",
            contract,
            "--config",
            str(config),
            "--output-path",
            str(tmp_path / "generated"),
            "--fail-on-warning",
        ],
        check=True,
        capture_output=True,
    )
    # openapi-python-client 0.29 forgets this import where an operation takes a body in several media types.
    operation = tmp_path / "generated" / "api" / "workflow_execution" / "start_workflow_execution.py"
    operation.write_text(operation.read_text().replace("import Response, UNSET", "import UNSET, Response, Unset"))
    monkeypatch.syspath_prepend(tmp_path)

    client = importlib.import_module("generated.client").AuthenticatedClient(base_url=server.url, token=server.token())
    models = importlib.import_module("generated.models")
    body = models.StartWorkflowExecutionRequest.from_dict({"data": {"workflowId": WORKFLOW}})
    start = importlib.import_module("generated.api.workflow_execution.start_workflow_execution")
    customer = uuid4()
    fault = {"status": 503, "code": "brand_new", "times": 1, "matcher": {"customerId": str(customer)}}
    stranger = importlib.import_module("generated.client").AuthenticatedClient(base_url=server.url, token="none")
    with client, stranger:
        answer = start.sync_detailed(customer, WORKFLOW, client=client, body=body)
        refused = start.sync_detailed(customer, WORKFLOW, client=stranger, body=body)
        server.http.post("/__admin/faults", json=fault)
        injected = start.sync_detailed(customer, WORKFLOW, client=client, body=body)

    assert answer.status_code == 200
    assert str(answer.parsed.data.workflow_id) == WORKFLOW
    assert [task.is_trigger for task in answer.parsed.data.tasks].count(True) == len(answer.parsed.data.execution_queue)
    assert (refused.status_code, refused.parsed.meta.errors[0].code) == (401, "token_malformed")
    assert (injected.status_code, injected.parsed.meta.errors[0].code) == (503, "brand_new")
