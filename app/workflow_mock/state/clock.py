"""The one source of time: nothing else reads a clock.

There is the server's clock, and a customer may have one of its own. Either runs some way off the machine's, or stands.
"""

from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from time import monotonic
from typing import NamedTuple

MAX_CUSTOMERS = 10_000
"""Customers with a clock of their own; the one set longest ago goes back to the server's first."""

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)
"""Far enough from the calendar's end for whatever is reckoned from a clock's time."""

_STARTED = monotonic()
_NO_TIME = timedelta(0)


def uptime() -> timedelta:
    """Since this server was started; no control of the clock changes it."""
    return timedelta(seconds=monotonic() - _STARTED)


class Action(StrEnum):
    FREEZE = "freeze"
    """Stand still, at `to` or at this moment."""
    SET = "set"
    """Go to `to`."""
    ADVANCE = "advance"
    """Go forward `by` a duration; a clock that stands goes on standing, there."""
    RESUME = "resume"
    """Run on from where the clock stands."""


class ClockState(NamedTuple):
    """The `offset` of a clock from the machine's, or the moment at which it stands."""

    offset: timedelta = _NO_TIME
    frozen: datetime | None = None

    def now(self) -> datetime:
        return self.frozen or (datetime.now(UTC) + self.offset if self.offset else datetime.now(UTC))


class Clock:
    def __init__(self) -> None:
        self._server = ClockState()
        self._customers: OrderedDict[str, ClockState] = OrderedDict()
        self.turns = 0
        """How often a clock was set: in between, none goes back."""

    def now(self, customer_id: str | None = None) -> datetime:
        """This moment, in UTC, as the customer's clock has it if there is one, and else the server's."""
        return self.state(customer_id).now()

    def state(self, customer_id: str | None = None) -> ClockState:
        return self._customers.get(customer_id, self._server) if customer_id else self._server

    def has_own(self, customer_id: str) -> bool:
        return customer_id in self._customers

    def change(
        self, action: Action, customer_id: str | None, *, to: datetime | None = None, by: timedelta = _NO_TIME
    ) -> None:
        """Raises OverflowError where that is out of the calendar's years 1970 to 8999."""
        moment = (to or self.now(customer_id)) + by
        if not EARLIEST <= moment <= LATEST:
            raise OverflowError(f"the clock goes from {EARLIEST.year} to {LATEST.year - 1}")
        stands = action is Action.FREEZE or (action is not Action.RESUME and self.state(customer_id).frozen is not None)
        self.put(customer_id, ClockState(frozen=moment) if stands else ClockState(moment - datetime.now(UTC)))

    def clear(self, customer_id: str | None) -> None:
        self.turns += 1
        if customer_id is None:
            self._server = ClockState()
            self._customers.clear()
        else:
            self._customers.pop(customer_id, None)

    def states(self) -> list[tuple[str | None, ClockState]]:
        """The server's setting, and those of the customers who have their own."""
        return [(None, self._server), *self._customers.items()]

    def put(self, customer_id: str | None, state: ClockState) -> None:
        self.turns += 1
        if customer_id is None:
            self._server = state
            return
        self._customers[customer_id] = state
        self._customers.move_to_end(customer_id)
        if len(self._customers) > MAX_CUSTOMERS:
            self._customers.popitem(last=False)
