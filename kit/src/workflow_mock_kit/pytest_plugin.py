"""The pytest plugin: the fixtures `workflow_mock`, `async_workflow_mock` and `workflow_mock_server`.

It imports pytest alone: whoever has it installed and asks for none of them pays nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

import pytest

if TYPE_CHECKING:
    from workflow_mock_kit.aio import AsyncWorld
    from workflow_mock_kit.client import WorkflowMock, World

_WORLDS = pytest.StashKey["list[World]"]()
_FAILED = pytest.StashKey[bool]()

MARKER = (
    "workflow_mock(clock=None, seed=None, own_server=None): the world of this test: its clock stands at a moment,"
    " its execution ids come of a seed, its server is its own, with a list of options of `workflow-mock serve`"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("workflow-mock")
    group.addoption("--workflow-mock-url", metavar="URL", help="use the server at this address, and start none")
    group.addoption("--workflow-mock-artifacts", metavar="DIR", help="write a snapshot of each failing test's world")
    group.addoption("--workflow-mock-keep", action="store_true", help="leave the server running, and say where it is")
    parser.addini("workflow_mock_options", "options of `workflow-mock serve`", type="args", default=[])
    parser.addini("workflow_mock_command", "how to run workflow-mock, if it isn't installed: uvx workflow-mock")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)


@pytest.fixture(scope="session")
def workflow_mock_server(pytestconfig: pytest.Config) -> Iterator[WorkflowMock]:
    """The server of this run, or of this worker of pytest-xdist: one that runs, or one that is started."""
    from workflow_mock_kit.client import WorkflowMock

    keep = pytestconfig.getoption("--workflow-mock-keep")
    server = WorkflowMock.find(
        *pytestconfig.getini("workflow_mock_options"),
        url=pytestconfig.getoption("--workflow-mock-url"),
        command=pytestconfig.getini("workflow_mock_command"),
        keep=keep,
    )
    yield server
    if keep and server.process is not None:
        _say(pytestconfig, f"workflow-mock goes on at {server.url}/__admin/, process {server.process.id}")
    server.close()


@pytest.fixture
def workflow_mock(request: pytest.FixtureRequest) -> Iterator[World]:
    """A new world: a customer of the server's, whose requests, faults and clock no other test sees."""
    from workflow_mock_kit.client import WorkflowMock

    marker = request.node.get_closest_marker("workflow_mock")
    wishes = dict(marker.kwargs) if marker else {}
    options = wishes.pop("own_server", None)
    if options is None:
        server = request.getfixturevalue("workflow_mock_server")
        yield from _world(request.node, server, wishes)
        return
    command = request.config.getini("workflow_mock_command")
    with WorkflowMock.start(*([] if options is True else options), command=command) as server:
        yield from _world(request.node, server, wishes)


@pytest.fixture
def async_workflow_mock(workflow_mock: World) -> AsyncWorld:
    """The same for tests that await; of whatever event loop."""
    from workflow_mock_kit.aio import AsyncWorld
    from workflow_mock_kit.sending import Target

    return AsyncWorld(Target(workflow_mock.base_url), workflow_mock.customer_id)


def _world(node: pytest.Item, server: WorkflowMock, wishes: dict[str, Any]) -> Iterator[World]:
    from workflow_mock_kit.errors import WorkflowMockWarning
    from workflow_mock_kit.report import warnings_of

    customer = None
    if "seed" in wishes:  # ids follow from seed and customer
        customer = str(uuid5(NAMESPACE_URL, node.nodeid))
        server.world(customer).reset()
    world = server.world(customer, **wishes)
    node.stash.setdefault(_WORLDS, []).append(world)
    yield world
    if not node.stash.get(_FAILED, False):
        for text in warnings_of(world):
            node.warn(WorkflowMockWarning(text))
        world.reset()  # what a failing test leaves can be looked at


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
    call: pytest.CallInfo[None],  # noqa: ARG001 - pytest names it
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    outcome = yield
    worlds = item.stash.get(_WORLDS, [])
    if outcome.failed and worlds and not item.stash.get(_FAILED, False):
        item.stash[_FAILED] = True
        for world in worlds:
            outcome.sections.append(("workflow-mock", _told(item, world)))
    return outcome


def _told(item: pytest.Item, world: World) -> str:
    """The report of a failing test's world; a server that is gone mustn't hide why the test failed."""
    from workflow_mock_kit.report import report

    try:
        text = report(world)
        folder = item.config.getoption("--workflow-mock-artifacts")
        if folder:
            path = Path(folder) / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', item.nodeid)[:200]}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(world.snapshot(), indent=2))
            text += f"\nsnapshot: {path}"
        if item.config.getoption("--workflow-mock-keep") or item.config.getoption("--workflow-mock-url"):
            text += f"\npage: {world.base_url}/__admin/?customerId={world.customer_id}"
    except Exception as error:  # noqa: BLE001 - whatever it is, the test's own failure is told
        return f"the world can't be looked at: {type(error).__name__}: {error}"
    return text


def _say(config: pytest.Config, text: str) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(f"\n{text}")
