"""The parser of a connection: bytes become requests, on httptools."""

from typing import Protocol

import httptools

from workflow_mock.errors import ApiError
from workflow_mock.server.head import Fields, RequestHead, check_head, check_version, malformed
from workflow_mock.server.limits import Limits

FEED_BYTES = 8 * 1024
"""Bytes that are parsed at once."""

END_OF_HEAD = b"\r\n\r\n"

_BLANKS = b" \t"


class RequestReceiver(Protocol):
    """The receiver of parsed requests. For each request the calls come in this order."""

    def on_request_begin(self) -> None: ...
    def on_request_head(self, head: RequestHead) -> None: ...
    def on_request_body(self, body: bytes) -> None: ...
    def on_request_complete(self) -> None: ...


class RequestParser:
    """The requests of one connection, parsed as their bytes come.

    httptools skips the body of a request that offers an upgrade, as Java's HttpClient does by default with h2c. Such a
    request is read again without the offer (RFC 9110, section 7.8: a server may ignore it).
    """

    def __init__(self, receiver: RequestReceiver, limits: Limits) -> None:
        self.in_message = False
        """Whether a request has begun and isn't complete."""
        self.has_head = False
        """Whether the head of the request that began last is complete."""
        self.is_last = False
        """Whether no request may follow. One that does is refused as malformed."""
        self._receiver = receiver
        self._limits = limits
        self._piece = b""
        """The piece that was fed last."""
        self._framing_bytes = 0
        """Bytes parsed since the request began or its last body byte came: start line, headers, chunk sizes, trailers.
        Over `limits.head_bytes` the request is rejected with 431."""
        self._knows_method = True
        """Whether httptools knows the method; if not, it goes on naming that of the request before."""
        self._url = b""
        self._headers: Fields = []
        """Header fields of the request; once its head is complete, trailers, which nobody is given."""
        self._parser = self._new_parser()

    def _new_parser(self) -> httptools.HttpRequestParser:
        parser = httptools.HttpRequestParser(self)
        parser.set_dangerous_leniencies(lenient_version=True)  # `check_version` tells another version from junk
        return parser

    def close(self) -> None:
        """Let go of httptools and the receiver. They refer back: else only the garbage collector would free them."""
        del self._parser, self._receiver

    def is_head_request(self) -> bool:
        """Whether the request that has begun is a HEAD: the response has no body."""
        return self.in_message and self._knows_method and self._parser.get_method() == b"HEAD"

    def take_piece(self, unparsed: bytearray, room: int) -> bytes:
        """Remove the next piece from the beginning of `unparsed`, and return it: at most `FEED_BYTES`.

        A piece that could complete more than `room` heads is cut so that it completes one at most.
        """
        piece = bytes(unparsed[:FEED_BYTES])
        if piece.count(END_OF_HEAD) >= room:  # one head more than it has ends: it may begin with half an end
            # Half the end of the head under way may have been fed already, and would not be found: cut at a line.
            end = b"\n" if self.in_message and not self.has_head else END_OF_HEAD
            piece = piece[: piece.find(end) + len(end)]
        del unparsed[: len(piece)]
        return piece

    def feed(self, piece: bytes) -> bytes:
        """Parse a piece of the input. Returns bytes that are to be parsed before any other: nearly always none.

        Raises ApiError for what is malformed or over a limit. Nothing can be fed after that.
        """
        self._framing_bytes += len(piece)
        self._piece = piece
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserUpgrade as offer:
            return self._without_offer() + piece[offer.args[0] :]
        except httptools.HttpParserError as error:
            self._knows_method = not isinstance(error, httptools.HttpParserInvalidMethodError)
            raise _refusal(error) from None
        if self.in_message:
            self._check_size(self._framing_bytes)
        return b""

    def _without_offer(self) -> bytes:
        """Begin anew, and return the head of the request that offers an upgrade without that offer."""
        version = self._parser.get_http_version().encode("ascii")
        lines = [b"%s %s HTTP/%s" % (self._parser.get_method(), self._url, version)]
        lines += [b"%s: %s" % field for field in self._headers if field[0] != b"upgrade"]
        self._framing_bytes = 0
        self._parser = self._new_parser()
        return b"\r\n".join([*lines, b"", b""])

    def _check_size(self, size: int) -> None:
        """Check this many bytes, and the number of fields, against the limits of a head. Raises ApiError."""
        limits = self._limits
        if size > limits.head_bytes or len(self._headers) > limits.headers:
            message = f"The head of the request is over {limits.headers} headers or {limits.head_bytes} bytes"
            raise ApiError("headers_too_large", message)

    # Called by httptools; `feed` raises what they raise

    def on_message_begin(self) -> None:
        self.in_message, self.has_head = True, False
        self._url, self._headers = b"", []
        self._receiver.on_request_begin()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if value[-1:] in _BLANKS:  # httptools strips a value's beginning alone
            value = _without_blanks(name, value)
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Check the head, and hand it to the receiver."""
        self.has_head = True
        if self.is_last:
            raise malformed()
        parser, headers = self._parser, self._headers
        method, version = parser.get_method().decode("ascii"), parser.get_http_version()
        check_version(version, self._piece)
        size = self._framing_bytes
        if size > self._limits.head_bytes:  # perhaps only together with a body behind the head in this piece
            line = len(method) + len(self._url) + len("  HTTP/1.1\r\n\r\n")
            size = line + sum(len(name) + len(value) + 4 for name, value in headers)
        self._check_size(size)
        raw_path, query, expects_continue = check_head(method, version, self._url, headers)
        if parser.should_upgrade():
            return  # see `_without_offer`
        self._headers = []  # for the trailers, which are no headers (RFC 9110, section 6.5.1)
        keep_alive = version == "1.1" and parser.should_keep_alive()
        head = RequestHead(method, version, raw_path, query, headers, keep_alive, expects_continue)
        self._receiver.on_request_head(head)
        # Not before: a head that the receiver refuses, as its path isn't ASCII, doesn't come behind the last request.
        self.is_last = not keep_alive

    def on_body(self, body: bytes) -> None:
        self._framing_bytes = 0
        self._receiver.on_request_body(body)

    def on_message_complete(self) -> None:
        if not self._parser.should_upgrade():
            self.in_message, self._framing_bytes = False, 0
            self._receiver.on_request_complete()


def _without_blanks(name: bytes, value: bytes) -> bytes:
    """A value without the blanks at its end. Raises ApiError.

    httptools passes over spaces behind `chunked`, but takes a tab for a part of the coding's name. It would say so only
    once the head was handed on.
    """
    stripped = value.rstrip(_BLANKS)
    if name.lower() == b"transfer-encoding" and b"\t" in value[len(stripped) :]:
        raise malformed("A tab behind the Transfer-Encoding can't be read: leave it out")
    return stripped


def _refusal(error: httptools.HttpParserError) -> ApiError:
    """The ApiError that a callback raised, or else the one for what httptools can't read."""
    cause = error.__context__
    return cause if isinstance(cause, ApiError) else malformed()
