"""HTTP/1.1 on a connection: uvicorn's, with an end to everything that a client could make endless.

Too many connections, too large a head, too slow a request: each is refused in the envelope, and so is what isn't HTTP.
A client that doesn't take its answer is dropped.
"""

from asyncio import TimerHandle, Transport
from collections import deque
from functools import partial
from typing import Any, NamedTuple

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from workflow_mock.api.envelope import render
from workflow_mock.errors import ApiError
from workflow_mock.web import TRANSPORT, WHOLE

LINGER_SECONDS = 1.0
"""How long a refused client may still send: closing at once could take the refusal from it (RFC 9112, section 9.6)."""


class Limits(NamedTuple):
    connections: int
    headers: int
    head_bytes: int
    seconds_to_send: float
    """For a whole request, and for the client to take a part of an answer."""


class Protocol(HttpToolsProtocol):
    """One connection.

    httptools skips the body of a request that offers an upgrade, as Java's HttpClient does by default with h2c. Such a
    request is read again without the offer (RFC 9110, section 7.8: a server may ignore it).
    """

    def __init__(self, *arguments: Any, limits: Limits, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._limits = limits
        self._received = 0
        """Bytes of the request that is not complete yet."""
        self._is_in_message = False
        self._refusal: ApiError | None = None
        self._running: RequestResponseCycle | None = None
        """The request that is being answered, or was last."""
        self._sending: TimerHandle | None = None
        self._taking: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._sending = self.loop.call_later(self._limits.seconds_to_send, self._is_too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for timer in (self._sending, self._taking):
            if timer is not None:
                timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        if self._refusal is not None:
            return
        self._received += len(data)
        while data:
            rest = b""
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                method, version = self.parser.get_method(), self.parser.get_http_version().encode()
                if method == b"CONNECT":
                    self._refuse(_not_http())
                else:
                    head = [b"%s %s HTTP/%s" % (method, self.url, version)]
                    head += [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
                    rest = b"\r\n".join([*head, b"", data[offer.args[0] :]])
                    self.parser = httptools.HttpRequestParser(self)
                    self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
            except httptools.HttpParserError as error:
                cause = error.__context__
                self._refuse(cause if isinstance(cause, ApiError) else _not_http())
            data = rest
        if self._is_in_message:
            if not self._has_head and self._received > self._limits.head_bytes:
                self._refuse(self._head_too_large())
            if self._sending is None:
                self._sending = self.loop.call_later(self._limits.seconds_to_send, self._is_too_slow)
        elif self._sending is not None:
            self._sending.cancel()
            self._sending = None

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_message, self._has_head = True, False
        extensions: dict[str, Any] = {TRANSPORT: self.transport}
        self.scope["extensions"] = extensions

    def on_headers_complete(self) -> None:
        self._has_head = True
        if len(self.headers) > self._limits.headers or (
            self._received > self._limits.head_bytes
            and len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            > self._limits.head_bytes
        ):
            raise self._head_too_large()
        hosts = [name for name, _ in self.headers].count(b"host")
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() != "1.0"):
            raise ApiError("malformed_http", "A request has one Host header (RFC 9112, section 3.2)")
        if len(self.connections) > self._limits.connections:
            message = "The server has as many connections as it may have: try again, or see --max-connections"
            raise ApiError("too_busy", message, headers=((b"retry-after", b"1"),))
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            self._is_in_message, self._received = False, 0
            super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._taking = self.loop.call_later(self._limits.seconds_to_send, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def timeout_keep_alive_handler(self) -> None:
        # An answer that was not taken by now would keep the connection from closing.
        self.transport.abort()

    def _is_too_slow(self) -> None:
        if not self._received:
            self.transport.close()
        elif self._running is not None and self._running.response_started and not self._running.response_complete:
            self.transport.abort()
        else:
            seconds = self._limits.seconds_to_send
            self._refuse(ApiError("request_timeout", f"The request wasn't complete within {seconds:g} s"))

    def _head_too_large(self) -> ApiError:
        limits = self._limits
        message = f"The head of the request is over {limits.headers} headers or {limits.head_bytes} bytes"
        return ApiError("headers_too_large", message)

    def _refuse(self, error: ApiError) -> None:
        """Answer what came whole before, then refuse, and listen no more."""
        if self._refusal is None:
            self._refusal = error
            self.pipeline = deque(waiting for waiting in self.pipeline if not waiting[0].more_body)
            running = self._running
            if running is None or running.more_body or running.response_complete:
                self._send_refusal()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        cycle.send = partial(_send, cycle)  # type: ignore[method-assign]
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._refusal is not None and (self._running is None or self._running.response_complete):
            self._send_refusal()

    def _send_refusal(self) -> None:
        if self._refusal is None or self.transport.is_closing():
            return
        if self._running is not None:
            self._running.disconnected = True
            self._running.message_event.set()
        answer = render(self._refusal)
        headers = [*answer.headers, (b"content-length", b"%d" % len(answer.body)), (b"connection", b"close")]
        head = b"".join(b"%s: %s\r\n" % header for header in headers)
        self.transport.write(b"%s%s\r\n%s" % (STATUS_LINE[answer.status], head, answer.body))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)


async def _send(cycle: RequestResponseCycle, message: Any) -> None:
    """What uvicorn does, except for an answer that comes whole: one write costs 10 µs less than two."""
    if cycle.waiting_for_100_continue:
        # The client was not told to continue, and may or may not send its body: only a new connection is clear.
        cycle.keep_alive = False
    if WHOLE not in message:
        await RequestResponseCycle.send(cycle, message)
        return
    if cycle.flow.write_paused and not cycle.disconnected:
        await cycle.flow.drain()
    if cycle.disconnected:
        return
    head = [STATUS_LINE[message["status"]]]
    for name, value in (*cycle.default_headers, *message["headers"]):
        head += (name, b": ", value, b"\r\n")
        if name == b"connection":
            cycle.keep_alive = False  # the only word that we have for it is close
    if not cycle.keep_alive and b"connection" not in head:
        head.append(b"connection: close\r\n")
    head.append(b"\r\n")
    cycle.response_started = cycle.response_complete = True
    cycle.transport.writelines((b"".join(head), b"" if cycle.scope["method"] == "HEAD" else message[WHOLE]))
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    del cycle.send  # which has the cycle: what refers to itself is only freed by the garbage collector


def _not_http() -> ApiError:
    return ApiError("malformed_http", "This isn't HTTP/1.1 that can be read")
