"""The authorization server's endpoints: tokens, keys and metadata.

Source: contract, section 3; RFC 6749, sections 2.3.1, 4.4 and 5; RFC 8414; OpenID Connect Discovery 1.0.
"""

import hmac
import logging
import re
from base64 import b64decode
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import parse_qsl, unquote_plus

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from workflow_mock.oauth.issue import Client, Minter
from workflow_mock.oauth.issuers import OwnIssuer
from workflow_mock.settings import ISSUER_PATH, TOKEN_PATH

MAX_FORM_BYTES = 64 * 1024
MAX_CREDENTIAL_CHARACTERS = 100
MAX_FIELDS = 50

_GRANT = "client_credentials"
_OTHER_GRANTS = frozenset(
    {
        "authorization_code",
        "implicit",
        "password",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:openid:params:grant-type:ciba",
    }
)
"""Grants that the platform knows and that no client of ours may use."""

_HEADERS = {
    "Cache-Control": "no-store, no-cache, max-age=0",
    "Pragma": "no-cache",
    "Content-Type": "application/json; charset=UTF-8",
    "X-Content-Type-Options": "nosniff",
}
_HOST = re.compile(r"[A-Za-z0-9._-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")

logger = logging.getLogger(__name__)


class TokenRefused(Exception):
    """An error of RFC 6749, section 5.2. The reason is for the log: the answer carries the code alone."""

    def __init__(self, code: str, reason: str, *, basic: bool = False) -> None:
        super().__init__(reason)
        self.code = code
        self.basic = basic


@lru_cache(maxsize=256)
def request_issuer(scheme: str, host: bytes | None, server: tuple[str, int | None] | None) -> str:
    """What our issuer's name is to whoever sent a request: `scheme://host[:port]/api/authentication`.

    A Host that isn't a host name or address counts as none, and then the address that the request came to is used.
    """
    name = host.decode("latin-1") if host else ""
    if not _HOST.fullmatch(name):
        address, port = server or ("localhost", None)
        name = f"[{address}]" if ":" in address else address
        name += f":{port}" if port else ""
    return f"{scheme}://{name}{ISSUER_PATH}"


def issuer_of(request: Request) -> str:
    host = request.headers.get("host")
    return request_issuer(request.url.scheme, host.encode("latin-1") if host else None, request.scope.get("server"))


