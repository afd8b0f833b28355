"""Access tokens, checked: form → key → signature → lifetime → audience → issuer, then scope and customer.

Where the token names a key that nobody has, and no other fits, lifetime, issuer and audience are told first.

Source: docs/contract.md, 2, "Bearer tokens"; RFC 6750, section 3.1; RFC 7515, section 5.2; RFC 8725; RFC 9068,
section 4. Order and `WWW-Authenticate` texts are those of ASP.NET Core's JwtBearerHandler (measured).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from workflow_mock.caching import BoundedDict
from workflow_mock.errors import ApiError
from workflow_mock.formats import timestamp
from workflow_mock.oauth.claims import (
    FIRST,
    Claims,
    audience_error,
    issuer_error,
    lifetime_error,
    read_claims,
    scopes_of,
    undocumented,
)
from workflow_mock.oauth.issuers import TrustedIssuer
from workflow_mock.oauth.jws import Parts, take_apart, token_error
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
MAX_TRIED_KEYS = 16
"""Keys of one issuer that a token is verified with, the set's first; more than the own issuer can have."""

_TYPES = frozenset({"at+jwt", "application/at+jwt", "jwt", "application/jwt"})
"""The `typ` of an access token (RFC 9068, section 2.1; RFC 7519, section 5.1), in lower case."""
_CODES_OF_TIMES = frozenset({"token_expired", "token_not_yet_valid"})
"""Codes of the refusals that depend on the clock."""


