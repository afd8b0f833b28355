"""What of a request is secret.

Tokens, credentials and the values of fields with a telling name are replaced wherever they stand, in the text as a
reader decodes it. At the token URL, only what is known to be no secret is shown.

Source: RFC 7515, section 7.1 (the shape of a token); RFC 7617, section 2; RFC 6749, section 2.3.1; SECURITY.md.
"""

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

from workflow_mock.caching import fifo_cache
from workflow_mock.http.content_type import FORM, media_type

KEPT_BYTES = 16 * 1024
"""Bytes that are kept of a path, of a query, of all header fields together, and of a body."""

REDACTED = "[redacted]"

_REDACTED = REDACTED.encode()

_SECRET_NAME = re.compile(
    r"auth(?![-_]?time|or(?!i[sz]))|token(?![-_]?(?:type|use))|secret|passw|pass-?(?:phrase|code)|pwd|cookie"
    r"|jwt|dpop|saml|assertion(?![-_]?type)|credential|bearer|signature|hmac|csrf|xsrf|session|sess-?id|^code"
    r"|(?:api|access|account|app|client|functions?|host|master|private|shared|signing|subscription|user)key"
    r"|(?<![a-z])(?:pass|pin|otp|sig|creds?)(?![a-z])"
    r"|(?<!idempotency.)(?<!socket.)(?<!partition.)(?<!surrogate.)(?<!primary.)(?<!foreign.)(?<!routing.)"
    r"(?<!public.)(?<!cache.)(?<!sort.)(?<![a-z])keys?(?![a-z])"
)
"""Of a field whose value is replaced; in lower case, as it is or with its words apart.

`key` tells as a word of its own (not in `Monkey`), and not in `Idempotency-Key` and its like, which open nothing.
"""

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NAME_CHARACTER = r"[\w$.%\[\]-]"
_FIELD = re.compile(
    rf"(?<!{_NAME_CHARACTER})({_NAME_CHARACTER}++)[\"'\\]*+(?:\r?\n\r?\n|\s*+[=:>]\s*+)",
)
"""A field's name and what stands between it and its value: in a query, JSON, XML, a header or a multipart form."""
_VALUE = re.compile(r'"(?:[^"\\]|\\.)*+"?|\\++"[^"]*+"?|[\[{].*+|[^&"\r\n]*+', re.DOTALL)
_DOTTED = re.compile(r"(?<![\w-])[\w-]++=*+(?:\.[\w-]*+=*+)++", re.ASCII)
_OBJECT = re.compile(rb'\{[ \t\r\n]*+"')
_SCHEME = re.compile(r"(?<![a-z])(basic|bearer|dpop)[ +]++([\w+/=.~:-]++)", re.ASCII | re.IGNORECASE)
_USER = re.compile(r"(?<=://)[^/?#\s@\"]++@")
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_HEADER_CHARACTERS = 14
"""The shortest header of a token, `{"alg":""}`."""
_DOT = re.compile(rf"\.(?<=[\w=-]{{{_HEADER_CHARACTERS}}}\.)", re.ASCII)
"""The end of a word of that length."""
_SUSPICIOUS = (
    *("%", "\\", "@", "auth", "token", "secret", "pass", "pwd", "cookie", "jwt", "dpop", "saml", "assertion", "cred"),
    *("bearer", "basic", "sig", "hmac", "srf", "sess", "code", "key", "pin", "otp"),
)
"""A text without any of these, in lower case, and without `_DOT` has no secret: most are passed over at little cost."""
_MAX_ESCAPING = 4
"""Times that a text may be escaped, as an address in a query in an address is."""

_FORM_FIELD = re.compile(r"[\w.$-]*")
_MAX_FIELDS = 100
_PLAIN_FIELDS = {
    "grant_type": re.compile(r"[\w:.-]*"),
    "client_assertion_type": re.compile(r"[\w:.-]*"),
    "scope": re.compile(r"[\w:./ -]*"),
    "client_id": re.compile(r"[\w.@-]*"),
    "customerId": re.compile(r"[\w-]*"),
}
"""Parameters of a token request that are no secret; badly joined, they may have one in them: `demo;client_secret=…`."""
_PLAIN_HEADERS = frozenset(
    b"accept accept-charset accept-encoding accept-language cache-control connection content-encoding content-length"
    b" content-type correlation-id date dnt expect host keep-alive origin pragma request-id sec-fetch-dest"
    b" sec-fetch-mode sec-fetch-site te traceparent transfer-encoding user-agent via x-correlation-id x-forwarded-for"
    b" x-forwarded-host x-forwarded-port x-forwarded-proto x-real-ip x-request-id".split()
)
"""Header fields of a token request that are shown."""


