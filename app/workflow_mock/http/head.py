"""HEAD (RFC 9110, section 9.3.2)."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadAsGet:
    """ASGI middleware: answers HEAD as the application answers GET, with the same fields and without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        has_ended = False

        async def receive_until_head() -> Message:
            return {"type": "http.disconnect"} if has_ended else await receive()

        async def send_head(message: Message) -> None:
            nonlocal has_ended
            if message["type"] == "http.response.start":
                has_ended = True
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        # From 2.4 on, Starlette's streams don't ask whether the client has left: this one has, once it has the head.
        asgi = {**scope.get("asgi", {"version": "3.0"}), "spec_version": "2.3"}
        await self._app({**scope, "method": "GET", "asgi": asgi}, receive_until_head, send_head)
