"""What the authorization server says of itself, and its keys.

Source: docs/contract.md, 3.2, "Discovery"; RFC 8414; OpenID Connect Discovery 1.0; RFC 7517.
"""

from collections.abc import Callable, Iterable
from typing import Any

from fastapi import APIRouter, Request

from workflow_mock.http.hosts import issuer_url
from workflow_mock.oauth.issuers import OwnIssuer
from workflow_mock.oauth.keys import ALGORITHM
from workflow_mock.oauth.token_endpoint import GRANT
from workflow_mock.paths import ISSUER_PATH, JWKS_PATH, OPENID_PATH, TOKEN_PATH


def router(issuer: OwnIssuer, scopes: Callable[[], Iterable[str]]) -> APIRouter:
    """The routes, each of which names only endpoints that exist."""
    routes = APIRouter()

    @routes.get(OPENID_PATH)
    @routes.get(f"/.well-known/oauth-authorization-server{ISSUER_PATH}")
    async def metadata(request: Request) -> dict[str, Any]:
        here = issuer_url(request.scope, request.headers.get("host", "").encode("latin-1"))
        base = here.removesuffix(ISSUER_PATH)
        return {
            "issuer": issuer.name(here),
            "token_endpoint": base + TOKEN_PATH,
            "jwks_uri": base + JWKS_PATH,
            "grant_types_supported": [GRANT],
            "response_types_supported": [],
            "subject_types_supported": ["public"],
            "scopes_supported": sorted(scopes()),
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
        }

    @routes.get(JWKS_PATH)
    async def jwks() -> dict[str, Any]:
        await issuer.signing_key()
        return {"keys": [dict(key.public_jwk) for key in issuer.signing_keys]}

    return routes
