"""What happens, told to whoever listens."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

MAX_HISTORY = 1000
"""Events that a listener who comes back can still be told; the oldest is forgotten first."""

MAX_WAITING = 1000
"""Events that wait for one listener; one who lets more wait is dropped."""

MAX_LISTENERS = 100


Event = tuple[int, str, str | None, Any]
"""Its number, kind, customer and data: an `Exchange`, or what JSON has. Most of the time nobody listens."""


class Events:
    def __init__(self) -> None:
        self._number = 0
        self._history: deque[Event] = deque(maxlen=MAX_HISTORY)
        self._listeners: set[asyncio.Queue[Event | None]] = set()

    @property
    def is_full(self) -> bool:
        return len(self._listeners) >= MAX_LISTENERS

    def publish(self, kind: str, customer_id: str | None, data: Any) -> None:
        self._number += 1
        event = (self._number, kind, customer_id, data)
        self._history.append(event)
        for listener in tuple(self._listeners) if self._listeners else ():
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
        """The events from now on, or from the one after this number on; None at the end."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        missed = [] if after is None else [event for event in self._history if event[0] > after]
        self._listeners.add(queue)
        try:
            for event in missed:
                yield event
            while waited := await queue.get():
                yield waited
            yield None
        finally:
            self._listeners.discard(queue)
