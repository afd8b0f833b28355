"""A server for each file, which its tests may change: each begins with the state after the start."""

from collections.abc import Iterator

import pytest

from tests.admin.world import World
from tests.support import Server, serving


@pytest.fixture(scope="module")
def changing() -> Iterator[Server]:
    with serving() as running:
        yield running
        assert "Traceback" not in running.log.read_text()


@pytest.fixture
def own(changing: Server) -> Server:
    """A server that a test may change."""
    assert changing.http.post("/__admin/reset").status_code == 204
    return changing


@pytest.fixture
def world(own: Server) -> World:
    return World(own, own.token())
