"""One request and its response: the ASGI `scope`, `receive` and `send` of it."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any, Protocol
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Scope
from uvicorn.server import ServerState

from workflow_mock.errors import ApiError, internal_error, server_ending
from workflow_mock.http.envelope import render
from workflow_mock.http.messages import STATUS_LINES
from workflow_mock.http.request_id import request_id_of
from workflow_mock.server.head import RequestHead

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

REQUEST_BYTES = 4096
"""What a request costs that is parsed and waits, beside its header fields and body."""

FIELD_BYTES = 160
"""What a header field costs beside its bytes."""

logger = logging.getLogger("workflow_mock.requests")


class CycleConnection(Protocol):
    """The connection of a cycle."""

    transport: asyncio.Transport
    server_state: ServerState
    app_state: dict[str, Any]
    scope: Scope
    """What the scopes of all requests on the connection have in common."""
    write_paused: bool
    """Whether the client has so much to take that no more should be written."""
    is_half_closed: bool
    """Whether the client sends no more; it may still read."""

    def write(self, first: bytes, second: bytes = b"") -> None: ...
    async def drain(self) -> None: ...
    def parse_more(self) -> None: ...
    def on_response_complete(self, cycle: "RequestResponseCycle") -> None: ...


class RequestResponseCycle:
    """One request of a connection, from its complete head to the last byte of its response.

    The head of a response waits for the first body message, so that both go out in one write. Without Content-Length
    it goes out at once: the first event of a stream may be long in coming.
    """

    __slots__ = (
        "_body_was_given",
        "_bytes_left",
        "_head",
        "_is_bodiless",
        "_is_chunked",
        "_protocol",
        "_status",
        "_wake_up",
        "body",
        "disconnected",
        "expects_continue",
        "keep_alive",
        "more_body",
        "response_complete",
        "response_started",
        "scope",
    )

    def __init__(self, head: RequestHead, protocol: CycleConnection) -> None:
        path = head.raw_path.decode("ascii")
        self.scope: Scope = {
            **protocol.scope,
            "http_version": head.version,
            "method": head.method,
            "path": unquote(path) if "%" in path else path,
            "raw_path": head.raw_path,
            "query_string": head.query,
            "headers": head.headers,
            "state": protocol.app_state.copy(),
        }
        self.keep_alive = head.keep_alive
        """Whether the connection stays open after the response."""
        self.expects_continue = head.expects_continue
        """Whether the client waits for 100 (Continue), RFC 9110, section 10.1.1."""
        self.body = b""
        """What has come of the body and was not received yet."""
        self.more_body = True
        self.disconnected = False
        self.response_started = self.response_complete = False
        """Whether the head, or all of it, was written."""
        self._protocol = protocol
        self._wake_up: asyncio.Event | None = None
        self._body_was_given = False
        self._status = 0
        self._head: list[bytes] = []
        self._bytes_left: int | None = None
        """Of the Content-Length."""
        self._is_chunked = self._is_bodiless = False

    def size(self) -> int:
        """The memory that it takes, in bytes, roughly."""
        fields = sum(len(name) + len(value) + FIELD_BYTES for name, value in self.scope["headers"])
        return REQUEST_BYTES + len(self.scope["raw_path"]) + len(self.scope["query_string"]) + fields + len(self.body)

    def wake(self) -> None:
        """Have `receive` look again at what there is."""
        if self._wake_up is not None:
            self._wake_up.set()

    def disconnect(self) -> None:
        """Tell the application that the client is gone; nothing more is sent."""
        self.disconnected = True
        self.wake()

    async def run(self, app: ASGIApp) -> None:
        """Call the application, and answer for it if it fails or the server ends."""
        try:
            await app(self.scope, self.receive, self.send)
        except asyncio.CancelledError:  # the server's end
            self._fail(server_ending())
        except Exception as error:
            # What a handler of FastAPI has answered, it has logged too, and Starlette raises it again.
            if not self.response_complete and not self.disconnected:
                request_id = request_id_of(self.scope)
                logger.exception("%s: an error of the server's own", request_id, exc_info=error)
                self._fail(internal_error(request_id))
        else:
            if self._is_abandoned:
                self._protocol.transport.close()
            elif not self.response_complete and not self.disconnected:
                request_id = request_id_of(self.scope)
                logger.error("%s: the application ended without a complete response", request_id)
                self._fail(internal_error(request_id))

    @property
    def _is_abandoned(self) -> bool:
        """Whether the client sends no more while it gets a stream: nobody can tell whether it still reads that."""
        is_stream = self.response_started and self._bytes_left is None and not self.response_complete
        return is_stream and self._protocol.is_half_closed

    def _fail(self, error: ApiError) -> None:
        """Send an error if nothing was sent; else what was begun can only be broken off."""
        if self.response_complete or self.disconnected:
            return
        if self.response_started or self._protocol.write_paused:
            self._protocol.transport.abort()
            return
        response = render(error)
        self.keep_alive = False
        self._begin(response.status, response.all_headers(request_id_of(self.scope)))
        self._write(b"" if self._is_bodiless else response.body)
        self._complete()

    async def receive(self) -> Message:
        """The next part of the body; `http.disconnect` once the response is complete or the client is gone."""
        protocol = self._protocol
        if self.expects_continue and self.more_body and not self.body and not self.response_started:
            protocol.write(CONTINUE)
        self.expects_continue = False
        while True:
            if self.disconnected or self.response_complete:
                return {"type": "http.disconnect"}
            if self.body or not (self.more_body or self._body_was_given):
                break
            if self._is_abandoned:
                return {"type": "http.disconnect"}
            if self._wake_up is None:
                self._wake_up = asyncio.Event()
            self._wake_up.clear()
            await self._wake_up.wait()
        body, self.body = self.body, b""
        more_body = self.more_body
        self._body_was_given = not more_body
        if more_body:
            protocol.parse_more()
        return {"type": "http.request", "body": body, "more_body": more_body}

    async def send(self, message: Message) -> None:
        """Take a message of the response. Waits while the client doesn't take what was written.

        Raises RuntimeError for a message out of order, an unsendable header, or a body that isn't as long as its
        Content-Length says.
        """
        protocol = self._protocol
        if protocol.write_paused and not self.disconnected:
            await protocol.drain()
        if self.disconnected:
            return
        kind = message["type"]
        if not self._status:
            if kind != "http.response.start":
                raise RuntimeError(f"A response begins with http.response.start, not with {kind}")
            self._begin(message["status"], message.get("headers", ()))
            if self._bytes_left is None:
                self._write(b"")
            return
        if kind != "http.response.body" or self.response_complete:
            raise RuntimeError(f"{kind} was sent out of order")
        body, more_body = message.get("body", b""), message.get("more_body", False)
        if self._is_bodiless:
            body = b""
        elif self._bytes_left is not None:
            self._bytes_left -= len(body)
            if self._bytes_left < 0 or (self._bytes_left and not more_body):
                raise RuntimeError("The body isn't as long as its Content-Length says")
        elif self._is_chunked:
            body = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
            if not more_body:
                body += b"0\r\n\r\n"
        self._write(body)
        if not more_body:
            self._complete()

    def _begin(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Make the head, but for what is only known when it is written."""
        lines: list[bytes] = []
        length: int | None = None
        has_date = False
        for field in headers:
            name, value = field
            if name == b"content-length":
                length = int(value)
            elif name == b"connection" or name == b"transfer-encoding":  # noqa: PLR1714 - half the time
                if b"close" in value.lower():
                    self.keep_alive = False
                continue  # the connection is the server's
            elif name == b"date":
                has_date = True
            lines.append(b": ".join(field))
        if not has_date:
            for field in self._protocol.server_state.default_headers:
                lines.append(b": ".join(field))  # noqa: PERF401 - a list comprehension is a call
        self._is_bodiless = self.scope["method"] == "HEAD" or status in (204, 304)
        self._bytes_left = length
        self._is_chunked = False
        if length is None and not self._is_bodiless:
            if self.scope["http_version"] == "1.1":
                self._is_chunked = True
                lines.append(b"transfer-encoding: chunked")
            else:
                self.keep_alive = False  # the body ends where the connection does (RFC 9112, section 6.3)
        self._status, self._head = status, lines

    def _write(self, body: bytes) -> None:
        """Write a part of the response, and before it its head, unless that was written."""
        if self.response_started:
            if body:
                self._protocol.write(body)
            return
        if self.expects_continue and self.more_body:
            # The client was not told to continue, and may or may not send its body: only a new connection is clear.
            self.keep_alive = False
        if not self.keep_alive:
            self._head.append(b"connection: close")
        self._head.append(b"\r\n")
        line_breaks = len(self._head)
        fields = b"\r\n".join(self._head)
        if fields.count(b"\n") != line_breaks or fields.count(b"\r") != line_breaks:
            self._status, self._head = 0, []
            raise RuntimeError("A header of the response has a line break")
        self.response_started = True
        self._head = []
        self._protocol.write(STATUS_LINES[self._status] + fields, body)

    def _complete(self) -> None:
        self.response_complete = True
        self.body = b""
        self.wake()
        self._protocol.on_response_complete(self)
