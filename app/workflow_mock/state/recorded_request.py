"""What the journal keeps of a request as it was sent, and of the response to one that was refused."""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from workflow_mock.http.content_type import CHARSETS, UTF_8, charset_in
from workflow_mock.http.messages import Request, Response
from workflow_mock.paths import TOKEN_PATH
from workflow_mock.state.redaction import (
    KEPT_BYTES,
    redact_body,
    redact_form,
    redact_headers,
    redact_path,
    redact_tokens,
)

FIELD_BYTES = 100
"""What a header field takes beside its name and value."""


class RecordedRequest(NamedTuple):
    """A request without its secrets, and at most `KEPT_BYTES` of each text. Equal requests share one."""

    method: str
    path: str
    query: bytes
    headers: Mapping[bytes, bytes]
    """Names in lower case. Requests with the same headers share one mapping."""
    body: bytes
    """In UTF-8, whatever it came in."""
    size: int
    """Bytes that all that takes, about; counted in each entry, though requests share them."""

    @property
    def text(self) -> str:
        """The body as far as it is kept."""
        return self.body.decode("utf-8", "replace")

    def header(self, name: str) -> str | None:
        value = self.headers.get(name.lower().encode("latin-1", "replace"))
        return None if value is None else value.decode("latin-1")


class RecordedResponse(NamedTuple):
    """A response without its secrets, and at most `KEPT_BYTES` of its body."""

    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    @property
    def text(self) -> str:
        """The body as far as it is kept."""
        return self.body.decode("utf-8", "replace")

    @property
    def size(self) -> int:
        return len(self.body) + sum(len(name) + len(value) for name, value in self.headers)


def record_response(response: Response) -> RecordedResponse:
    """What is kept of a response: its headers and the begin of its body, without tokens."""
    headers = tuple((name, _without_tokens(value)) for name, value in response.headers)
    return RecordedResponse(headers, _without_tokens(response.body[:KEPT_BYTES]))


def _without_tokens(text: bytes) -> bytes:
    return redact_tokens(text.decode("latin-1")).encode("latin-1", "replace")


def kept_text(request: Request) -> str:
    """The first 16 KiB of a body: what the journal keeps of it, and what matchers look at."""
    return _in_utf_8(request.body_so_far[:KEPT_BYTES], request.headers).decode("utf-8", "replace")


def _in_utf_8(body: bytes, headers: Mapping[bytes, bytes]) -> bytes:
    charset = CHARSETS.get(charset_in(headers.get(b"content-type", b"")), UTF_8)
    return body if charset == UTF_8 else body.decode(charset, "replace").removeprefix("\ufeff").encode()


def record_request(request: Request, *, is_token_request: bool) -> RecordedRequest:
    """What is kept of a request; of its query, headers and body, a token request has what is known to be no secret."""
    headers = dict(request.headers)
    if b"authorization" in headers:  # before it becomes a part of what is cached
        headers[b"authorization"] = b""
    return _recorded(
        request.method,
        request.raw_path[:KEPT_BYTES],
        request.query[:KEPT_BYTES],
        tuple(headers.items()),
        request.body_so_far[:KEPT_BYTES],
        is_token_request,
    )


def recorded(
    method: str,
    raw_path: bytes,
    query: bytes,
    fields: tuple[tuple[bytes, bytes], ...],
    body: bytes,
    is_token_request: bool,
) -> RecordedRequest:
    """What is kept of a request with these parts."""
    method = redact_tokens(method)
    # With %74 for t it is the token URL too.
    path = TOKEN_PATH if is_token_request else redact_path(raw_path)
    query = redact_form(query, only_plain=is_token_request) if query else b""
    headers: Mapping[bytes, bytes] = dict(fields)
    body = redact_body(_in_utf_8(body, headers), headers, is_token_request) if body else b""
    headers = redact_headers(headers, is_token_request=is_token_request)
    size = sum(map(len, (method, path, query, body, *headers, *headers.values()))) + FIELD_BYTES * len(headers)
    return RecordedRequest(method, path, query, headers, body, size)


_recorded = lru_cache(maxsize=64)(recorded)
"""A client's requests are mostly the same, but for the token: cached, one takes 1 µs, and no room in the journal.

For requests alone, whose heads the server bounds: a snapshot's entries could fill the memory with keys.
"""
