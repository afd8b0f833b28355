"""Faults: what to break, for whom, how often.

A fault is data (`FaultSpec`) and a little memory of what it has done (`Fault`). Names and meanings follow WireMock's.
"""

import random
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from itertools import product
from typing import Annotated, Literal
from uuid import uuid4

from pydantic import AfterValidator, Field, field_validator, model_validator

from workflow_mock.paths import TOKEN_PATH
from workflow_mock.state.clock import Clock
from workflow_mock.state.journal import Exchange
from workflow_mock.state.matcher import Matcher
from workflow_mock.types import Duration, StrictModel, Uuid

MAX_FAULTS = 10_000
"""In force at once; over that, the oldest goes."""

MAX_TALLIES = 1000
"""Customers for whom one fault counts; the one whose count began first is forgotten first."""

MAX_DELAY_MILLISECONDS = 10 * 60 * 1000

MAX_COUNT = 2**53
"""Up to here, every reader of JSON knows an integer; and it can be counted on without an end."""


def _not_of_framing(name: str) -> str:
    if name.lower() in ("content-length", "transfer-encoding"):
        raise ValueError("is the server's own to say; see truncateBodyAt and fault for how to break it")
    return name


Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Milliseconds = Annotated[float, Field(ge=0, le=MAX_DELAY_MILLISECONDS)]
HeaderName = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$"), AfterValidator(_not_of_framing)]
HeaderValue = Annotated[str, Field(pattern=r"^[ -~]{0,1000}$")]


class ConnectionFault(StrEnum):
    """What happens to the connection instead of an answer."""

    RESET = "CONNECTION_RESET_BY_PEER"
    EMPTY = "EMPTY_RESPONSE"
    MALFORMED = "MALFORMED_RESPONSE_CHUNK"
    RANDOM = "RANDOM_DATA_THEN_CLOSE"


class Uniform(StrictModel):
    type: Literal["uniform"]
    lower: Milliseconds
    upper: Milliseconds

    @model_validator(mode="after")
    def _sensible(self) -> "Uniform":
        if self.lower > self.upper:
            raise ValueError("lower is over upper")
        return self

    def draw(self, source: random.Random) -> float:
        return source.uniform(self.lower, self.upper)


class LogNormal(StrictModel):
    type: Literal["lognormal"]
    median: Milliseconds
    sigma: float = Field(ge=0, le=10)

    def draw(self, source: random.Random) -> float:
        return self.median * source.lognormvariate(0, self.sigma)


class Dribble(StrictModel):
    """The body in so many chunks over so many milliseconds."""

    number_of_chunks: int = Field(ge=1, le=10_000)
    total_duration: Milliseconds


class Quota(StrictModel):
    """Of the matching requests of a customer, so many in a window are let through."""

    limit: Count
    window: Duration = Field(gt=timedelta(0))


class FaultSpec(StrictModel, json_schema_extra={"examples": [{"status": 503, "retryAfter": "2s", "times": 1}]}):
    """A fault: which requests it is for, how often it strikes, and what it does."""

    id: Uuid = Field(default_factory=lambda: str(uuid4()))
    matcher: Matcher = Field(default_factory=Matcher)
    when: Literal["before", "afterCommit"] = Field(
        "before", description="afterCommit does the work first, and then breaks the answer."
    )
    # How often:
    times: int | None = Field(None, ge=1, le=MAX_COUNT, description="It strikes so many times at most.")
    after: Count = Field(0, description="It lets so many matching requests through first.")
    probability: float = Field(1.0, ge=0, le=1)
    seed: int = Field(0, ge=-MAX_COUNT, le=MAX_COUNT, description="Of the probability and the delays.")
    ttl: Duration | None = Field(None, description="It ends so long after it was made.")
    quota: Quota | None = Field(
        None, description="It strikes what is over the quota; 429 unless status says otherwise."
    )
    # What it does:
    status: int | None = Field(None, ge=400, le=599)
    code: str = Field("injected_fault", min_length=1, max_length=100)
    message: str = Field("A fault that was asked for at /__admin/faults", max_length=1000)
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict, max_length=50)
    retry_after: Duration | None = Field(None, description="For the Retry-After header, in whole seconds.")
    fixed_delay_milliseconds: Milliseconds = 0
    delay_distribution: Uniform | LogNormal | None = Field(None, discriminator="type")
    fault: ConnectionFault | None = Field(None, strict=False)
    chunked_dribble_delay: Dribble | None = None
    truncate_body_at: Count | None = Field(None, description="The answer ends after so many bytes of its body.")

    @field_validator("matcher")
    @classmethod
    def _of_requests(cls, matcher: Matcher) -> Matcher:
        if matcher.model_fields_set & {"client_id", "status", "error_code", "execution_id", "fault_id"}:
            raise ValueError("clientId, status, errorCode, executionId and faultId are known too late for a fault")
        return matcher

    @model_validator(mode="after")
    def _sensible(self) -> "FaultSpec":
        if self.fault is not None and self.status is not None:
            raise ValueError("fault and status exclude each other: there is no answer to give a status to")
        breaks = (self.status, self.fault, self.quota, self.chunked_dribble_delay, self.truncate_body_at)
        if not self.fixed_delay_milliseconds and {*breaks, self.delay_distribution} == {None}:
            raise ValueError("does nothing: give it a status, a fault, a delay, a quota or truncateBodyAt")
        return self


