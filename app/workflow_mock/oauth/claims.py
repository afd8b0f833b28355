"""The claims of an access token: their types, what they come to, and how a 401 shows them.

Source: docs/contract.md, 2, "Bearer tokens"; RFC 7519, sections 2 and 4.1; RFC 9068, section 2.2. What a claim may be,
and the texts, are measured on the platform.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from workflow_mock.errors import ApiError
from workflow_mock.oauth.jws import token_error

FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
"""The ends of the calendar, where times count that are past them."""

_LAST_SECOND = 253_402_300_799
_Time = Annotated[int, Field(ge=-(2**63), lt=2**63)] | Annotated[float, Field(gt=-(2**63), lt=2**63)]
"""A NumericDate (RFC 7519, section 2), in seconds since 1970, of 64 bits."""
_Strings = str | list[str]


@with_config(ConfigDict(strict=True))
class TypedClaims(TypedDict, total=False):
    """The claims that have a type; any other may be anything."""

    iss: str | None
    aud: str | list[str | None] | None
    nbf: _Time
    exp: _Time
    iat: _Time
    sub: str | int | float | None
    jti: str | None
    azp: str | None
    customer_id: _Strings


_validate = TypeAdapter(TypedClaims).validator.validate_python


@dataclass(slots=True)
class Claims:
    """What the claims come to that say for when, for whom and from whom a token is."""

    issuer: str | None
    """`""` where there is none."""
    audiences: list[str]
    nbf: int | None
    exp: int | None
    begins: datetime
    """`nbf` less the clock skew: the first moment at which it counts."""
    ends: datetime
    """`exp` with the clock skew: the first moment at which it doesn't count any more. `FIRST` where it never does."""
    customers: frozenset[str] | None
    """In lower case; None where it names none."""

    @property
    def not_before(self) -> datetime | None:
        """`nbf` as it is compared with `exp`, and shown."""
        return None if self.nbf is None else _in_calendar(self.nbf)

    @property
    def expires(self) -> datetime | None:
        """`exp` as it is compared with `nbf`, and shown."""
        return None if self.exp is None else _in_calendar(self.exp)


def read_claims(claims: Mapping[str, Any], clock_skew: float) -> Claims:
    """What a token's claims come to, with this skew in seconds. Raises ApiError (`token_claims`): a wrong type."""
    try:
        typed = _validate(claims)
    except ValidationError as error:
        name = error.errors(include_url=False, include_input=False)[0]["loc"][0]
        raise token_error("token_claims", f"The token's {name} is of a wrong type or out of range", None) from None
    nbf, exp = typed.get("nbf"), typed.get("exp")
    begins = FIRST if nbf is None else _moment((nbf := round(nbf)) - clock_skew)
    ends = FIRST if exp is None else _moment((exp := round(exp)) + clock_skew)
    if nbf is not None and exp is not None and nbf > exp and _in_calendar(nbf) > _in_calendar(exp):
        ends = FIRST
    customers = frozenset(map(str.lower, _strings(typed["customer_id"]))) if "customer_id" in typed else None
    return Claims(typed.get("iss", ""), _strings(typed.get("aud")), nbf, exp, begins, ends, customers)


def scopes_of(claims: Mapping[str, Any]) -> list[str]:
    """A list, as IdentityServer writes it, or words with spaces between (RFC 9068, section 2.2.3)."""
    scope = claims.get("scope")
    return scope.split(" ") if isinstance(scope, str) else _strings(scope)


def undocumented(claims: Mapping[str, Any]) -> str | None:
    """The first claim that isn't as RFC 7519 and RFC 9068 have it, of those that `read_claims` lets pass."""
    for name in ("sub", "client_id"):
        if not isinstance(claims.get(name, ""), str):
            return name
    for name in ("nbf", "exp", "iat"):
        if not -_LAST_SECOND <= claims.get(name, 0) <= _LAST_SECOND:
            return name
    return None


def lifetime_error(now: datetime, not_before: datetime | None, expires: datetime | None, begins: datetime) -> ApiError:
    """Why a token of these times doesn't count now, which it doesn't."""
    if expires is None:
        return token_error("token_claims", "The token has no expiration")
    if not_before is not None and not_before > expires:
        code = "token_not_yet_valid" if now < begins else "token_expired"
        times = f"NotBefore: '{_show(not_before)}', Expires: '{_show(expires)}'"
        return token_error(code, f"The token lifetime is invalid; {times}")
    if not_before is not None and now < begins:
        return token_error("token_not_yet_valid", f"The token is not valid before '{_show(not_before)}'")
    return token_error("token_expired", f"The token expired at '{_show(expires)}'")


def audience_error(claims: Claims, audience: str) -> ApiError:
    """The 401 of a token that is for others: it names them, as Microsoft.IdentityModel did up to 8.0.1."""
    shown = (_escape(", ".join(claims.audiences)) or "(null)") if claims.audiences else "empty"
    return token_error("token_audience", f"The token's aud is not {audience}", f"The audience '{shown}' is invalid")


def issuer_error(claims: Claims) -> ApiError:
    """The 401 of a token whose issuer isn't trusted."""
    shown = "(null)" if claims.issuer is None else _escape(claims.issuer)
    message = "The token's iss isn't an issuer whose tokens are accepted here"
    return token_error("token_issuer", message, f"The issuer '{shown}' is invalid")


def _strings(value: Any) -> list[str]:
    """The strings of a claim that is one or a list of them."""
    if isinstance(value, str):
        return [value]
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _moment(seconds: float) -> datetime:
    """A time in seconds since 1970; past the calendar it is its end."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return FIRST if seconds < 0 else LAST


def _in_calendar(seconds: int) -> datetime:
    """A time in seconds since 1970; before that it is 1970, and past the calendar its last second."""
    return datetime.fromtimestamp(min(max(seconds, 0), _LAST_SECOND), UTC)


def _show(moment: datetime) -> str:
    """A time as .NET's invariant culture writes it: `02/20/2000 00:00:00`."""
    return f"{moment:%m/%d}/{moment.year:04d} {moment:%H:%M:%S}"


def _escape(text: str) -> str:
    """Text from outside, fit for a quoted string in a header (RFC 9110, section 5.6.4), at most 200 characters."""
    printable = "".join(character if " " <= character <= "~" else "?" for character in text[:200])
    return printable.replace("\\", "\\\\").replace('"', '\\"')
