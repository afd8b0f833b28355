"""Tests against workflow-mock.

    with WorkflowMock.start() as server:
        world = server.world()
        world.fail_next(503, retry_after="2s")

Under pytest, the fixture `workflow_mock` is such a world. Nothing is imported before it is used: the plugin is loaded
in every run of pytest.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workflow_mock_kit.aio import AsyncExecution, AsyncHold, AsyncWorkflowMock, AsyncWorld
    from workflow_mock_kit.client import Execution, Hold, WorkflowMock, World
    from workflow_mock_kit.errors import NoServer, WorkflowMockError, WorkflowMockWarning

__version__ = "0.1.0"

__all__ = [
    "AsyncExecution",
    "AsyncHold",
    "AsyncWorkflowMock",
    "AsyncWorld",
    "Execution",
    "Hold",
    "NoServer",
    "WorkflowMock",
    "WorkflowMockError",
    "WorkflowMockWarning",
    "World",
]

_HOMES = {
    "aio": ("AsyncExecution", "AsyncHold", "AsyncWorkflowMock", "AsyncWorld"),
    "client": ("Execution", "Hold", "WorkflowMock", "World"),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = next((home for home, names in _HOMES.items() if name in names), "errors")
    return getattr(import_module(f"{__name__}.{home}"), name)
