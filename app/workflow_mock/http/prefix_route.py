"""Routes that hand all below a path on to another ASGI application."""

import asyncio
from collections.abc import Callable

from starlette.datastructures import URLPath
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import ASGIApp, Receive, Scope, Send


class PrefixRoute(BaseRoute):
    """Hands requests for a path, and all below it, on unchanged; Starlette's Mount would cut the path."""

    def __init__(self, prefix: str, app: ASGIApp) -> None:
        self._prefix = f"{prefix}/"
        self._app = app

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        is_below = scope["type"] == "http" and f"{scope['path']}/".startswith(self._prefix)
        return (Match.FULL if is_below else Match.NONE), {}

    def url_path_for(self, name: str, /, **path_params: object) -> URLPath:
        """Raises NoMatchFound."""
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


class LazyApp:
    """An ASGI application that is built, on a thread, when its first request comes."""

    def __init__(self, build: Callable[[], ASGIApp]) -> None:
        self._build = build
        self._app: ASGIApp | None = None
        self._building = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app or await self._built()
        await app(scope, receive, send)

    async def _built(self) -> ASGIApp:
        async with self._building:
            if self._app is None:
                self._app = await asyncio.to_thread(self._build)
            return self._app
