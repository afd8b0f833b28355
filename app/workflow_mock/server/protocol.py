"""HTTP/1.1 on a connection: its requests are answered in their order, and what a client could make endless has an end.

What is over a limit, too slow or no HTTP is rejected in the envelope. A client that doesn't take its responses is
dropped.
"""

import asyncio
import logging
import socket
from collections import deque
from typing import Any

import uvicorn
from starlette.types import Scope
from uvicorn.server import ServerState

from workflow_mock.errors import ApiError
from workflow_mock.http.envelope import render
from workflow_mock.http.messages import CONNECTION
from workflow_mock.http.request_id import next_request_id
from workflow_mock.server.connection import LINGER_SECONDS, Connection
from workflow_mock.server.cycle import CONTINUE, RequestResponseCycle
from workflow_mock.server.head import RequestHead, SpeaksHttp2
from workflow_mock.server.limits import Budget, Limits
from workflow_mock.server.parser import END_OF_HEAD, FEED_BYTES, RequestParser

MAX_PIPELINED = 8
"""Parsed requests that wait behind the one that is answered. No more is parsed until the first of them has its turn."""

READ_AHEAD_BYTES = 16 * 1024
"""Unparsed bytes over which the socket isn't read. Under it, it is, so that the client's end is seen."""

HIGH_WATER_BYTES = 64 * 1024
"""Bytes of a body that the application hasn't taken, over which no more is parsed."""

PROBE_SECONDS = 0.1
"""Between two looks whether a client that has closed its half is still there."""

MAX_REJECTED = 32
"""Connections over the limit that are told so at once; those beyond are closed without a word."""

GOAWAY = bytes.fromhex("000008 07 00 0000000000000000 0000000d")
"""The frame that tells a client of HTTP/2 to use HTTP/1.1: HTTP_1_1_REQUIRED (RFC 9113, sections 6.8 and 7)."""

logger = logging.getLogger("workflow_mock.requests")


