"""The commands beside `serve`: check, graph, schema, openapi, token, health."""

import json
from pathlib import Path

import yaml

from tests.support import ROOT, Server, run


def test_without_a_command_it_says_which_there_are() -> None:
    done = run()
    assert done.returncode == 0
    assert all(
        command in done.stdout for command in ("serve", "token", "check", "graph", "schema", "openapi", "health")
    )


def test_check_exits_with_what_it_found(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("workflows: [{name: A, tasks: [{key: a}]}]")
    bad.write_text("workflows: [{name: A, tasks: [{key: a, after: [b]}]}]")
    assert run("check", str(good)).stdout == "1 workflow and 1 client: no problems\n"
    (empty := tmp_path / "empty").mkdir()
    assert run("check", str(empty)).stderr == f"{empty}: there are no catalogue files in it\n"
    assert run("check", str(empty)).returncode == 1
    done = run("check", str(good), str(bad))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{bad}:1: workflows[0].tasks[0].after[0]: names the unknown task b\n"


def test_openapi_is_the_file_and_the_server_serves_it(server: Server) -> None:
    text = (ROOT / "openapi" / "workflow-api.yaml").read_text()
    assert run("openapi").stdout == text
    for target in ("/openapi.yaml", "/openapi.json"):
        served, document = yaml.safe_load(server.http.get(target).text), yaml.safe_load(text)
        document["servers"] = [{"url": "/"}]
        flow = document["components"]["securitySchemes"]["oauth2"]["flows"]["clientCredentials"]
        flow["tokenUrl"] = server.url + flow["tokenUrl"]
        assert served == document


def test_schema_is_json() -> None:
    assert json.loads(run("schema").stdout)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_token_is_ready_for_the_shell(server: Server) -> None:
    done = run("token", "--url", server.url)
    assert server.start(token=done.stdout.strip()).status_code == 200
    refused = run("token", environment={"WORKFLOW_MOCK_URL": server.url, "WORKFLOW_MOCK_SECRET": "wrong"})
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "invalid_client" in refused.stderr


def test_health_follows_the_settings(server: Server) -> None:
    port = str(server.address[1])
    assert run("health", "--port", port).returncode == 0
    assert run("health", environment={"WORKFLOW_MOCK_PORT": port, "WORKFLOW_MOCK_HOST": "0.0.0.0"}).returncode == 0
    assert run("health", "--port", "1").returncode == 1
    assert run("health", "--port", port, "--host", "").returncode == 1
