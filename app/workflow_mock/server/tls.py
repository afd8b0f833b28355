"""TLS connections, which are counted, limited and timed from the moment that they are accepted.

asyncio's own TLS server makes a connection known only after its handshake.
"""

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import Callable
from typing import Any

from uvicorn.server import ServerState

from workflow_mock.server.limits import Limits
from workflow_mock.server.protocol import HTTPProtocol

logger = logging.getLogger("workflow_mock.requests")


class TLSHTTPProtocol(HTTPProtocol):
    """HTTP behind a handshake, in whose place it is counted."""

    handshake: "TLSProtocol"

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.server_state.connections.discard(self.handshake)
        super().connection_made(transport)


class TLSProtocol(asyncio.Protocol):
    """A connection until its handshake is complete; from then on a `TLSHTTPProtocol` has it.

    Over `limits.connections`, or with a handshake over `limits.request_timeout`, it is closed: nothing can be said yet.
    """

    def __init__(
        self,
        server_state: ServerState,
        make_protocol: Callable[[], TLSHTTPProtocol],
        *,
        context: ssl.SSLContext,
        limits: Limits,
    ) -> None:
        self._server_state = server_state
        self._make_protocol = make_protocol
        self._context = context
        self._limits = limits
        self._handshaking: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        connections = self._server_state.connections
        if len(connections) >= self._limits.connections:
            logger.info("a TLS connection is closed: there are as many connections as --max-connections allows")
            transport.abort()
            return
        connections.add(self)  # type: ignore[arg-type]
        # The handshake gets a descriptor of its own. Not by `start_tls`: uvloop would already have begun to read.
        connection = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
        connection.setblocking(False)
        transport.abort()
        self._handshaking = asyncio.get_running_loop().create_task(self._handshake(connection))

    async def _handshake(self, connection: socket.socket) -> None:
        seconds = self._limits.request_timeout
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._make, connection, ssl=self._context, ssl_handshake_timeout=seconds
            )
        except (OSError, asyncio.CancelledError) as error:
            logger.info("a TLS connection is closed before its handshake is complete: %s", error)
            connection.close()
        finally:
            self._server_state.connections.discard(self)

    def _make(self) -> TLSHTTPProtocol:
        protocol = self._make_protocol()
        protocol.handshake = self
        return protocol

    def shutdown(self) -> None:
        """End the handshake, as the server ends; called by uvicorn."""
        if self._handshaking is not None:
            self._handshaking.cancel()


def protocol_class(
    context: ssl.SSLContext, limits: Limits, http: Callable[..., TLSHTTPProtocol]
) -> Callable[..., TLSProtocol]:
    """What `uvicorn.Config(http=…)` takes, to serve `http` over TLS."""

    def make(*, server_state: ServerState, **named: Any) -> TLSProtocol:
        def make_protocol() -> TLSHTTPProtocol:
            return http(server_state=server_state, **named)

        return TLSProtocol(server_state, make_protocol, context=context, limits=limits)

    return make
