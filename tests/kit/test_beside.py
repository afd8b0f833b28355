"""Beside what a test puts in the place of time and of HTTP, the kit goes on with the real ones."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from urllib.request import urlopen

import pytest
import responses
import respx
import time_machine
from freezegun import freeze_time
from workflow_mock_kit import NoServer, WorkflowMock

GRANT = b"grant_type=client_credentials&client_id=demo&client_secret=demo-secret"
REPLACEMENTS = [
    pytest.param(lambda: freeze_time("2030-01-01"), id="freezegun"),
    pytest.param(lambda: time_machine.travel("2030-01-01", tick=False), id="time-machine"),
    pytest.param(responses.RequestsMock, id="responses"),
    pytest.param(respx.mock, id="respx"),
]


@pytest.mark.parametrize("replacement", REPLACEMENTS)
def test_a_server_starts_is_used_and_ends(replacement: Callable[[], AbstractContextManager[object]]) -> None:
    with replacement(), WorkflowMock.start() as mock:
        world = mock.world()
        with urlopen(world.token_url, GRANT):
            pass
        world.verify(operation="token", exactly=1)
        world.wait_for(operation="token", status=200, within="5s")
        with pytest.raises(AssertionError, match="503"):
            world.wait_for(status=503, within="100ms")


@pytest.mark.parametrize("replacement", REPLACEMENTS)
def test_a_server_that_never_answers_is_told(
    replacement: Callable[[], AbstractContextManager[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflow_mock_kit.process.START_SECONDS", 0.2)
    with replacement(), pytest.raises(NoServer, match="did not answer"):
        WorkflowMock.start(command="sh -c 'exec sleep 60'")
