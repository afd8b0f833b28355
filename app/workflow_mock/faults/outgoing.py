"""The response that is about to be sent: what effects change, and how it is sent, or isn't."""

import random
import socket
import struct
from asyncio import Transport
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from enum import StrEnum
from secrets import token_bytes
from typing import ClassVar

from starlette.types import Send

from workflow_mock.errors import ErrorDetail
from workflow_mock.http.messages import CONNECTION, Request, Response
from workflow_mock.state.exchange import Target
from workflow_mock.state.held import Held
from workflow_mock.types import StrictModel

_GARBAGE_BYTES = 512


class ConnectionFault(StrEnum):
    """What happens to the connection instead of a response."""

    RESET = "CONNECTION_RESET_BY_PEER"
    EMPTY = "EMPTY_RESPONSE"
    MALFORMED = "MALFORMED_RESPONSE_CHUNK"
    RANDOM = "RANDOM_DATA_THEN_CLOSE"


class Effect(StrictModel):
    """What a fault does: members of its JSON, all optional."""

    loses_answer: ClassVar[bool] = False
    """Whether the client can't have read the operation's response."""

    def is_set(self) -> bool:
        """Whether the fault has this effect."""
        raise NotImplementedError

    def describe(self) -> str:
        """What it does, in a word or two."""
        raise NotImplementedError

    async def apply(self, outgoing: "Outgoing") -> None:
        """Change the response that is about to be sent."""
        raise NotImplementedError


class Outgoing:
    """The response that is about to be sent, and how. Effects change it in their order; then `send` writes it."""

    def __init__(
        self,
        request: Request,
        target: Target,
        effects: Effect,
        response: Response | None,
        source: random.Random,
        wait: timedelta | None,
        hold: Callable[[float], AbstractContextManager[Held]],
    ) -> None:
        self.request = request
        self.target = target
        self.effects = effects
        """Those of the fault, or those with which a held request was released."""
        self.response = response
        """None as long as neither the operation's handler nor an effect has made one."""
        self.hold = hold
        """Has the request among those that are held, for so many seconds at most, until the block ends."""
        self.loses_answer = False
        """Whether the client can't have read the operation's response."""
        self.source = source
        """Randomness that is repeatable by the fault's seed."""
        self.wait = wait
        """For the Retry-After header: what the fault says, or when the quota's window ends."""
        self.errors: Sequence[ErrorDetail] = ()
        self.is_begun = False
        """Whether a part of the response may be on its way, so that another can't be sent in its place."""
        self.connection_fault: ConnectionFault | None = None
        self.chunks = 1
        self.seconds_between = 0.0
        self.truncate_at: int | None = None

    async def send(self, send: Send) -> None:
        """Send the response: whole, in chunks, its beginning alone, or not at all.

        Raises ClientDisconnect where the client leaves while it waits between chunks; ConnectionError.
        """
        self.is_begun = True
        if self.connection_fault is not None:
            await self._break(self.connection_fault)
            return
        assert self.response is not None  # noqa: S101 - the injector has called the handler where no effect made one
        body = self.response.body
        headers = self.response.all_headers(self.request.id)
        await send({"type": "http.response.start", "status": self.response.status, "headers": headers})
        whole = len(body)
        if self.truncate_at is not None:
            body = body[: min(self.truncate_at, whole - 1)]
        count = max(1, min(self.chunks, len(body)))
        for index in range(count):
            if self.seconds_between:
                await self.request.pause(self.seconds_between / count)
            chunk = body[len(body) * index // count : len(body) * (index + 1) // count]
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        if len(body) < whole:
            await self._close(reset=False)
        else:
            await send({"type": "http.response.body", "body": b""})

    async def break_off(self, send: Send, response: Response) -> None:
        """Send this response instead, or close the connection if one was begun. Raises ConnectionError."""
        if self.is_begun:
            self._connection().abort()
        else:
            await response.send(send, self.request.id)

    async def _break(self, fault: ConnectionFault) -> None:
        connection = self._connection()
        if fault is ConnectionFault.MALFORMED:
            connection.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        if fault in (ConnectionFault.MALFORMED, ConnectionFault.RANDOM):
            # The first byte is never what could begin a status line or the size of a chunk.
            connection.write(b"\xff" + token_bytes(_GARBAGE_BYTES))
        await self._close(reset=fault is ConnectionFault.RESET)

    async def _close(self, *, reset: bool) -> None:
        """Close the connection, by RST or by FIN, and wait until it is closed."""
        connection = self._connection()
        if reset:
            peer: socket.socket = connection.get_extra_info("socket")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.abort()
        else:
            connection.close()
        await self.request.disconnection()

    def _connection(self) -> Transport:
        connection: Transport | None = self.request.scope.get("extensions", {}).get(CONNECTION)
        if connection is None:
            raise ConnectionError("a fault breaks this connection, but this server offers none to break")
        return connection