@dataclass(slots=True)
class Tally:
    """What a fault has done: requests that matched it, those that it injected, and the quota's window."""

    customer_id: str
    """Empty where the fault counts for all customers together."""
    matched: int = 0
    injected: int = 0
    window: datetime | None = None
    used: int = 0


@dataclass(slots=True, eq=False)
class Fault:
    """A fault in force. One of the catalogue, or with a quota, counts for each customer apart."""

    spec: FaultSpec
    created: datetime
    is_permanent: bool = False
    tallies: OrderedDict[str, Tally] = field(default_factory=OrderedDict)
    find_again: Callable[[], None] = field(default=lambda: None)
    """What to call when it may strike again after it was over."""

    @property
    def customer_id(self) -> str | None:
        """Whom it is for, if not for everybody."""
        return self.spec.matcher.customer_id

    def is_over(self, now: datetime) -> bool:
        """Whether it strikes no more, unless a clock goes back or a strike is taken back."""
        times, ttl = self.spec.times, self.spec.ttl
        if (times is None and ttl is None) or self.is_permanent:
            return False
        if ttl is not None and now - self.created >= ttl:
            return True
        return times is not None and self.spec.quota is None and self._is_spent("", times)

    def _is_spent(self, who: str, times: int) -> bool:
        tally = self.tallies.get(who)
        return tally is not None and tally.injected >= times

    def applies(self, exchange: Exchange) -> bool:
        """Whether this exchange is struck; counts it if it matches."""
        spec = self.spec
        if exchange.path == TOKEN_PATH and spec.matcher.url_path is None:
            return False  # who wants the next start to fail doesn't mean the token for it
        if spec.ttl is not None and exchange.time - self.created >= spec.ttl:
            return False
        if spec.times is not None and self._is_spent(self._counted_for(exchange), spec.times):
            return False
        if not spec.matcher.matches(exchange):
            return False
        tally = self._tally(exchange)
        tally.matched += 1
        if tally.matched <= spec.after or not spec.probability:
            return False
        if spec.probability < 1 and self.source(exchange).random() >= spec.probability:
            return False
        if spec.quota is not None and not _is_over(spec.quota, tally, exchange.time):
            return False
        tally.injected += 1
        return True

    def miss(self, exchange: Exchange) -> None:
        """Take back that it struck this exchange."""
        self._tally(exchange).injected -= 1
        exchange.fault_id = None
        self.find_again()

    def source(self, exchange: Exchange) -> random.Random:
        """The randomness for the request seen last: the same for the same seed, whatever else the server is asked."""
        return random.Random(f"{self.spec.seed}/{self._tally(exchange).matched}")  # noqa: S311 - repeatable, not secret

    @property
    def replaces(self) -> bool:
        """Whether there is another answer than the true one, or none."""
        return self.spec.status is not None or self.spec.fault is not None or self.spec.quota is not None

    @property
    def loses_answer(self) -> bool:
        return self.replaces or self.spec.truncate_body_at is not None

    def retry_after(self, exchange: Exchange) -> timedelta | None:
        """What to say in Retry-After: what the fault says, or when the quota's window ends."""
        window = self._tally(exchange).window
        if self.spec.retry_after is None and self.spec.quota is not None and window is not None:
            return window + self.spec.quota.window - exchange.time
        return self.spec.retry_after

    def _counted_for(self, exchange: Exchange) -> str:
        return exchange.customer_id if self.is_permanent or self.spec.quota is not None else ""

    def _tally(self, exchange: Exchange) -> Tally:
        who = self._counted_for(exchange)
        tally = self.tallies.get(who)
        if tally is None:
            tally = self.tallies[who] = Tally(who)
            if len(self.tallies) > MAX_TALLIES:
                self.tallies.popitem(last=False)
        return tally


