"""An id for each request: `X-Request-Id` of its response, `id` of its journal entry, and in the log."""

from itertools import count
from secrets import token_hex

from starlette.types import ASGIApp, Message, Receive, Scope, Send

NOSNIFF = (b"x-content-type-options", b"nosniff")
"""A header of every response."""

_NAME = b"x-request-id"

next_request_id = map((token_hex(4) + "-%06x").__mod__, count(1)).__next__
"""A new id: eight hexadecimal digits of this process, and the request's number in it."""


def request_id_of(scope: Scope) -> str:
    """The request's id, made by whoever asks first and kept in `scope["state"]`."""
    state = scope.get("state")
    if state is None:
        state = scope["state"] = {}
    request_id: str | None = state.get("request_id")
    if request_id is None:
        request_id = state["request_id"] = next_request_id()
    return request_id


class RequestIdMiddleware:
    """ASGI middleware: adds `X-Request-Id` and `X-Content-Type-Options` to each response that lacks them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = request_id_of(scope).encode()

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                names = {name for name, _ in headers}
                message["headers"] = headers
                headers += [header for header in ((_NAME, request_id), NOSNIFF) if header[0] not in names]
            await send(message)

        await self.app(scope, receive, send_with_headers)
