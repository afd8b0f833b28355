"""A sandbox whose clock stands still."""

import pytest
from workflow_mock.sandbox import Sandbox
from workflow_mock.state.clock import Action

from tests.state.worlds import BEGIN, defined


@pytest.fixture
def sandbox() -> Sandbox:
    workflows = [defined(1), defined(2, duration="1h"), defined(3, progression="immediate")]
    found = Sandbox(
        workflows, [], max_executions=1000, max_executions_total=1000, max_requests=10_000, seed=None, has_journal=True
    )
    found.clock.change(Action.FREEZE, None, to=BEGIN)
    return found
