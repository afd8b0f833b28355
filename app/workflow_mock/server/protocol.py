"""HTTP/1.1 on a connection: bytes become requests, and what a client could make endless has an end.

What is over a limit, too slow or no HTTP is rejected in the envelope. A client that doesn't take its responses is
dropped.
"""

import asyncio
import logging
import socket
from collections import deque
from typing import Any
from urllib.parse import unquote

import httptools
import uvicorn
from uvicorn.server import ServerState

from workflow_mock.errors import ApiError
from workflow_mock.http.envelope import render
from workflow_mock.http.messages import CONNECTION
from workflow_mock.http.request_id import next_request_id
from workflow_mock.server.connection import LINGER_SECONDS, Connection
from workflow_mock.server.cycle import RequestResponseCycle
from workflow_mock.server.head import Fields, check_head, check_version, malformed
from workflow_mock.server.limits import Budget, Limits

MAX_PIPELINED = 8
"""Parsed requests that wait behind the one that is answered. No more is parsed until the first of them has its turn."""

FEED_BYTES = 8 * 1024
"""Bytes that are parsed at once."""

READ_AHEAD_BYTES = 16 * 1024
"""Unparsed bytes over which the socket isn't read. Under it, it is, so that the client's end is seen."""

HIGH_WATER_BYTES = 64 * 1024
"""Bytes of a body that the application hasn't taken, over which no more is parsed."""

PROBE_SECONDS = 0.1
"""Between two looks whether a client that has closed its half is still there."""

MAX_REJECTED = 32
"""Connections over the limit that are told so at once; those beyond are closed without a word."""

_END_OF_HEAD = b"\r\n\r\n"

logger = logging.getLogger("workflow_mock.requests")


def _parser(protocol: "HTTPProtocol") -> httptools.HttpRequestParser:
    parser = httptools.HttpRequestParser(protocol)
    parser.set_dangerous_leniencies(lenient_version=True)  # `check_version` tells another version from junk
    return parser