class HTTPProtocol(Connection):
    """One connection, for `uvicorn.Config(http=…)`."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: Limits,
        budget: Budget,
    ) -> None:
        super().__init__(server_state, _loop or asyncio.get_running_loop(), budget)
        self.app_state = app_state
        self.scope: Scope = {}
        """What the scopes of all requests on the connection have in common."""
        self._app = config.loaded_app
        self._limits = limits
        self._parser = RequestParser(self, limits)
        self._incoming: RequestResponseCycle | None = None
        """The request whose head came last."""
        self._running: RequestResponseCycle | None = None
        """The request that is being answered, or was last."""
        self._pipeline: deque[RequestResponseCycle] = deque()
        self._rejection: ApiError | None = None
        self._rejects_head = False
        self._is_over_limit = False
        self._has_surplus = False
        """Whether something was thrown away that came behind the last request."""
        self._read_paused = False
        self._is_probing = False
        self._timer: asyncio.TimerHandle | None = None

    # The connection's beginning and end

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        local, peer = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        self.scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "scheme": "https" if transport.get_extra_info("sslcontext") else "http",
            "server": (str(local[0]), int(local[1])) if isinstance(local, tuple) else None,
            "client": (str(peer[0]), int(peer[1])) if isinstance(peer, tuple) else None,
            "root_path": "",
            "extensions": {CONNECTION: transport},
        }
        self._waiting_since = self._loop.time()
        self._check_timeouts()
        connections = len(self.server_state.connections)
        if connections > self._limits.connections + MAX_REJECTED:
            transport.abort()
        elif connections > self._limits.connections:
            self._is_over_limit = True
            self._loop.call_later(LINGER_SECONDS, self._reject_over_limit)

    def _reject_over_limit(self, first: bytes = b"") -> None:
        """Reject the connection with 503. `first` is the input so far: a response to HEAD has no body."""
        self._is_over_limit = False
        message = "The server has as many connections as it may have: try again, or see --max-connections"
        error = ApiError("too_busy", message, headers=((b"retry-after", b"1"),))
        self._reject(error, is_head=first.startswith(b"HEAD "))

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._timer is not None:
            self._timer.cancel()
        self._pipeline.clear()
        for cycle in (self._running, self._incoming):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnect()
        # These refer back to the connection: else only the garbage collector would free it.
        self._running = self._incoming = self._rejection = None
        self._parser.close()

    def eof_received(self) -> bool:
        """Answer the requests that came whole, then close (RFC 9112, section 9.6)."""
        self.is_half_closed = True
        if not self.transport.can_write_eof():  # TLS: its connections have no half
            return False
        if not self._unparsed and not self._has_unanswered():
            return False
        if self._running is not None:
            self._running.wake()
        if not self._is_probing:
            self._is_probing = True
            self._loop.call_later(PROBE_SECONDS, self._probe, True)
        return True

    def _has_unanswered(self) -> bool:
        """Whether a response is still to be sent after the client's end. Drops incomplete requests: no more comes."""
        self._drop_incomplete()
        return self._is_answering() or bool(self._pipeline) or self._rejection is not None

    def _is_answering(self) -> bool:
        """Whether a complete request waits for its response."""
        running = self._running
        return running is not None and not running.response_complete and not running.more_body

    def _drop_incomplete(self) -> None:
        """Drop the request of the pipeline whose body isn't complete."""
        self._pipeline = deque(cycle for cycle in self._pipeline if not cycle.more_body)

    def shutdown(self) -> None:
        """Close once what came is answered, as the server ends; called by uvicorn."""
        cycle = self._incoming
        if cycle is None or cycle.response_complete:
            self.transport.close()
        else:
            cycle.keep_alive = False
            self._parser.is_last = True
            self._probe_unread()

    # From bytes to requests

    def data_received(self, data: bytes) -> None:
        if self._discarding:
            self._has_surplus = True
        elif self._is_over_limit:
            self._reject_over_limit(data)
        else:
            # One head more than `data` has ends: it may begin with half an end.
            heads = len(self._pipeline) + data.count(END_OF_HEAD) + 1
            if self._unparsed or heads > MAX_PIPELINED or len(data) > FEED_BYTES or not self._may_parse():
                self._unparsed += data
            else:
                self._feed(data)
            if self._unparsed:
                self._parse()
            if self._unparsed or self._pipeline:
                self._account()

    def _may_parse(self) -> bool:
        incoming = self._incoming
        return len(self._pipeline) < MAX_PIPELINED and (incoming is None or len(incoming.body) < HIGH_WATER_BYTES)

    def _parse(self) -> None:
        """Parse the input until it is used up or no more may wait; then pause or resume reading, or close."""
        unparsed = self._unparsed
        while unparsed and self._may_parse():
            self._feed(self._parser.take_piece(unparsed, MAX_PIPELINED - len(self._pipeline)))
        if self.transport.is_closing():
            return
        if self.is_half_closed:
            if not unparsed and not self._has_unanswered():
                self.transport.close()
        elif self._read_paused != (len(unparsed) > READ_AHEAD_BYTES):
            self._read_paused = not self._read_paused
            if self._read_paused:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()

    def parse_more(self) -> None:
        """Go on parsing, as the application has taken a part of a body."""
        if self._unparsed:
            self._parse()
            self._account()

    def _feed(self, piece: bytes) -> None:
        try:
            again = self._parser.feed(piece)
        except ApiError as error:
            is_complete = self._incoming is not None and not self._incoming.more_body
            if self._parser.is_last and is_complete and error.code == "malformed_http":
                self._has_surplus = True
                self._discard()
            else:
                self._reject(error)
        else:
            if again:
                self._unparsed[:0] = again

    # Called by the parser

    def on_request_begin(self) -> None:
        self._waiting_since = self._loop.time()

    def on_request_head(self, head: RequestHead) -> None:
        cycle = self._incoming = RequestResponseCycle(head, self)
        running = self._running
        if (running is None or running.response_complete) and not self._pipeline and not self.write_paused:
            self._start(cycle)
        else:
            self._pipeline.append(cycle)

    def on_request_body(self, body: bytes) -> None:
        cycle = self._incoming
        if cycle is not None and not cycle.response_complete:
            cycle.body = cycle.body + body if cycle.body else body
            cycle.wake()

    def on_request_complete(self) -> None:
        cycle = self._incoming
        if cycle is not None:
            cycle.more_body = False
            cycle.wake()

    # From request to request

    def _start(self, cycle: RequestResponseCycle) -> None:
        self._running = cycle
        task = self._loop.create_task(cycle.run(self._app))
        self.server_state.tasks.add(task)
        task.add_done_callback(self.server_state.tasks.discard)

    def on_response_complete(self, cycle: RequestResponseCycle) -> None:
        """Go on to the next request, or close."""
        self.server_state.total_requests += 1
        self._waiting_since = self._loop.time()
        if not cycle.keep_alive:
            if cycle.more_body or self._unparsed or self._has_surplus or cycle is not self._incoming:
                self._close_lingering()
            else:
                self.transport.close()
        elif self._pipeline or self._unparsed or self._rejection is not None or self.is_half_closed:
            self._next()

    def _next(self) -> None:
        """Have the next request answered, unless the client is still to take what was written."""
        running = self._running
        if self.write_paused or self.transport.is_closing() or (running and not running.response_complete):
            return
        if self._pipeline:
            self._start(self._pipeline.popleft())
        if self._unparsed:
            self._parse()
            self._account()
        running = self._running
        if running is None or running.response_complete:
            if self._rejection is not None:
                self._send_rejection(self._rejection)
            elif self.is_half_closed:
                self.transport.close()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._next()

    def _held_bytes(self) -> int:
        body = len(self._running.body) if self._running is not None else 0
        return super()._held_bytes() + sum([cycle.size() for cycle in self._pipeline]) + body

    # Clients that are late, gone or wrong

    def _check_timeouts(self) -> None:
        """Reject a request that is late, close an idle connection, drop a client that takes its responses too slowly.

        One timer for the connection calls this, four times in the shorter timeout; a request arms no timer.
        """
        limits, now = self._limits, self._loop.time()
        parser, incoming, is_answering = self._parser, self._incoming, self._is_answering()
        if not self._drop_if_too_slow(limits.request_timeout):
            if is_answering or self._read_paused:
                self._waiting_since = now  # it is the server that is waited for
            is_idle = incoming is not None and not parser.in_message
            if now - self._waiting_since < (limits.idle_timeout if is_idle else limits.request_timeout):
                pass
            elif self._discarding:
                self.transport.abort()
            elif not parser.in_message or (parser.has_head and incoming is not None and incoming.response_started):
                self.transport.close()  # nothing came, or the rest of what is answered already
            else:
                message = f"The request wasn't complete within {limits.request_timeout:g} s"
                self._reject(ApiError("request_timeout", message))
        if is_answering:
            self._probe_unread()
        self._timer = self._loop.call_later(min(limits.request_timeout, limits.idle_timeout) / 4, self._check_timeouts)

    def _probe_unread(self) -> None:
        """Begin to probe the client if reading is paused, as its end isn't seen then."""
        if self._read_paused and not self._is_probing:
            self._is_probing = True
            self._probe(True)

    def _probe(self, is_first: bool = False) -> None:
        """Abort the connection if the client has left; look again until no request is being answered.

        The first time it writes 100 (Continue): a client that has left answers it by a reset.
        """
        running = self._running
        if self.transport.is_closing() or running is None or running.response_complete:
            self._is_probing = False
        elif self.transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.transport.abort()
        else:
            if is_first and not running.response_started and running.scope["http_version"] == "1.1":
                self.write(CONTINUE)
            self._loop.call_later(PROBE_SECONDS, self._probe)

    def _reject(self, error: ApiError, *, is_head: bool | None = None) -> None:
        """Stop reading, answer the complete requests received so far, then send `error` and close.

        `is_head` says whether it is a HEAD request that is rejected; without, the parser is asked.
        """
        if self._discarding:
            return
        if is_head is None:
            is_head = self._parser.is_head_request()
        self._rejection, self._rejects_head = error, is_head
        self._discard()
        self._drop_incomplete()
        running = self._running
        if running is not None and running.more_body and not running.response_complete:
            running.disconnect()
            if running.response_started:
                self.transport.abort()
            else:
                self._send_rejection(error)
        else:
            self._next()

    def _send_rejection(self, error: ApiError) -> None:
        request_id = next_request_id()
        fields = {"requestId": request_id, "status": error.status, "code": error.code}
        logger.info("%s: a connection is refused: %d %s: %s", *fields.values(), error, extra=fields)
        self._rejection = None
        if isinstance(error, SpeaksHttp2):
            self.write(GOAWAY)
        else:
            headers = (*self.server_state.default_headers, (b"connection", b"close"))
            self.write(render(error).to_bytes(request_id, headers, has_body=not self._rejects_head))
        self._close_lingering()
