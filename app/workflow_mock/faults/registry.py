"""The faults in force: which of them is injected into a request, and what each has done."""

import random
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product
from typing import NamedTuple

from workflow_mock.caching import BoundedDict
from workflow_mock.errors import ApiError, Headers
from workflow_mock.faults.effects import Effects, Quota, whole_seconds
from workflow_mock.faults.spec import FaultSpec, When
from workflow_mock.http.messages import Request
from workflow_mock.state.clock import Clock
from workflow_mock.state.exchange import NO_FACTS, REQUEST_TOKEN, Facts, Target
from workflow_mock.state.in_flight import InFlight

MAX_FAULTS = 10_000
"""Faults in force, besides the catalogue's. One more takes the place of the oldest that is over, or is refused."""

MAX_BYTES = 64 * 1024 * 1024
"""Of all these faults together. One more takes the place of those that are over, the oldest first, or is refused."""

_NO_TIME = timedelta(0)

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
    since: datetime | None = None
    """Where `from` and `ttl` of a catalogue's fault count from for the customer: the first request that matched."""

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

    def is_over(self, customer_id: str | None, clock: Clock) -> bool:
        """Whether it has expired (`ttl`) or is exhausted (`times`, its sequence) for this customer.

        The `ttl` goes by the clock of the fault's customer, else the server's; that of a catalogue's fault by the clock
        of `customer_id`. A fault that has expired is in force again where that clock goes back.
        """
        ttl, most = self.spec.ttl, self.spec.most
        if ttl is None and most is None:
            return False
        tally = self.tallies.get(self._counted_for(customer_id))
        if ttl is not None:
            age = self._age(tally, clock.now(customer_id if self.is_permanent else self.customer_id))
            if age >= ttl + (self.spec.from_ or _NO_TIME):
                return True
        return tally is not None and most is not None and tally.injected >= most

    def is_over_for_all(self, clock: Clock) -> bool:
        """Whether it is over for whoever it is for. Where it counts for each customer apart, its time alone tells."""
        if self._counts_apart and self.customer_id is None:
            ttl = None if self.is_permanent else self.spec.ttl
            return ttl is not None and clock.now() - self.created >= ttl + (self.spec.from_ or _NO_TIME)
        return self.is_over(self.customer_id, clock)

    def inject(
        self, request: Request, target: Target, caller: Facts | None, now: datetime, clock: Clock
    ) -> "Injection | None":
        """Count a request that came `now`, by its customer's clock, if it matches; what is injected, if anything is.

        `caller` is what is known of who calls, None where nothing is.
        """
        spec = self.spec
        if self.is_over(target.customer_id, clock) or not self._matches(request, target, caller):
            return None
        tally = self._tally(target.customer_id, now)
        age = self._age(tally, now if self.is_permanent else clock.now(self.customer_id))
        if spec.from_ is not None and age < spec.from_:
            return None
        step, effects, when = self._next(tally)
        if when == "afterToken" and caller is None:
            return None
        tally.matched += 1
        number = tally.matched
        if number <= spec.after or not spec.probability:
            return None
        if spec.probability < 1 and _source(spec, number).random() >= spec.probability:
            return None
        if spec.quota is not None and not tally.exceeds(spec.quota, now):
            return None
        tally.injected += 1
        retry_after = effects.retry_after
        if retry_after is None and spec.quota is not None and tally.window is not None:
            retry_after = tally.window + spec.quota.window - now
        return Injection(self, tally, number, retry_after, tally.injected, step, effects, when, caller)

    def quota_headers(
        self, request: Request, target: Target, caller: Facts | None, now: datetime, clock: Clock
    ) -> Headers:
        """What the response to a request that matches tells of the quota, as it is for the next one."""
        quota = self.spec.quota
        if quota is None or quota.headers is None or self.is_over(target.customer_id, clock):
            return ()
        tally = self.tallies.get(self._counted_for(target.customer_id))
        age = self._age(tally, now if self.is_permanent else clock.now(self.customer_id))
        if age < (self.spec.from_ or _NO_TIME) or not self._matches(request, target, caller):
            return ()
        begin = now if tally is None or tally.window is None else tally.window
        if not begin <= now < begin + quota.window:
            tally, begin = None, now
        return quota.tell(0 if tally is None else tally.used, begin + quota.window - now, now)

    def _matches(self, request: Request, target: Target, caller: Facts | None) -> bool:
        matcher = self.spec.matcher
        if target.operation == REQUEST_TOKEN and matcher.url_path is matcher.operation is None:
            return False  # who wants the next start to fail doesn't mean the token for it
        if not matcher.matches_request(request, target):
            return False
        return not matcher.is_of_callers or matcher.matches_caller(caller or NO_FACTS)

    def _age(self, tally: Tally | None, now: datetime) -> timedelta:
        """How long ago it was made; a catalogue's fault, how long ago the customer's first request matched."""
        if not self.is_permanent:
            return now - self.created
        return _NO_TIME if tally is None or tally.since is None else now - tally.since

    def _next(self, tally: Tally) -> tuple[int | None, Effects, When]:
        """The step, from 1 on, that the next injection is, if there are steps; its effects, and when they apply."""
        spec = self.spec
        if spec.sequence is None:
            return None, spec, spec.when
        index = tally.injected % len(spec.sequence)
        step = spec.sequence[index]
        return index + 1, step, step.when or spec.when

    def counts(self, customer_id: str | None) -> tuple[int, int]:
        """How many requests matched and how many it was injected into: of a customer where it counts apart, or all."""
        who = self._counted_for(customer_id)
        tallies = [each for each in self.tallies.values() if customer_id is None or each.customer_id == who]
        return sum(each.matched for each in tallies), sum(each.injected for each in tallies)

    @property
    def _counts_apart(self) -> bool:
        return self.is_permanent or self.spec.quota is not None

    def _counted_for(self, customer_id: str | None) -> str:
        return customer_id or "" if self._counts_apart else ""

    def _tally(self, customer_id: str | None, now: datetime) -> Tally:
        who = self._counted_for(customer_id)
        tally = self.tallies.get(who)
        if tally is None:
            tally = self.tallies[who] = Tally(who)
        if tally.since is None and self.is_permanent and self.spec.has_times:
            tally.since = now
        return tally


