"""The faults in force: which of them is injected into a request, and what each has done."""

import random
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product

from workflow_mock.caching import BoundedDict
from workflow_mock.faults.effects import Quota
from workflow_mock.faults.spec import FaultSpec
from workflow_mock.http.messages import Request
from workflow_mock.state.clock import Clock
from workflow_mock.state.exchange import REQUEST_TOKEN, Target

MAX_FAULTS = 10_000
"""In force at once; over that, the oldest goes."""

MAX_TALLIES = 1000
"""Customers for whom one fault counts; the one whose count began first is forgotten first."""


@dataclass(slots=True)
class Tally:
    """What a fault has done: requests that matched it, those it was injected into, and the quota's window."""

    customer_id: str
    """Empty where the fault counts for all customers together."""
    matched: int = 0
    injected: int = 0
    window: datetime | None = None
    used: int = 0

    def exceeds(self, quota: Quota, now: datetime) -> bool:
        """Count a request; whether it is over the quota."""
        if self.window is None or not self.window <= now < self.window + quota.window:
            self.window, self.used = now, 0
        self.used += 1
        return self.used > quota.limit


@dataclass(slots=True, eq=False)
class Fault:
    """A fault in force. One of the catalogue, or with a quota, counts for each customer apart."""

    spec: FaultSpec
    created: datetime
    is_permanent: bool = False
    """Whether it is the catalogue's, and comes back with a reset."""
    tallies: BoundedDict[str, Tally] = field(default_factory=lambda: BoundedDict(MAX_TALLIES))

    @property
    def customer_id(self) -> str | None:
        """The customer whom it is for, or None for everybody."""
        return self.spec.matcher.customer_id

    def is_over(self, target: Target, now: datetime) -> bool:
        """Whether its time or its count is over for this customer; a clock that goes back can undo the first."""
        ttl, times = self.spec.ttl, self.spec.times
        if ttl is not None and now - self.created >= ttl:
            return True
        tally = None if times is None else self.tallies.get(self._counted_for(target))
        return tally is not None and times is not None and tally.injected >= times

    def inject(self, request: Request, target: Target, now: datetime) -> "Injection | None":
        """Count a request if it matches; what is injected into it, if anything is."""
        spec = self.spec
        if target.operation == REQUEST_TOKEN and spec.matcher.url_path is None:
            return None  # who wants the next start to fail doesn't mean the token for it
        if self.is_over(target, now) or not spec.matcher.matches_request(request, target):
            return None
        tally = self._tally(target)
        tally.matched += 1
        if tally.matched <= spec.after or not spec.probability:
            return None
        injection = Injection(self, tally, tally.matched, now)
        if spec.probability < 1 and injection.source().random() >= spec.probability:
            return None
        if spec.quota is not None and not tally.exceeds(spec.quota, now):
            return None
        tally.injected += 1
        return injection

    def _counted_for(self, target: Target) -> str:
        return target.customer_id or "" if self.is_permanent or self.spec.quota is not None else ""

    def _tally(self, target: Target) -> Tally:
        who = self._counted_for(target)
        tally = self.tallies.get(who)
        if tally is None:
            tally = self.tallies[who] = Tally(who)
        return tally


@dataclass(frozen=True, slots=True)
class Injection:
    """A fault that is injected into one request, and the tally that counted it."""

    fault: Fault
    tally: Tally
    number: int
    """Of the request among those that matched."""
    time: datetime

    @property
    def spec(self) -> FaultSpec:
        return self.fault.spec

    @property
    def loses_answer(self) -> bool:
        """Whether the client can't have read the operation's answer."""
        return any(effect.loses_answer for effect in self.spec.effects)

    def source(self) -> random.Random:
        """Randomness for this request: the same for the same seed, whatever else the server is asked."""
        return random.Random(f"{self.spec.seed}/{self.number}")  # noqa: S311 - repeatable, not secret

    def retry_after(self) -> timedelta | None:
        """For Retry-After: what the fault says, or when the quota's window ends."""
        if self.spec.retry_after is None and self.spec.quota is not None and self.tally.window is not None:
            return self.tally.window + self.spec.quota.window - self.time
        return self.spec.retry_after

    def take_back(self) -> None:
        """Count the request as one that it was not injected into."""
        self.tally.injected = max(0, self.tally.injected - 1)


class FaultRegistry:
    """The faults in force, by customer and workflow. The catalogue's are there again after a reset."""

    def __init__(self, permanent: Iterable[FaultSpec], clock: Clock) -> None:
        self._clock = clock
        self._faults: OrderedDict[str, Fault] = OrderedDict()
        self._permanent: tuple[FaultSpec, ...] = ()
        self._groups: dict[tuple[str | None, str | None], dict[str, Fault]] = {}
        """By the customer and the workflow of their matchers; oldest first."""
        self.reload(permanent)

    def __len__(self) -> int:
        return len(self._faults)

    def for_customer(self, customer_id: str | None) -> list[Fault]:
        """The faults of a customer, newest first; or all (None), oldest first."""
        if customer_id is None:
            return list(self._faults.values())
        return [fault for fault in reversed(self._faults.values()) if fault.customer_id == customer_id]

    def get(self, fault_id: str) -> Fault | None:
        return self._faults.get(fault_id)

    def reload(self, permanent: Iterable[FaultSpec]) -> None:
        """Take these for the catalogue's from now on."""
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
        self._groups.setdefault(_group(fault), {})[fault.spec.id] = fault
        if len(self._faults) > MAX_FAULTS:
            self.remove(next(iter(self._faults)))

    def remove(self, fault_id: str) -> Fault | None:
        fault = self._faults.pop(fault_id, None)
        if fault is not None:
            group = self._groups[_group(fault)]
            del group[fault_id]
            if not group:
                del self._groups[_group(fault)]
        return fault

    def needs_body(self, target: Target) -> bool:
        """Whether a fault that may be injected looks at the body."""
        return any(fault.spec.matcher.body_patterns for fault in self._candidates(target))

    def pick(self, request: Request, target: Target, now: datetime) -> Injection | None:
        """The injection into this request, if there is one: of the most specific fault, and of those the newest."""
        for fault in self._candidates(target):
            if (injection := fault.inject(request, target, now)) is not None:
                return injection
        return None

    def _candidates(self, target: Target) -> Iterator[Fault]:
        workflows = (target.workflow_id, None) if target.workflow_id else (None,)
        customers = (target.customer_id, None) if target.customer_id else (None,)
        for key in product(customers, workflows):
            if key in self._groups:
                yield from reversed(self._groups[key].values())

    def clear(self, customer_id: str | None) -> None:
        """Take out the faults of a customer, or all, and put the catalogue's back as they were at the start."""
        for fault in self.for_customer(customer_id):
            self.remove(fault.spec.id)
        if customer_id is not None:
            for fault in self._faults.values():
                fault.tallies.pop(customer_id, None)
        self._restore(customer_id)

    def _restore(self, customer_id: str | None) -> None:
        """Put the catalogue's faults in force: those for this customer alone, or all."""
        for spec in self._permanent:
            if customer_id in (None, spec.matcher.customer_id):
                self.add(spec, is_permanent=True)


def _group(fault: Fault) -> tuple[str | None, str | None]:
    return fault.customer_id, fault.spec.matcher.workflow_id