def redact_tokens(text: str) -> str:
    """A text of the server's own, which may quote a word of the request, without tokens."""
    return _DOTTED.sub(_redact_token, text) if _DOT.search(text) else text


def redact_text(text: str) -> str:
    """A text without what is secret in it; the text itself if there is nothing.

    Where the secret is behind escapes (%3D, \\u003d), it is the text decoded so far.
    """
    return _redact(text.encode("utf-8", "surrogatepass")) if _is_suspicious(text) else text


@fifo_cache(1024)
def _redact(data: bytes) -> str:
    result = seen = data.decode("utf-8", "surrogatepass")
    for _ in range(_MAX_ESCAPING):
        clean = _SCHEME.sub(_redact_scheme, redact_tokens(seen))
        clean = _USER.sub(f"{REDACTED}@", _redact_fields(clean))
        if clean != seen:
            result = seen = clean
        decoded = unquote(seen, "latin-1") if "%" in seen else seen
        decoded = _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), decoded) if "\\u" in decoded else decoded
        if decoded == seen:
            return result
        seen = decoded
    return result


def _is_suspicious(text: str) -> bool:
    if text.isalnum() or text.isidentifier():  # a word alone, as most values are
        return False
    lower = text.lower()
    for part in _SUSPICIOUS:  # and not any(): in a third of the time
        if part in lower:
            return True
    return _DOT.search(text) is not None


def _redact_token(match: re.Match[str]) -> str:
    """Words with dots between, up to the first that is base64url of a JSON object: a token's header.

    Other text may stand right before it, as the `n` of `\\n` does.
    """
    text: str = match[0]
    start = 0
    while (dot := text.find(".", start)) >= 0:
        word = text[start:dot].rstrip("=")
        for offset in range(4 if len(word) >= _HEADER_CHARACTERS else 0):
            try:
                data = urlsafe_b64decode(word[offset:] + "==")
            except ValueError:  # of a length that base64 never has
                continue
            if data.rstrip(b" \t\r\n").endswith(b"}"):
                for found in _OBJECT.finditer(data):
                    if found.start() % 3 == 0:
                        return text[: start + offset + found.start() // 3 * 4] + REDACTED
        start = dot + 1
    return text


def _redact_scheme(match: re.Match[str]) -> str:
    """Credentials behind their scheme; behind `Basic`, only what has a colon once decoded."""
    scheme, credentials = match.groups()
    if scheme.lower() == "basic" and ":" not in credentials:
        try:
            plain = urlsafe_b64decode(credentials.translate({0x2B: "-", 0x2F: "_"}).rstrip("=") + "==")
        except ValueError:
            plain = b""
        if b":" not in plain:
            return match[0]
    return f"{scheme} {REDACTED}"


def _redact_fields(text: str) -> str:
    """A text without the values of fields with a telling name."""
    parts, end = [], 0
    for match in _FIELD.finditer(text):
        if match.start() >= end and is_secret_name(match[1]):
            parts += [text[end : match.end()], REDACTED]
            value = _VALUE.match(text, match.end())
            end = value.end() if value else match.end()
    return "".join(parts) + text[end:] if parts else text


def is_secret_name(name: str) -> bool:
    """Whether a field of this name has a value that nobody may see."""
    return _tells(name.encode("utf-8", "replace"))


@fifo_cache(1024)
def _tells(name: bytes) -> bool:
    text = name.decode()
    return any(_SECRET_NAME.search(each.lower()) for each in (text, _WORD.sub("-", text)))


@fifo_cache(1024)
def _read_name(name: bytes) -> tuple[str, bool]:
    """The name of a member as it is shown, and whether its value is secret."""
    text = name.decode("utf-8", "surrogatepass")
    return redact_text(text), is_secret_name(text)


def redact_json(value: Any, depth: int = 200) -> Any:
    """A JSON value without what is secret in it; below `depth` levels, without anything."""
    if not depth:
        return REDACTED
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, dict):
        clean: dict[str, Any] = {}
        for name, each in value.items():
            shown, is_secret = _read_name(name.encode("utf-8", "surrogatepass"))
            if each is None or isinstance(each, bool):
                clean[shown] = each
            elif is_secret:
                clean[shown] = REDACTED
            else:
                clean[shown] = redact_text(each) if isinstance(each, str) else redact_json(each, depth - 1)
        return clean
    if isinstance(value, list):
        return [redact_json(each, depth - 1) for each in value]
    return value


