"""A customer's world on the shared server, and a sandbox whose clock stands still."""

import pytest
from workflow_mock.sandbox import Sandbox
from workflow_mock.state.clock import Action

from tests.admin.world import World
from tests.state.worlds import BEGIN, defined
from tests.support import Server


@pytest.fixture
def world(server: Server, token: str) -> World:
    return World(server, token)


@pytest.fixture
def sandbox() -> Sandbox:
    found = Sandbox(
        [defined(1)], [], max_executions=10, max_executions_total=10, max_requests=10, seed=None, has_journal=True
    )
    found.clock.change(Action.FREEZE, None, to=BEGIN)
    return found
