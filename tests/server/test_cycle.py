"""What becomes of an application's messages on the connection, with valid ASGI and without."""

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.server.apps import serving_app
from tests.support import all_of, chunked, raw_request, read_answers

GET = raw_request("GET", "/")
START: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]}
STREAM: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}
BODY: Message = {"type": "http.response.body", "body": b"12345"}


def body(part: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": part, "more_body": more}


def sends(*messages: Message) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    return app


@contextlib.contextmanager
def connected(app: ASGIApp, **settings: Any) -> Iterator[socket.socket]:
    with serving_app(app, **settings) as address, socket.create_connection(address, timeout=10) as connection:
        yield connection


def ask(app: ASGIApp, data: bytes = GET) -> bytes:
    """All that comes until the connection ends."""
    with connected(app) as connection:
        connection.sendall(data.replace(b"Host: x", b"Connection: close\r\nHost: x", 1))
        return all_of(connection)


def error_code(app: ASGIApp) -> tuple[int, str, str | None]:
    with connected(app) as connection:
        connection.sendall(GET)
        (answer,) = read_answers(connection, 1)
        assert connection.recv(1) == b""
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.header("x-request-id")
    return answer.status, answer.json()["meta"]["errors"][0]["code"], answer.header("connection")


def test_head_and_first_body_come_at_once() -> None:
    """The head waits for the body: one packet, which a peek finds whole."""
    has_begun, may_go_on = threading.Event(), threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        for _ in range(10):
            await asyncio.sleep(0)  # in which a write would reach the socket
        has_begun.set()
        await asyncio.to_thread(may_go_on.wait)
        await send(BODY)

    with connected(app) as connection:
        connection.sendall(GET)
        assert has_begun.wait(20)
        connection.setblocking(False)
        with pytest.raises(BlockingIOError):
            connection.recv(1)
        may_go_on.set()
        connection.settimeout(10)
        assert connection.recv(65536).endswith(b"\r\n\r\n12345")


def test_the_head_of_a_stream_does_not_wait() -> None:
    may_go_on = threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(STREAM)
        await asyncio.to_thread(may_go_on.wait)
        await send(body(b"a", more=True))
        await send(body(b"", more=True))
        await send(body(b"b", more=False))

    with connected(app) as connection:
        connection.sendall(GET)
        received = connection.recv(65536)
        assert received.endswith(b"\r\n\r\n")
        may_go_on.set()
        while not received.endswith(b"0\r\n\r\n"):
            received += connection.recv(65536)
    assert received.partition(b"\r\n\r\n")[2] == b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n"
    assert b"\r\ntransfer-encoding: chunked\r\n" in received


def test_a_stream_to_a_client_of_http_1_0_ends_with_the_connection() -> None:
    """RFC 9112, section 6.3: it can't read chunks."""
    app = sends(STREAM, body(b"a", more=True), body(b"b", more=False))
    with connected(app) as connection:
        connection.sendall(raw_request("GET", "/", "Connection: keep-alive", version="1.0"))
        received = all_of(connection)
    assert b"transfer-encoding" not in received
    assert b"\r\nconnection: close\r\n" in received
    assert received.endswith(b"\r\n\r\nab")


@pytest.mark.parametrize("start", [START, STREAM], ids=["sized", "stream"])
def test_the_response_to_head_has_no_body(start: Message) -> None:
    received = ask(sends(start, BODY), raw_request("HEAD", "/"))
    assert received.endswith(b"\r\n\r\n")
    assert b"transfer-encoding" not in received


@pytest.mark.parametrize("status", [204, 304])
def test_a_response_without_content_has_none(status: int) -> None:
    received = ask(sends({"type": "http.response.start", "status": status, "headers": []}, body(b"", more=False)))
    assert received.endswith(b"\r\n\r\n")
    assert b"transfer-encoding" not in received


def test_a_date_of_the_application_is_the_only_one() -> None:
    start = {**START, "headers": [*START["headers"], (b"date", b"today")]}
    assert ask(sends(start, BODY)).lower().count(b"\r\ndate:") == 1


async def fails_at_once(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("a secret detail")


async def fails_after_its_head(scope: Scope, receive: Receive, send: Send) -> None:
    await send(START)
    raise RuntimeError("a secret detail")


def headed(*headers: tuple[bytes, bytes]) -> ASGIApp:
    return sends({**START, "headers": [*START["headers"], *headers]}, BODY)


@pytest.mark.parametrize(
    "app",
    [
        pytest.param(fails_at_once, id="raises"),
        pytest.param(fails_after_its_head, id="raises after the head"),
        pytest.param(sends(), id="sends nothing"),
        pytest.param(sends(START), id="sends a head alone"),
        pytest.param(sends(BODY), id="begins with the body"),
        pytest.param(sends(START, START), id="sends two heads"),
        pytest.param(sends(START, body(b"123456", more=False)), id="body too long"),
        pytest.param(sends(START, body(b"1234", more=False)), id="body too short"),
        pytest.param(headed((b"x", b"a\r\nb: c")), id="line break in a value"),
        pytest.param(headed((b"x", b"a\nb")), id="line feed in a value"),
        pytest.param(headed((b"x\r", b"a")), id="carriage return in a name"),
    ],
)
def test_an_application_that_fails_before_anything_is_sent(app: ASGIApp, caplog: pytest.LogCaptureFixture) -> None:
    assert error_code(app) == (500, "internal_error", "close")
    assert len([record for record in caplog.records if record.levelno >= logging.ERROR]) == 1


@pytest.mark.parametrize("start", [START, STREAM], ids=["sized", "stream"])
def test_an_application_that_fails_in_its_body_breaks_off(start: Message, caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start)
        await send(body(b"123", more=True))
        raise RuntimeError

    with connected(app) as connection:
        connection.sendall(GET)
        received = b""
        with contextlib.suppress(ConnectionResetError):
            while part := connection.recv(65536):
                received += part
    assert b"500" not in received
    assert not received.endswith(b"0\r\n\r\n")
    assert len([record for record in caplog.records if record.levelno >= logging.ERROR]) == 1


def test_an_exception_after_the_response_is_not_logged_again(caplog: pytest.LogCaptureFixture) -> None:
    """Starlette raises what its handler has answered, and logged, already."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        await send(BODY)
        raise RuntimeError

    assert ask(app).endswith(b"12345")
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_each_request_has_a_state_of_its_own() -> None:
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)
        assert scope["state"] == {}
        scope["state"]["request_id"] = "x"
        await send(START)
        await send(BODY)

    with connected(app) as connection:
        connection.sendall(raw_request("GET", "/a%20b?c=d%20") * 2)
        assert [answer.status for answer in read_answers(connection, 2)] == [200, 200]
        name = connection.getsockname()
    assert seen[0]["state"] is not seen[1]["state"]
    assert (seen[0]["path"], seen[0]["raw_path"], seen[0]["query_string"]) == ("/a b", b"/a%20b", b"c=d%20")
    assert (seen[0]["client"], seen[0]["scheme"], seen[0]["http_version"]) == (name, "http", "1.1")


def received_by(data: list[bytes]) -> list[Message]:
    """What the application receives of a request that comes in these parts, up to the disconnection."""
    messages: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while not messages or messages[-1].get("more_body"):
            messages.append(await receive())
        await send(START)
        await send(BODY)
        messages.append(await receive())

    with connected(app) as connection:
        for part in data:
            connection.sendall(part)
        assert [answer.status for answer in read_answers(connection, 1)] == [200]
    return messages


@pytest.mark.parametrize("size", [0, 1, 100_000, 3_000_000])
@pytest.mark.parametrize("is_chunked", [True, False])
def test_the_body_comes_whole_and_then_the_disconnection(size: int, is_chunked: bool) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    content = content[:size].replace(b"\xff", b"\r\n\r\n")
    if is_chunked:
        chunks = [content[at : at + 5000] for at in range(0, len(content), 5000)]
        data = raw_request("POST", "/", "Transfer-Encoding: chunked", body=chunked(*chunks))
    else:
        data = raw_request("POST", "/", body=content)
    *parts, last = received_by([data])
    assert b"".join(part["body"] for part in parts) == content
    assert [part["more_body"] for part in parts] == [True] * (len(parts) - 1) + [False]
    assert last == {"type": "http.disconnect"}
    assert max(len(part["body"]) for part in parts) < 100_000


def test_who_does_not_take_a_stream_stops_it_and_not_for_ever() -> None:
    ended = threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(STREAM)
        for _ in range(10_000):
            await send(body(b"x" * 10_000, more=True))
        ended.set()

    with serving_app(app, request_timeout=timedelta(seconds=0.5)) as address, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(address)
        connection.sendall(GET)
        assert ended.wait(20)  # as all that is sent after the drop goes nowhere
        received = all_of(connection)
    assert not received.endswith(b"0\r\n\r\n")
    assert len(received) < 10_000 * 10_000
