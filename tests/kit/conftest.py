"""A server for the kit's tests, and a project whose tests use the kit."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from workflow_mock_kit import WorkflowMock, World

from tests.kit.projects import Run, prepare, run_tests
from tests.support import Server


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Run]:
    """Run the tests of a project that is tmp_path, with the client and the fixtures of examples/python."""

    def run(tests: str, *options: str, **environment: str) -> Run:
        prepare(tmp_path, tests)
        return run_tests(tmp_path, *options, **environment)

    return run


@pytest.fixture(scope="session")
def mock(server: Server) -> Iterator[WorkflowMock]:
    with WorkflowMock(server.url) as mock:
        yield mock


@pytest.fixture
def world(mock: WorkflowMock) -> World:
    return mock.world()
