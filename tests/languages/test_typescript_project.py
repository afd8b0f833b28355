"""The project in examples/typescript: what its tests say where there is no server, and that they leave none behind.

`make test-typescript` installs it and runs its tests first.
"""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
import yaml
from workflow_mock_kit.client import Clock, World

from tests.docs.pages import environment
from tests.languages.projects import COMMAND, NAMES, NO_SERVER, NOBODY, is_gone, recording
from tests.support import ROOT, Server, until

PROJECT = ROOT / "examples" / "typescript"
HEAD = """import { test } from "./fixtures.ts";
const ORDER = "3c90c3cc-0d44-4b50-8888-8dd25736052a";
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project, in which a test may write tests of its own."""
    return shutil.copytree(PROJECT, tmp_path / "project", ignore=shutil.ignore_patterns("node_modules"))


def write(project: Path, test: str) -> None:
    """Have the project this test alone."""
    shutil.rmtree(project / "tests" / "__snapshots__")
    (project / "tests" / "client.test.ts").write_text(HEAD + test)


def vitest(project: Path, *options: str, **variables: str) -> subprocess.Popen[str]:
    """Vitest in a project, as `npm test` runs it, where PATH has no workflow-mock."""
    if not (project / "node_modules").exists():
        (project / "node_modules").symlink_to(PROJECT / "node_modules")
    node = shutil.which("node")
    assert node is not None
    folder = project.parent / "bin"
    folder.mkdir(exist_ok=True)
    (folder / "node").unlink(missing_ok=True)
    (folder / "node").symlink_to(node)
    return subprocess.Popen(
        [node, "node_modules/vitest/vitest.mjs", "run", "--no-color", *options],
        cwd=project,
        env=environment() | {"PATH": str(folder), "CI": "1"} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def printed(project: Path, *options: str, code: int, **variables: str) -> str:
    with vitest(project, *options, **variables) as run:
        output, _ = run.communicate(timeout=60)
    assert run.returncode == code, output
    return output


def test_its_tests_have_the_names_of_the_kits() -> None:
    names = [name.replace("_", " ") for name in NAMES]
    typescript = (PROJECT / "tests" / "client.test.ts").read_text()
    ours = re.findall(r'^(?:test\(|  )"([\w ]+)(?:: %s)?",\s+async', typescript, re.MULTILINE)
    assert ours == names


def test_a_world_has_the_words_of_the_kits() -> None:
    """But for one, which is the operation of the control plane's contract."""
    helper = (PROJECT / "tests" / "workflow-mock.ts").read_text()
    words = re.findall(r"^  (?:get |async )?(?!constructor)(\w+)\(", helper, re.MULTILINE)
    assert len(words) > 10
    in_python = {re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", word) for word in words}
    assert in_python - {*dir(World), *dir(Clock)} == {"add_fault"}
    assert "operationId: addFault\n" in (ROOT / "openapi" / "admin-api.yaml").read_text()


@pytest.mark.parametrize("folder", ["examples/typescript", "openapi/lint"])
def test_a_lock_names_no_address(folder: str) -> None:
    assert '"resolved"' not in (ROOT / folder / "package-lock.json").read_text()


def test_it_uses_a_server_that_runs(project: Path, server: Server) -> None:
    assert re.search(r"Tests +11 passed", printed(project, code=0, WORKFLOW_MOCK_URL=server.url))


def test_the_steps_of_github_actions_pass(project: Path, server: Server) -> None:
    job = yaml.safe_load((ROOT / "examples" / "ci" / "github-actions.yml").read_text())["jobs"]["test"]
    assert list(job["env"]) == ["WORKFLOW_MOCK_URL"]
    steps = [step["run"] for step in job["steps"] if "run" in step]
    done = subprocess.run(
        ["bash", "-e", "-c", "\n".join(steps)],
        cwd=project,
        env=environment() | {"CI": "true", "NO_COLOR": "1", "WORKFLOW_MOCK_URL": server.url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Tests +11 passed", done.stdout)


def test_it_ends_the_server_that_it_started(project: Path, tmp_path: Path) -> None:
    command, file = recording(tmp_path)
    printed(project, code=0, WORKFLOW_MOCK_COMMAND=command, TMPDIR=str(tmp_path))
    assert is_gone(int(file.read_text()))
    assert not list(tmp_path.glob("workflow-mock-*"))


def test_a_killed_run_leaves_no_server(project: Path, tmp_path: Path) -> None:
    write(
        project,
        'import { writeFileSync } from "node:fs";\n'
        'test("it hangs", () => { writeFileSync("hangs", ""); return new Promise(() => {}); });\n',
    )
    command, file = recording(tmp_path)
    with vitest(project, WORKFLOW_MOCK_COMMAND=command, TMPDIR=str(tmp_path)) as run:
        until((project / "hangs").exists, "the test doesn't run")
        os.kill(run.pid, signal.SIGKILL)
    until(lambda: is_gone(int(file.read_text())), "the server goes on")


def test_without_a_server_it_names_all_ways_to_one(project: Path) -> None:
    output = printed(project, code=1)
    assert f"{NO_SERVER}\n" in output


def test_a_server_that_does_not_answer_is_told(project: Path) -> None:
    output = printed(project, code=1, WORKFLOW_MOCK_URL=NOBODY)
    assert f"no workflow-mock answers at WORKFLOW_MOCK_URL, {NOBODY}: " in output


def test_a_command_that_is_none_is_told(project: Path) -> None:
    output = printed(project, code=1, WORKFLOW_MOCK_COMMAND="no-such-command --really")
    assert "WORKFLOW_MOCK_COMMAND can't be run: spawn no-such-command ENOENT" in output


def test_a_server_that_ends_at_once_says_why(project: Path) -> None:
    output = printed(project, code=1, WORKFLOW_MOCK_COMMAND=f"{COMMAND} --nonsense")
    assert re.search(r"--log-level warning has ended:\n.*No such option", output, re.DOTALL)


def test_a_refused_call_says_what_the_server_said(project: Path, server: Server) -> None:
    write(
        project,
        'test("a refused call", ({ workflowMock }) => workflowMock.failNext(99).then(() => {}));\n',
    )
    output = printed(project, code=1, WORKFLOW_MOCK_URL=server.url)
    (said,) = set(re.findall(r"^Error: (.*)$", output, re.MULTILINE))
    refusal = server.http.post("/__admin/faults", json={"status": 99}).json()["meta"]
    (problem,) = refusal["validation"]
    message = f"{refusal['errors'][0]['message']}; {problem['property']}: {problem['message']}"
    assert re.sub(r"\?customerId=[0-9a-f-]+", "", said) == f"{server.url}/__admin/faults was refused: 400: {message}"


def test_a_verdict_says_what_there_was_instead(project: Path, server: Server) -> None:
    write(
        project,
        'test("a verdict", async ({ workflowMock, client }) => {\n'
        "  await workflowMock.failNext(500);\n"
        "  await client.start(ORDER).catch(() => {});\n"
        "  await workflowMock.verify({ status: 200, exactly: 1 });\n"
        "});\n",
    )
    output = printed(project, code=1, WORKFLOW_MOCK_URL=server.url)
    assert (
        'Error: wanted {"exactly":1,"status":200}, but there were 0\n'
        "  almost: 500: status is not 200\n"
        " ❯ tests/client.test.ts:6:3\n"
    ) in output
