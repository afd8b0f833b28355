"""HTTP/1.1 on a connection: uvicorn's, with an end to everything that a client could make endless.

Too many connections, too large a head, too slow a request: each is refused in the envelope, and so is what isn't HTTP.
A client that doesn't take its answer is dropped.
"""

import logging
from asyncio import TimerHandle, Transport
from collections import deque
from functools import partial
from typing import Any, NamedTuple

import httptools
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from workflow_mock.errors import ApiError
from workflow_mock.http.envelope import render
from workflow_mock.http.messages import CONNECTION
from workflow_mock.http.request_id import NOSNIFF

LINGER_SECONDS = 1.0
"""How long a refused client may still send: closing at once could take the refusal from it (RFC 9112, section 9.6)."""

AHEAD = 8
"""Whole requests that wait behind the one that is answered, before no more of what came is parsed, or read."""

SLICE_BYTES = 16 * 1024
"""What is parsed at once; so much more may wait."""

logger = logging.getLogger("workflow_mock.requests")


class Limits(NamedTuple):
    connections: int
    headers: int
    head_bytes: int
    seconds_to_send: float
    """For a whole request, and for the client to take a part of an answer."""
    seconds_idle: float


class _Flow(FlowControl):
    """uvicorn's, but nothing is read while some of what was read isn't parsed."""

    is_held = False

    def resume_reading(self) -> None:
        if not self.is_held:
            super().resume_reading()


