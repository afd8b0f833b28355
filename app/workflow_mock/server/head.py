"""The head of a request, and the checks of it that httptools leaves open."""

import re
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv6Address

from workflow_mock.caching import fifo_cache
from workflow_mock.errors import ApiError

Fields = list[tuple[bytes, bytes]]

_HOST = re.compile(rb"(?:(?:\[([0-9A-Fa-f:.]+)\]|[A-Za-z0-9._~!$&'()-]+)(?::[0-9]+)?)?")


@dataclass(slots=True)
class RequestHead:
    """The head of a request, checked."""

    method: str
    version: str
    raw_path: bytes
    query: bytes
    headers: Fields
    keep_alive: bool
    """Whether another request may follow on the connection."""
    expects_continue: bool
    """Whether the client waits for 100 (Continue), RFC 9110, section 10.1.1."""


def malformed(message: str = "This isn't HTTP/1.1 that can be read") -> ApiError:
    return ApiError("malformed_http", message)


class SpeaksHttp2(ApiError):
    """The client speaks HTTP/2, without having asked whether the server does (RFC 9113, section 3.3)."""

    def __init__(self) -> None:
        super().__init__("http_version_not_supported", "The server doesn't speak HTTP/2")


def is_text(value: bytes) -> bool:
    """Whether a header's value is UTF-8."""
    with suppress(UnicodeDecodeError):
        return value.decode() is not None
    return False


@fifo_cache(256)
def is_host(value: bytes) -> bool:
    """Whether this is `host [":" port]`, or empty (RFC 9112, section 3.2).

    The name is narrower than that of RFC 3986, section 3.2.2, as the platform's is: no escapes, and none of `*+,;=`.
    """
    match = _HOST.fullmatch(value)
    if match is None or match[1] is None:
        return match is not None
    with suppress(ValueError):
        return IPv6Address(match[1].decode("ascii")) is not None
    return False


def check_version(version: str, line: bytes) -> None:
    """Check the version that httptools read in `line`; where there was none it says 0.9. Raises ApiError."""
    if version in ("1.1", "1.0"):
        return
    if version == "0.9" and b" HTTP/0.9\r\n" not in line:
        raise malformed("The request line has no version of HTTP")
    raise ApiError("http_version_not_supported", "The server speaks HTTP/1.1 and HTTP/1.0")


def _repeated(headers: Fields) -> Collection[bytes]:
    """The names that stand on more than one line."""
    return [name for name, times in Counter(name for name, _ in headers).items() if times > 1]


def check_head(method: str, version: str, url: bytes, headers: Fields) -> tuple[bytes, bytes, bool]:
    """The path and query of the target, and whether the client waits for 100 (Continue). Raises ApiError.

    The authority of a target in absolute form takes the place of the Host in `headers` (RFC 9112, section 3.2.2).
    """
    fields = dict(headers)
    repeated = _repeated(headers) if len(fields) < len(headers) else ()
    host = fields.get(b"host")
    if b"host" in repeated or (host is None and version == "1.1"):
        raise malformed("A request has one Host header (RFC 9112, section 3.2)")
    if host is not None and not is_host(host):
        raise malformed("The Host is no name or address, with a port or without (RFC 9112, section 3.2)")
    if b"transfer-encoding" in fields:
        if version == "1.0":
            raise malformed("HTTP/1.0 has no Transfer-Encoding (RFC 9112, section 6.1)")
        if fields[b"transfer-encoding"].lower() != b"chunked" or b"transfer-encoding" in repeated:
            raise malformed("The one Transfer-Encoding that is known here is chunked")
    if method == "CONNECT":
        raise malformed("The server is no proxy")
    if b"#" in url:
        raise malformed("A request's target has no fragment (RFC 9112, section 3.2.1)")
    target, _, query = url.partition(b"?")
    if b"%00" in target:
        raise malformed("A path has no NUL")
    if target[:1] != b"/" and target != b"*":
        authority, _, path = target.partition(b"://")[2].partition(b"/")
        if not authority or not is_host(authority):
            raise malformed("The target's authority is no name or address, with a port or without")
        headers[:] = [(b"host", authority), *(field for field in headers if field[0] != b"host")]
        target = b"/" + path
    expects_continue = version == "1.1" and fields.get(b"expect", b"").lower() == b"100-continue"
    return target, query, expects_continue
