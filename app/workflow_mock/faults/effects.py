"""Effects of a fault: one class each, with its JSON members and what it does to the response about to be sent.

Source: WireMock's faults and delays, whose names and meanings these are. docs/contributing.md says how to add one.
"""

import json
import random
import socket
import struct
from asyncio import Transport
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from math import ceil
from secrets import token_bytes
from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import AfterValidator, Field, model_validator
from starlette.types import Send

from workflow_mock.errors import ErrorDetail
from workflow_mock.http.envelope import BASIC_CHALLENGE, JSON_TYPE, TOKEN_HEADERS, envelope_body, oauth_body
from workflow_mock.http.messages import CONNECTION, Request, Response
from workflow_mock.state.exchange import REQUEST_TOKEN, Target
from workflow_mock.types import Duration, StrictModel

MAX_DELAY_MILLISECONDS = 10 * 60 * 1000
MAX_COUNT = 2**53
"""Up to here, every reader of JSON knows an integer."""

MAX_BODY_BYTES = 64 * 1024
"""Of the body that a fault responds with."""

_WITHOUT_BODY = (204, 205, 304)
"""Statuses whose responses have no body (RFC 9110, sections 15.3.5, 15.3.6, 15.4.5)."""

_GARBAGE_BYTES = 512


def _not_of_framing(name: str) -> str:
    if name.lower() in ("content-length", "transfer-encoding"):
        raise ValueError("is the server's own to say; see truncateBodyAt and fault for how to break it")
    return name


NonNegative = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Milliseconds = Annotated[float, Field(ge=0, le=MAX_DELAY_MILLISECONDS)]
HeaderName = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$"), AfterValidator(_not_of_framing)]
HeaderValue = Annotated[str, Field(pattern=r"^[ -~]{0,1000}$")]


def _with_body(status: int) -> int:
    if status in _WITHOUT_BODY:
        raise ValueError(f"{status} has no body; a 200 may have an empty one")
    return status


def _not_too_long(body: str | dict[str, Any]) -> str | dict[str, Any]:
    if len(_bytes_of(body)) > MAX_BODY_BYTES:
        raise ValueError(f"is over {MAX_BODY_BYTES} bytes")
    return body


def _bytes_of(body: str | dict[str, Any]) -> bytes:
    return (body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, separators=(",", ":"))).encode()


def whole_seconds(duration: timedelta) -> int:
    """A duration as Retry-After has it (RFC 9110, section 10.2.3)."""
    return max(0, ceil(duration.total_seconds()))


