from collections.abc import Iterator

import pytest

from tests.clients.generators import GENERATORS, Generator, Program, running
from tests.support import Server


@pytest.fixture(scope="session", params=[pytest.param(generator, id=generator.name) for generator in GENERATORS])
def client(request: pytest.FixtureRequest, server: Server) -> Iterator[Program]:
    """A program that calls the server through the client of a generator."""
    generator: Generator = request.param
    with running(generator, server.url) as program:
        yield program
