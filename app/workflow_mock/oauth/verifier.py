"""Access tokens, checked: form → algorithm → key → signature → lifetime → audience → issuer → claims, then scope.

Source: docs/contract.md, 2, "Bearer tokens"; RFC 6750, section 3.1; RFC 7515, section 5.2; RFC 8725; RFC 9068,
section 4. The `WWW-Authenticate` texts are those of ASP.NET Core's JwtBearerHandler (inferred).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from workflow_mock.caching import BoundedDict
from workflow_mock.errors import ApiError
from workflow_mock.formats import timestamp
from workflow_mock.oauth.issuers import TrustedIssuer
from workflow_mock.oauth.jws import take_apart, token_error
from workflow_mock.oauth.keys import VerificationKey, compact_json
from workflow_mock.state.clock import Clock
from workflow_mock.state.exchange import Facts, add_facts, attach
from workflow_mock.state.journal import digest
from workflow_mock.state.redaction import redact_json, redact_tokens
from workflow_mock.strict_json import whole_text

CACHED_TOKENS = 1024
"""Signatures that stay verified: the least recently used gives way. About 2 MB when full of ordinary tokens."""
MAX_CACHED_BYTES = 4096
"""A longer token is verified each time."""

_CODES_OF_TIMES = frozenset({"token_expired", "token_not_yet_valid"})
"""Codes of the refusals that depend on the clock."""


_ALWAYS, _NEVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

Strings = str | list[str]
Time = Annotated[float, Field(ge=-62_135_596_800, lt=253_402_300_800)]
"""A NumericDate (RFC 7519, section 2), in seconds since 1970, that is in the calendar: in the years 1 to 9999."""


@with_config(ConfigDict(strict=True))
class Claims(TypedDict, total=False):
    """The claims that count (RFC 9068, section 2.2); a token may have others."""

    iss: str
    aud: Strings
    nbf: Time
    exp: Time
    iat: Time
    sub: str
    client_id: str
    jti: str
    scope: Strings
    """A list, as IdentityServer writes it, or words with spaces between (RFC 9068, section 2.2.3)."""
    customer_id: Strings


_validate = TypeAdapter(Claims).validator.validate_python


@dataclass(slots=True)
class SignedToken:
    """A token whose signature holds, the key and issuer that vouch for it, and what its claims come to."""

    facts: Facts
    """Digest, claims and client id. The claims are kept as JSON, in a third of the room that they take when read."""
    key: VerificationKey
    trusted: TrustedIssuer
    claims: Claims
    """Without the invalid ones, which count as missing."""
    invalid: Sequence[str]
    """Names of the claims that are of a wrong type or out of range."""
    begins: datetime
    """`nbf` less the clock skew: the first moment at which it counts."""
    ends: datetime
    """`exp` with the clock skew: the first moment at which it doesn't count any more."""
    has_audience: bool
    has_scope: bool
    customers: frozenset[str] | None
    """In lower case; None where it is for every customer."""


