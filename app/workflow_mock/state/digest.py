"""What has happened, told a few times a second: to watch it costs the same, however much happens."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from workflow_mock.state.events import SILENCE_SECONDS, Events
from workflow_mock.state.exchange import Exchange
from workflow_mock.state.journal import Journal

DIGESTS_A_SECOND = 4
DIGEST_SECONDS = 1 / DIGESTS_A_SECOND

MAX_LINES = 50
"""Requests of a digest; how many others came is a number."""


class Digest(NamedTuple):
    """What has happened since the one before."""

    number: int
    """Of the last event."""
    total: int
    """Requests in the journal."""
    exchanges: Sequence[Exchange]
    """The newest requests, those answered at last among them, oldest first."""
    more: int
    """How many others came."""
    kinds: Sequence[str]
    """Of what else happened."""


async def digests(events: Events, journal: Journal, customer_id: str | None) -> AsyncIterator[Digest | None]:
    """The newest requests of a customer, or of all (None); then what is new, if there is something.

    None comes after `SILENCE_SECONDS` without news. It ends with the server.
    """
    number, replaced = events.number, journal.replaced
    exchanges = _newest(journal, customer_id, after=0)
    arrived, total = journal.arrived(customer_id), journal.count(customer_id)
    newest = exchanges[-1].number if exchanges else 0
    silence = 0.0
    with events.watching() as end:
        yield Digest(number, total, exchanges, total - len(exchanges), ())
        while not await _is_set(end, _until_next()):
            came = _newest(journal, customer_id, after=newest)
            answered = [
                each
                for each in journal.last_replaced(journal.replaced - replaced)
                if each.number <= newest and customer_id in (None, each.customer_id)
            ]
            more = max(0, journal.arrived(customer_id) - arrived - len(came))
            kinds = sorted(events.kinds_since(number, customer_id) - {"request"})
            exchanges = [*answered, *came][-MAX_LINES:]
            number, replaced, arrived = events.number, journal.replaced, journal.arrived(customer_id)
            newest = came[-1].number if came else newest
            silence += DIGEST_SECONDS
            if exchanges or more or kinds:
                silence = 0.0
                yield Digest(number, journal.count(customer_id), exchanges, more, kinds)
            elif silence >= SILENCE_SECONDS:
                silence = 0.0
                yield None


def _until_next() -> float:
    """Seconds until the next digest: all who watch get theirs at the same time, so that lines are written once."""
    return DIGEST_SECONDS - asyncio.get_running_loop().time() % DIGEST_SECONDS


async def _is_set(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event is set within so long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            return await event.wait()
    return False


def _newest(journal: Journal, customer_id: str | None, *, after: int) -> list[Exchange]:
    """The newest requests that came after the one of this number, oldest first."""
    found = journal.newest_of_all(MAX_LINES) if customer_id is None else journal.newest(customer_id, MAX_LINES)
    return [each for each in reversed(found) if each.number > after]