def router(
    issuer: OwnIssuer, minter: Minter, clients: Mapping[str, Client], *, default_scope: str, strict: bool
) -> APIRouter:
    """The routes of the authorization server."""
    endpoint = TokenEndpoint(minter, clients, default_scope=default_scope, strict=strict)
    routes = APIRouter(include_in_schema=False)

    @routes.api_route(TOKEN_PATH, methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    async def token(request: Request) -> JSONResponse:
        return await endpoint.answer(request)

    @routes.get(f"{ISSUER_PATH}/.well-known/openid-configuration")
    @routes.get(f"/.well-known/oauth-authorization-server{ISSUER_PATH}")
    async def metadata(request: Request) -> JSONResponse:
        name = issuer.name(issuer_of(request))
        base = issuer_of(request).removesuffix(ISSUER_PATH)
        return JSONResponse(
            {
                "issuer": name,
                "token_endpoint": base + TOKEN_PATH,
                "jwks_uri": f"{base}{ISSUER_PATH}/.well-known/openid-configuration/jwks",
                "grant_types_supported": [_GRANT],
                "response_types_supported": ["token"],
                "subject_types_supported": ["public"],
                "scopes_supported": sorted(endpoint.scopes),
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    @routes.get(f"{ISSUER_PATH}/.well-known/openid-configuration/jwks")
    async def jwks() -> JSONResponse:
        key = await issuer.signing_key()
        return JSONResponse({"keys": [key.public_jwk]})

    return routes


class TokenEndpoint:
    def __init__(self, minter: Minter, clients: Mapping[str, Client], *, default_scope: str, strict: bool) -> None:
        self._minter = minter
        self._clients = clients
        self._default_scopes = (default_scope,)
        self._strict = strict
        self._nobody = Client("", secret="")

    @property
    def scopes(self) -> frozenset[str]:
        """Every scope that some client may have."""
        return frozenset(scope for client in self._clients.values() for scope in self._scopes_of(client))

    async def answer(self, request: Request) -> JSONResponse:
        try:
            form = await _read_form(request)
            client = self._authenticate(form, request.headers.getlist("authorization"))
            scopes = self._grant(client, form)
        except TokenRefused as refusal:
            logger.info("%s %s: %s (%s)", request.method, request.url.path, refusal.code, refusal)
            if refusal.basic and self._strict:
                challenge = {"WWW-Authenticate": 'Basic realm="token", charset="UTF-8"'}
                return JSONResponse({"error": refusal.code}, status_code=401, headers=_HEADERS | challenge)
            return JSONResponse({"error": refusal.code}, status_code=400, headers=_HEADERS)
        token = await self._minter.mint(client, scopes, issuer_of(request))
        body = {
            "access_token": token,
            "expires_in": int(self._minter.lifetime.total_seconds()),
            "token_type": "Bearer",
            "scope": " ".join(scopes),
        }
        return JSONResponse(body, headers=_HEADERS)

    def _authenticate(self, form: Mapping[str, str], authorization: list[str]) -> Client:
        basic = _basic_credentials(authorization)
        if basic and self._strict and "client_secret" in form:
            raise TokenRefused("invalid_request", "credentials in the header and in the form")
        client_id, secret = basic or (form.get("client_id", ""), form.get("client_secret", ""))
        if max(len(client_id), len(secret)) > MAX_CREDENTIAL_CHARACTERS:
            raise TokenRefused("invalid_client", "id or secret over 100 characters", basic=basic is not None)
        client = self._clients.get(client_id, self._nobody)
        # The comparison is made for an unknown client too: the time taken must not tell the two apart.
        matches = hmac.compare_digest(client.secret.encode(), secret.encode())
        if client is self._nobody or not matches or not secret:
            reason = "unknown client id" if client is self._nobody else "wrong secret"
            raise TokenRefused("invalid_client", reason, basic=basic is not None)
        return client

    def _grant(self, client: Client, form: Mapping[str, str]) -> tuple[str, ...]:
        """The scopes to put into the token."""
        grant = form.get("grant_type", "")
        if grant in _OTHER_GRANTS:
            raise TokenRefused("unauthorized_client", "clients here may use client_credentials alone")
        if grant != _GRANT:
            raise TokenRefused("unsupported_grant_type", "grant_type must be client_credentials")
        allowed = self._scopes_of(client)
        wanted = tuple(dict.fromkeys(form.get("scope", "").split()))
        if not set(wanted) <= set(allowed):
            raise TokenRefused("invalid_scope", "a scope that is unknown or not the client's")
        return wanted or allowed

    def _scopes_of(self, client: Client) -> tuple[str, ...]:
        return self._default_scopes if client.scopes is None else client.scopes


async def _read_form(request: Request) -> dict[str, str]:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method != "POST" or media_type != "application/x-www-form-urlencoded":
        raise TokenRefused("invalid_request", "not a POST of application/x-www-form-urlencoded")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_FORM_BYTES:
                raise TokenRefused("invalid_request", f"the form is over {MAX_FORM_BYTES} bytes")
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except (ValueError, ClientDisconnect):
        raise TokenRefused("invalid_request", "the form can't be read") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise TokenRefused("invalid_request", "a parameter is repeated (RFC 6749, section 3.2)")
    return form


def _basic_credentials(authorization: list[str]) -> tuple[str, str] | None:
    """Id and secret of a Basic header, each form-decoded (RFC 6749, section 2.3.1); None where there is none."""
    basic = [value for value in authorization if value[:6].lower() in ("basic", "basic ")]
    if not basic:
        return None
    try:
        if len(authorization) > 1:
            raise ValueError("repeated")
        decoded = b64decode(basic[0][6:].strip(), validate=True).decode("utf-8")
        client_id, colon, secret = decoded.partition(":")
        if not colon:
            raise ValueError("no colon")
        return unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict")
    except ValueError:
        raise TokenRefused("invalid_client", "the Basic header can't be read", basic=True) from None
