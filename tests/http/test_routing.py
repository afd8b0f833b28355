"""Applications below a path: which requests they get, as they came, and when they are built."""

import asyncio
import threading
from typing import Any

import pytest
from starlette.routing import NoMatchFound, Router
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send
from workflow_mock.http.head import HeadAsGet
from workflow_mock.http.routing import LazyApp, PrefixRoute


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with method, root path and path."""
    del receive
    said = f"{scope['method']} {scope['root_path']} {scope['path']}".encode()
    headers = [(b"content-length", b"%d" % len(said))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": said})


def client(app: ASGIApp) -> TestClient:
    return TestClient(Router([PrefixRoute("/a", app)], redirect_slashes=False))


@pytest.mark.parametrize("path", ["/a", "/a/", "/a/b", "/a/b/c"])
def test_what_is_below_the_path_is_handed_on_unchanged(path: str) -> None:
    assert client(echo).post(path).text == f"POST  {path}"


@pytest.mark.parametrize("path", ["/", "/ab", "/b/a", "/A"])
def test_what_is_not_below_the_path_is_not_handed_on(path: str) -> None:
    assert client(echo).get(path).status_code == 404


def test_it_has_no_names_of_routes() -> None:
    with pytest.raises(NoMatchFound):
        PrefixRoute("/a", echo).url_path_for("b")


def test_an_application_is_built_once_off_the_loop_for_the_first_request() -> None:
    threads: list[int] = []

    def build() -> ASGIApp:
        threads.append(threading.get_ident())
        return echo

    async def ask_twice() -> list[Any]:
        lazy = LazyApp(build)
        assert threads == []
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/", "root_path": ""}
        await asyncio.gather(*(lazy(scope, asyncio.Event().wait, send) for _ in range(2)))  # type: ignore[arg-type]
        return sent

    assert len(asyncio.run(ask_twice())) == 4
    assert len(threads) == 1
    assert threads[0] != threading.get_ident()


def test_head_is_answered_as_get_without_the_body() -> None:
    answer = TestClient(HeadAsGet(echo)).head("/x")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", str(len("GET  /x")))
    assert TestClient(HeadAsGet(echo)).post("/x").text == "POST  /x"
