"""Effects of a fault: one class each, with its JSON members and what it does to the response about to be sent.

Source: WireMock's faults and delays, whose names and meanings these are. docs/contributing.md says how to add one.
"""

import json
import random
from datetime import datetime, timedelta
from math import ceil
from typing import Annotated, Any, Literal, Self, cast

from pydantic import AfterValidator, Field, model_validator

from workflow_mock.errors import ErrorDetail, Headers
from workflow_mock.faults.outgoing import ConnectionFault, Effect, Outgoing
from workflow_mock.http.envelope import BASIC_CHALLENGE, JSON_TYPE, TOKEN_HEADERS, envelope_body, oauth_body
from workflow_mock.http.messages import Response
from workflow_mock.state.exchange import REQUEST_TOKEN
from workflow_mock.types import Duration, StrictModel

MAX_DELAY_MILLISECONDS = 10 * 60 * 1000

MAX_HOLD_SECONDS = 10 * 60
"""For which a request is held at most."""

MAX_COUNT = 2**53
"""Up to here, every reader of JSON knows an integer."""

MAX_BODY_BYTES = 64 * 1024
"""Of the body that a fault responds with."""

_WITHOUT_BODY = (204, 205, 304)
"""Statuses whose responses have no body (RFC 9110, sections 15.3.5, 15.3.6, 15.4.5)."""


def _not_of_framing(name: str) -> str:
    if name.lower() in ("content-length", "transfer-encoding"):
        raise ValueError("is the server's own to say; see truncateBodyAt and fault for how to break it")
    return name


def _not_for_long(hold: timedelta) -> timedelta:
    if not timedelta(0) < hold <= timedelta(seconds=MAX_HOLD_SECONDS):
        raise ValueError(f"must be over 0 s, and {MAX_HOLD_SECONDS} s at most: it ends sooner by a release")
    return hold


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


class Hold(Effect):
    """Holds the request until it is released: what that says, if anything, applies in the place of other effects."""

    hold: Annotated[Duration, AfterValidator(_not_for_long)] | None = Field(
        None,
        description=f"It is held so long at most, in real time, {MAX_HOLD_SECONDS}s or less, unless it is released.",
        examples=["30s"],
    )

    def is_set(self) -> bool:
        return self.hold is not None

    def describe(self) -> str:
        return "held"

    async def apply(self, outgoing: Outgoing) -> None:
        """Raises ApiError (503) where as many are held as may be; ClientDisconnect."""
        if self.hold is not None:
            with outgoing.hold(self.hold.total_seconds()) as held:
                await outgoing.request.pause_until(held.end)
            if held.release is not None:
                outgoing.effects, outgoing.wait = held.release, held.release.retry_after


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
    headers: Literal["RateLimit-Limit", "X-RateLimit-Limit", "RateLimit-Policy"] | None = Field(
        None,
        description="Every response tells of the quota: by RateLimit-Limit, -Remaining and -Reset (in seconds), by the"
        " same with X- before (-Reset as Unix time), or by RateLimit-Policy and RateLimit (the IETF's draft).",
    )

    def tell(self, used: int, left: timedelta, now: datetime) -> Headers:
        """The header fields after so many requests, with so much of the window left."""
        remaining, seconds = max(0, self.limit - used), ceil(left.total_seconds())
        match self.headers:
            case "RateLimit-Limit":
                fields = {"limit": self.limit, "remaining": remaining, "reset": seconds}
                return tuple((b"ratelimit-%s" % name.encode(), b"%d" % value) for name, value in fields.items())
            case "X-RateLimit-Limit":
                end = ceil((now + left).timestamp())
                fields = {"limit": self.limit, "remaining": remaining, "reset": end}
                return tuple((b"x-ratelimit-%s" % name.encode(), b"%d" % value) for name, value in fields.items())
            case "RateLimit-Policy":
                policy = b'"default";q=%d;w=%d' % (self.limit, ceil(self.window.total_seconds()))
                return ((b"ratelimit-policy", policy), (b"ratelimit", b'"default";r=%d;t=%d' % (remaining, seconds)))
            case None:
                return ()


class OwnResponse(Effect):
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

    def is_set(self) -> bool:
        return any(each is not None for each in (self.status, self.body, self.json_body))

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if self.body is not None and self.json_body is not None:
            raise ValueError("body and jsonBody exclude each other")
        return self

    @property
    def _status(self) -> int:
        return self.status or 200

    @property
    def _own_body(self) -> str | dict[str, Any] | None:
        """What it responds with instead of an error: the body that was given; an empty one below 400."""
        given = self.body if self.json_body is None else self.json_body
        is_error = self.status is None or self.status >= 400
        return given if given is not None or is_error else ""

    def describe(self) -> str:
        return f"status {self._status} with a body" if self._own_body else f"status {self._status}"

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


class InjectedResponse(OwnResponse):
    """The same, or that of a quota to what is over it."""

    quota: Quota | None = Field(
        None, description="It is injected into what is over the quota; 429 unless status says otherwise."
    )

    def is_set(self) -> bool:
        return super().is_set() or self.quota is not None

    @property
    def _status(self) -> int:
        return self.status or (200 if self.quota is None else 429)

    def describe(self) -> str:
        return super().describe() if self.quota is None else "over quota"


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


class Effects(Hold, Delay, InjectedResponse, BrokenConnection, SlowBody, TruncatedBody):
    """The effects of a fault, in the order in which they apply."""

    @model_validator(mode="after")
    def _one_response(self) -> Self:
        check_alone(self, self)
        return self

    @property
    def effects(self) -> tuple[type[Effect], ...]:
        """The classes of those that it has."""
        return tuple(effect for effect in EFFECTS if effect.is_set(self))


def check_alone(broken: BrokenConnection, response: OwnResponse) -> None:
    """Raises ValueError where a fault breaks the connection, and has a response beside."""
    if broken.fault is None:
        return
    if response.status is not None:
        raise ValueError("fault and status exclude each other: there is no response to give a status to")
    if response.body is not None or response.json_body is not None:
        raise ValueError("fault and a body exclude each other: there is no response to give a body to")


EFFECTS = cast("tuple[type[Effect], ...]", Effects.__bases__)


async def apply_effects(outgoing: Outgoing) -> None:
    """Have each effect change the response. Raises ApiError (503), ClientDisconnect."""
    for effect in EFFECTS:
        if effect.is_set(outgoing.effects):
            outgoing.loses_answer = outgoing.loses_answer or effect.loses_answer
            await effect.apply(outgoing.effects, outgoing)
