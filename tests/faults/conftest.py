"""A customer's world on the shared server, a server for a file, and a sandbox whose clock stands still."""

from collections.abc import Iterator

import pytest
from workflow_mock.sandbox import Sandbox
from workflow_mock.state.clock import Action

from tests.admin.world import World
from tests.state.worlds import BEGIN, defined
from tests.support import Server, serving


@pytest.fixture(scope="module")
def own() -> Iterator[Server]:
    """A server whose requests the tests of one file may let wait, and whose errors fail them."""
    with serving() as running:
        yield running
        assert "Traceback" not in running.log.read_text()


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