@dataclass(slots=True)
class SignedToken:
    """A token whose signature holds, the key and issuer that vouch for it, and what its claims come to."""

    facts: Facts
    """Digest, claims and client id. The claims are kept as JSON, in a third of the room that they take when read."""
    key: VerificationKey
    trusted: TrustedIssuer
    claims: Claims
    has_audience: bool
    has_scope: bool
    flaw: tuple[str, str, str | None] | None
    """Code, message and description of the 401 where nothing else is wrong with it."""


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
        strict: bool = False,
    ) -> None:
        self._issuers = issuers
        self._algorithms = frozenset[str]().union(*(trusted.algorithms for trusted in issuers))
        self._clock = clock
        self._audience = audience
        self._audiences = frozenset({audience, f"{audience}/", audience.removesuffix("/")}) - {""}
        self._scope = scope
        self._skew = clock_skew.total_seconds()
        self._require_customer_claim = require_customer_claim
        self._strict = strict
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
                signed = await self._check_signature(token, facts, request_issuer, now)
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

    async def _check_signature(
        self, token: bytes, facts: Facts, request_issuer: Callable[[], str], now: datetime
    ) -> SignedToken:
        parts = take_apart(token)
        header = parts.header
        claims = read_claims(parts.claims, self._skew)
        is_accepted = header.algorithm in self._algorithms
        if header.has_extension or not parts.signature:
            code = "token_algorithm" if header.has_extension or not is_accepted else "token_signature"
            message = "The token's header has crit or b64" if header.has_extension else "The token isn't signed"
            raise token_error(code, message, "The signature is invalid")
        issuer = parts.claims.get("iss")
        for trusted in self._issuers:
            if trusted.needs_keys(issuer, header.kid):
                await trusted.get_keys()
        known = [(trusted, trusted.keys) for trusted in self._issuers]
        with_the_id = ((trusted, [key for key in keys if key.kid == header.kid is not None]) for trusted, keys in known)
        named = [(trusted, keys) for trusted, keys in with_the_id if keys]
        for trusted, keys in named or known:
            for key in [key for key in keys if key.algorithm == header.algorithm][:MAX_TRIED_KEYS]:
                if key.verifies(parts.signing_input, parts.signature):
                    return self._signed_token(facts, key, trusted, parts, claims)
        if named:
            served = [key.algorithm for _, keys in named for key in keys]
            if header.algorithm not in served:
                message = f"The key that the token names serves {' or '.join(dict.fromkeys(served))} alone"
                raise token_error("token_algorithm", message, "The signature is invalid")
            raise token_error("token_signature", "The signature is invalid")
        if header.kid is not None:
            self._check_unsigned(claims, request_issuer, now)
        message = "No key fits the token: it names none that is known here. Is it from before this server's start?"
        if any(trusted.lacks_keys(issuer) for trusted in self._issuers):
            message = "The keys of the token's issuer can't be had: the log says why. They are asked for again in 2 s"
        raise token_error("token_key_unknown", message, "The signature key was not found")

    def _check_unsigned(self, claims: Claims, request_issuer: Callable[[], str], now: datetime) -> None:
        """What is told of a token first whose key nobody knows. A time that is missing is the calendar's first."""
        if not claims.begins <= now < claims.ends:
            raise lifetime_error(now, claims.not_before or FIRST, claims.expires or FIRST, claims.begins)
        issuer = claims.issuer
        if issuer is None or not any(trusted.accepts(issuer, request_issuer) for trusted in self._issuers):
            raise issuer_error(claims)
        if self._audiences.isdisjoint(claims.audiences):
            raise audience_error(claims, self._audience)

    def _signed_token(
        self, facts: Facts, key: VerificationKey, trusted: TrustedIssuer, parts: Parts, claims: Claims
    ) -> SignedToken:
        shown = redact_json(parts.claims)
        client_id = parts.claims.get("client_id")
        client_id = whole_text(redact_tokens(client_id if isinstance(client_id, str) else "")) or None
        is_as_sent = shown == parts.claims and parts.flaw is None
        facts = Facts(facts.token_digest, parts.payload if is_as_sent else compact_json(shown), client_id)
        if claims.customers is None and self._require_customer_claim:
            claims.customers = frozenset()
        return SignedToken(
            facts,
            key,
            trusted,
            claims,
            has_audience=not self._audiences.isdisjoint(claims.audiences),
            has_scope=self._scope in scopes_of(parts.claims),
            flaw=self._flaw(parts, key, claims),
        )

    def _flaw(self, parts: Parts, key: VerificationKey, claims: Claims) -> tuple[str, str, str | None] | None:
        """What no token may have though the platform lets it pass; with `--strict`, also what no document has."""
        if parts.flaw is not None:
            return "token_malformed", f"The token's claims {parts.flaw}", None
        if not self._strict:
            return None
        kid, typ = parts.header.kid, parts.header.typ
        if key.kid is not None and kid not in (None, key.kid):
            return (
                "token_key_unknown",
                "Refused by --strict: no key has the token's kid",
                "The signature key was not found",
            )
        if (typ or "jwt").lower() not in _TYPES:
            return "token_malformed", "Refused by --strict: the token's typ isn't that of an access token", None
        if self._audience not in claims.audiences:
            return (
                "token_audience",
                f"Refused by --strict: the token's aud differs from {self._audience} by a slash",
                None,
            )
        if (name := undocumented(parts.claims)) is not None:
            return (
                "token_claims",
                f"Refused by --strict: the token's {name} is of a wrong type or past the calendar",
                None,
            )
        return None

    def _check_claims(self, token: SignedToken, request_issuer: Callable[[], str], now: datetime) -> None:
        claims = token.claims
        if not claims.begins <= now < claims.ends:
            raise lifetime_error(now, claims.not_before, claims.expires, claims.begins)
        if not token.has_audience:
            raise audience_error(claims, self._audience)
        if claims.issuer is None or not token.trusted.accepts(claims.issuer, request_issuer):
            raise issuer_error(claims)
        if token.flaw is not None:
            raise token_error(*token.flaw)

    def _check_rights(self, token: SignedToken, customer_id: str | None) -> None:
        if not token.has_scope:
            raise ApiError("insufficient_scope", f"The token lacks the scope {self._scope}")
        customers = token.claims.customers
        if customers is not None and customer_id not in customers:
            raise ApiError("customer_forbidden", "The token doesn't allow acting for the customer of the path")
