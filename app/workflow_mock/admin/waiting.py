"""`within`: a call that is answered as soon as something holds, or at the end of its time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated, TypeVar

from fastapi import Request
from pydantic import AfterValidator, Field
from starlette.requests import ClientDisconnect

from workflow_mock.state.watches import OfCustomer, Watch, Watches
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

S = TypeVar("S")
T = TypeVar("T", bound=OfCustomer)


async def settled(
    watches: Watches[T],
    request: Request,
    within: timedelta | None,
    customer_id: str | None,
    wanted: Callable[[T], bool],
    look: Callable[[], Awaitable[S]],
    is_settled: Callable[[S], bool],
) -> S:
    """What `look` sees: as soon as that is settled, or `within` this time; else at once.

    It looks again after each of what is watched that is wanted, and once more at the end. Raises ApiError (503): the
    customer is reset meanwhile, the server ends, or too many wait; ClientDisconnect.
    """
    if within is None:
        return await look()
    time = asyncio.get_running_loop().time
    deadline = time() + within.total_seconds()
    with watches.watch(customer_id, wanted) as watch, _ended_by_leaving(watch, request):
        while True:
            is_last = time() >= deadline
            seen = await look()
            if is_last or is_settled(seen):
                return seen
            await watch.change(deadline)


@contextmanager
def _ended_by_leaving(watch: Watch[T], request: Request) -> Iterator[None]:
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