class Outgoing:
    """The response that is about to be sent, and how. Effects change it in their order; then `send` writes it."""

    def __init__(
        self, request: Request, target: Target, response: Response | None, source: random.Random, wait: timedelta | None
    ) -> None:
        self.request = request
        self.target = target
        self.response = response
        """None as long as neither the operation's handler nor an effect has made one."""
        self.source = source
        """Randomness that is repeatable by the fault's seed."""
        self.wait = wait
        """For the Retry-After header: what the fault says, or when the quota's window ends."""
        self.errors: Sequence[ErrorDetail] = ()
        self.is_begun = False
        """Whether a part of the response may be on its way, so that another can't be sent in its place."""
        self.connection_fault: ConnectionFault | None = None
        self.chunks = 1
        self.seconds_between = 0.0
        self.truncate_at: int | None = None

    async def send(self, send: Send) -> None:
        """Send the response: whole, in chunks, its beginning alone, or not at all.

        Raises ClientDisconnect where the client leaves while it waits between chunks; ConnectionError.
        """
        self.is_begun = True
        if self.connection_fault is not None:
            await self._break(self.connection_fault)
            return
        assert self.response is not None  # noqa: S101 - the injector has called the handler where no effect made one
        body = self.response.body
        headers = self.response.all_headers(self.request.id)
        await send({"type": "http.response.start", "status": self.response.status, "headers": headers})
        whole = len(body)
        if self.truncate_at is not None:
            body = body[: min(self.truncate_at, whole - 1)]
        count = max(1, min(self.chunks, len(body)))
        for index in range(count):
            if self.seconds_between:
                await self.request.pause(self.seconds_between / count)
            chunk = body[len(body) * index // count : len(body) * (index + 1) // count]
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        if len(body) < whole:
            await self._close(reset=False)
        else:
            await send({"type": "http.response.body", "body": b""})

    async def break_off(self, send: Send, response: Response) -> None:
        """Send this response instead, or close the connection if one was begun. Raises ConnectionError."""
        if self.is_begun:
            self._connection().abort()
        else:
            await response.send(send, self.request.id)

    async def _break(self, fault: "ConnectionFault") -> None:
        connection = self._connection()
        if fault is ConnectionFault.MALFORMED:
            connection.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        if fault in (ConnectionFault.MALFORMED, ConnectionFault.RANDOM):
            # The first byte is never what could begin a status line or the size of a chunk.
            connection.write(b"\xff" + token_bytes(_GARBAGE_BYTES))
        await self._close(reset=fault is ConnectionFault.RESET)

    async def _close(self, *, reset: bool) -> None:
        """Close the connection, by RST or by FIN, and wait until it is closed."""
        connection = self._connection()
        if reset:
            peer: socket.socket = connection.get_extra_info("socket")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.abort()
        else:
            connection.close()
        await self.request.disconnection()

    def _connection(self) -> Transport:
        connection: Transport | None = self.request.scope.get("extensions", {}).get(CONNECTION)
        if connection is None:
            raise ConnectionError("a fault breaks this connection, but this server offers none to break")
        return connection


class DelayDistribution(StrictModel):
    """A random delay: `uniform` from lower to upper, or `lognormal` around median with sigma."""

    type: Literal["uniform", "lognormal"]
    lower: Milliseconds | None = None
    upper: Milliseconds | None = None
    median: Milliseconds | None = None
    sigma: float | None = Field(None, ge=0, le=10)

    @model_validator(mode="after")
    def _sensible(self) -> "DelayDistribution":
        needed = {"lower", "upper"} if self.type == "uniform" else {"median", "sigma"}
        if self.model_fields_set != {"type", *needed}:
            raise ValueError(f"{self.type} has {' and '.join(sorted(needed))}, and nothing else")
        if self.type == "uniform" and (self.lower or 0) > (self.upper or 0):
            raise ValueError("lower is over upper")
        return self

    def draw(self, source: random.Random) -> float:
        """A delay in milliseconds."""
        if self.type == "uniform":
            return source.uniform(self.lower or 0, self.upper or 0)
        return (self.median or 0) * source.lognormvariate(0, self.sigma or 0)


class Effect(StrictModel):
    """What a fault does: members of its JSON, all optional."""

    loses_answer: ClassVar[bool] = False
    """Whether the client can't have read the operation's response."""

    def is_set(self) -> bool:
        """Whether the fault has this effect."""
        raise NotImplementedError

    def describe(self) -> str:
        """What it does, in a word or two."""
        raise NotImplementedError

    async def apply(self, outgoing: Outgoing) -> None:
        """Change the response that is about to be sent."""
        raise NotImplementedError


class Delay(Effect):
    """Waits. Raises ClientDisconnect as soon as the client gives up."""

    fixed_delay_milliseconds: Milliseconds = Field(0, description="It waits so long before it answers.")
    delay_distribution: DelayDistribution | None = Field(
        None, description="It waits for a random time, in milliseconds, before it answers."
    )

    def is_set(self) -> bool:
        return bool(self.fixed_delay_milliseconds) or self.delay_distribution is not None

    def describe(self) -> str:
        return "random delay" if self.delay_distribution else f"delay {self.fixed_delay_milliseconds:g} ms"

    async def apply(self, outgoing: Outgoing) -> None:
        milliseconds = self.fixed_delay_milliseconds
        if self.delay_distribution is not None:
            milliseconds += self.delay_distribution.draw(outgoing.source)
        await outgoing.request.pause(min(milliseconds, MAX_DELAY_MILLISECONDS) / 1000)


_RETRY = {b"retry-after": b"1"}
_HEADERS_OF_API = {401: {b"www-authenticate": b"Bearer"}, 405: {b"allow": b"POST"}, 429: _RETRY}
"""By status, the header fields that an error of the workflow API must have."""
_HEADERS_OF_TOKEN_ENDPOINT = {401: dict([BASIC_CHALLENGE]), 429: _RETRY}
"""By status, the header fields that an error of the token endpoint must have."""


class Quota(StrictModel):
    """Of the matching requests of a customer, so many in a window are let through."""

    limit: NonNegative
    window: Duration = Field(gt=timedelta(0))


class InjectedResponse(Effect):
    """Responds with an error, or with a body as it stands, in the place of the operation's response."""

    loses_answer = True

    status: Annotated[int, Field(ge=200, le=599), AfterValidator(_with_body)] | None = Field(
        None,
        description="It responds with this status: from 400 on with an error, below with no body, if it has none.",
    )
    body: Annotated[str, Field(max_length=MAX_BODY_BYTES), AfterValidator(_not_too_long)] | None = Field(
        None, description="It responds with this text, in the place of an error; with 200 if status is not given."
    )
    json_body: Annotated[dict[str, Any], AfterValidator(_not_too_long)] | None = Field(
        None, description="As body, but JSON."
    )
    content_type: HeaderValue | None = Field(
        None, description="Of the response; JSON if not given, whatever the body is."
    )
    code: str = Field("injected_fault", min_length=1, max_length=100, description="Of the error that it responds with.")
    message: str = Field(
        "A fault that was asked for at /__admin/faults",
        max_length=1000,
        description="Of the error that it responds with.",
    )
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict, max_length=50, description="Of the response.")
    retry_after: Duration | None = Field(
        None, description="For the Retry-After header, in whole seconds; 429 has one without it too."
    )
    quota: Quota | None = Field(
        None, description="It is injected into what is over the quota; 429 unless status says otherwise."
    )

    def is_set(self) -> bool:
        return any(each is not None for each in (self.status, self.quota, self.body, self.json_body))

    @property
    def _own_body(self) -> str | dict[str, Any] | None:
        """What it responds with instead of an error: the body that was given; an empty one below 400."""
        given = self.body if self.json_body is None else self.json_body
        is_error = self.status is None or self.status >= 400
        return given if given is not None or is_error else ""

    @property
    def _status(self) -> int:
        return self.status or (200 if self._own_body is not None and self.quota is None else 429)

    def describe(self) -> str:
        what = "over quota" if self.quota is not None else f"status {self._status}"
        return f"{what} with a body" if self._own_body else what

    async def apply(self, outgoing: Outgoing) -> None:
        own_body, status = self._own_body, self._status
        is_token_request = outgoing.target.operation == REQUEST_TOKEN
        headers = dict(TOKEN_HEADERS if is_token_request else [JSON_TYPE])
        headers |= (_HEADERS_OF_TOKEN_ENDPOINT if is_token_request else _HEADERS_OF_API).get(status, {})
        if outgoing.wait is not None:
            headers[b"retry-after"] = b"%d" % whole_seconds(outgoing.wait)
        if self.content_type is not None:
            headers[JSON_TYPE[0]] = self.content_type.encode()
        headers |= {name.lower().encode(): value.encode() for name, value in self.headers.items()}
        if own_body is not None:
            body = _bytes_of(own_body)
        else:
            outgoing.errors = (ErrorDetail(self.code, self.message),)
            body = oauth_body(self.code, self.message) if is_token_request else envelope_body(outgoing.errors)
        outgoing.response = Response(status, tuple(headers.items()), body)


