"""Servers that many tests share. A test that changes what others see makes one of its own with `serving`.

Whatever the tests do to a shared server, at its end its log has no traceback.
"""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support import EXAMPLES, Server, serving

settings.register_profile("scaled", max_examples=20 * EXAMPLES, deadline=None)
settings.load_profile("scaled")


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The server as it comes: the demo catalogue, no options."""
    with serving() as running:
        yield running
        assert "Traceback" not in (log := running.log.read_text()), log


@pytest.fixture(scope="session")
def strict_server() -> Iterator[Server]:
    with serving("--strict") as running:
        yield running
        assert "Traceback" not in (log := running.log.read_text()), log


@pytest.fixture(scope="session")
def token(server: Server) -> str:
    return server.token()


@pytest.fixture(scope="session")
def strict_token(strict_server: Server) -> str:
    return strict_server.token()
