"""What has become of an execution is a function of the clock. tests/state/test_machine.py compares it with a model."""

from datetime import timedelta

import pytest
from workflow_mock.domain.definition import Outcome, WorkflowDefinition
from workflow_mock.domain.execution import Execution, State

from tests.state.worlds import BEGIN, CUSTOMER, defined

MANUAL, TIMED, IMMEDIATE = defined(1), defined(2, duration="1h"), defined(3, progression="immediate")


def started(definition: WorkflowDefinition) -> Execution:
    return Execution("x", CUSTOMER, definition, BEGIN)


@pytest.mark.parametrize(
    "definition",
    [pytest.param(MANUAL, id="manual"), pytest.param(TIMED, id="timed"), pytest.param(IMMEDIATE, id="immediate")],
)
def test_the_status_says_what_the_whole_does_whatever_the_clock_does(definition: WorkflowDefinition) -> None:
    execution = started(definition)
    for seconds in (0, -5, 3599, 3600, -1):
        now = BEGIN + timedelta(seconds=seconds)
        status = execution.status_at(now)
        whole = execution.progress_at(now)
        assert status == execution.status_at(now) == (whole.state, whole.finished)


def test_to_look_at_the_status_changes_nothing() -> None:
    execution = started(TIMED)
    execution.end_task(TIMED.tasks[0].id, Outcome.FAIL, BEGIN)
    later = BEGIN + timedelta(hours=1)
    assert [execution.status_at(now) for now in (later, BEGIN, later)] == [(State.FAILED, BEGIN)] * 3
    assert [started(each).status_at(later)[0] for each in (MANUAL, TIMED, IMMEDIATE)] == [State.RUNNING] * 3