def _is_over(quota: Quota, tally: Tally, now: datetime) -> bool:
    if tally.window is None or not tally.window <= now < tally.window + quota.window:
        tally.window, tally.used = now, 0
    tally.used += 1
    return tally.used > quota.limit


class FaultRegistry:
    """The faults in force, found by customer and workflow. The catalogue's are there again after a reset.

    What is over is still kept, but a start doesn't look through it: it is left out of the index until a clock is set.
    """

    def __init__(self, permanent: Iterable[FaultSpec], clock: Clock) -> None:
        self._clock = clock
        self._faults: OrderedDict[str, Fault] = OrderedDict()
        self._permanent: tuple[FaultSpec, ...] = ()
        self._index: dict[tuple[str | None, str | None], dict[str, Fault]] = {}
        self._indexed_at = clock.turns
        self._has_one_clock = True
        self.reload(permanent)

    def __len__(self) -> int:
        return len(self._faults)

    def for_customer(self, customer_id: str | None) -> list[Fault]:
        """The faults of a customer, newest first, or all, oldest first."""
        if customer_id is None:
            return list(self._faults.values())
        return [fault for fault in reversed(self._faults.values()) if fault.customer_id == customer_id]

    def get(self, fault_id: str) -> Fault | None:
        return self._faults.get(fault_id)

    def reload(self, permanent: Iterable[FaultSpec]) -> None:
        """Have these for the catalogue's from now on."""
        for spec in self._permanent:
            self.remove(spec.id)
        self._permanent = tuple(permanent)
        self._restore(None)

    def add(self, spec: FaultSpec, *, is_permanent: bool = False) -> Fault:
        """Put a fault in force, by the clock of its customer if it is for one, in place of one of the same id."""
        fault = Fault(spec, self._clock.now(spec.matcher.customer_id), is_permanent=is_permanent)
        self.put(fault)
        return fault

    def put(self, fault: Fault) -> None:
        self.remove(fault.spec.id)
        self._faults[fault.spec.id] = fault
        fault.find_again = partial(self._find_again, fault)
        self._index.setdefault(_key(fault), {})[fault.spec.id] = fault
        if len(self._faults) > MAX_FAULTS:
            self.remove(next(iter(self._faults)))

    def remove(self, fault_id: str) -> Fault | None:
        fault = self._faults.pop(fault_id, None)
        if fault is not None:
            self._leave_out(fault)
        return fault

    def candidates(self, exchange: Exchange) -> list[Fault]:
        """The faults for this customer and workflow, those that are for fewer first, and of those the newest."""
        if self._indexed_at != self._clock.turns:
            self._index_all()
        workflows = (exchange.workflow_id, None) if exchange.workflow_id else (None,)
        keys = product((exchange.customer_id, None), workflows)
        found = [fault for key in keys if key in self._index for fault in reversed(self._index[key].values())]
        over = {fault for fault in found if fault.is_over(exchange.time)}
        for fault in over:
            # By another customer's clock it may not be over yet.
            if fault.spec.ttl is None or fault.customer_id or self._has_one_clock:
                self._leave_out(fault)
        return [fault for fault in found if fault not in over] if over else found

    def _leave_out(self, fault: Fault) -> None:
        alike = self._index.get(_key(fault), {})
        alike.pop(fault.spec.id, None)
        if not alike:
            self._index.pop(_key(fault), None)

    def _find_again(self, fault: Fault) -> None:
        if fault.spec.id not in self._index.get(_key(fault), ()):
            self._index_all()

    def _index_all(self) -> None:
        self._indexed_at, self._has_one_clock = self._clock.turns, len(self._clock.states()) == 1
        self._index.clear()
        for fault in self._faults.values():
            self._index.setdefault(_key(fault), {})[fault.spec.id] = fault

    def clear(self, customer_id: str | None) -> None:
        """Forget the faults of a customer, or all, in place; the catalogue's are as they were at the start."""
        for fault in self.for_customer(customer_id):
            self.remove(fault.spec.id)
        if customer_id is not None:
            for fault in self._faults.values():
                fault.tallies.pop(customer_id, None)
        self._restore(customer_id)

    def _restore(self, customer_id: str | None) -> None:
        """Have the catalogue's faults that are for this customer alone, or all of the catalogue's."""
        for spec in self._permanent:
            if customer_id in (None, spec.matcher.customer_id):
                self.add(spec, is_permanent=True)


def _key(fault: Fault) -> tuple[str | None, str | None]:
    return fault.customer_id, fault.spec.matcher.workflow_id
