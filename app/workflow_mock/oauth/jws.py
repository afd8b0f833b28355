"""A compact JWS taken apart, strictly.

Source: RFC 7515, sections 2, 3.1 and 5.2; RFC 8725, section 2; docs/contract.md, 2. What a member may be is measured on
the platform.
"""

import json
from binascii import a2b_base64
from collections.abc import Iterable
from typing import Any, NamedTuple

from workflow_mock.caching import fifo_cache
from workflow_mock.errors import ApiError
from workflow_mock.strict_json import RepeatedName, StrictDecoder

MAX_DEPTH = 64
"""Levels of lists and objects in a token's header and in its claims, the outermost object included."""

_LAST = (b"", b"", b"AQgw", b"AEIMQUYcgkosw048")
"""What base64url of a length that is no multiple of 4 can end in, as the bits that are left over are zero."""
_URL_SAFE = bytes.maketrans(b"-_+/=", b"+/!!!")
_PADDING = (b"", b"===", b"==", b"=")
_TEXTS = ("alg", "typ", "kid", "cty", "x5t", "zip")
"""Members of a header that are strings, where they are there."""
_DECODER = StrictDecoder()
_CHALLENGE = 'Bearer error="invalid_token"'


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


_LAST_OF_REPEATED = json.JSONDecoder(parse_constant=_refuse_constant)
"""As strict, but for repeated names, of which the last counts."""


def token_error(code: str, message: str, description: str | None = "") -> ApiError:
    """A 401 with the platform's `WWW-Authenticate` header, described by the message if not otherwise, or not (None)."""
    challenge = _CHALLENGE if description is None else f'{_CHALLENGE}, error_description="{description or message}"'
    return ApiError(code, message, headers=((b"www-authenticate", challenge.encode("ascii")),))


def malformed_token(message: str) -> ApiError:
    """The error of a token that can't be read (401, `token_malformed`); its challenge has no description."""
    return token_error("token_malformed", message, None)


class Header(NamedTuple):
    """The members of a token's header that matter."""

    algorithm: str
    kid: str | None
    typ: str | None
    has_extension: bool
    """It has `crit` or `b64`, which change what is signed or how."""


class Parts(NamedTuple):
    """A token in compact form, decoded."""

    header: Header
    payload: bytes
    """All claims, as JSON."""
    claims: dict[str, Any]
    flaw: str | None
    """What is wrong with the claims so that the token never counts, though what else is wrong is told first."""
    signing_input: bytes
    signature: bytes


def take_apart(token: bytes) -> Parts:
    """The parts of a JWS in compact form; no payload is one without claims. Raises ApiError (`token_malformed`)."""
    parts = token.split(b".")
    if len(parts) != 3:
        raise malformed_token(f"A token has three parts with dots between; this has {len(parts)}")
    header, payload, signature = parts
    signing_input = token[: -len(signature) - 1]
    text = _bytes_of("payload", payload) or b"{}"
    flaw = None
    try:
        claims = _json_object("payload", text)
    except RepeatedName:
        claims, flaw = _json_object("payload", text, _LAST_OF_REPEATED), "repeat a name"
    if b"\\u" in text and not _is_text(each for value in claims.values() for each in _members(value)):
        flaw = "have half of a surrogate pair"
    return Parts(_header(header), text, claims, flaw, signing_input, _bytes_of("signature", signature))


@fifo_cache(64)
def _header(part: bytes) -> Header:
    """What an issuer's tokens have in common, mostly: reading it takes 8 µs."""
    try:
        header = _json_object("header", _bytes_of("header", part))
    except RepeatedName:
        raise malformed_token("The token's header repeats a name") from None
    for name in _TEXTS:
        if not isinstance(header.get(name), str | None):
            raise malformed_token(f"The token's {name} isn't a string")
    return Header(header.get("alg") or "", header.get("kid"), header.get("typ"), "crit" in header or "b64" in header)


def _bytes_of(name: str, part: bytes) -> bytes:
    """Base64url in its one canonical form: no padding, no white space, no left-over bits."""
    over = len(part) % 4
    try:
        if over and part[-1:] not in _LAST[over]:
            raise ValueError
        return a2b_base64(part.translate(_URL_SAFE) + _PADDING[over], strict_mode=True)
    except ValueError:
        raise malformed_token(f"The token's {name} isn't base64url (RFC 7515, section 2)") from None


def _json_object(name: str, data: bytes, decoder: StrictDecoder | json.JSONDecoder = _DECODER) -> dict[str, Any]:
    """Raises RepeatedName, and ApiError (`token_malformed`)."""
    try:
        document = decoder.decode(data.decode())
    except RepeatedName:
        raise
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise malformed_token(f"The token's {name} isn't a JSON object")
    # What most tokens can't be is looked for in those alone that may be it.
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH and _is_deep(document):
        raise malformed_token(f"The token's {name} is nested deeper than {MAX_DEPTH}")
    if b"\\u" in data and not _is_text([*document, *document.values(), *_members(document.get("aud"))]):
        raise malformed_token(f"The token's {name} has half of a surrogate pair")
    return document


def _is_deep(document: dict[str, Any]) -> bool:
    """Whether it is nested deeper than `MAX_DEPTH`: looks at level after level."""
    level: list[Any] = [document]
    for _ in range(MAX_DEPTH):
        level = [
            member
            for each in level
            for member in (each.values() if isinstance(each, dict) else each)
            if isinstance(member, dict | list)
        ]
    return bool(level)


def _members(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_text(values: Iterable[Any]) -> bool:
    """Whether the strings among them have no half of a surrogate pair."""
    try:
        "".join(value for value in values if isinstance(value, str)).encode()
    except UnicodeEncodeError:
        return False
    return True
