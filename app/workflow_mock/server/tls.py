"""TLS connections, which are counted, limited and timed from the moment that they are accepted.

asyncio's own TLS server makes a connection known only after its handshake.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Any

from uvicorn.server import ServerState

from workflow_mock.server.limits import Limits
from workflow_mock.server.protocol import HTTPProtocol

logger = logging.getLogger("workflow_mock.requests")


class TLSProtocol(asyncio.Protocol):
    """A connection until its handshake is complete; then an `HTTPProtocol` has it.

    A handshake over `limits.request_timeout`, or over `limits.connections`, ends in a close: nothing can be said yet.
    """

    transport: asyncio.Transport

    def __init__(
        self,
        server_state: ServerState,
        make_protocol: Callable[[], HTTPProtocol],
        *,
        context: ssl.SSLContext,
        limits: Limits,
    ) -> None:
        self._server_state = server_state
        self._make_protocol = make_protocol
        self._context = context
        self._limits = limits
        self._received: list[bytes] = []
        self._is_lost = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        connections = self._server_state.connections
        connections.add(self)  # type: ignore[arg-type]
        if len(connections) > self._limits.connections:
            logger.info("a TLS connection is closed: there are as many connections as --max-connections allows")
            transport.abort()
            return
        transport.pause_reading()
        task = asyncio.get_running_loop().create_task(self._handshake())
        self._server_state.tasks.add(task)
        task.add_done_callback(self._server_state.tasks.discard)

    async def _handshake(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            transport = await loop.start_tls(
                self.transport,
                self,
                self._context,
                server_side=True,
                ssl_handshake_timeout=self._limits.request_timeout,
            )
        except (OSError, asyncio.CancelledError) as error:
            logger.info("a TLS connection is closed before its handshake is complete: %s", error)
            transport = None
        self._server_state.connections.discard(self)
        if transport is None or self._is_lost or transport.is_closing():
            self.transport.abort()
            return
        protocol = self._make_protocol()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if self._received:
            protocol.data_received(b"".join(self._received))

    def data_received(self, data: bytes) -> None:
        """Keep what came along with the end of the handshake, before `start_tls` returned."""
        self._received.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_lost = True
        self._server_state.connections.discard(self)

    def shutdown(self) -> None:
        """End the handshake, as the server ends; called by uvicorn."""
        self.transport.abort()


def protocol_class(context: ssl.SSLContext, limits: Limits, http: Callable[..., HTTPProtocol]) -> Callable[..., Any]:
    """What `uvicorn.Config(http=…)` takes to serve `http` over TLS."""

    def make(*, server_state: ServerState, **named: Any) -> TLSProtocol:
        def make_protocol() -> HTTPProtocol:
            return http(server_state=server_state, **named)

        return TLSProtocol(server_state, make_protocol, context=context, limits=limits)

    return make