@dataclass(frozen=True, slots=True)
class Injection:
    """A fault that is injected into one request, and the tally that counted it."""

    fault: Fault
    tally: Tally
    number: int
    """Of the request among those that matched."""
    retry_after: timedelta | None
    """For Retry-After: what the fault says, or when the quota's window ends."""
    count: int
    """Of the injections until this one."""
    step: int | None
    """Of the fault's sequence, the first being 1."""
    effects: Effects
    when: When
    caller: Facts | None
    """Who calls, where that had to be known."""

    @property
    def spec(self) -> FaultSpec:
        return self.fault.spec

    def describe(self) -> str:
        """What it does, in words: `connection reset, 1 of 2`, `status 503, step 2 of 3, Retry-After 5`."""
        words = [effect.describe(self.effects) for effect in self.effects.effects]
        if self.step is not None and self.spec.sequence is not None:
            words.append(f"step {self.step} of {len(self.spec.sequence)}")
        elif self.spec.times is not None:
            words.append(f"{self.count} of {self.spec.times}")
        if self.retry_after is not None:
            words.append(f"Retry-After {whole_seconds(self.retry_after)}")
        return ", ".join(words)

    def source(self) -> random.Random:
        """Randomness for this request: the same for the same seed, whatever else the server is asked."""
        return _source(self.spec, self.number)


class Needs(NamedTuple):
    """What faults that may be injected need."""

    body: bool
    """One looks at the body."""
    caller: bool
    """One must know who calls."""
    quota_headers: bool
    """The response tells of one's quota."""


