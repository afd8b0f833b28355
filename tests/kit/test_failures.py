"""What a failing test prints of its world, and what a passing one is warned of."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from workflow_mock_kit import WorkflowMock

from tests.kit.projects import Run, anonymous, prepare, run_tests

Project = Callable[..., Run]

SECTIONS = {
    "nothing was sent": (
        """
def test_section_0(workflow_mock):
    workflow_mock.verify(status=200)
""",
        ["customer <id> at <url>", "the client has sent nothing to this world"],
    ),
    "a refusal": (
        """
def test_section_1(workflow_mock, client):
    workflow_mock.fail_next(503)
    client.start(ORDER)
""",
        [
            "customer <id> at <url>",
            "<time>  token  200",
            "<time>  start  503  injected_fault  fault <id>, 1 of 1",
        ],
    ),
    "a lost answer, and a second start": (
        """
def test_section_2(workflow_mock, client):
    workflow_mock.lose_next_answer()
    with pytest.raises(OutcomeUnknown):
        client.start(ORDER)
    client.start(ORDER)
    assert len(workflow_mock.executions) == 1
""",
        [
            "customer <id> at <url>",
            "<time>  token  200",
            "<time>  start  no response  fault <id>, 1 of 1  answer lost: <id> was started",
            "<time>  start  200  DUPLICATE of <id>",
        ],
    ),
    "another time, and a fault that waits": (
        """
@pytest.mark.workflow_mock(clock="2030-01-01T00:00:00Z")
def test_section_3(workflow_mock, client):
    workflow_mock.fail(503, after=7)
    client.start(ORDER)
    assert workflow_mock.statuses == [503]
""",
        [
            "customer <id> at <url>",
            "clock frozen at 2030-01-01T00:00:00+00:00",
            "fault <id> (status=503) was met by no request",
            "<time>  token  200",
            "<time>  start  200",
        ],
    ),
    "more than fits": (
        """
def test_section_4(workflow_mock, client):
    for _ in range(30):
        client.start(ORDER)
    assert workflow_mock.statuses == [200]
""",
        ["customer <id> at <url>", "… 13 requests before these", *["<time>  start  200"] * 18],
    ),
    "a mistake in the request": (
        """
def test_section_5(workflow_mock, client):
    client.start("3c90c3cc-0d44-4b50-8888-8dd257360520")
""",
        [
            "customer <id> at <url>",
            "<time>  token  200",
            "<time>  start  404  workflow_not_found: There is no workflow <id>; did you mean <id> (Order fulfilment)?",
        ],
    ),
}


MESSAGES = {
    "too few": (
        "client.start(ORDER); workflow_mock.verify(exactly=2)",
        "AssertionError: wanted exactly 2 with any start, but there was 1\n  matched: <time>  start  200",
    ),
    "a near miss": (
        "client.start(ORDER); workflow_mock.verify(status=503)",
        """\
AssertionError: wanted at least 1 with status=503, but there were 0
  almost: <time>  start  200
    status is not 503""",
    ),
    "in time": (
        'workflow_mock.wait_for(status=200, within="10ms")',
        "AssertionError: wanted at least 1 with status=200, but there were 0",
    ),
    "an order": (
        'client.start(ORDER); workflow_mock.verify_sequence({"status": 503}, {"status": 200})',
        """\
AssertionError: not in this order: status=503, then status=200
  almost: <time>  start  200
    status is not 503""",
    ),
}


@pytest.fixture(scope="session")
def failures(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """All of these tests, which fail, in one run."""
    folder = tmp_path_factory.mktemp("failing")
    tests = [test for test, _ in SECTIONS.values()]
    for number, (line, _) in enumerate(MESSAGES.values()):
        tests.append(f"def test_message_{number}(workflow_mock, client):\n    {line}\n")
    prepare(folder, "\n".join(tests))
    run = run_tests(folder)
    assert f"{len(tests)} failed" in run.output, run.output
    return run


@pytest.mark.parametrize("name", SECTIONS)
def test_a_failing_test_prints_what_its_client_did(failures: Run, name: str) -> None:
    section = failures.section(f"test_section_{list(SECTIONS).index(name)}")
    assert section == SECTIONS[name][1]
    assert len(section) <= 20


@pytest.mark.parametrize("name", MESSAGES)
def test_a_verdict_says_what_there_was_and_ends_at_the_users_line(failures: Run, name: str) -> None:
    failure = failures.failure(f"test_message_{list(MESSAGES).index(name)}")
    lines = [line[1:].removeprefix("       ") for line in failure.splitlines() if line.startswith("E ")]
    assert anonymous("\n".join(lines)) == MESSAGES[name][1]
    assert "workflow_mock_kit/" not in failure


def test_nothing_is_warned_of_where_all_was_met(project: Project) -> None:
    test = """
def test_it(workflow_mock, client):
    workflow_mock.fail_next(503, retry_after="1s")
    client.start(ORDER)
"""
    run = project(test, "-W", "error")
    assert run.code == 0, run.output


def test_a_fault_that_no_request_met_is_warned_of(project: Project) -> None:
    run = project("def test_it(workflow_mock):\n    workflow_mock.fail_next(503)\n")
    assert run.code == 0
    assert "WorkflowMockWarning: the fault " in run.output
    assert "(status=503) was met by no request" in run.output


def test_a_second_start_after_a_lost_answer_is_warned_of(project: Project) -> None:
    run = project("""
def test_it(workflow_mock, client):
    workflow_mock.lose_next_answer()
    with pytest.raises(OutcomeUnknown):
        client.start(ORDER)
    client.start(ORDER)
""")
    assert run.code == 0
    assert "the client started the workflow 3c90c3cc-0d44-4b50-8888-8dd25736052a twice" in run.output


def test_the_world_of_a_failing_test_can_be_looked_at(project: Project, tmp_path: Path) -> None:
    run = project(
        "def test_it(workflow_mock, client):\n    client.start(ORDER)\n    assert False\n",
        "--workflow-mock-artifacts",
        "worlds",
    )
    (path,) = (tmp_path / "worlds").iterdir()
    snapshot = json.loads(path.read_text())
    assert path.name == "test_it.py-test_it.json"
    assert (len(snapshot["executions"]), len(snapshot["requests"])) == (1, 2)
    assert f"snapshot: worlds/{path.name}" in run.output


def test_a_server_that_is_kept_has_the_failing_world(project: Project) -> None:
    test = """
def test_it(workflow_mock, client):
    print("customer", workflow_mock.customer_id)
    client.start(ORDER)
    assert False
"""
    run = project(test, "--workflow-mock-keep")
    url = run.output.split("workflow-mock goes on at ")[1].partition("/__admin")[0]
    customer = run.output.split("customer ")[1].split()[0]
    process = int(run.output.split(", process ")[1].split()[0])
    assert f"page: {url}/__admin/?customerId={customer}\n" in run.output
    try:
        with WorkflowMock(url) as server:
            assert server.world(customer).statuses == [200]
    finally:
        os.kill(process, signal.SIGTERM)


def test_a_server_that_is_gone_hides_no_failure(project: Project) -> None:
    run = project("""
def test_it(workflow_mock_server, workflow_mock):
    workflow_mock_server.process.end()
    assert 1 == 2
""")
    assert run.code == 1
    assert "assert 1 == 2" in run.output
    assert "the world can't be looked at: ConnectError" in run.output