def redact_headers(headers: Mapping[bytes, bytes], *, is_token_request: bool = False) -> Mapping[bytes, bytes]:
    """The first 16 KiB of the header fields, without what is secret in them."""
    fields = tuple(headers.items())
    is_large = sum(len(name) + len(value) for name, value in fields) > KEPT_BYTES  # too much for a key of a cache
    return (_redacted if is_large else _shared)(fields, is_token_request)


def _redacted(headers: tuple[tuple[bytes, bytes], ...], is_token_request: bool) -> Mapping[bytes, bytes]:
    left = KEPT_BYTES
    kept: dict[bytes, bytes] = {}
    for name, value in headers:
        left -= len(name)
        if left <= 0:
            break
        if is_token_request and name not in _PLAIN_HEADERS:
            kept[name] = _REDACTED
        else:
            kept[name] = _redact_header(b"%s:%s" % (name, value[:left]))[:left]
        left -= len(kept[name])
    return kept


_shared = lru_cache(maxsize=64)(_redacted)
"""One dictionary for all requests with the same headers: a client's mostly have, and so the journal takes half."""


@fifo_cache(1024)
def _redact_header(line: bytes) -> bytes:
    """The value of a header field."""
    name, _, value = line.decode("latin-1").partition(":")
    return _REDACTED if is_secret_name(name) else redact_text(value).encode("latin-1", "replace")


@fifo_cache(1024)
def redact_path(raw_path: bytes) -> str:
    """A path without secrets."""
    return redact_text(raw_path.decode("latin-1"))


def redact_body(body: bytes, headers: Mapping[bytes, bytes], is_token_request: bool) -> bytes:
    """A body without what is secret in it."""
    if media_type(headers.get(b"content-type", b"")) == FORM:
        return redact_form(body, only_plain=is_token_request)
    return _REDACTED if is_token_request else _redact_body(body)


@fifo_cache(1024)
def _redact_body(body: bytes) -> bytes:
    """One body for all requests with the same."""
    text = body.decode(json.detect_encoding(body) if b"\0" in body else "utf-8", "replace")
    if not _is_suspicious(text):
        return body
    try:
        document = json.loads(text, object_pairs_hook=_unique)
        clean = redact_json(document)
        return body if clean == document else json.dumps(clean, ensure_ascii=False).encode("utf-8", "replace")
    except (ValueError, RecursionError):
        clean = redact_text(text)
        return body if clean == text else clean.encode("utf-8", "replace")


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Raises ValueError: of a repeated name only the last would be looked at."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is repeated")
    return found


def redact_form(data: bytes, *, only_plain: bool) -> bytes:
    """A form or query without what is secret in it; nothing of it where it is no form but JSON or the like.

    `only_plain` leaves no more than what is known to be no secret.
    """
    try:
        text = data.decode("utf-8", "replace")
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        return _REDACTED
    if not all(_FORM_FIELD.fullmatch(name) for name, _ in pairs):
        return _REDACTED

    def shown(name: str, value: str) -> str:
        if only_plain:
            is_shown = name in _PLAIN_FIELDS and _PLAIN_FIELDS[name].fullmatch(value) is not None
        else:
            is_shown = not is_secret_name(name)
        return redact_text(value) if is_shown else REDACTED

    return urlencode([(redact_text(name), shown(name, value)) for name, value in pairs]).encode()
