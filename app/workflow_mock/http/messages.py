"""What the planes that are plain ASGI need of a request and an answer."""

import re
from typing import NamedTuple

from starlette.types import Receive, Scope

from workflow_mock.caching import fifo_cache
from workflow_mock.errors import Headers
from workflow_mock.settings import ISSUER_PATH
from workflow_mock.state.journal import Exchange

_HOST = re.compile(r"[A-Za-z0-9._-]{1,255}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")


NOSNIFF = (b"x-content-type-options", b"nosniff")
"""What every answer carries."""

TRANSPORT = "workflow_mock.transport"
"""The name under which the listener hands the connection on, in the scope's extensions."""

WHOLE = "workflow_mock.body"
"""The member of an ASGI start of a response that has all of its body: the listener then sends both at once."""


class Answer(NamedTuple):
    status: int
    headers: Headers
    body: bytes


class Disconnected(Exception):
    """The client went away before its request was complete; there is nobody to answer."""


class BodyTooLarge(ValueError):
    """The body is over the limit."""


async def read_body(exchange: Exchange, receive: Receive, limit: int) -> bytes:
    """The whole body, once. Raises BodyTooLarge as soon as it is known to be over the limit, in bytes; Disconnected."""
    if exchange.body is not None and len(exchange.body) <= limit:
        return exchange.body
    exchange.body_is_too_large |= exchange.body is not None
    length = exchange.headers.get(b"content-length")
    exchange.body_is_too_large |= length is not None and int(length) > limit
    body: bytes = b""
    while not exchange.body_is_too_large:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        body = body + message["body"] if body else message["body"]
        exchange.body_is_too_large = len(body) > limit
        if not message["more_body"] and not exchange.body_is_too_large:
            return body
    raise BodyTooLarge


@fifo_cache(256)
def _issuer(asked: tuple[bytes, str, tuple[str, int | None] | None]) -> str:
    host, scheme, server = asked
    name = host.decode("latin-1")
    if not _HOST.fullmatch(name):
        address, port = server or ("localhost", None)
        name = f"[{address}]" if ":" in address else address
        name += f":{port}" if port else ""
    return f"{scheme}://{name}{ISSUER_PATH}"


def issuer_of(scope: Scope, host: bytes | None) -> str:
    """What our issuer's name is to whoever sent a request: `scheme://host[:port]/api/authentication`.

    A Host that isn't a host name or address counts as none, and then the address that the request came to is used.
    """
    return _issuer((host or b"", scope["scheme"], scope["server"]))
