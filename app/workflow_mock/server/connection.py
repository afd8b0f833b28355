"""A connection's way out: what is written to it, how fast the client takes it, and how it ends."""

import asyncio
import logging

from uvicorn.server import ServerState

from workflow_mock.server.limits import UNCOUNTED_BYTES, Budget

LINGER_SECONDS = 1.0
"""How long a rejected client may still send: closing at once could take the response from it (RFC 9112, 9.6)."""

MIN_BYTES_PER_SECOND = 4096
"""What a client must take of its responses, on average over the request timeout."""

logger = logging.getLogger("workflow_mock.requests")


class Connection(asyncio.Protocol):
    """The half of a connection that knows no HTTP: flow control, the part in the budget, the close."""

    transport: asyncio.Transport

    def __init__(self, server_state: ServerState, loop: asyncio.AbstractEventLoop, budget: Budget) -> None:
        self.server_state = server_state
        self.write_paused = False
        """Whether the client has so much to take that no more should be written."""
        self.is_half_closed = False
        """Whether the client sends no more; it may still read."""
        self._loop = loop
        self._budget = budget
        self._discarding = False
        """Whether what comes is thrown away, as the last request has come."""
        self._unparsed = bytearray()
        self._writable: asyncio.Event | None = None
        self._written = 0
        self._taken = 0
        self._unsent_since = 0.0
        """Loop time (seconds) at which the client had taken `_taken` bytes: the beginning of a measurement."""
        self._waiting_since = 0.0
        """Loop time (seconds) at which we began to wait for the client; `_check_timeouts` compares it with the
        timeouts."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        transport.set_write_buffer_limits(high=UNCOUNTED_BYTES)
        self._unsent_since = self._loop.time()
        self.server_state.connections.add(self)  # type: ignore[arg-type]

    def connection_lost(self, exc: Exception | None) -> None:
        self.server_state.connections.discard(self)
        self._discard()
        self._budget.hold(self, 0)
        self.write_paused = False
        if self._writable is not None:
            self._writable.set()

    def write(self, first: bytes, second: bytes = b"") -> None:
        """Write these bytes in one go, unless the connection is closed already."""
        if not self.transport.is_closing():
            self._written += len(first) + len(second)
            if second:
                self.transport.writelines((first, second))
            else:
                self.transport.write(first)

    def pause_writing(self) -> None:
        self.write_paused = True
        self._account()

    def resume_writing(self) -> None:
        self.write_paused = False
        if self._writable is not None:
            self._writable.set()
        self._account()

    async def drain(self) -> None:
        """Wait until the client has taken so much that more may be written."""
        if self._writable is None:
            self._writable = asyncio.Event()
        self._writable.clear()
        await self._writable.wait()

    def _drop_if_too_slow(self, seconds: float) -> bool:
        """Whether there is something that the client has to take. Drops one that took too little for so long."""
        now, unsent = self._loop.time(), self.transport.get_write_buffer_size()
        taken, elapsed = self._written - unsent, now - self._unsent_since
        if not unsent:
            if taken != self._taken:
                self._waiting_since = now
        elif elapsed < seconds:
            return True
        elif taken - self._taken < elapsed * MIN_BYTES_PER_SECOND:
            logger.info("a connection is dropped: the client takes its responses too slowly, or not at all")
            self.transport.abort()
        self._taken, self._unsent_since = taken, now
        return bool(unsent)

    def _account(self) -> None:
        """Tell the budget what this connection holds."""
        if not self.transport.is_closing():
            self._budget.hold(self, self._held_bytes())

    def _held_bytes(self) -> int:
        """The bytes that the connection makes the server hold."""
        return len(self._unparsed) + self.transport.get_write_buffer_size()

    def drop(self) -> None:
        """Reset the connection, as it holds the largest part of a budget that is used up."""
        logger.info("a connection is dropped: all together hold too much of the server's memory, and it the most")
        self.transport.abort()

    def _discard(self) -> None:
        self._discarding = True
        self._unparsed.clear()

    def _close_lingering(self) -> None:
        """Send no more, and close when the client has had the time to see that."""
        self._discard()
        if self.is_half_closed:
            self.transport.close()
        elif not self.transport.is_closing():
            if self.transport.can_write_eof():
                self.transport.write_eof()
            self._loop.call_later(LINGER_SECONDS, self.transport.close)
