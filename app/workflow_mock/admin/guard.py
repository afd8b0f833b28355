"""Who may use the control plane. Health alone is for everybody: see `health`.

With `--admin-token`, whoever has it, or a browser that has logged in with it. Without, whoever calls the server by an
address, a loopback name or a name that was allowed: a page of another site that a developer's browser opens can do
neither, not by DNS rebinding either.
"""

import hmac
from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from workflow_mock.admin.ui.session import has_session, is_for_everybody, to_login
from workflow_mock.errors import ApiError
from workflow_mock.http.envelope import refuse
from workflow_mock.http.hosts import is_local, name_to_allow
from workflow_mock.http.messages import join_headers
from workflow_mock.http.request_id import request_id_of
from workflow_mock.http.routing import is_browser
from workflow_mock.settings import PREFIX, Settings


class Guard:
    """ASGI middleware: passes on what is allowed."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if not self._settings.admin:
                raise ApiError("route_not_found", "The control plane is switched off (--no-admin)")
            check_origin(scope)
            if self._settings.admin_token is None or not is_for_everybody(scope["path"]):
                check_caller(scope, self._settings)
        except ApiError as error:
            if error.code == "admin_token_required" and is_browser(scope):
                await to_login(scope)(scope, receive, send)
            else:
                await refuse(scope, error).send(send, request_id_of(scope))
            return
        await self._app(scope, receive, send)


def check_origin(scope: Scope) -> None:
    """Raises ApiError (403) where a page of another origin asks.

    Browsers send Sec-Fetch-Site to https and loopback alone. To any other address, a page that sends no Origin (a link,
    a form with GET, an image) is known by its Referer.
    """
    host = _headers(scope).get(b"host", "")
    for name, value in scope["headers"]:  # each line of a repeated one
        if name in (b"origin", b"referer"):
            # To the letter: browsers write both in one form. `user@` is no part of it.
            is_ours = value.decode("latin-1").strip().partition("://")[2].partition("/")[0] == host != ""
        else:
            is_ours = name != b"sec-fetch-site" or value.strip() in (b"same-origin", b"none")
        if not is_ours:
            raise ApiError("admin_forbidden", "The control plane doesn't answer pages of other origins")


def check_caller(scope: Scope, settings: Settings) -> None:
    """Raises ApiError: 401 without the token of --admin-token; 403, where none is set, for a name that isn't local."""
    headers = _headers(scope)
    if settings.admin_token is not None:
        scheme, _, token = headers.get(b"authorization", "").partition(" ")
        is_right = hmac.compare_digest(token.strip().encode(), settings.admin_token.encode())
        if not (scheme.lower() == "bearer" and is_right) and not has_session(scope, settings):
            challenge = ((b"www-authenticate", b'Bearer realm="workflow-mock control plane"'),)
            message = "Send Authorization: Bearer and the token that the server was given with --admin-token"
            raise ApiError("admin_token_required", message, headers=challenge)
    elif not is_local(host := headers.get(b"host", ""), settings.allowed_host):
        name = name_to_allow(host) or "NAME"
        raise ApiError(
            "admin_forbidden",
            "Call the control plane by localhost or an address (0.0.0.0 and [::] are none), or start the server with "
            f"--allowed-host {name} ({PREFIX}ALLOWED_HOST={name}) or with --admin-token ({PREFIX}ADMIN_TOKEN)",
        )


def _headers(scope: Scope) -> Mapping[bytes, str]:
    return {name: value.decode("latin-1").strip() for name, value in join_headers(scope["headers"]).items()}
