"""The one source of time: nothing else reads a clock.

There is the server's clock, and a customer may have one of its own. Either runs at an offset from the machine's, or is
frozen.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from time import monotonic
from typing import NamedTuple

from workflow_mock.state.per_customer import PerCustomer

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)
"""Far enough from the calendar's end for whatever is computed from a clock's time."""

_STARTED = monotonic()
_NO_TIME = timedelta(0)


def uptime() -> timedelta:
    """Time since this server was started; no control of the clock changes it."""
    return timedelta(seconds=monotonic() - _STARTED)


class Action(StrEnum):
    FREEZE = "freeze"
    """Stand still, at `to` or at this moment."""
    SET = "set"
    """Go to `to`."""
    ADVANCE = "advance"
    """Go forward `by` a duration; a frozen clock stays frozen, there."""
    RESUME = "resume"
    """Run on from where the clock stands."""


class ClockState(NamedTuple):
    """The `offset` of a clock from the machine's, or the moment at which it is frozen."""

    offset: timedelta = _NO_TIME
    frozen: datetime | None = None

    def now(self) -> datetime:
        return self.frozen or (datetime.now(UTC) + self.offset if self.offset else datetime.now(UTC))


class Clock:
    def __init__(self) -> None:
        self._states = PerCustomer(ClockState())
        self._listeners: list[Callable[[], None]] = []

    def now(self, customer_id: str | None = None) -> datetime:
        """This moment, in UTC, by the customer's clock if there is one, else by the server's."""
        return self._states.get(customer_id).now()

    def state(self, customer_id: str | None = None) -> ClockState:
        return self._states.get(customer_id)

    def has_own(self, customer_id: str | None) -> bool:
        return customer_id is not None and self._states.has_own(customer_id)

    def change(
        self, action: Action, customer_id: str | None, *, to: datetime | None = None, by: timedelta = _NO_TIME
    ) -> None:
        """Raises OverflowError out of the calendar's years 1970 to 8999."""
        moment = (to or self.now(customer_id)) + by
        if not EARLIEST <= moment <= LATEST:
            raise OverflowError(f"the clock goes from {EARLIEST.year} to {LATEST.year - 1}")
        is_frozen = self.state(customer_id).frozen is not None
        if action is Action.FREEZE or (is_frozen and action is not Action.RESUME):
            self.put(customer_id, ClockState(frozen=moment))
        else:
            self.put(customer_id, ClockState(moment - datetime.now(UTC)))

    def put(self, customer_id: str | None, state: ClockState) -> None:
        self.put_all([(customer_id, state)])

    def put_all(self, states: Iterable[tuple[str | None, ClockState]]) -> None:
        """Set the clocks of these customers, and of the server (None)."""
        self._tell()
        self._states.put_all(states)

    def clear(self, customer_id: str | None) -> None:
        self._tell()
        self._states.clear(customer_id)

    def before_change(self, listener: Callable[[], None]) -> None:
        """Call this right before each change: what has ended by now is ended for good, wherever the clock goes."""
        self._listeners.append(listener)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    def states(self) -> list[tuple[str | None, ClockState]]:
        """The server's state, and those of the customers who have their own."""
        return [(None, self._states.server), *self._states.own()]