class HTTPProtocol(Connection):
    """One connection, for `uvicorn.Config(http=…)`.

    httptools skips the body of a request that offers an upgrade, as Java's HttpClient does by default with h2c. Such a
    request is read again without the offer (RFC 9110, section 7.8: a server may ignore it).
    """

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
        self._app = config.loaded_app
        self._app_state = app_state
        self._limits = limits
        self._server: tuple[str, int] | None = None
        self._client: tuple[str, int] | None = None
        self._scheme = "http"
        self._parser = _parser(self)
        self._piece = b""
        """What is being parsed, or was last."""
        self._framing_bytes = 0
        """Bytes parsed since the request began or its last body byte came: start line, headers, chunk sizes, trailers.
        Over `limits.head_bytes` the request is rejected with 431."""
        self._in_message = self._has_head = False
        self._url = b""
        self._headers: Fields = []
        self._incoming: RequestResponseCycle | None = None
        """The request whose head came last."""
        self._running: RequestResponseCycle | None = None
        """The request that is being answered, or was last."""
        self._pipeline: deque[RequestResponseCycle] = deque()
        self._is_last = False
        """Whether no request may follow `_incoming`."""
        self._rejection: ApiError | None = None
        self._rejects_head = False
        self._is_over_limit = False
        self._has_surplus = False
        """Whether something was thrown away that came behind the last request."""
        self._read_paused = False
        self._is_probing = False
        self._waiting_since = 0.0
        """Loop time (seconds) at which we began to wait for the client; `_check_timeouts` compares it with the
        timeouts."""
        self._timer: asyncio.TimerHandle | None = None

    # The connection's beginning and end

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        local, peer = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        self._server = (str(local[0]), int(local[1])) if isinstance(local, tuple) else None
        self._client = (str(peer[0]), int(peer[1])) if isinstance(peer, tuple) else None
        self._scheme = "https" if transport.get_extra_info("sslcontext") else "http"
        self._waiting_since = self._loop.time()
        self._check_timeouts()
        connections = len(self.server_state.connections)
        if connections > self._limits.connections + MAX_REJECTED:
            transport.abort()
        elif connections > self._limits.connections:
            self._is_over_limit = True
            self._loop.call_later(LINGER_SECONDS, self._reject_over_limit)

    def _reject_over_limit(self, first: bytes = b"") -> None:
        """Say that there are too many connections. `first` is what came: the response to a HEAD has no body."""
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
        # Only the garbage collector would free what refers to itself.
        self._running = self._incoming = None
        del self._parser

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
        """Whether a request that came whole is still to be answered. Those that didn't are dropped: no more comes."""
        self._pipeline = deque(cycle for cycle in self._pipeline if not cycle.more_body)
        running = self._running
        is_answering = running is not None and not running.response_complete and not running.more_body
        return is_answering or bool(self._pipeline) or self._rejection is not None

    def shutdown(self) -> None:
        """Close once what came is answered, as the server ends; called by uvicorn."""
        cycle = self._incoming
        if cycle is None or cycle.response_complete:
            self.transport.close()
        else:
            cycle.keep_alive = False
            self._is_last = True
            self._probe_unread()

    # From bytes to requests

    def data_received(self, data: bytes) -> None:
        if self._discarding:
            self._has_surplus = True
        elif self._is_over_limit:
            self._reject_over_limit(data)
        else:
            heads = len(self._pipeline) + data.count(_END_OF_HEAD) + 1  # it may begin with half an end
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
        """Parse what has come, up to the requests that may wait."""
        unparsed = self._unparsed
        while unparsed and self._may_parse():
            piece = bytes(unparsed[:FEED_BYTES])
            if len(self._pipeline) + piece.count(_END_OF_HEAD) >= MAX_PIPELINED:
                # No more than one head at once. That which has begun may have half of its end behind it: a line, then.
                end = b"\n" if self._in_message and not self._has_head else _END_OF_HEAD
                piece = piece[: piece.find(end) + len(end)]
            del unparsed[: len(piece)]
            self._feed(piece)
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
        self._framing_bytes += len(piece)
        self._piece = piece
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserUpgrade as offer:
            self._read_again(piece[offer.args[0] :])
        except httptools.HttpParserError as error:
            if self._is_last and self._incoming is not None and not self._incoming.more_body:
                self._has_surplus = True
                self._discard()
            else:
                cause = error.__context__
                is_head = False if isinstance(error, httptools.HttpParserInvalidMethodError) else None
                self._reject(cause if isinstance(cause, ApiError) else malformed(), is_head=is_head)
        limits = self._limits
        if self._in_message and (self._framing_bytes > limits.head_bytes or len(self._headers) > limits.headers):
            self._reject(self._head_too_large())

    def _read_again(self, rest: bytes) -> None:
        """Have a request parsed once more, without the upgrade that it offers, and then what came behind its head."""
        version = self._parser.get_http_version().encode("ascii")
        head = [b"%s %s HTTP/%s" % (self._parser.get_method(), self._url, version)]
        head += [b"%s: %s" % field for field in self._headers if field[0] != b"upgrade"]
        self._unparsed[:0] = b"\r\n".join([*head, b"", rest])
        self._framing_bytes = 0
        self._parser = _parser(self)

    def on_message_begin(self) -> None:
        self._in_message, self._has_head = True, False
        self._url, self._headers = b"", []
        self._waiting_since = self._loop.time()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value.rstrip(b" \t")))  # of which httptools strips the beginning alone

    def on_headers_complete(self) -> None:
        """Check the head, and make a request of it. Raises ApiError, which httptools hands on."""
        self._has_head = True
        if self._is_last:
            raise malformed()  # and `_feed` discards it
        parser, headers, limits = self._parser, self._headers, self._limits
        method, version = parser.get_method().decode("ascii"), parser.get_http_version()
        check_version(version, self._piece)
        if len(headers) > limits.headers or (
            self._framing_bytes > limits.head_bytes
            and len(self._url) + sum(len(name) + len(value) + 4 for name, value in headers) > limits.head_bytes
        ):
            raise self._head_too_large()
        raw_path, query, expects_continue = check_head(method, version, self._url, headers)
        if parser.should_upgrade():
            return  # see `_read_again`
        keep_alive = version == "1.1" and parser.should_keep_alive()
        path = raw_path.decode("ascii")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": version,
            "method": method,
            "scheme": self._scheme,
            "server": self._server,
            "client": self._client,
            "root_path": "",
            "path": unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": query,
            "headers": headers,
            "state": self._app_state.copy(),
            "extensions": {CONNECTION: self.transport},
        }
        self._headers = []  # for the trailers, which are no headers (RFC 9110, section 6.5.1)
        cycle = RequestResponseCycle(scope, self, keep_alive=keep_alive, expects_continue=expects_continue)
        self._incoming, self._is_last = cycle, not keep_alive
        running = self._running
        if (running is None or running.response_complete) and not self._pipeline and not self.write_paused:
            self._start(cycle)
        else:
            self._pipeline.append(cycle)

    def on_body(self, body: bytes) -> None:
        self._framing_bytes = 0
        cycle = self._incoming
        if cycle is not None and not cycle.response_complete:
            cycle.body = cycle.body + body if cycle.body else body
            cycle.wake()

    def on_message_complete(self) -> None:
        cycle = self._incoming
        if cycle is not None and not self._parser.should_upgrade():
            self._in_message, self._framing_bytes = False, 0
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

    def _waiting_bytes(self) -> int:
        running = self._running
        return sum([cycle.size() for cycle in self._pipeline]) + (len(running.body) if running is not None else 0)

    # Clients that are late, gone or wrong

    def _check_timeouts(self) -> None:
        """Look whether the client is late with what it has to do, now and ever again.

        One timer that looks at what there is, and not one for each thing that may be late: a request then arms none.
        """
        limits, now = self._limits, self._loop.time()
        incoming, running = self._incoming, self._running
        is_answering = running is not None and not running.response_complete and not running.more_body
        if not self._drop_if_too_slow(limits.request_timeout):
            if is_answering or self._read_paused:
                self._waiting_since = now  # it is the server that is waited for
            is_idle = incoming is not None and not self._in_message
            if now - self._waiting_since < (limits.idle_timeout if is_idle else limits.request_timeout):
                pass
            elif self._discarding:
                self.transport.abort()
            elif not self._in_message or (self._has_head and incoming is not None and incoming.response_started):
                self.transport.close()  # nothing came, or the rest of what is answered already
            else:
                message = f"The request wasn't complete within {limits.request_timeout:g} s"
                self._reject(ApiError("request_timeout", message))
        if is_answering:
            self._probe_unread()
        self._timer = self._loop.call_later(min(limits.request_timeout, limits.idle_timeout) / 4, self._check_timeouts)

    def _client_has_all(self, now: float) -> None:
        self._waiting_since = now

    def _probe_unread(self) -> None:
        """Probe a client of whom so much waits that its socket isn't read: its end couldn't be seen."""
        if self._read_paused and not self._is_probing:
            self._is_probing = True
            self._probe(True)

    def _probe(self, is_first: bool = False) -> None:
        """See whether a client that sends no more is still there: if not, it answers bytes by a reset."""
        running = self._running
        if self.transport.is_closing() or running is None or running.response_complete:
            self._is_probing = False
        elif self.transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.transport.abort()
        else:
            if is_first and not running.response_started and running.scope["http_version"] == "1.1":
                self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._loop.call_later(PROBE_SECONDS, self._probe)

    def _head_too_large(self) -> ApiError:
        limits = self._limits
        message = f"The head of the request is over {limits.headers} headers or {limits.head_bytes} bytes"
        return ApiError("headers_too_large", message)

    def _reject(self, error: ApiError, *, is_head: bool | None = None) -> None:
        """Stop reading, answer the complete requests received so far, then send `error` and close.

        `is_head` says whether it is a HEAD request that is rejected; without, the parser is asked.
        """
        if self._discarding:
            return
        if is_head is None:
            is_head = self._in_message and self._parser.get_method() == b"HEAD"
        self._rejection, self._rejects_head = error, is_head
        self._discard()
        self._pipeline = deque(cycle for cycle in self._pipeline if not cycle.more_body)
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
        logger.info("%s: a connection is refused: %d %s: %s", request_id, error.status, error.code, error)
        self._rejection = None
        headers = (*self.server_state.default_headers, (b"connection", b"close"))
        self.write(render(error).to_bytes(request_id, headers, has_body=not self._rejects_head))
        self._close_lingering()
