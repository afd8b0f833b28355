"""What a fault does to an answer, down to the bytes on the socket.

Source: WireMock's faults and delays, whose names and meanings these are.
"""

import asyncio
import json
import socket
import struct
from asyncio import Transport
from math import ceil
from secrets import token_bytes

from starlette.types import Message, Receive, Scope, Send

from workflow_mock.errors import ErrorDetail
from workflow_mock.faults.spec import MAX_DELAY_MILLISECONDS, ConnectionFault, Fault
from workflow_mock.http.envelope import JSON_TYPE, render_errors
from workflow_mock.http.messages import TRANSPORT, Answer, Disconnected
from workflow_mock.paths import TOKEN_PATH
from workflow_mock.state.journal import Exchange

_GARBAGE_BYTES = 512


def replacement(fault: Fault, exchange: Exchange) -> Answer | None:
    """The answer that a fault gives instead of the true one, if it does; of status 0 where it gives none at all."""
    spec = fault.spec
    if not fault.replaces:
        return None
    if spec.fault is not None:
        return Answer(0, (), b"")
    headers = dict([JSON_TYPE])
    if (wait := fault.retry_after(exchange)) is not None:
        headers[b"retry-after"] = b"%d" % max(0, ceil(wait.total_seconds()))
    headers |= {name.lower().encode(): value.encode() for name, value in spec.headers.items()}
    exchange.errors = (ErrorDetail(spec.code, spec.message),)
    body = json.dumps({"error": spec.code}).encode() if exchange.path == TOKEN_PATH else render_errors(exchange.errors)
    return Answer(spec.status or 429, tuple(headers.items()), body)


async def delay(fault: Fault, exchange: Exchange, receive: Receive) -> None:
    """Wait as long as the fault says. Raises Disconnected as soon as the client gives up."""
    milliseconds = fault.spec.fixed_delay_milliseconds
    if fault.spec.delay_distribution is not None:
        milliseconds += fault.spec.delay_distribution.draw(fault.source(exchange))
    if milliseconds:
        try:
            async with asyncio.timeout(min(milliseconds, MAX_DELAY_MILLISECONDS) / 1000):
                await disconnection(receive)
        except TimeoutError:
            return
        raise Disconnected


async def disconnection(receive: Receive) -> None:
    """Wait until the connection is closed."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def send(fault: Fault, start: Message, body: bytes, send: Send, scope: Scope, receive: Receive) -> None:
    """Send an answer as the fault has it: not at all, in drops, or only its beginning."""
    spec = fault.spec
    if spec.fault is not None:
        await _sever(spec.fault, scope, receive)
        return
    await send(start)
    whole = len(body)
    if spec.truncate_body_at is not None:
        body = body[: min(spec.truncate_body_at, whole - 1)]
    pieces, pause = [body], 0.0
    if spec.chunked_dribble_delay is not None:
        count = min(spec.chunked_dribble_delay.number_of_chunks, len(body))
        pieces = [body[len(body) * at // count : len(body) * (at + 1) // count] for at in range(count)]
        pause = spec.chunked_dribble_delay.total_duration / 1000 / max(1, len(pieces))
    for piece in pieces:
        await asyncio.sleep(pause)
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    if len(body) < whole:
        await _end(scope, receive, reset=False)
    else:
        await send({"type": "http.response.body", "body": b""})


async def _sever(connection: ConnectionFault, scope: Scope, receive: Receive) -> None:
    transport: Transport = scope["extensions"][TRANSPORT]
    if connection is ConnectionFault.MALFORMED:
        transport.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    if connection in (ConnectionFault.MALFORMED, ConnectionFault.RANDOM):
        # The first byte is never what could begin a status line or the size of a chunk.
        transport.write(b"\xff" + token_bytes(_GARBAGE_BYTES))
    await _end(scope, receive, reset=connection is ConnectionFault.RESET)


async def _end(scope: Scope, receive: Receive, *, reset: bool) -> None:
    """Close the connection, by RST or by FIN, and wait until it is closed."""
    transport: Transport = scope["extensions"][TRANSPORT]
    if reset:
        connection: socket.socket = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
    await disconnection(receive)
