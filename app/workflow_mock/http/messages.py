"""A request and a response as the operations see them.

Source: ASGI 3.0, HTTP connection scope and its events; RFC 9110, section 5.3 (repeated header fields).
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from workflow_mock.errors import BodyTooLarge, Headers
from workflow_mock.http.request_id import NOSNIFF, request_id_of

CONNECTION = "workflow_mock.connection"
"""The ASGI extension by which this project's server hands on the connection's asyncio.Transport."""

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
STATUS_LINES = {status: f"HTTP/1.1 {status} {_PHRASES.get(status, '')}\r\n".encode() for status in range(100, 1000)}


def join_headers(pairs: Collection[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Header fields by name; the values of a repeated one joined by `, ` in their order (RFC 9110, section 5.3)."""
    joined = dict(pairs)
    if len(joined) != len(pairs):
        joined.clear()
        for name, value in pairs:
            joined[name] = b", ".join((joined[name], value)) if name in joined else value
    return joined


class Request:
    """A request: its id, method, target, header fields and, once it was read, its body."""

    __slots__ = (
        "_is_read",
        "_is_too_large",
        "_receive",
        "body_so_far",
        "headers",
        "id",
        "method",
        "query",
        "raw_path",
        "scope",
    )

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.id = request_id_of(scope)
        self.scope = scope
        self.method: str = scope["method"]
        self.raw_path: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
        self.query: bytes = scope["query_string"]
        self.headers = join_headers(scope["headers"])
        self.body_so_far = b""
        """The body if it was read, else nothing."""
        self._receive = receive
        self._is_read = self._is_too_large = False

    @property
    def path(self) -> str:
        """The path as it was sent: in it, a line break is still %0A and can't forge a line of the log."""
        return self.raw_path.decode("latin-1")

    def header(self, name: str) -> str | None:
        """The value of a header field, by its name in any case; those of a repeated one joined."""
        value = self.headers.get(name.lower().encode("latin-1", "replace"))
        return None if value is None else value.decode("latin-1")

    def values(self, name: bytes) -> list[bytes]:
        """The values of a header field, one for each line that it came on."""
        return [value for each, value in self.scope["headers"] if each == name]

    async def body(self, limit: int) -> bytes:
        """The whole body. Raises BodyTooLarge over `limit` bytes, each time that it is asked; ClientDisconnect."""
        if not self._is_read:
            length = self.headers.get(b"content-length", b"0")
            if self._is_too_large or not length.isdigit() or int(length[:20]) > limit:
                raise BodyTooLarge(limit)
            parts: list[bytes] = []
            size = 0
            while not self._is_read:
                message = await self._receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                part = message.get("body", b"")
                size += len(part)
                if size > limit:
                    self._is_too_large = True
                    raise BodyTooLarge(limit)
                parts.append(part)
                self._is_read = not message.get("more_body", False)
            self.body_so_far = b"".join(parts)
        if len(self.body_so_far) > limit:
            raise BodyTooLarge(limit)
        return self.body_so_far

    async def pause(self, seconds: float) -> None:
        """Wait so long. Raises ClientDisconnect as soon as the client is gone. The body must have been read."""
        await self.pause_until(asyncio.timeout(seconds))

    async def pause_until(self, end: asyncio.Timeout) -> None:
        """Wait until this end, which others may bring forward meanwhile. Raises ClientDisconnect as `pause` does."""
        try:
            async with end:
                await self.disconnection()
        except TimeoutError:
            return
        raise ClientDisconnect

    async def disconnection(self) -> None:
        """Wait until the client is gone."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


@dataclass(slots=True)
class Response:
    """A whole response. `send` is the one writer of responses on ASGI, `to_bytes` the one below it."""

    status: int
    headers: Headers
    body: bytes

    def all_headers(self, request_id: str) -> list[tuple[bytes, bytes]]:
        """The header fields with those that every response has."""
        length = (b"content-length", b"%d" % len(self.body))
        return [(b"x-request-id", request_id.encode()), NOSNIFF, *self.headers, length]

    async def send(self, send: Send, request_id: str) -> None:
        """Write the response on ASGI, with the header fields that every response has."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.all_headers(request_id)})
        await send({"type": "http.response.body", "body": self.body})

    def to_bytes(self, request_id: str, more_headers: Headers, *, has_body: bool) -> bytes:
        """The response as HTTP/1.1, for a connection on which there is no ASGI scope yet."""
        fields = b"".join(b"%s: %s\r\n" % field for field in (*more_headers, *self.all_headers(request_id)))
        return b"%s%s\r\n%s" % (STATUS_LINES[self.status], fields, self.body if has_body else b"")
