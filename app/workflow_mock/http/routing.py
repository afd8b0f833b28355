"""Routes that FastAPI doesn't have: one without a name, one for browsers, an application below a path of another."""

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.datastructures import URLPath
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import ASGIApp, Receive, Scope, Send


class UnnamedRoute(BaseRoute):
    """A route that `url_path_for` doesn't know: paths that the application names are in `paths.py`."""

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """Raises NoMatchFound."""
        raise NoMatchFound(name, path_params)


class PrefixRoute(UnnamedRoute):
    """Hands all requests for `prefix`, and for what is below it, to an application.

    Unlike Starlette's Mount, it leaves path and root path as they are: the application's routes have the whole path.
    """

    def __init__(self, prefix: str, app: ASGIApp) -> None:
        self.prefix = prefix
        self.app = app

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        is_below = scope["type"] == "http" and f"{scope['path']}/".startswith(f"{self.prefix}/")
        return (Match.FULL if is_below else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


class BrowserRoute(UnnamedRoute):
    """Sends a browser that asks for `path` elsewhere; to others, there is no such route.

    A browser is known by the text/html in its Accept (RFC 9110, section 12.5.1).
    """

    def __init__(self, path: str, target: str) -> None:
        self.path = path
        self._redirect = RedirectResponse(target, 303)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        is_asked = scope["type"] == "http" and scope["path"] == self.path and is_browser(scope)
        return (Match.FULL if is_asked else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._redirect(scope, receive, send)


def is_browser(scope: Scope) -> bool:
    """Whether a browser asks for a page."""
    wants_page = any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])
    return wants_page and scope["method"] in ("GET", "HEAD")


class LazyApp:
    """An ASGI application that is built, in a thread, when its first request comes."""

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
