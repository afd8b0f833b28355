"""The README is true: each of its snippets runs, each of its tables is whole."""

import os
import re
import select
import subprocess
import sys
import time
from dataclasses import MISSING, fields
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from workflow_mock.errors import STATUS_OF_CODE
from workflow_mock.settings import PREFIX, Settings, flag

from tests.readme import DEFAULT_URL, README, block, blocks, table
from tests.support import ROOT, Server, run, serving

MAKE_TARGETS = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
RUN_HERE = {
    "make run": "as a target of the Makefile",
    "TOKEN=": "against a server",
    "curl -s": "against a server",
    "workflow-mock check": "with the catalogue above it",
    "docker build": "as far as it goes without an engine: tests/test_image.py",
    "ready.json": "as it stands",
    "make test": "as a target of the Makefile",
}


def shell(script: str, server: Server | None, folder: Path) -> str:
    """Run a snippet where .venv is this environment, and 8080 the port of this server; give what it printed."""
    binaries = Path(sys.executable).parent
    (folder / ".venv").mkdir(exist_ok=True)
    if not (folder / ".venv" / "bin").exists():
        (folder / ".venv" / "bin").symlink_to(binaries)
    if server is not None:
        script = script.replace(DEFAULT_URL, server.url)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=os.environ | ({"WORKFLOW_MOCK_PORT": str(server.address[1])} if server else {}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_shell_snippet_is_run_by_one_of_these_tests() -> None:
    for snippet in (b for b in blocks() if b.language == "sh"):
        assert any(start in snippet.text for start in RUN_HERE), f"README.md:{snippet.line} is run by no test"


def test_every_language_is_run_by_a_test() -> None:
    here, elsewhere = {"sh", "python", "yaml"}, {"ts", "csharp", "java"}
    assert {b.language for b in blocks()} == here | elsewhere | {"text"}


def test_every_make_target_that_it_names_exists() -> None:
    named = set(re.findall(r"\bmake ([a-z-]+)", "\n".join(b.text for b in blocks() if b.language == "sh")))
    assert named >= {"run", "demo", "test"}
    assert named <= set(MAKE_TARGETS)


def test_the_first_request_is_answered_with_a_record(server: Server, tmp_path: Path) -> None:
    answer = yaml.safe_load(shell(block("sh", containing="TOKEN="), server, tmp_path))
    assert answer["data"]["executionQueue"]


def test_the_token_request_by_curl_is_answered_with_a_token(server: Server, tmp_path: Path) -> None:
    answer = yaml.safe_load(shell(block("sh", containing="curl -s "), server, tmp_path))
    assert answer["token_type"] == "Bearer"


def test_the_python_client_prints_the_id_of_an_execution(server: Server) -> None:
    script = block("python").replace(DEFAULT_URL, server.url)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"[0-9a-f-]{36}\n", done.stdout)


def test_the_workflow_of_ones_own_is_checked_and_started(tmp_path: Path) -> None:
    file = tmp_path / "nightly.yaml"
    file.write_text(block("yaml"))
    check, _serve = block("sh", containing="workflow-mock check").splitlines()
    assert "1 workflows and 1 clients" in shell(check, None, tmp_path)
    with serving("--catalogue", str(file)) as own:
        (workflow,) = re.findall(r"/workflow/([0-9a-f-]{36})/", own.log.read_text())
        answer = own.start(workflow, token=own.token("reporter", "not-so-secret"))
        assert [task["name"] for task in answer.json()["data"]["tasks"] if task["isTrigger"]] == [
            "fetch-orders",
            "fetch-prices",
        ]


def test_the_ready_file_tells_where_the_server_is(tmp_path: Path) -> None:
    script = block("sh", containing="ready.json").replace("kill %1", "kill %1; wait %1")
    told = re.search(r'\{"url".*\}', shell(script, None, tmp_path))
    assert told is not None
    assert set(yaml.safe_load(told[0])) == {"url", "tokenUrl", "issuer", "pid"}


def test_the_table_of_settings_is_that_of_the_code() -> None:
    rows = {row[0]: row[1:] for row in table("Settings")}
    assert list(rows) == [f"`{flag(setting.name)}`" for setting in fields(Settings)]
    for setting in fields(Settings):
        variable, default, what = rows[f"`{flag(setting.name)}`"]
        assert variable == f"`{PREFIX}{setting.name.upper()}`"
        assert what == setting.metadata["help"]
        assert setting.default is not MISSING
        value = setting.default
        shown = int(value.total_seconds()) if isinstance(value, timedelta) else value
        assert default == ("off" if shown is False else f"`{shown}`" if shown not in (None, ()) else "")


def test_the_table_of_errors_is_that_of_the_code() -> None:
    assert {row[1].strip("`"): int(row[0]) for row in table("Errors")} == STATUS_OF_CODE


def test_every_command_and_option_that_it_names_exists() -> None:
    known = {"--request", "--url", "--header", "--data", "--rm", "--read-only", "--build"}
    helps = "".join(run(command, "--help").stdout for command in ("serve", "token", "check", "schema", "health"))
    for option in set(re.findall(r"(?<![\w-])--[a-z0-9-]+", README)) - known - {"---"}:
        assert option in helps, f"{option} is no option"
    for command in set(re.findall(r"workflow-mock ([a-z]+)\b", "\n".join(re.findall(r"`[^`]+`", README)))):
        assert run(command, "--help").returncode == 0, f"{command} is no command"


def test_the_demo_shows_a_start_and_ends() -> None:
    done = subprocess.run([sys.executable, "examples/demo.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert '"executionQueue"' in done.stdout


def test_the_line_that_the_server_prints_starts_an_execution(tmp_path: Path) -> None:
    with serving() as own:
        deadline = time.monotonic() + 10
        while not (line := re.search(r"^  (curl .*)$", own.log.read_text(), re.MULTILINE)):
            assert time.monotonic() < deadline, "no line to paste was printed"
            select.select([], [], [], 0.01)
        command = re.sub(r"\$\(\S+ token", f"$({sys.executable} -m workflow_mock token", line[1])
        assert yaml.safe_load(shell(command, None, tmp_path))["data"]["executionQueue"]


@pytest.mark.parametrize("word", ["workflow-mock health", "/etc/workflow-mock"])
def test_what_it_says_of_the_image_is_in_the_dockerfile(word: str) -> None:
    assert word in (ROOT / "Dockerfile").read_text().replace('", "', " ")
