"""Whatever the contracts allow and forbid, thrown at the server by schemathesis: every answer is one that they have.

`make fuzz` goes on for longer.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support import EXAMPLES, ROOT, serving

pytestmark = pytest.mark.fuzz


A_RUN = 100
"""Examples of a run: what schemathesis does with more of them takes time in their square."""


@pytest.mark.parametrize("run", range(max(1, EXAMPLES // A_RUN)))
@pytest.mark.parametrize("contract", ["workflow-api.yaml", "admin-api.yaml"])
def test_every_answer_is_one_of_the_contract(contract: str, run: int, tmp_path: Path) -> None:
    document = yaml.safe_load((ROOT / "openapi" / contract).read_text("utf-8"))
    for schema in document["components"]["schemas"].values():
        if "within" in schema.get("properties", {}):  # nobody waits for minutes
            schema["properties"]["within"] |= {"pattern": "^[1-9]ms$", "examples": ["1ms"]}
    file = tmp_path / contract
    file.write_text(yaml.safe_dump(document))
    with serving("--log-level", "warning") as server:
        command = [str(Path(sys.executable).parent / "schemathesis")]
        command += [
            "--config-file",
            str(ROOT / "tests/fuzz/schemathesis.toml"),
            "run",
            str(file),
        ]
        command += ["--url", server.url, "--max-examples", str(min(EXAMPLES, A_RUN))]
        command += ["--continue-on-failure", "--no-color"]
        # A stream of events doesn't end: tests/admin has what is in it.
        command += ["--exclude-path", "/__admin/events", "--warnings", "off"]
        if contract == "workflow-api.yaml":
            command += ["--header", f"Authorization: Bearer {server.token()}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        sys.stdout.write(f"{contract}, run {run}: {re.findall('[0-9]+ generated, [0-9]+ passed', done.stdout)}\n")
        assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
        assert "Traceback" not in server.log.read_text()
        assert server.http.get("/__admin/health").status_code == 200
