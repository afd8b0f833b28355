"""What happens, told to whoever listens."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from time import time
from typing import Any

MAX_HISTORY = 1000
"""Events that a listener who comes back can still be told; the oldest is forgotten first."""

MAX_WAITING = 1000
"""Events that wait for one listener; one who lets more wait is dropped."""

MAX_LISTENERS = 100


Event = tuple[int, str, str | None, Any]
"""Its number, kind, customer and data: an `Exchange`, or what JSON has. Most of the time nobody listens."""


GAP = 0
"""The number of an event that says that some are missing before the next one."""


def first_number() -> int:
    """A number under those of this process's events, and over those of the processes before it."""
    return int(time()) * 1_000_000


class Events:
    def __init__(self, number: int) -> None:
        """Number the events from the one after this."""
        self._number = self._lost = number
        """`_lost` is the last number that nobody can be told any more: of an event evicted, or of another process."""
        self._history: deque[Event] = deque(maxlen=MAX_HISTORY)
        self._listeners: set[asyncio.Queue[Event | None]] = set()

    @property
    def is_full(self) -> bool:
        return len(self._listeners) >= MAX_LISTENERS

    def publish(self, kind: str, customer_id: str | None, data: Any) -> None:
        self._number = number = self._number + 1
        history = self._history
        if len(history) == MAX_HISTORY:
            self._lost = history[0][0]
        event = (number, kind, customer_id, data)
        history.append(event)
        if self._listeners:
            self._send(event)

    def _send(self, event: Event) -> None:
        for listener in tuple(self._listeners):
            if listener.qsize() >= MAX_WAITING:
                self._listeners.discard(listener)
                listener.put_nowait(None)
            else:
                listener.put_nowait(event)

    def forget(self, customer_id: str | None) -> None:
        """Have nothing of a customer, or of anybody, told to those who come back."""
        kept = () if customer_id is None else [event for event in self._history if event[2] != customer_id]
        self._history.clear()
        self._history.extend(kept)

    def close(self) -> None:
        """End what every listener listens to."""
        for listener in self._listeners:
            listener.put_nowait(None)
        self._listeners.clear()

    async def listen(self, after: int | None) -> AsyncIterator[Event | None]:
        """The events from now on, or from the one after this number on; None at the end.

        0 is before all that are remembered. One of the number `GAP` comes first where some were missed for good, or
        the number is that of another process.
        """
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        if after is None:
            after = self._number
        has_gap = after != 0 and not self._lost <= after <= self._number
        missed = [event for event in self._history if not self._lost < after <= self._number or event[0] > after]
        self._listeners.add(queue)
        try:
            if has_gap:
                yield GAP, "dropped", None, {}
            for event in missed:
                yield event
            while waited := await queue.get():
                yield waited
            yield None
        finally:
            self._listeners.discard(queue)
