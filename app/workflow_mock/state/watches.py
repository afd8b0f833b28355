"""Calls that wait for requests: told of each entry of the journal as it is made, changed or dropped, or of holds."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from workflow_mock.errors import ApiError, server_ending
from workflow_mock.state.exchange import Exchange

MAX_WATCHES = 100
"""Calls that wait at once; one more is refused."""


class Reading(Protocol):
    """What a call makes of the journal, entry by entry, so that a new one costs the same however many there are."""

    @property
    def is_stale(self) -> bool:
        """Whether a change can't be followed, so that the journal must be read again."""

    @property
    def is_settled(self) -> bool:
        """Whether nothing that comes later changes the answer."""

    def see(self, exchange: Exchange) -> None:
        """Take an entry: the next one, or one in the place of one that was seen."""

    def lose(self, exchange: Exchange) -> None:
        """Do without an entry that gave way to a newer one."""


class Watch:
    """What one call waits for, of a customer's requests or of everybody's (None)."""

    def __init__(self, customer_id: str | None) -> None:
        self.customer_id = customer_id
        self._reading: Reading | None = None
        self._later: list[tuple[Exchange, bool]] = []
        """What changed while the journal is read: entries, and whether they are still there."""
        self._woken = asyncio.Event()
        self._must_look_again = False
        self._reason: Exception | None = None

    def is_for(self, customer_id: str | None) -> bool:
        """Whether what happens to a customer, or to all (None), concerns it."""
        return customer_id is None or self.customer_id in (None, customer_id)

    def note(self, exchange: Exchange, *, is_there: bool) -> None:
        """Take an entry that was made or changed, or (not `is_there`) gave way. Wakes the call if that settles it."""
        if self.customer_id not in (None, exchange.customer_id):
            return
        if self._reading is None:
            self._later.append((exchange, is_there))
        else:
            self._take(self._reading, exchange, is_there)

    def _take(self, reading: Reading, exchange: Exchange, is_there: bool) -> None:
        if is_there:
            reading.see(exchange)
        else:
            reading.lose(exchange)
        if reading.is_settled or reading.is_stale:
            self._woken.set()

    def look_again(self) -> None:
        """Wake the call, and have it read the journal again: much of it has changed at once."""
        self._must_look_again = True
        self._woken.set()

    def wake(self) -> None:
        """Have `until` ask again."""
        self._woken.set()

    def end(self, reason: Exception) -> None:
        """Wake the call, and have `follow` and `until` raise this."""
        self._reason = self._reason or reason
        self._woken.set()

    def begin(self) -> None:
        """Keep what changes from now on: the journal, as it is at this moment, is being read."""
        self._reading, self._later, self._must_look_again = None, [], False

    async def follow(self, reading: Reading, deadline: float) -> bool:
        """Have `reading` take what changed since `begin`, and what changes, until it is settled or `deadline` comes.

        Returns whether that is so; else the journal must be read again. Raises the reason for which the wait ended.
        """
        later, self._reading, self._later = self._later, reading, []
        for exchange, is_there in later:
            self._take(reading, exchange, is_there)
        await self.until(lambda: self._must_look_again or reading.is_stale or reading.is_settled, deadline)
        return reading.is_settled or not (reading.is_stale or self._must_look_again)

    async def until(self, is_so: Callable[[], bool], deadline: float) -> None:
        """Wait until this is so, which is asked each time that the call is woken, or `deadline` comes.

        Raises the reason for which the wait ended.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                while not (self._reason or is_so()):
                    self._woken.clear()
                    await self._woken.wait()
        if self._reason is not None:
            raise self._reason


class Watches:
    """The calls that wait."""

    def __init__(self) -> None:
        self.waiting: list[Watch] = []
        self._is_closed = False

    @contextmanager
    def watch(self, customer_id: str | None) -> Iterator[Watch]:
        """Have a Watch until the block ends. Raises ApiError (503)."""
        if self._is_closed:
            raise server_ending()
        if len(self.waiting) >= MAX_WATCHES:
            raise ApiError("limit_reached", f"There are {MAX_WATCHES} calls that wait already")
        watch = Watch(customer_id)
        self.waiting.append(watch)
        try:
            yield watch
        finally:
            self.waiting.remove(watch)

    def note(self, exchange: Exchange, *, is_there: bool) -> None:
        for watch in self.waiting:
            watch.note(exchange, is_there=is_there)

    def look_again(self, customer_id: str | None) -> None:
        """Have those read the journal again that wait for a customer's requests, or all (None)."""
        for watch in self.waiting:
            if watch.is_for(customer_id):
                watch.look_again()

    def wake(self) -> None:
        """Have every call ask again whether what it waits for is so."""
        for watch in self.waiting:
            watch.wake()

    def reset(self, customer_id: str | None) -> None:
        """End the waits for a customer's requests, or all (None)."""
        error = ApiError("world_reset", "The sandbox was reset while this call waited")
        for watch in self.waiting:
            if customer_id in (None, watch.customer_id):
                watch.end(error)

    def close(self) -> None:
        """End every wait, as the server ends."""
        self._is_closed = True
        for watch in self.waiting:
            watch.end(server_ending())