class Protocol(HttpToolsProtocol):
    """One connection.

    httptools skips the body of a request that offers an upgrade, as Java's HttpClient does by default with h2c. Such a
    request is read again without the offer (RFC 9110, section 7.8: a server may ignore it).
    """

    flow: _Flow

    def __init__(self, *arguments: Any, limits: Limits, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._limits = limits
        self._unread = b""
        """What has come and is not parsed yet."""
        self._silent = 0
        """Bytes of the request that is not complete yet, since its beginning or the last of its body."""
        self._is_in_message = self._has_head = False
        self._refusal: ApiError | None = None
        self._is_deaf = False
        """Whether what comes is thrown away, as the last answer is on its way or sent."""
        self._running: RequestResponseCycle | None = None
        """The request that is being answered, or was last."""
        self._since = 0.0
        """From when on the client is waited for, in the loop's seconds."""
        self._unsent = 0
        """Bytes that the client had not taken when that was last looked at."""
        self._watching: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = _Flow(transport)
        self._since = self.loop.time()
        self._watch()
        if len(self.connections) > self._limits.connections:
            message = "The server has as many connections as it may have: try again, or see --max-connections"
            self._refuse(ApiError("too_busy", message, headers=((b"retry-after", b"1"),)))

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._watching is not None:
            self._watching.cancel()
        self._is_deaf = True
        self.pipeline.clear()
        if self._running is not None and not self._running.response_complete:
            # uvicorn tells the request that came last, which may be one that only waited.
            self._running.disconnected = True
            self._running.message_event.set()

    def data_received(self, data: bytes) -> None:
        if not self._is_deaf:
            self._unread = self._unread + data if self._unread else data
            self._parse()

    def _parse(self) -> None:
        """Parse what has come, up to the requests that may wait."""
        while self._unread and len(self.pipeline) < AHEAD:
            part, self._unread = self._unread[:SLICE_BYTES], self._unread[SLICE_BYTES:]
            self._silent += len(part)
            try:
                self.parser.feed_data(part)
            except httptools.HttpParserUpgrade as offer:
                method, version = self.parser.get_method(), self.parser.get_http_version().encode()
                if method == b"CONNECT":
                    self._refuse(_not_http())
                else:
                    head = [b"%s %s HTTP/%s" % (method, self.url, version)]
                    head += [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
                    self._unread = b"\r\n".join([*head, b"", part[offer.args[0] :] + self._unread])
                    self._silent = 0
                    self.parser = httptools.HttpRequestParser(self)
                    self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
            except httptools.HttpParserError as error:
                cause = error.__context__
                self._refuse(cause if isinstance(cause, ApiError) else _not_http())
            if self._is_in_message and self._silent > self._limits.head_bytes:
                self._refuse(self._head_too_large())
        self.flow.is_held = bool(self._unread)
        if self._unread:
            self.flow.pause_reading()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_message, self._has_head = True, False
        self._since = self.loop.time()
        extensions: dict[str, Any] = {CONNECTION: self.transport}
        self.scope["extensions"] = extensions

    def on_headers_complete(self) -> None:
        self._has_head = True
        names = [name for name, _ in self.headers]
        if len(names) > self._limits.headers or (
            self._silent > self._limits.head_bytes
            and len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            > self._limits.head_bytes
        ):
            raise self._head_too_large()
        hosts = names.count(b"host")
        if hosts != 1 and (hosts or self.parser.get_http_version() != "1.0"):
            raise ApiError("malformed_http", "A request has one Host header (RFC 9112, section 3.2)")
        if b"transfer-encoding" in names and dict(self.headers)[b"transfer-encoding"].lower() != b"chunked":
            raise ApiError("malformed_http", "The one Transfer-Encoding that is known here is chunked")
        if not self.parser.should_upgrade():
            super().on_headers_complete()
            self.headers = []  # what trailers are put into, which are no headers (RFC 9110, section 6.5.1)

    def on_body(self, body: bytes) -> None:
        self._silent = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            self._is_in_message, self._silent = False, 0
            super().on_message_complete()

    def _watch(self) -> None:
        """Look whether the client is late with what it has to do, now and ever again.

        One timer that looks at what there is, and not one for each thing that may be late: a request then arms none.
        """
        seconds, now = self._limits.seconds_to_send, self.loop.time()
        unsent = self.transport.get_write_buffer_size()
        running = self._running is not None and not self._running.response_complete and not self._running.more_body
        if unsent != self._unsent or (running and not unsent):
            self._unsent, self._since = unsent, now  # it is taking its answer, or it is the server that is waited for
        is_idle = not unsent and not self._is_in_message and self.cycle is not None
        if now - self._since >= (self._limits.seconds_idle if is_idle else seconds):
            if unsent or self._is_deaf:
                self.transport.abort()
            elif not self._is_in_message or (self._has_head and self.cycle.response_started):
                self.transport.close()  # nothing came, or the rest of what is answered already
            else:
                self._refuse(ApiError("request_timeout", f"The request wasn't complete within {seconds:g} s"))
        self._watching = self.loop.call_later(min(seconds, self._limits.seconds_idle) / 4, self._watch)

    def _head_too_large(self) -> ApiError:
        limits = self._limits
        message = f"The head of the request is over {limits.headers} headers or {limits.head_bytes} bytes"
        return ApiError("headers_too_large", message)

    def _refuse(self, error: ApiError) -> None:
        """Answer what came whole before, then refuse, and listen no more."""
        if self._refusal is None and not self._is_deaf:
            logger.info("a connection is refused: %d %s: %s", error.status, error.code, error)
            self._refusal, self._is_deaf, self._unread = error, True, b""
            self.pipeline = deque(waiting for waiting in self.pipeline if not waiting[0].more_body)
            running = self._running
            if running is None or running.more_body or running.response_complete:
                self._send_refusal(error)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        cycle.send = partial(self._send, cycle)  # type: ignore[method-assign]
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        self._since = self.loop.time()
        if self.transport.is_closing():
            return
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        elif self._refusal is not None:
            self._send_refusal(self._refusal)
        if self._unread:
            self._parse()
        self.flow.resume_reading()

    def _send_refusal(self, refusal: ApiError) -> None:
        if self._running is not None:
            self._running.disconnected = True
            self._running.message_event.set()
        answer = render(refusal)
        headers = [*self.server_state.default_headers, *answer.headers, NOSNIFF, (b"connection", b"close")]
        headers.append((b"content-length", b"%d" % len(answer.body)))
        head = b"".join(b"%s: %s\r\n" % header for header in headers)
        body = b"" if self._is_in_message and self._has_head and self.scope.get("method") == "HEAD" else answer.body
        self.transport.write(b"%s%s\r\n%s" % (STATUS_LINE[answer.status], head, body))
        self._end_softly()

    def _end_softly(self) -> None:
        """Send no more, and close when the client has had the time to see that."""
        self._is_deaf, self._unread = True, b""
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)

    async def _send(self, cycle: RequestResponseCycle, message: Any) -> None:
        """What uvicorn does, except for an answer that comes whole: one write costs 10 µs less than two."""
        if cycle.waiting_for_100_continue:
            # The client was not told to continue, and may or may not send its body: only a new connection is clear.
            cycle.keep_alive = False
        await RequestResponseCycle.send(cycle, message)


def _not_http() -> ApiError:
    return ApiError("malformed_http", "This isn't HTTP/1.1 that can be read")
