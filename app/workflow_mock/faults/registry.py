"""The faults in force: which there are, which of them is injected into a request, and their bounds."""

from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import product
from typing import NamedTuple

from workflow_mock.errors import ApiError, Headers
from workflow_mock.faults.fault import Fault, Injection
from workflow_mock.faults.spec import FaultSpec
from workflow_mock.http.messages import Request
from workflow_mock.state.clock import Clock
from workflow_mock.state.exchange import Facts, Target
from workflow_mock.state.in_flight import InFlight

MAX_FAULTS = 10_000
"""Faults in force, besides the catalogue's. One more takes the place of the oldest that is over, or is refused."""

MAX_BYTES = 64 * 1024 * 1024
"""Of all these faults together. One more takes the place of those that are over, the oldest first, or is refused."""


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


def _group(fault: Fault) -> tuple[str | None, str | None]:
    return fault.customer_id, fault.spec.matcher.workflow_id