class TokenVerifier:
    """Verifies the access tokens of the workflow API.

    What is cached is the verdict on a *signature*, which can't change while its key is trusted; everything that can
    change (the key's standing, time, issuer, customer) is looked at on every request.
    """

    def __init__(
        self,
        issuers: tuple[TrustedIssuer, ...],
        clock: Clock,
        *,
        audience: str,
        scope: str,
        clock_skew: timedelta,
        require_customer_claim: bool,
    ) -> None:
        self._issuers = issuers
        self._algorithms = frozenset[str]().union(*(trusted.algorithms for trusted in issuers))
        self._clock = clock
        self._audience = audience
        self._scope = scope
        self._skew = clock_skew.total_seconds()
        self._require_customer_claim = require_customer_claim
        self._signed: BoundedDict[bytes, SignedToken] = BoundedDict(CACHED_TOKENS)

    async def verify(
        self, token: bytes, customer_id: str | None, now: datetime, *, request_issuer: Callable[[], str]
    ) -> Facts:
        """Whose the token is, if it may start executions for this customer at this moment.

        `request_issuer` gives our issuer's URL as the sender of the request knows it. Raises ApiError, 401 or 403, with
        the facts that were known.
        """
        signed = self._signed.get(token)
        if signed is not None and signed.trusted.trusts(signed.key):
            self._signed.move_to_end(token)
        else:
            self._signed.pop(token, None)
            facts = Facts(token_digest=digest(token))
            with attach(facts):
                signed = await self._check_signature(token, facts)
            if len(token) <= MAX_CACHED_BYTES:
                self._signed[token] = signed
        try:
            self._check_claims(signed, request_issuer, now)
            self._check_rights(signed, customer_id)
        except ApiError as error:
            if error.code in _CODES_OF_TIMES and self._clock.has_own(customer_id):
                hint = "?customerId= at the token URL gets a token of that time"
                message = f"{error}; the customer's clock has {timestamp(now)}; {hint}"
                error = ApiError(error.code, message, headers=error.headers)
            add_facts(error, signed.facts)
            raise error from None
        return signed.facts

    async def _check_signature(self, token: bytes, facts: Facts) -> SignedToken:
        header, payload, claims, signing_input, signature = take_apart(token)
        if header.has_extension or header.algorithm not in self._algorithms:
            message = "The token's alg isn't one that is accepted here, or its header has crit or b64"
            raise token_error("token_algorithm", message, "The signature is invalid")
        issuer = claims.get("iss")
        for trusted in self._issuers:
            if trusted.needs_keys(issuer, header.kid):
                await trusted.get_keys()
        keys = [(key, trusted) for trusted in self._issuers for key in trusted.keys]
        named = [each for each in keys if each[0].kid == header.kid is not None]
        for key, trusted in named or [each for each in keys if each[0].is_named(header.kid)]:
            if key.algorithm == header.algorithm and key.verifies(signing_input, signature):
                read, invalid = _read_claims(claims)
                shown = redact_json(claims)
                client_id = whole_text(redact_tokens(read.get("client_id", ""))) or None
                facts = replace(facts, claims=payload if shown == claims else compact_json(shown), client_id=client_id)
                return self._signed_token(facts, key, trusted, read, invalid)
        if not named:
            message = "No key fits the token: it names none that is known here. Is it from before this server's start?"
            if any(trusted.lacks_keys(issuer) for trusted in self._issuers):
                message = (
                    "The keys of the token's issuer can't be had: the log says why. They are asked for again in 2 s"
                )
            raise token_error("token_key_unknown", message, "The signature key was not found")
        if all(key.algorithm != header.algorithm for key, _ in named):
            message = f"The key that the token names serves {named[0][0].algorithm} alone"
            raise token_error("token_algorithm", message, "The signature is invalid")
        raise token_error("token_signature", "The signature is invalid")

    def _signed_token(
        self, facts: Facts, key: VerificationKey, trusted: TrustedIssuer, claims: Claims, invalid: Sequence[str]
    ) -> SignedToken:
        scopes = claims.get("scope", ())
        is_for_customers = "customer_id" in claims or self._require_customer_claim
        return SignedToken(
            facts,
            key,
            trusted,
            claims,
            invalid,
            begins=_moment(claims["nbf"] - self._skew) if "nbf" in claims else _ALWAYS,
            ends=_moment(claims["exp"] + self._skew) if "exp" in claims else _NEVER,
            has_audience=self._audience in _listed(claims.get("aud")),
            has_scope=self._scope in (scopes.split(" ") if isinstance(scopes, str) else scopes),
            customers=frozenset(map(str.lower, _listed(claims.get("customer_id")))) if is_for_customers else None,
        )

    def _check_claims(self, token: SignedToken, request_issuer: Callable[[], str], now: datetime) -> None:
        claims = token.claims
        if now < token.begins:
            raise token_error("token_not_yet_valid", f"The token is not valid before '{_show(claims['nbf'])}'")
        if now >= token.ends:
            raise token_error("token_expired", f"The token expired at '{_show(claims['exp'])}'")
        if not token.has_audience:
            shown = _escape(", ".join(_listed(claims.get("aud")))) or "(null)"
            message = f"The token's aud is not {self._audience}"
            raise token_error("token_audience", message, f"The audience '{shown}' is invalid")
        issuer = claims.get("iss")
        if issuer is None or not token.trusted.accepts(issuer, request_issuer):
            shown = "(null)" if issuer is None else _escape(issuer)
            message = "The token's iss isn't an issuer whose tokens are accepted here"
            raise token_error("token_issuer", message, f"The issuer '{shown}' is invalid")
        if "exp" not in claims and "exp" not in token.invalid:
            raise token_error("token_claims", "The token has no expiration")
        if token.invalid:
            message = f"The token's {token.invalid[0]} is of a wrong type or out of range"
            raise token_error("token_claims", message, None)

    def _check_rights(self, token: SignedToken, customer_id: str | None) -> None:
        if not token.has_scope:
            challenge = f'Bearer error="insufficient_scope", scope="{self._scope}"'.encode()
            message = f"The token lacks the scope {self._scope}"
            raise ApiError("insufficient_scope", message, headers=((b"www-authenticate", challenge),))
        if token.customers is not None and customer_id not in token.customers:
            raise ApiError("customer_forbidden", "The token doesn't allow acting for the customer of the path")


def _read_claims(claims: dict[str, Any]) -> tuple[Claims, Sequence[str]]:
    """The claims that are valid, and the names of the others."""
    try:
        return _validate(claims), ()
    except ValidationError as error:
        invalid = [str(problem["loc"][0]) for problem in error.errors(include_url=False, include_input=False)]
        return _validate({name: claims[name] for name in claims.keys() - invalid}), invalid


def _listed(value: Strings | None) -> list[str]:
    return [value] if isinstance(value, str) else value or []


def _moment(seconds: float) -> datetime:
    """A time in seconds since 1970; the calendar's first or last where it is out of the calendar."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError):
        return _ALWAYS if seconds < 0 else _NEVER


def _show(seconds: float) -> str:
    """A time as .NET's invariant culture writes it: `02/20/2000 00:00:00`."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%m/%d}/{moment.year:04d} {moment:%H:%M:%S}"


def _escape(text: str) -> str:
    """Text from outside, fit for a quoted string in a header (RFC 9110, section 5.6.4), at most 200 characters."""
    printable = "".join(character if " " <= character <= "~" else "?" for character in text[:200])
    return printable.replace("\\", "\\\\").replace('"', '\\"')
