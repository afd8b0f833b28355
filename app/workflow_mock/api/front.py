"""Where requests come in and answers go out.

It is plain ASGI in front of the FastAPI application, and answers a start and a token request itself: FastAPI's own way
to a route costs as much as all the checks of a start together. The rest of the application is ordinary FastAPI.
"""

import logging
from collections.abc import Awaitable, Callable
from itertools import count
from secrets import token_hex

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workflow_mock.api.envelope import render
from workflow_mock.errors import ApiError
from workflow_mock.settings import API_PATH, TOKEN_PATH
from workflow_mock.web import Answer, Disconnected

Handler = Callable[[Scope, Receive], Awaitable[Answer]]

NOSNIFF = (b"x-content-type-options", b"nosniff")

logger = logging.getLogger("workflow_mock.requests")


class Front:
    """ASGI middleware: an id for every request, answers for two of them, and the envelope for what goes wrong there."""

    def __init__(self, app: ASGIApp, *, start: Handler, token: Handler) -> None:
        self._app = app
        self._start = start
        self._token = token
        self._request_ids = map((token_hex(4) + "-{:06x}").format, count(1))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = next(self._request_ids)
        headers = [(b"x-request-id", request_id.encode()), NOSNIFF]
        path = scope["path"]
        if path[: len(API_PATH)].lower() == API_PATH:
            handle = self._start
        elif path == TOKEN_PATH:
            handle = self._token
        else:
            scope["state"]["request_id"] = request_id

            async def send_with_headers(message: Message) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] = [*message["headers"], *headers]
                await send(message)

            await self._app(scope, receive, send_with_headers)
            return
        try:
            answer = await handle(scope, receive)
        except ApiError as error:
            answer = render(error)
            # The path as it was sent: in it, a line break is still %0A and can't forge a line of the log.
            logger.info("%s %s %a: %d %s", request_id, scope["method"], scope["raw_path"], answer.status, error)
            if any(name == b"expect" for name, _ in scope["headers"]):
                # A client that was not told to continue may or may not send its body: only a new connection is clear.
                headers.append((b"connection", b"close"))
        except Disconnected:
            logger.info("%s: the client went away before its request was complete", request_id)
            return
        except Exception:
            logger.exception("%s: a fault of the server's own", request_id)
            answer = render(internal_error(request_id))
        else:
            logger.debug("%s %s %a: %d", request_id, scope["method"], scope["raw_path"], answer.status)
        headers += answer.headers
        headers.append((b"content-length", b"%d" % len(answer.body)))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})


def internal_error(request_id: str) -> ApiError:
    message = f"A fault of the server's own; its log has more under the request id {request_id}"
    return ApiError("internal_error", message)
