"""The token endpoint.

Source: docs/contract.md, 3.1, "The token endpoint"; RFC 6749, sections 2.3.1, 4.4 and 5.
"""

import hmac
import logging
import re
from base64 import b64decode
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote_plus

from starlette.types import Receive, Scope

from workflow_mock.domain.ids import parse_uuid
from workflow_mock.errors import ErrorDetail
from workflow_mock.oauth.issue import Client, Minter
from workflow_mock.oauth.keys import compact_json
from workflow_mock.settings import TOKEN_PATH
from workflow_mock.state.journal import FORM, Exchange
from workflow_mock.web import Answer, TooLarge, issuer_of, read_body

MAX_FORM_BYTES = 64 * 1024
MAX_CREDENTIAL_CHARACTERS = 100
MAX_FIELDS = 50

GRANT = "client_credentials"
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

_HEADERS = (
    (b"cache-control", b"no-store, no-cache, max-age=0"),
    (b"pragma", b"no-cache"),
    (b"content-type", b"application/json; charset=UTF-8"),
)
_BASIC_CHALLENGE = ((b"www-authenticate", b'Basic realm="token", charset="UTF-8"'),)

_CUSTOMER = re.compile(rb"(?:^|&)customerId=([^&]*)")

logger = logging.getLogger(__name__)


class TokenRefused(Exception):
    """An error of RFC 6749, section 5.2. The reason is for the log: the answer carries the code alone."""

    def __init__(self, code: str, reason: str, *, basic: bool = False) -> None:
        super().__init__(reason)
        self.code = code
        self.basic = basic


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

    async def __call__(self, exchange: Exchange, scope: Scope, receive: Receive) -> Answer:
        try:
            form = await _read_form(exchange, receive)
            client = self._authenticate(
                form, [v.decode("latin-1") for name, v in scope["headers"] if name == b"authorization"]
            )
            exchange.client_id = client.id
            scopes = self._grant(client, form)
        except TokenRefused as refusal:
            logger.info("%s %s %s: %s (%s)", exchange.id, exchange.method, TOKEN_PATH, refusal.code, refusal)
            exchange.errors = (ErrorDetail(refusal.code, str(refusal)),)
            status, challenge = (401, _BASIC_CHALLENGE) if refusal.basic and self._strict else (400, ())
            return Answer(status, (*_HEADERS, *challenge), compact_json({"error": refusal.code}))
        customer_id = exchange.customer_id or (client.customers[0] if client.customers else "")
        token = await self._minter.mint(client, scopes, issuer_of(scope, exchange.headers.get(b"host")), customer_id)
        body = {
            "access_token": token,
            "expires_in": int(self._minter.lifetime.total_seconds()),
            "token_type": "Bearer",
            "scope": " ".join(scopes),
        }
        return Answer(200, _HEADERS, compact_json(body))

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
        if grant != GRANT:
            raise TokenRefused("unsupported_grant_type", "grant_type must be client_credentials")
        allowed = self._scopes_of(client)
        wanted = tuple(dict.fromkeys(filter(None, form.get("scope", "").split(" "))))
        if not set(wanted) <= set(allowed):
            raise TokenRefused("invalid_scope", "a scope that is unknown or not the client's")
        return wanted or allowed

    def _scopes_of(self, client: Client) -> tuple[str, ...]:
        return self._default_scopes if client.scopes is None else client.scopes


def identify(query: bytes) -> tuple[str, str | None]:
    """The customer in whose world a token is asked for: `?customerId=` at the token URL (sandbox)."""
    named = _CUSTOMER.search(query)
    return (parse_uuid(named[1].decode("latin-1")) or "" if named else ""), None


async def _read_form(exchange: Exchange, receive: Receive) -> dict[str, str]:
    media_type = (exchange.header("content-type") or "").partition(";")[0].strip().lower()
    if exchange.method != "POST" or media_type != FORM:
        raise TokenRefused("invalid_request", f"not a POST of {FORM}")
    try:
        exchange.body = await read_body(exchange, receive, MAX_FORM_BYTES)
        text = exchange.body.decode("ascii")
        # A parameter without a value counts as left out (RFC 6749, section 3.2).
        pairs = parse_qsl(text, errors="strict", max_num_fields=MAX_FIELDS)
    except TooLarge:
        raise TokenRefused("invalid_request", f"the form is over {MAX_FORM_BYTES} bytes") from None
    except ValueError:
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
