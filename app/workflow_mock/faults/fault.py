"""A fault in force: what it has done, whether it is injected into a request, and how it says so."""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from workflow_mock.caching import BoundedDict
from workflow_mock.errors import Headers
from workflow_mock.faults.effects import Effects, Quota, whole_seconds
from workflow_mock.faults.spec import FaultSpec, When
from workflow_mock.http.messages import Request
from workflow_mock.state.clock import Clock
from workflow_mock.state.exchange import NO_FACTS, REQUEST_TOKEN, Facts, Target

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


def _source(spec: FaultSpec, number: int) -> random.Random:
    return random.Random(f"{spec.seed}/{number}")  # noqa: S311 - repeatable, not secret