class FaultRegistry:
    """The faults in force, by customer and workflow. The catalogue's are there again after a reset."""

    def __init__(self, permanent: Iterable[FaultSpec], clock: Clock, in_flight: InFlight) -> None:
        self._clock = clock
        self._in_flight = in_flight
        self.in_force: OrderedDict[str, Fault] = OrderedDict()
        """By id, oldest first; for reading alone."""
        self._permanent: tuple[FaultSpec, ...] = ()
        self._added = 0
        """How many of the faults aren't the catalogue's."""
        self._bytes = 0
        """What these take together."""
        self._groups: dict[tuple[str | None, str | None], dict[str, Fault]] = {}
        """By customer and workflow of their matchers, oldest first; without those that were found to be over."""
        self._has_left_out = False
        """Whether some were."""
        clock.before_change(self._look_again)
        self.reload(permanent)

    def for_customer(self, customer_id: str | None) -> list[Fault]:
        """The faults of a customer, newest first; or all (None), oldest first."""
        if customer_id is None:
            return list(self.in_force.values())
        return [fault for fault in reversed(self.in_force.values()) if fault.customer_id == customer_id]

    def of_catalogue(self) -> list[Fault]:
        """The catalogue's faults for every customer, newest first."""
        return [each for each in reversed(self.in_force.values()) if each.is_permanent and each.customer_id is None]

    def for_everybody(self) -> list[Fault]:
        """The faults that are for no customer alone, newest first."""
        return [each for each in reversed(self.in_force.values()) if each.customer_id is None]

    def is_over(self, fault: Fault, customer_id: str | None) -> bool:
        """Whether a fault is over for a customer, or (None) for all whom it is for."""
        return fault.is_over_for_all(self._clock) if customer_id is None else fault.is_over(customer_id, self._clock)

    def get(self, fault_id: str) -> Fault | None:
        return self.in_force.get(fault_id)

    def reload(self, permanent: Iterable[FaultSpec]) -> None:
        """Take these for the catalogue's from now on. What is unchanged keeps its counts, or stays deleted."""
        in_force: dict[str, list[FaultSpec]] = {}
        for fault in self.in_force.values():
            if fault.is_permanent:
                in_force.setdefault(fault.spec.content, []).append(fault.spec)
        known = Counter(spec.content for spec in self._permanent)
        specs, new = [], []
        for spec in permanent:
            content = spec.content
            kept = in_force.get(content)
            if kept:
                spec = kept.pop(0)  # noqa: PLW2901 - with its id
            elif known[content] <= 0:
                new.append(spec)
            known[content] -= 1
            specs.append(spec)
        self._remove(spec.id for kept in in_force.values() for spec in kept)
        self._permanent = tuple(specs)
        for spec in new:
            self.add(spec, is_permanent=True)

    def add(self, spec: FaultSpec, *, is_permanent: bool = False) -> Fault:
        """Put a fault in force, by the clock of its customer if it is for one, in place of one of the same id.

        Raises ApiError (503) where there are 10,000, or as many as 64 MiB have room for, and too few are over.
        """
        fault = Fault(spec, self._clock.now(spec.matcher.customer_id), is_permanent=is_permanent)
        self.put(fault)
        return fault

    def put(self, fault: Fault) -> None:
        """Put a fault in force. Raises ApiError (503)."""
        if not fault.is_permanent:
            self._make_room(fault.spec)
        self.remove(fault.spec.id)
        self._put_in(fault)

    def _make_room(self, spec: FaultSpec) -> None:
        """Take out so many of those that are over as a new fault needs. Raises ApiError (503), and takes out none."""
        count, size = self._added + 1, self._bytes + spec.size
        same = self.in_force.get(spec.id)
        if same is not None and not same.is_permanent:
            count, size = count - 1, size - same.spec.size
        over: list[str] = []
        if count > MAX_FAULTS or size > MAX_BYTES:
            for id, each in self.in_force.items():
                if not each.is_permanent and each is not same and each.is_over_for_all(self._clock):
                    over.append(id)
                    count, size = count - 1, size - each.spec.size
                    if count <= MAX_FAULTS and size <= MAX_BYTES:
                        break
        check_room(count, size)
        for id in over:
            self._take_out(id)

    def _put_in(self, fault: Fault) -> None:
        self.in_force[fault.spec.id] = fault
        if not fault.is_permanent:
            self._added += 1
            self._bytes += fault.spec.size
        self._groups.setdefault(_group(fault), {})[fault.spec.id] = fault

    def remove(self, fault_id: str) -> Fault | None:
        """Take out a fault, and let go of the requests that it holds."""
        fault = self.in_force.get(fault_id)
        self._remove([fault_id] if fault else ())
        return fault

    def remove_all(self, customer_id: str | None) -> None:
        """Take out the faults of a customer, or all (None), and let go of the requests that they hold."""
        if customer_id is None:
            gone = set(self.in_force)
            self.in_force.clear()
            self._groups.clear()
            self._added = self._bytes = 0
            self._in_flight.end_faults(gone)
        else:
            self._remove([fault.spec.id for fault in self.for_customer(customer_id)])

    def take_over(self, faults: "FaultSet", customer_id: str | None) -> None:
        """Have these in the place of a customer's, or of all (None). Within the bounds: the caller has counted."""
        self.remove_all(customer_id)
        self.in_force.update(faults.by_id)
        self._groups.update(faults.groups)
        self._added += faults.added
        self._bytes += faults.size

    def _remove(self, fault_ids: Iterable[str]) -> None:
        gone = set(fault_ids)
        for fault_id in gone:
            self._take_out(fault_id)
        if gone:
            self._in_flight.end_faults(gone)

    def _take_out(self, fault_id: str) -> None:
        fault = self.in_force.pop(fault_id)
        if not fault.is_permanent:
            self._added -= 1
            self._bytes -= fault.spec.size
        self._leave_group(fault)

    def _leave_group(self, fault: Fault) -> None:
        group = self._groups.get(_group(fault), {})
        if group.pop(fault.spec.id, None) and not group:
            del self._groups[_group(fault)]

    def needs(self, target: Target) -> Needs:
        """What must be known, or done, for the faults that may be injected."""
        body = caller = quota_headers = False
        for fault in self._candidates(target):
            spec = fault.spec
            body = body or bool(spec.matcher.body_patterns)
            caller = caller or spec.needs_caller
            quota_headers = quota_headers or (spec.quota is not None and spec.quota.headers is not None)
        return Needs(body, caller, quota_headers)

    def pick(self, request: Request, target: Target, now: datetime, caller: Facts | None = None) -> Injection | None:
        """The injection into this request, if there is one: of the most specific fault, and of those the newest."""
        over: list[Fault] = []
        injection = None
        for fault in self._candidates(target):
            if not fault.is_permanent and fault.is_over_for_all(self._clock):
                over.append(fault)
            elif (injection := fault.inject(request, target, caller, now, self._clock)) is not None:
                break
        for fault in over:
            self._leave_group(fault)
            self._has_left_out = True
        return injection

    def quota_headers(self, request: Request, target: Target, now: datetime, caller: Facts | None) -> Headers:
        """What the response to a request tells of a quota: of the most specific one, and of those the newest."""
        told = (fault.quota_headers(request, target, caller, now, self._clock) for fault in self._candidates(target))
        return next(filter(None, told), ())

    def take_back(self, injection: Injection) -> None:
        """Count the request as one that the fault was not injected into."""
        injection.tally.injected = max(0, injection.tally.injected - 1)
        fault = injection.fault
        if fault.spec.id not in self._groups.get(_group(fault), ()):
            self._look_again()

    def _look_again(self) -> None:
        """Have those that were over looked at again, each in its place: they may not be any more."""
        if self._has_left_out:
            self._has_left_out = False
            self._groups.clear()
            for fault in self.in_force.values():
                self._groups.setdefault(_group(fault), {})[fault.spec.id] = fault

    def _candidates(self, target: Target) -> Iterator[Fault]:
        workflows = (target.workflow_id, None) if target.workflow_id else (None,)
        customers = (target.customer_id, None) if target.customer_id else (None,)
        for key in product(customers, workflows):
            if key in self._groups:
                yield from reversed(self._groups[key].values())

    def clear(self, customer_id: str | None) -> None:
        """Take out the faults of a customer, or all, and put the catalogue's back as they were at the start."""
        self.remove_all(customer_id)
        if customer_id is not None:
            for fault in self.in_force.values():
                fault.tallies.pop(customer_id, None)
        self._restore(customer_id)

    def _restore(self, customer_id: str | None) -> None:
        """Put the catalogue's faults in force: those for this customer alone, or all."""
        for spec in self._permanent:
            if customer_id in (None, spec.matcher.customer_id):
                self.add(spec, is_permanent=True)


class FaultSet:
    """Faults that were made off the loop, to be put in force at one moment. Of those with the same id, the last."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.by_id = {fault.spec.id: fault for fault in faults}
        self.groups: dict[tuple[str | None, str | None], dict[str, Fault]] = {}
        for id, fault in self.by_id.items():
            self.groups.setdefault(_group(fault), {})[id] = fault
        added = [fault.spec.size for fault in self.by_id.values() if not fault.is_permanent]
        self.added, self.size = len(added), sum(added)
        """How many aren't the catalogue's, and the bytes that these take."""


def check_room(count: int, size: int) -> None:
    """Raises ApiError (503) where so many faults, or so many bytes of them, are more than there may be."""
    if count > MAX_FAULTS:
        raise ApiError("limit_reached", f"There are {MAX_FAULTS} faults in force already: remove one first")
    if size > MAX_BYTES:
        raise ApiError("limit_reached", f"The faults in force would be over {MAX_BYTES} bytes: remove some first")


def _source(spec: FaultSpec, number: int) -> random.Random:
    return random.Random(f"{spec.seed}/{number}")  # noqa: S311 - repeatable, not secret


def _group(fault: Fault) -> tuple[str | None, str | None]:
    return fault.customer_id, fault.spec.matcher.workflow_id
