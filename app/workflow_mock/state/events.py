"""What happens, told to whoever listens."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import takewhile
from time import time
from typing import Any

MAX_HISTORY = 1000
"""Events that a listener who comes back can still be told; the oldest is forgotten first."""

MAX_WAITING = 1000
"""Events that wait for one listener; one who lets more wait is dropped."""

MAX_LISTENERS = 100

MAX_BATCH = 50
"""Events that a listener is told at a time."""

SILENCE_SECONDS = 15.0
"""After so long without an event, a listener is told that there was none."""


Event = tuple[int, str, str | None, Any]
"""Its number, kind, customer and data: an `Exchange`, or what JSON has. Most of the time nobody listens."""


GAP = 0
"""The number of an event that says that some are missing before the next one."""

_OF_ALL = ("clock", "reset")
"""Without a customer these are about every customer; a request without one is about none."""


def concerns(event: Event, customer_id: str | None) -> bool:
    """Whether an event is about a customer; each is about all (None)."""
    _, kind, whose, _ = event
    return customer_id in (None, whose) or (whose is None and kind in _OF_ALL)


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
        self._watchers: set[asyncio.Event] = set()
        """Of listeners who look at what there is in their own time: set once the server ends."""

    @property
    def is_full(self) -> bool:
        return len(self._listeners) + len(self._watchers) >= MAX_LISTENERS

    @property
    def number(self) -> int:
        """Of the last event."""
        return self._number

    @contextmanager
    def watching(self) -> Iterator[asyncio.Event]:
        """Take the place of a listener, for one who isn't told of each event. What it yields is set at the end."""
        end = asyncio.Event()
        self._watchers.add(end)
        try:
            yield end
        finally:
            self._watchers.discard(end)

    def kinds_since(self, number: int, customer_id: str | None) -> set[str]:
        """The kinds of a customer's events, or of all, after the one of this number, as far as they are remembered."""
        new = takewhile(lambda event: event[0] > number, reversed(self._history))
        return {event[1] for event in new if concerns(event, customer_id)}

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
        for end in self._watchers:
            end.set()

    async def listen(self, after: int | None) -> AsyncIterator[Sequence[Event] | None]:
        """The events from now on, or from the one after this number on, as many at a time as have come.

        None comes at the end, and no events after `SILENCE_SECONDS` without one. 0 is before all that are remembered.
        One of the number `GAP` comes first where some were missed for good, or the number is that of another process.
        """
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        if after is None:
            after = self._number
        has_gap = after != 0 and not self._lost <= after <= self._number
        missed = [event for event in self._history if not self._lost < after <= self._number or event[0] > after]
        self._listeners.add(queue)
        try:
            if has_gap:
                yield [(GAP, "dropped", None, {})]
            for begin in range(0, len(missed), MAX_BATCH):
                yield missed[begin : begin + MAX_BATCH]
                await asyncio.sleep(0)
            is_open = True
            while is_open:
                batch: list[Event] = []
                with suppress(TimeoutError):
                    async with asyncio.timeout(SILENCE_SECONDS):
                        event = await queue.get()
                    while event is not None and len(batch) < MAX_BATCH - 1 and not queue.empty():
                        batch.append(event)
                        event = queue.get_nowait()
                    is_open = event is not None
                    batch += [event] if event is not None else []
                yield batch
                await asyncio.sleep(0)  # others have their turn
            yield None
        finally:
            self._listeners.discard(queue)
