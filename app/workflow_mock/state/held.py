"""The requests that faults hold until somebody releases them, and the calls that wait for such requests."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from workflow_mock.errors import ApiError
from workflow_mock.state.exchange import Facts, Target
from workflow_mock.state.watches import Watches

MAX_HELD = 100
"""Requests held at once; one more is refused."""


@dataclass(eq=False)
class Held:
    """A request that a fault holds."""

    request_id: str
    target: Target
    time: datetime
    """When it came, by its customer's clock."""
    facts: Facts
    end: asyncio.Timeout
    """Ends the hold, by the loop's time; a release brings it forward."""
    release: Any = field(default=None, init=False)
    """The effects with which it goes on, in the place of the fault's. None: as it would have."""

    @property
    def customer_id(self) -> str | None:
        return self.target.customer_id

    @property
    def seconds_left(self) -> float:
        """Real time to the end of the hold."""
        return max(0.0, (self.end.when() or 0.0) - asyncio.get_running_loop().time())


class HeldRequests:
    """The requests that are held, in the order in which their holds began."""

    def __init__(self) -> None:
        self._held: dict[str, Held] = {}
        self.watches = Watches()

    @contextmanager
    def hold(self, held: Held) -> Iterator[Held]:
        """Have a request among those that are held until the block ends. Raises ApiError (503)."""
        if len(self._held) >= MAX_HELD:
            raise ApiError("limit_reached", f"There are {MAX_HELD} requests held already: release one first")
        self._held[held.request_id] = held
        self.watches.wake()
        try:
            yield held
        finally:
            self._held.pop(held.request_id, None)

    def get(self, request_id: str) -> Held | None:
        """The request with this id if it is held: one that was released, or whose time is over, is not."""
        held = self._held.get(request_id)
        return None if held is None or held.end.expired() else held

    def find(self, customer_id: str | None, fault_id: str | None = None) -> list[Held]:
        """The requests of a customer, or of all, that are held; by this fault, or by any."""
        return [
            held
            for held in self._held.values()
            if customer_id in (None, held.customer_id)
            and fault_id in (None, held.facts.fault_id)
            and not held.end.expired()
        ]

    def release(self, held: Held, effects: Any) -> None:
        """Let a request that `get` or `find` has given go on, with these effects or (None) as it would have."""
        held.release = effects
        del self._held[held.request_id]
        held.end.reschedule(0)

    def __len__(self) -> int:
        return len(self._held)
