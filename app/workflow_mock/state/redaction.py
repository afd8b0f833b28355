"""What of a request is secret.

At the token URL, only what is known to be no secret is shown. Elsewhere, header fields and parameters with a telling
name are replaced, and tokens wherever they stand.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import parse_qsl, urlencode

from workflow_mock.caching import fifo_cache

KEPT_BYTES = 16 * 1024
"""Bytes that are kept of a path, of a query, of all header fields together, and of a body."""

FORM = "application/x-www-form-urlencoded"
REDACTED = "[redacted]"

_FORM = FORM.encode()
_REDACTED = REDACTED.encode()
_SECRET_NAME = re.compile(
    r"auth|token|secret|passw|pwd|cookie|api.?key|jwt|dpop|assertion|credential|^code", re.IGNORECASE
)
"""Of a header field or parameter: its value is replaced."""
_JWT = re.compile(rb"(?:(?<=%20)|(?<![\w-]))eyJ[\w-]*+(?:\.[\w-]*+)++")
"""A token, wherever it stands. Looked for where words begin: else eyJeyJeyJ… would take its time."""
_FIELD = re.compile(r"[\w.$-]*")
_MAX_FIELDS = 100
_PLAIN_FIELDS = {
    "grant_type": re.compile(r"[\w:.-]*"),
    "client_assertion_type": re.compile(r"[\w:.-]*"),
    "scope": re.compile(r"[\w:./ -]*"),
    "client_id": re.compile(r"[\w.@-]*"),
    "customerId": re.compile(r"[\w-]*"),
}
"""Parameters of a token request that are no secret; badly joined, they may have one in them: `demo;client_secret=…`."""


class Headers(dict[bytes, bytes]):
    """Header fields, and how many bytes they are."""

    size = 0


def redact_headers(headers: dict[bytes, bytes]) -> Headers:
    """The first 16 KiB of the header fields, without what is secret in them. Changes `headers`."""
    if b"authorization" in headers:  # before it becomes a part of what is cached
        headers[b"authorization"] = _REDACTED
    return _redacted(tuple(headers.items()))


@lru_cache(maxsize=64)
def _redacted(headers: tuple[tuple[bytes, bytes], ...]) -> Headers:
    """One dictionary for all requests with the same headers: a client's mostly have, and so the journal takes half."""
    left, kept = KEPT_BYTES, Headers()
    for name, value in headers:
        left -= len(name)
        if left <= 0:
            break
        is_secret = _SECRET_NAME.search(name.decode("latin-1"))
        kept[name] = _REDACTED if is_secret else _JWT.sub(_REDACTED, value[:left])
        left -= len(kept[name])
        kept.size += len(name) + len(kept[name])
    return kept


@fifo_cache(1024)
def redact_path(raw_path: bytes) -> str:
    """A path without tokens."""
    return _JWT.sub(_REDACTED, raw_path).decode("latin-1")


def redact_body(body: bytes, headers: Mapping[bytes, bytes], is_token_request: bool) -> bytes:
    """A body without what is secret in it."""
    if headers.get(b"content-type", b"").lower().startswith(_FORM):
        return redact_form(body, only_plain=is_token_request)
    if is_token_request:
        return _REDACTED
    return _JWT.sub(_REDACTED, body) if b"eyJ" in body else body


def redact_form(data: bytes, *, only_plain: bool) -> bytes:
    """A form or query without what is secret in it; nothing of it where it is no form but JSON or the like.

    `only_plain` leaves no more than what is known to be no secret.
    """
    try:
        text = data.decode("utf-8", "replace")
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        return _REDACTED
    if not all(_FIELD.fullmatch(name) for name, _ in pairs):
        return _REDACTED

    def may_show(name: str, value: str) -> bool:
        if only_plain:
            return name in _PLAIN_FIELDS and _PLAIN_FIELDS[name].fullmatch(value) is not None
        return not _SECRET_NAME.search(name) and not _JWT.search(value.encode())

    return urlencode([(name, value if may_show(name, value) else REDACTED) for name, value in pairs]).encode()
