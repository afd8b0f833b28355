"""A compact JWS taken apart, strictly.

Source: RFC 7515, sections 2, 3.1 and 5.2; RFC 8725, section 2; docs/contract.md, 2.
"""

from binascii import a2b_base64
from functools import lru_cache
from typing import Any, NamedTuple

from workflow_mock.errors import ApiError
from workflow_mock.strict_json import StrictDecoder

MAX_TOKEN_BYTES = 16 * 1024

_LAST = (b"", b"", b"AQgw", b"AEIMQUYcgkosw048")
"""What base64url of a length that is no multiple of 4 can end in, as the bits that are left over are zero."""
_URL_SAFE = bytes.maketrans(b"-_+/=", b"+/!!!")
_PADDING = (b"", b"===", b"==", b"=")
_TYPES = frozenset({"at+jwt", "application/at+jwt", "jwt", "application/jwt"})
_DECODER = StrictDecoder()
_CHALLENGE = 'Bearer error="invalid_token"'


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
    has_extension: bool
    """It has `crit` or `b64`, which change what is signed or how."""


class Parts(NamedTuple):
    """A token in compact form, decoded."""

    header: Header
    payload: bytes
    """All claims, as JSON."""
    claims: dict[str, Any]
    signing_input: bytes
    signature: bytes


def take_apart(token: bytes) -> Parts:
    """The parts of a JWS in compact form, of at most `MAX_TOKEN_BYTES`. Raises ApiError (`token_malformed`)."""
    if len(token) > MAX_TOKEN_BYTES:
        raise malformed_token(f"The token is over {MAX_TOKEN_BYTES} bytes")
    parts = token.split(b".")
    if len(parts) != 3:
        raise malformed_token(f"A token has three parts with dots between; this has {len(parts)}")
    header, payload, signature = parts
    signing_input = token[: -len(signature) - 1]
    claims = _bytes_of("payload", payload)
    return Parts(
        _header(header), claims, _json_object("payload", claims), signing_input, _bytes_of("signature", signature)
    )


@lru_cache(maxsize=64)
def _header(part: bytes) -> Header:
    """What an issuer's tokens have in common, mostly: reading it takes 8 µs."""
    header = _json_object("header", _bytes_of("header", part))
    kind, kid = header.get("typ", "JWT"), header.get("kid")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise malformed_token("The token's typ isn't that of an access token: at+jwt or JWT")
    if not isinstance(kid, str | None):
        raise malformed_token("The token's kid isn't a string")
    return Header(str(header.get("alg")), kid, "crit" in header or "b64" in header)


def _bytes_of(name: str, part: bytes) -> bytes:
    """Base64url in its one canonical form: no padding, no white space, no left-over bits."""
    over = len(part) % 4
    try:
        if over and part[-1:] not in _LAST[over]:
            raise ValueError
        return a2b_base64(part.translate(_URL_SAFE) + _PADDING[over], strict_mode=True)
    except ValueError:
        raise malformed_token(f"The token's {name} isn't base64url (RFC 7515, section 2)") from None


def _json_object(name: str, data: bytes) -> dict[str, Any]:
    try:
        document = _DECODER.decode(data.decode())
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise malformed_token(f"The token's {name} isn't a JSON object with unique names")
    return document
