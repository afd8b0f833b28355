"""`within`: a call that is answered as soon as something holds, or at the end of its time."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated, TypeVar

from fastapi import Request
from pydantic import AfterValidator, Field
from starlette.requests import ClientDisconnect

from workflow_mock.state.journal import Journal
from workflow_mock.state.store import in_batches
from workflow_mock.state.watches import Reading, Watch, Watches
from workflow_mock.types import Duration

MAX_WITHIN_SECONDS = 600


def _bounded(within: timedelta) -> timedelta:
    if within > timedelta(seconds=MAX_WITHIN_SECONDS):
        raise ValueError(f"is over {MAX_WITHIN_SECONDS} seconds")
    return within


Within = Annotated[
    Annotated[Duration, AfterValidator(_bounded)] | None,
    Field(
        description=f"Wait so long at most, in real time, until it holds; {MAX_WITHIN_SECONDS}s or less.",
        examples=["5s"],
    ),
]

R = TypeVar("R", bound=Reading)


async def read(
    journal: Journal, request: Request, within: timedelta | None, customer_id: str | None, begin: Callable[[], R]
) -> R:
    """A reading of the journal: as soon as it is settled, or `within` this time; else at once.

    The journal is read once. What comes later is taken entry by entry; it is read again, by a reading that `begin`
    makes, where much of it changed at once. Raises ApiError (503): the customer is reset meanwhile, the server ends, or
    too many wait; ClientDisconnect.
    """
    if within is None:
        return await _read_all(journal, customer_id, begin())
    time = asyncio.get_running_loop().time
    deadline = time() + within.total_seconds()
    with journal.watches.watch(customer_id) as watch, _ended_by_leaving(watch, request):
        while True:
            is_last = time() >= deadline
            watch.begin()
            reading = await _read_all(journal, customer_id, begin())
            if await watch.follow(reading, deadline) or is_last:
                return reading


async def wait_until(
    watches: Watches, request: Request, within: timedelta | None, customer_id: str | None, is_so: Callable[[], bool]
) -> None:
    """Wait until this is so, or `within` this time; without, for nothing. Raises as `read` does, and as `is_so`."""
    if within is None:
        return
    deadline = asyncio.get_running_loop().time() + within.total_seconds()
    with watches.watch(customer_id) as watch, _ended_by_leaving(watch, request):
        await watch.until(is_so, deadline)


async def _read_all(journal: Journal, customer_id: str | None, reading: R) -> R:
    async for batch in in_batches(journal.for_customer(customer_id)):
        for exchange in batch:
            reading.see(exchange)
    return reading


@contextmanager
def _ended_by_leaving(watch: Watch, request: Request) -> Iterator[None]:
    """End the wait when the client leaves. The request's body must have been read."""

    async def until_left() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        watch.end(ClientDisconnect())

    leaving = asyncio.create_task(until_left())
    try:
        yield
    finally:
        leaving.cancel()
