"""A browser that has logged in to the page: with `--admin-token`, a cookie takes the place of the header.

The cookie has no token in it, only a proof of it that this process made, and ends with the process or the browser.
"""

import hmac
from hashlib import sha256
from secrets import token_bytes
from urllib.parse import quote

from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from workflow_mock.paths import ADMIN_PATH, UI_PATH
from workflow_mock.settings import Settings

COOKIE = "workflow_mock_admin"
LOGIN_PATH = f"{UI_PATH}/login"
STATIC_PATH = f"{UI_PATH}/static"

_KEY = token_bytes(32)


def is_for_everybody(path: str) -> bool:
    """Whether a path is that of the login form, or of the files that it needs."""
    return path == LOGIN_PATH or path.startswith(f"{STATIC_PATH}/")


def to_login(scope: Scope) -> Response:
    """Send a browser to the login form, which sends it back."""
    query = scope["query_string"].decode("latin-1")
    return RedirectResponse(f"{LOGIN_PATH}?next={quote(scope['path'] + (f'?{query}' if query else ''), safe='')}", 303)


def has_session(scope: Scope, settings: Settings) -> bool:
    """Whether the cookie proves that the browser has logged in."""
    return hmac.compare_digest(HTTPConnection(scope).cookies.get(COOKIE, "").encode(), _proof(settings).encode())


def begin_session(response: Response, settings: Settings, *, is_secure: bool) -> None:
    """Give the browser its cookie."""
    response.set_cookie(COOKIE, _proof(settings), path=ADMIN_PATH, secure=is_secure, httponly=True, samesite="strict")


def end_session(response: Response) -> None:
    """Take the browser's cookie away."""
    response.delete_cookie(COOKIE, path=ADMIN_PATH, httponly=True, samesite="strict")


def is_right(token: str, settings: Settings) -> bool:
    """Whether this is the token of `--admin-token`."""
    return hmac.compare_digest(token.encode(), (settings.admin_token or "").encode()) and bool(token)


def _proof(settings: Settings) -> str:
    return hmac.new(_KEY, (settings.admin_token or "").encode(), sha256).hexdigest()