class ConnectionFault(StrEnum):
    """What happens to the connection instead of a response."""

    RESET = "CONNECTION_RESET_BY_PEER"
    EMPTY = "EMPTY_RESPONSE"
    MALFORMED = "MALFORMED_RESPONSE_CHUNK"
    RANDOM = "RANDOM_DATA_THEN_CLOSE"


_WORDS = {
    ConnectionFault.RESET: "connection reset",
    ConnectionFault.EMPTY: "empty response",
    ConnectionFault.MALFORMED: "malformed response",
    ConnectionFault.RANDOM: "random data",
}


class BrokenConnection(Effect):
    """Breaks the connection in the place of a response."""

    loses_answer = True

    fault: ConnectionFault | None = Field(None, strict=False, description="It breaks the connection, in this way.")

    def is_set(self) -> bool:
        return self.fault is not None

    def describe(self) -> str:
        return "" if self.fault is None else _WORDS[self.fault]

    async def apply(self, outgoing: Outgoing) -> None:
        outgoing.connection_fault = self.fault
        outgoing.response = Response(200 if self.fault is ConnectionFault.MALFORMED else 0, (), b"")


class Dribble(StrictModel):
    """The body in so many chunks over so many milliseconds."""

    number_of_chunks: int = Field(ge=1, le=10_000)
    total_duration: Milliseconds


class SlowBody(Effect):
    """Sends the body in chunks, with pauses between."""

    chunked_dribble_delay: Dribble | None = Field(None, description="It sends the body in chunks with pauses between.")

    def is_set(self) -> bool:
        return self.chunked_dribble_delay is not None

    def describe(self) -> str:
        return "slow body"

    async def apply(self, outgoing: Outgoing) -> None:
        if self.chunked_dribble_delay is not None:
            outgoing.chunks = self.chunked_dribble_delay.number_of_chunks
            outgoing.seconds_between = self.chunked_dribble_delay.total_duration / 1000


class TruncatedBody(Effect):
    """Ends the connection before the whole body was sent."""

    loses_answer = True

    truncate_body_at: NonNegative | None = Field(None, description="The response ends after so many bytes of its body.")

    def is_set(self) -> bool:
        return self.truncate_body_at is not None

    def describe(self) -> str:
        return f"body cut at {self.truncate_body_at} bytes"

    async def apply(self, outgoing: Outgoing) -> None:
        outgoing.truncate_at = self.truncate_body_at


class Effects(Delay, InjectedResponse, BrokenConnection, SlowBody, TruncatedBody):
    """The effects of a fault, in the order in which they apply."""


EFFECTS = cast("tuple[type[Effect], ...]", Effects.__bases__)
