"""Calls that wait for requests: told of each entry of the journal as it is made or changed, or of each that is held."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Generic, Protocol, TypeVar

from workflow_mock.errors import ApiError, server_ending

MAX_WATCHES = 100
"""Calls that wait at once; one more is refused."""


class OfCustomer(Protocol):
    """Something that a customer's request has made, or (None) one that names none."""

    @property
    def customer_id(self) -> str | None: ...


T = TypeVar("T", bound=OfCustomer)


class Watch(Generic[T]):
    """What one call waits for: a change of what is wanted of a customer's requests, or of everybody's (None)."""

    def __init__(self, customer_id: str | None, wanted: Callable[[T], bool]) -> None:
        self.customer_id = customer_id
        self._wanted = wanted
        self._woken = asyncio.Event()
        self._reason: Exception | None = None

    def see(self, seen: T) -> None:
        """Wake the call if this is one that it waits for."""
        if self.customer_id in (None, seen.customer_id) and self._wanted(seen):
            self._woken.set()

    def wake(self) -> None:
        """Have the call look again."""
        self._woken.set()

    def end(self, reason: Exception) -> None:
        """Wake the call, and have `change` raise this."""
        self._reason = self._reason or reason
        self._woken.set()

    async def change(self, deadline: float) -> None:
        """Wait for the next change since this was last asked, at most to `deadline`, by the loop's time.

        Raises the reason for which the wait has ended early.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self._woken.wait()
        self._woken.clear()
        if self._reason is not None:
            raise self._reason


class Watches(Generic[T]):
    """The calls that wait."""

    def __init__(self) -> None:
        self.waiting: list[Watch[T]] = []
        self._is_closed = False

    @contextmanager
    def watch(self, customer_id: str | None, wanted: Callable[[T], bool]) -> Iterator[Watch[T]]:
        """Have a Watch until the block ends. Raises ApiError (503)."""
        if self._is_closed:
            raise server_ending()
        if len(self.waiting) >= MAX_WATCHES:
            raise ApiError("limit_reached", f"There are {MAX_WATCHES} calls that wait already")
        watch: Watch[T] = Watch(customer_id, wanted)
        self.waiting.append(watch)
        try:
            yield watch
        finally:
            self.waiting.remove(watch)

    def see(self, seen: T) -> None:
        for watch in self.waiting:
            watch.see(seen)

    def wake(self) -> None:
        """Have every call look again."""
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
