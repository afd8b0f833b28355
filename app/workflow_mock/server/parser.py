"""The parser of a connection: bytes become requests, on httptools."""

import re
from typing import Protocol

import httptools

from workflow_mock.errors import ApiError
from workflow_mock.server.head import Fields, RequestHead, SpeaksHttp2, check_head, check_version, is_text, malformed
from workflow_mock.server.limits import MAX_REQUEST_LINE_BYTES, Limits

FEED_BYTES = 8 * 1024
"""Bytes that are parsed at once."""

END_OF_HEAD = b"\r\n\r\n"

_BLANKS = b" \t"

_HTTP_2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_METHOD = re.compile(rb"(?:\r?\n)*+([!#$%&'*+.^_`|~0-9A-Za-z-]++)( ?)")
"""A token at the beginning of a request line (RFC 9110, section 9.1)."""
_STAND_IN = b"POST"
_MAX_METHOD_AND_TARGET_BYTES = MAX_REQUEST_LINE_BYTES - len("  HTTP/1.1\r\n")


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

    httptools knows some methods, in upper case. A request that fails at its first line is read again with one of them.
    Behind another request in the same piece it is refused: where it begins isn't known.
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
        """Bytes parsed since the request began or its last body byte came: its head, chunk sizes, trailers."""
        self._knows_method = True
        """Whether httptools knows the method; if not, it goes on naming that of the request before."""
        self._begin: bytes | None = b""
        """What was fed up to the first header; None behind it, and where another request came in front."""
        self._follows_another = False
        """Whether a request was completed in the piece that was fed last."""
        self._held = b""
        """The beginning of a method that httptools doesn't know."""
        self._method = b""
        """The method that another takes the place of for httptools."""
        self._is_plain = False
        """Whether no header's value that ends in this piece can have an end or a character that needs a look."""
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
        return self.in_message and self._knows_method and (self._method or self._parser.get_method()) == b"HEAD"

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
        if self._held:
            piece, self._held = self._held + piece, b""
        self._framing_bytes += len(piece)
        self._piece = piece
        self._is_plain = not self.in_message and piece.isascii() and b" \r" not in piece and b"\t\r" not in piece
        self._follows_another = False
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserUpgrade as offer:
            return self._without_offer() + piece[offer.args[0] :]
        except httptools.HttpParserError as error:
            if not isinstance(error.__context__, ApiError) and (again := self._with_stand_in(piece)) is not None:
                return again
            self._knows_method = not isinstance(error, httptools.HttpParserInvalidMethodError)
            raise _refusal(error) from None
        if self.in_message:
            self._check_incomplete(piece)
        return b""

    def _check_incomplete(self, piece: bytes) -> None:
        """Check the request under way against the limits of a head. Raises ApiError."""
        if self.has_head:
            self._check_size(self._framing_bytes)
            return
        self._check_line(len(self._url))
        self._check_size(self._framing_bytes - MAX_REQUEST_LINE_BYTES)
        line = None if self._follows_another or self._begin is None else self._begin + piece
        if self._headers and line is not None:
            check_version(self._parser.get_http_version(), line)
        self._begin = None if self._headers else line

    def _with_stand_in(self, piece: bytes) -> bytes | None:
        """Begin anew, and return the request whose first line failed, with a method that httptools knows.

        Returns nothing as long as the method isn't complete, None where another method is in vain. Raises ApiError.
        """
        if self._method or self._headers or self.has_head or self._follows_another or self._begin is None:
            return None
        line = self._begin + piece
        if line.startswith(_HTTP_2_PREFACE):
            raise SpeaksHttp2
        if b"\n" not in line[:MAX_REQUEST_LINE_BYTES]:
            self._check_line(len(line))
        match = _METHOD.match(line)
        if match is None or not (match[2] or match.end() == len(line)):
            return None
        self._parser = self._new_parser()
        self._framing_bytes, self._begin = 0, b""
        if not match[2]:
            self._held = line
            return b""
        self._method = match[1]
        return _STAND_IN + line[match.end(1) :]

    def _without_offer(self) -> bytes:
        """Begin anew, and return the head of the request that offers an upgrade without that offer."""
        version = self._parser.get_http_version().encode("ascii")
        lines = [b"%s %s HTTP/%s" % (self._parser.get_method(), self._url, version)]
        lines += [b"%s: %s" % field for field in self._headers if field[0] != b"upgrade"]
        self._framing_bytes = 0
        self._parser = self._new_parser()
        return b"\r\n".join([*lines, b"", b""])

    def _check_line(self, size: int) -> None:
        """Check a request line with a method and target of this size together. Raises ApiError."""
        if size > _MAX_METHOD_AND_TARGET_BYTES:
            raise ApiError("uri_too_long", f"The request's first line is over {MAX_REQUEST_LINE_BYTES} bytes")

    def _check_size(self, size: int) -> None:
        """Check this many bytes, and the number of fields, against the limits of a head. Raises ApiError."""
        limits = self._limits
        if size > limits.head_bytes or len(self._headers) > limits.headers:
            message = f"The request has over {limits.headers} headers, or {limits.head_bytes} bytes of them"
            raise ApiError("headers_too_large", message)

    # Called by httptools; `feed` raises what they raise

    def on_message_begin(self) -> None:
        if not self.in_message:  # else it is read again
            self._receiver.on_request_begin()
        self.in_message, self.has_head = True, False
        self._url, self._headers = b"", []

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._is_plain:
            value = self._read_value(name, value)
        self._headers.append((name.lower(), value))

    def _read_value(self, name: bytes, value: bytes) -> bytes:
        """A header's value without the blanks at its end. Raises ApiError."""
        if not value.isascii() and not is_text(value):
            check_version(self._parser.get_http_version(), self._piece)
            raise malformed("A header's value is not UTF-8")
        # httptools strips a value's beginning alone.
        return _without_blanks(name, value) if value[-1:] in _BLANKS else value

    def on_headers_complete(self) -> None:
        """Check the head, and hand it to the receiver."""
        self.has_head = True
        if self.is_last:
            raise malformed()
        parser, headers = self._parser, self._headers
        method, version = (self._method or parser.get_method()).decode("ascii"), parser.get_http_version()
        if version not in ("1.1", "1.0"):
            check_version(version, (self._begin or b"") + self._piece)
        if len(self._url) + len(method) > _MAX_METHOD_AND_TARGET_BYTES:
            self._check_line(len(self._url) + len(method))
        size = self._framing_bytes
        if size > self._limits.head_bytes:  # perhaps only together with its first line, or a body behind it
            size = sum(len(name) + len(value) + 4 for name, value in headers)
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
            self._follows_another, self._begin, self._method = True, b"", b""
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
