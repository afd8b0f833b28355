"""Calls from web pages of other origins (`--cors-origin`).

Source: the Fetch standard, section 3.2; that every response has the envelope, docs/contract.md, 1,
"The documented operation".
"""

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import Receive, Scope, Send


def why_not(method: str, headers: Mapping[bytes, bytes]) -> str:
    """What the refusal of a preflight goes on with, for a browser says only that it was; of another call, ""."""
    asked = headers.get(b"access-control-request-method")
    if method != "OPTIONS" or b"origin" not in headers or asked is None:
        return ""
    page, wanted = (each[:200].decode("latin-1") for each in (headers[b"origin"], asked))
    return (
        f". It is a browser's question whether a page of {page} may send {wanted}: "
        "pages that --cors-origin names may, by GET, HEAD and POST"
    )


class Cors(CORSMiddleware):
    """Starlette's, but without texts of its own: a preflight is answered with 204, or as if it weren't one."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "OPTIONS":
            headers = Headers(scope=scope)
            if "origin" in headers and "access-control-request-method" in headers:
                if (allowed := self.preflight_response(headers)).status_code != 200:
                    await self.app(scope, receive, send)
                    return
                del allowed.headers["content-length"], allowed.headers["content-type"]
                await Response(status_code=204, headers=dict(allowed.headers))(scope, receive, send)
                return
        await super().__call__(scope, receive, send)
