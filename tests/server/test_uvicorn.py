"""The names of uvicorn that the server leans on. If this fails after an update, uvicorn has changed one of them."""

import inspect
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState
from workflow_mock.server.protocol import HTTPProtocol
from workflow_mock.server.tls import TLSProtocol

from tests.support import ROOT


def parameters(function: Callable[..., Any]) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name != "self"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("startup", ["sockets"]),
        ("shutdown", ["sockets"]),
        ("handle_exit", ["sig", "frame"]),
        ("run", ["sockets"]),
    ],
)
def test_the_methods_of_its_server(name: str, expected: list[str]) -> None:
    method = getattr(uvicorn.Server, name)
    assert parameters(method) == expected
    assert inspect.iscoroutinefunction(method) == (name in ("startup", "shutdown"))


def test_the_members_of_its_server() -> None:
    server = uvicorn.Server(uvicorn.Config(lambda: None))
    assert isinstance(server.server_state, ServerState)
    assert (server.should_exit, server.force_exit) == (False, False)


def test_the_members_of_its_state() -> None:
    assert vars(ServerState()) == {"total_requests": 0, "connections": set(), "tasks": set(), "default_headers": []}


def test_the_options_of_its_configuration() -> None:
    ours = {"app", "http", "ws", "loop", "lifespan", "log_config", "access_log", "server_header", "proxy_headers"}
    ours |= {"backlog", "timeout_graceful_shutdown"}
    assert ours <= set(parameters(uvicorn.Config.__init__))


async def _app(scope: Any, receive: Any, send: Any) -> None:
    """Nothing."""


def test_it_loads_the_application_and_makes_our_protocol_with_these_arguments() -> None:
    """As `Server.startup` does for each connection."""
    made = []

    def protocol(**named: Any) -> None:
        made.append(named)

    config = uvicorn.Config(_app, http=protocol, ws="none", lifespan="off", log_config=None)  # type: ignore[arg-type]
    config.load()
    assert config.loaded_app is not None
    source = inspect.getsource(uvicorn.Server.startup)
    assert "config.http_protocol_class(" in source
    for keyword in ("config=config", "server_state=self.server_state", "app_state=self.lifespan.state", "_loop=_loop"):
        assert keyword in source
    config.http_protocol_class(config=config, server_state=ServerState(), app_state={}, _loop=None)  # type: ignore[call-arg]
    assert [set(named) for named in made] == [{"config", "server_state", "app_state", "_loop"}]
    assert parameters(HTTPProtocol.__init__)[:4] == ["config", "server_state", "app_state", "_loop"]


def test_it_ends_connections_by_their_shutdown() -> None:
    assert "connection.shutdown()" in inspect.getsource(uvicorn.Server.shutdown)
    assert parameters(HTTPProtocol.shutdown) == parameters(TLSProtocol.shutdown) == []


def test_its_protocols_are_not_imported() -> None:
    for file in (ROOT / "app" / "workflow_mock").rglob("*.py"):
        assert "uvicorn.protocols" not in file.read_text(), file


def test_its_version_has_a_ceiling() -> None:
    dependencies = tomllib.loads(Path(ROOT, "pyproject.toml").read_text())["project"]["dependencies"]
    assert {"uvicorn>=0.54,<0.55", "httptools>=0.9,<0.10"} <= set(dependencies)
