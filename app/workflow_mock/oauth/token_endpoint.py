"""The token endpoint.

Source: docs/contract.md, 3.1, "The token endpoint"; RFC 6749, sections 2.3.1, 4.4 and 5.
"""

import hmac
import re
from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import unquote_plus

from starlette.types import Scope

from workflow_mock.domain.client import Client
from workflow_mock.errors import OAuthError
from workflow_mock.formats import parse_uuid
from workflow_mock.http.envelope import BASIC_CHALLENGE, TOKEN_HEADERS
from workflow_mock.http.hosts import issuer_url
from workflow_mock.http.messages import Request, Response
from workflow_mock.http.target import remove_dot_segments, unescape_path
from workflow_mock.oauth.bad_tokens import TokenKind
from workflow_mock.oauth.form import read_form
from workflow_mock.oauth.keys import compact_json
from workflow_mock.oauth.token_provider import TokenProvider
from workflow_mock.operation import Matched
from workflow_mock.paths import TOKEN_PATH
from workflow_mock.state.clients import Clients
from workflow_mock.state.exchange import REQUEST_TOKEN, Facts, Result, Target, attach
from workflow_mock.state.next_tokens import NextTokens

MAX_CREDENTIAL_CHARACTERS = 100

GRANT = "client_credentials"
_OTHER_GRANTS = frozenset({"authorization_code", "password", "urn:ietf:params:oauth:grant-type:device_code"})
"""Grants that the platform knows and that no client of ours may use; it doesn't know those that aren't here."""
_WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What .NET trims; Python takes U+001C to U+001F for white space too."""

_CUSTOMER = re.compile(rb"(?:^|&)customerId=([^&]*)")


def customer_of(query: bytes) -> str | None:
    """The customer that `?customerId=` names."""
    named = _CUSTOMER.search(query)
    return parse_uuid(named[1].decode("latin-1")) if named else None


def path_of(scope: Scope) -> str:
    """The path as the platform compares it: without dot segments, ASCII letters in lower case."""
    raw_path = scope.get("raw_path")
    path = remove_dot_segments(unescape_path(raw_path) if raw_path else scope["path"])
    return path.lower() if path.isascii() else path


class TokenEndpoint:
    """The handler of token requests. It authenticates the client, checks grant and scopes, and issues the token."""

    def __init__(
        self, provider: TokenProvider, clients: Clients, next_tokens: NextTokens, *, default_scope: str, strict: bool
    ) -> None:
        self._provider = provider
        self._clients = clients
        self._next_tokens = next_tokens
        self._default_scopes = (default_scope,)
        self._strict = strict
        self._nobody = Client("", secret="")

    @property
    def scopes(self) -> frozenset[str]:
        """Every scope that some client of everybody's may have."""
        shared = (client for customer_id, client in self._clients.owned() if customer_id is None)
        return frozenset(scope for client in shared for scope in self._scopes_of(client))

    def match(self, scope: Scope) -> Matched | None:
        """A request at the token URL; `?customerId=` names the customer whose clock and clients count (sandbox)."""
        if path_of(scope) != TOKEN_PATH or (self._strict and scope["path"] != TOKEN_PATH):
            return None
        return Matched(self, Target(REQUEST_TOKEN, customer_of(scope["query_string"])))

    async def identify(self, request: Request, matched: Matched, now: datetime) -> Facts:
        """Which client it is. Raises OAuthError, ClientDisconnect."""
        form = await read_form(request, strict=self._strict)
        return Facts(client_id=self._client(request, form, matched).id)

    def _client(self, request: Request, form: Mapping[str, str], matched: Matched) -> Client:
        authorization = [value.decode("latin-1") for value in request.values(b"authorization")]
        return self._authenticate(form, authorization, matched.target.customer_id)

    async def __call__(self, request: Request, matched: Matched, now: datetime) -> Result:
        form = await read_form(request, strict=self._strict)
        client = self._client(request, form, matched)
        facts = Facts(client_id=client.id)
        with attach(facts):
            scopes = self._grant(client, form)
            customer_id = matched.target.customer_id or (client.customers[0] if client.customers else None)
            issuer = issuer_url(request.scope, request.headers.get(b"host"))
            lifetime = self._provider.lifetime
            if (wanted := self._next_tokens.take(customer_id, client.id)) is not None:
                lifetime = lifetime if wanted.lifetime is None else wanted.lifetime
                claims = self._provider.claims(client, scopes, issuer, customer_id, lifetime)
                token = await self._provider.make(TokenKind(wanted.kind), claims, {})
            else:
                token = await self._provider.issue(client, scopes, issuer, customer_id)
        body = {
            "access_token": token,
            "expires_in": int(lifetime.total_seconds()),
            "token_type": "Bearer",
            "scope": " ".join(scopes),
        }
        return Result(Response(200, TOKEN_HEADERS, compact_json(body)), facts, now)

    def _authenticate(self, form: Mapping[str, str], authorization: list[str], customer_id: str | None) -> Client:
        is_basic = any(value[:6].lower() in ("basic", "basic ") for value in authorization)
        if is_basic and len(authorization) > 1:
            raise self._invalid_client("there are two Authorization headers", used_basic=True)
        basic = _basic_credentials(authorization[0]) if is_basic else None
        if is_basic and basic is None and self._strict:
            raise self._invalid_client("the Basic header can't be read", used_basic=True)
        if basic and self._strict and "client_secret" in form:
            raise OAuthError("invalid_request", "credentials in the header and in the form")
        client_id, secret = basic or (form.get("client_id", ""), form.get("client_secret", ""))
        if max(len(client_id), len(secret)) > MAX_CREDENTIAL_CHARACTERS:
            raise self._invalid_client("id or secret over 100 characters", used_basic=basic is not None)
        client = self._clients.find(client_id, customer_id) or self._nobody
        # The comparison is made for an unknown client too: the time taken must not tell the two apart.
        matches = hmac.compare_digest(client.secret.encode(), secret.encode())
        if client is self._nobody or not matches or not secret:
            reason = "unknown client id" if client is self._nobody else "wrong secret"
            if is_basic and (basic is None or _has_escapes(authorization[0])):
                reason += "; in a Basic header, id and secret are URL-encoded, then joined (RFC 6749, section 2.3.1)"
            raise self._invalid_client(reason, used_basic=basic is not None)
        return client

    def _invalid_client(self, reason: str, *, used_basic: bool) -> OAuthError:
        """400 as the platform answers; 401 under --strict where the Basic scheme failed (RFC 6749, section 5.2)."""
        if used_basic and self._strict:
            return OAuthError("invalid_client", reason, status=401, headers=(BASIC_CHALLENGE,))
        return OAuthError("invalid_client", reason)

    def _grant(self, client: Client, form: Mapping[str, str]) -> tuple[str, ...]:
        """The scopes to put into the token."""
        grant = form.get("grant_type", "")
        if grant in _OTHER_GRANTS:
            raise OAuthError("unauthorized_client", "clients here may use client_credentials alone")
        if grant == "refresh_token":
            # Nobody has got one here: each that is presented is invalid (RFC 6749, section 5.2).
            is_missing = not form.get("refresh_token", "").strip(_WHITE_SPACE)
            raise OAuthError("invalid_request" if is_missing else "invalid_grant", "there are no refresh tokens here")
        if grant != GRANT:
            raise OAuthError("unsupported_grant_type", "grant_type must be client_credentials")
        allowed = self._scopes_of(client)
        asked = form.get("scope", "").strip(" " if self._strict else _WHITE_SPACE)
        wanted = tuple(sorted({*asked.split(" ")} - {""}))
        if not set(wanted) <= set(allowed):
            raise OAuthError("invalid_scope", "a scope that is unknown or not the client's")
        if not allowed:
            raise OAuthError("invalid_scope", "the client may have no scope at all")
        return wanted or tuple(sorted(allowed))

    def _scopes_of(self, client: Client) -> tuple[str, ...]:
        return self._default_scopes if client.scopes is None else client.scopes


def _has_escapes(authorization: str) -> bool:
    """Whether a Basic header that can be read has what URL-encoding gives another meaning."""
    return not {*b"+%"}.isdisjoint(b64decode(authorization[6:].strip()))


def _basic_credentials(authorization: str) -> tuple[str, str] | None:
    """Id and secret of a Basic header, each form-decoded (RFC 6749, section 2.3.1).

    None for a header that can't be read, which counts as none: so the platform does.
    """
    try:
        client_id, colon, secret = b64decode(authorization[6:].strip(), validate=True).decode("utf-8").partition(":")
        return (unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict")) if colon else None
    except ValueError:
        return None
