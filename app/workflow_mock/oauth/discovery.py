"""What the authorization server says of itself, and its keys.

Source: docs/contract.md, 3.2, "Discovery"; RFC 8414; OpenID Connect Discovery 1.0; RFC 7517.
"""

from collections.abc import Callable, Iterable
from urllib.parse import unquote, urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from workflow_mock.http.hosts import base_url
from workflow_mock.oauth.issuers import OwnIssuer
from workflow_mock.oauth.keys import ALGORITHM
from workflow_mock.oauth.token_endpoint import GRANT, customer_of, path_of
from workflow_mock.paths import ISSUER_PATH, JWKS_PATH, METADATA_PATH, OPENID_PATH, TOKEN_PATH


class _Document(JSONResponse):
    media_type = "application/json; charset=UTF-8"


class _AnyCaseRoute(APIRoute):
    """A route that matches its path in any case. `path` is in lower case."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return super().matches({**scope, "path": path_of(scope)} if scope["type"] == "http" else scope)


def router(issuer: OwnIssuer, scopes: Callable[[], Iterable[str]], *, strict: bool = False) -> APIRouter:
    """The routes, each of which names only endpoints that exist; `strict` has their paths in one case."""
    # Without a response model: FastAPI would import pydantic's old version to look at one, which takes 50 ms.
    routes = APIRouter(route_class=APIRoute if strict else _AnyCaseRoute)

    async def metadata(request: Request) -> _Document:
        base = base_url(request.scope, request.headers.get("host", "").encode("latin-1"), issuer.fixed_name)
        customer_id = customer_of(request.scope["query_string"])
        found = {
            "issuer": issuer.name(base + ISSUER_PATH),
            "token_endpoint": base + TOKEN_PATH + (f"?customerId={customer_id}" if customer_id else ""),
            "jwks_uri": base + JWKS_PATH,
            "grant_types_supported": [GRANT],
            "response_types_supported": ["token"],  # required, and no empty list (RFC 8414, sections 2 and 3.2)
            "subject_types_supported": ["public"],
            "scopes_supported": sorted(scopes()),
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
        }
        return _Document({name: value for name, value in found.items() if value != []})

    for path in _metadata_paths(issuer.fixed_name):
        routes.add_api_route(path if strict else path.lower(), metadata)

    @routes.get(JWKS_PATH)
    async def jwks() -> _Document:
        await issuer.signing_key()
        return _Document({"keys": [dict(key.public_jwk) for key in issuer.signing_keys]})

    return routes


def _metadata_paths(fixed_issuer: str | None) -> list[str]:
    """Where clients look for the metadata; with a fixed issuer also those that its path makes (RFC 8414, section 3)."""
    paths = [OPENID_PATH, METADATA_PATH]
    path = unquote(urlsplit(fixed_issuer or ISSUER_PATH).path).rstrip("/")
    if path != ISSUER_PATH and not {"{", "}"} & set(path):  # which FastAPI takes for parameters
        paths += [f"{path}/.well-known/openid-configuration", f"/.well-known/oauth-authorization-server{path}"]
    return paths
