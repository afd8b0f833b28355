"""The claims of an access token: their types, what they come to, and how a 401 shows them.

Source: docs/contract.md, 2, "Bearer tokens"; RFC 7519, sections 2 and 4.1; RFC 9068, section 2.2. What a claim may be,
and the texts, are measured on the platform.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from workflow_mock.errors import ApiError
from workflow_mock.oauth.jws import token_error

FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
"""The ends of the calendar, where times count that are past them."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799
_SECONDS = 2**63
"""A time is less than so many seconds from 1970, in either direction."""


@dataclass(slots=True)
class Claims:
    """What the claims that count come to. Nobody reads the others."""

    issuer: str | None
    """`""` where there is none."""
    audiences: list[str]
    not_before: datetime | None
    expires: datetime | None
    """As it is compared with `nbf` and shown: before 1970 is 1970."""
    begins: datetime
    """`nbf` less the clock skew: the first moment at which it counts."""
    ends: datetime
    """`exp` with the clock skew: the first moment at which it doesn't count any more. Where it never does, `FIRST`."""
    scopes: list[str]
    customers: frozenset[str] | None
    """In lower case; None where it names none."""
    client_id: str | None


def check_types(claims: Mapping[str, Any]) -> None:
    """Check the claims that have a type; any other may be anything. Raises ApiError (`token_claims`)."""
    for name, has_type in _TYPES.items():
        if name in claims and not has_type(claims[name]):
            raise token_error("token_claims", f"The token's {name} is of a wrong type or out of range", None)


def undocumented(claims: Mapping[str, Any]) -> str | None:
    """The first claim that isn't as RFC 7519 and RFC 9068 have it, of those that `check_types` lets pass."""
    for name in ("sub", "client_id"):
        if not isinstance(claims.get(name, ""), str):
            return name
    for name in ("nbf", "exp", "iat"):
        if not -_LAST_SECOND <= claims.get(name, 0) <= _LAST_SECOND:
            return name
    return None


def read_claims(claims: Mapping[str, Any], clock_skew: timedelta) -> Claims:
    """What claims whose types are right come to."""
    not_before, expires = _moment(claims.get("nbf")), _moment(claims.get("exp"))
    begins = FIRST if not_before is None else _plus(not_before, -clock_skew)
    ends = FIRST if expires is None else _plus(expires, clock_skew)
    not_before, expires = not_before and max(not_before, _EPOCH), expires and max(expires, _EPOCH)
    is_empty = not_before is not None and expires is not None and not_before > expires
    client_id = claims.get("client_id")
    return Claims(
        claims.get("iss", ""),
        _strings(claims.get("aud")),
        not_before,
        expires,
        begins,
        FIRST if is_empty else ends,
        scopes=_scopes(claims.get("scope")),
        customers=frozenset(map(str.lower, _strings(claims["customer_id"]))) if "customer_id" in claims else None,
        client_id=client_id if isinstance(client_id, str) else None,
    )


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


def _is_text(value: Any) -> bool:
    return isinstance(value, str | None)


def _is_text_or_number(value: Any) -> bool:
    return isinstance(value, str | int | float | None) and not isinstance(value, bool)


def _is_time(value: Any) -> bool:
    """Whether it is a NumericDate (RFC 7519, section 2) of at most 64 bits."""
    return type(value) in (int, float) and -_SECONDS <= value < _SECONDS


def _is_audience(value: Any) -> bool:
    return isinstance(value, str | None) or (isinstance(value, list) and all(map(_is_text, value)))


def _is_strings(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(each, str) for each in value))


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "iss": _is_text,
    "aud": _is_audience,
    "nbf": _is_time,
    "exp": _is_time,
    "iat": _is_time,
    "sub": _is_text_or_number,
    "jti": _is_text,
    "azp": _is_text,
    "customer_id": _is_strings,
}


def _strings(value: Any) -> list[str]:
    """The strings of a claim that is one or a list of them."""
    if isinstance(value, str):
        return [value]
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _scopes(value: Any) -> list[str]:
    """A list, as IdentityServer writes it, or words with spaces between (RFC 9068, section 2.2.3)."""
    return value.split(" ") if isinstance(value, str) else _strings(value)


def _moment(seconds: float | None) -> datetime | None:
    """A time in seconds since 1970, rounded to whole ones; past the calendar it is its end."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(min(max(round(seconds), _FIRST_SECOND), _LAST_SECOND), UTC)


def _plus(moment: datetime, span: timedelta) -> datetime:
    """A moment later or earlier; past the calendar it is its end."""
    try:
        return moment + span
    except OverflowError:
        return LAST if span > timedelta(0) else FIRST


def _show(moment: datetime) -> str:
    """A time as .NET's invariant culture writes it: `02/20/2000 00:00:00`."""
    return f"{moment:%m/%d}/{moment.year:04d} {moment:%H:%M:%S}"


def _escape(text: str) -> str:
    """Text from outside, fit for a quoted string in a header (RFC 9110, section 5.6.4), at most 200 characters."""
    printable = "".join(character if " " <= character <= "~" else "?" for character in text[:200])
    return printable.replace("\\", "\\\\").replace('"', '\\"')
