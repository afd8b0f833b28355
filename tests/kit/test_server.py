"""Where the server comes from, how it ends, and what is told when something is wrong."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from workflow_mock_kit import AsyncWorkflowMock, NoServer, WorkflowMock, WorkflowMockError, WorkflowMockWarning, World
from workflow_mock_kit.sending import Target

from tests.kit.projects import run_tests
from tests.support import WORKFLOW, Server, serving, until


def test_it_is_the_one_of_the_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKFLOW_MOCK_URL", server.url)
    with WorkflowMock.find() as found:
        assert (found.url, found.process) == (server.url, None)


def test_one_that_is_given_comes_before_that_of_the_environment(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKFLOW_MOCK_URL", "http://127.0.0.1:9")
    with WorkflowMock.find(url=f"{server.url}/") as found:
        assert found.url == server.url


def test_else_the_package_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORKFLOW_MOCK_URL", raising=False)
    with WorkflowMock.find("--strict") as found:
        assert found.settings().strict is True


def test_else_the_command_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflow_mock_kit.process.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    with WorkflowMock.start("--strict") as found:
        assert found.settings().strict is True


@pytest.mark.parametrize(
    "command",
    [
        pytest.param("{python} -m workflow_mock", id="that takes options"),
        pytest.param("{python} -m workflow_mock serve --port {{port}}", id="that is told a port"),
    ],
)
def test_else_a_command(command: str) -> None:
    with WorkflowMock.start("--strict", command=command.format(python=sys.executable)) as found:
        assert found.settings().strict is True


def test_else_it_is_said_what_can_be_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflow_mock_kit.process.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NoServer) as error:
        WorkflowMock.start()
    for way in ("WORKFLOW_MOCK_URL", "pip install workflow-mock", "pipx install", "workflow_mock_command"):
        assert way in str(error.value)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        pytest.param("/no/such/command", "No such file or directory", id="that isn't there"),
        pytest.param(f"{sys.executable} -c 'print(\"what it said\")'", "what it said", id="that ends"),
    ],
)
def test_a_command_that_starts_no_server_is_told(command: str, told: str) -> None:
    with pytest.raises(NoServer, match=told):
        WorkflowMock.start(command=command)


def test_an_option_that_there_is_not_is_told() -> None:
    with pytest.raises(NoServer, match="No such option"):
        WorkflowMock.start("--nonsense")


def test_settings_of_the_environment_are_for_another_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKFLOW_MOCK_STRICT", "true")
    with WorkflowMock.start() as found:
        assert found.settings().strict is False


def test_it_ends_with_the_block() -> None:
    with WorkflowMock.start() as found:
        assert found.process is not None
        process = found.process.id
    assert not is_alive(process)


def test_it_ends_when_whoever_started_it_is_killed() -> None:
    program = "from workflow_mock_kit import WorkflowMock; print(WorkflowMock.start().process.id, flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1, text=True) as starter:
        assert starter.stdout is not None
        process = int(starter.stdout.readline())
        assert is_alive(process)
        starter.send_signal(signal.SIGKILL)
    until(lambda: not is_alive(process), "the server outlives its starter")


def is_alive(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_refused_call_raises_what_the_server_said(world: World) -> None:
    with pytest.raises(WorkflowMockError, match="status: must be less than or equal to 599") as error:
        world.fail(999)
    assert (error.value.status, error.value.code) == (400, "validation_failed")


def test_worlds_know_nothing_of_each_other(mock: WorkflowMock) -> None:
    one, other = mock.world(), mock.world()
    one.fail_next(503)
    one.clock.freeze("2030-01-01T00:00:00Z")
    assert (other.faults(), other.clock.state().own) == ([], False)


def test_another_version_is_warned_of_once() -> None:
    target = Target("http://127.0.0.1:8080")
    with pytest.warns(WorkflowMockWarning, match=r"workflow-mock is 9\.9\.0, workflow-mock-kit is "):
        target.compare_versions({"version": "9.9.0"})
    target.compare_versions({"version": "9.9.0"})


@pytest.mark.parametrize("url", ["", "127.0.0.1:8080", "ftp://127.0.0.1", "http://"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"the URL of the server must be like http://127\.0\.0\.1:8080"):
        WorkflowMock(url)


def test_the_admin_token_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "an-admin-token-of-32-characters-"
    with serving("--admin-token", secret) as own:
        with WorkflowMock(own.url) as mock, pytest.raises(WorkflowMockError, match="admin_token_required"):
            mock.world().reset()
        with WorkflowMock(own.url, admin_token=secret) as mock:
            mock.world().reset()
        monkeypatch.setenv("WORKFLOW_MOCK_ADMIN_TOKEN", secret)
        with WorkflowMock(own.url) as mock:
            mock.world().reset()


def test_a_workflow_that_there_is_not_is_told_with_those_that_there_are(world: World) -> None:
    with pytest.raises(LookupError, match="there are 0 workflows named 'No such', of 'Order fulfilment'"):
        world.workflow("No such")
    assert world.workflow("Order fulfilment") == WORKFLOW


def test_tests_that_await_say_the_same(server: Server) -> None:
    async def use() -> tuple[list[int], str, int, bool]:
        world = await AsyncWorkflowMock(server.url).world(clock="2030-01-01T00:00:00Z")
        report = await world.add_workflow({"key": "report", "duration": "PT1H"})
        token = await world.token()
        started = await asyncio.to_thread(server.start, report, customer=world.customer_id, token=token)
        execution = world.execution(started.json()["data"]["id"])
        await world.clock.advance("1h")
        executions = await world.executions
        return await world.statuses, await execution.state, len(executions), (await world.clock.state()).frozen

    assert asyncio.run(use()) == ([200], "completed", 1, True)


def test_the_plugin_costs_a_run_without_its_fixtures_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("""
def test_it(pytestconfig):
    import sys
    assert pytestconfig.getini("workflow_mock_options") == []
    assert not {"httpx2", "workflow_mock_kit.client"} & sys.modules.keys()
""")
    run = run_tests(tmp_path, "-p", "no:schemathesis")
    assert run.code == 0, run.output
