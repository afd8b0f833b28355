"""What calls that wait make of the journal: a new entry is taken once, however many there are."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from workflow_mock.admin.readings import InOrder, Matches
from workflow_mock.admin.waiting import read
from workflow_mock.formats import parse_duration
from workflow_mock.state.exchange import Exchange, Facts, Target
from workflow_mock.state.journal import Journal
from workflow_mock.state.matcher import Matcher
from workflow_mock.state.recorded_request import recorded

from tests.state.worlds import BEGIN, CUSTOMER, OTHER

REQUEST = recorded("POST", b"/", b"", (), b"", False)


def exchange(number: int, status: int = 200, customer: str = CUSTOMER) -> Exchange:
    return Exchange(str(number), BEGIN, Target("start", customer), Facts(), REQUEST, status, size=1)


class Counted:
    """A reading, and how many entries it was given."""

    def __init__(self, reading: Matches | InOrder) -> None:
        self.reading = reading
        self.seen = 0

    @property
    def is_stale(self) -> bool:
        return self.reading.is_stale

    @property
    def is_settled(self) -> bool:
        return self.reading.is_settled

    def see(self, exchange: Exchange) -> None:
        self.seen += 1
        self.reading.see(exchange)

    def lose(self, exchange: Exchange) -> None:
        self.reading.lose(exchange)


def waiting(journal: Journal, begin: Callable[[], Matches | InOrder], *meanwhile: Callable[[], None]) -> list[Counted]:
    """The readings that a call makes while this happens, one thing after the other; the last settles it."""
    made: list[Counted] = []

    def counted() -> Counted:
        made.append(Counted(begin()))
        return made[-1]

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def run() -> None:
        request = Request({"type": "http"}, receive)
        call = asyncio.create_task(read(journal, request, parse_duration("1m"), CUSTOMER, counted))
        for happen in meanwhile:
            await asyncio.sleep(0)
            happen()
        await call

    asyncio.run(run())
    return made


def matches(least: int) -> Matches:
    return Matches(Matcher(status=200).matches, lambda count: count >= least)


def in_order(least: int) -> InOrder:
    return InOrder([Matcher(status=200)] * least)


@pytest.mark.parametrize("begin", [matches, in_order])
@pytest.mark.parametrize("room", [1, 10], ids=["full", "with room"])
def test_a_new_request_is_looked_at_once_however_many_there_are(begin: Callable[[int], Any], room: int) -> None:
    journal = Journal(room * 1000)
    for number in range(1000):
        journal.record(exchange(number, 400))

    def come(number: int) -> Callable[[], None]:
        def record() -> None:
            journal.record(exchange(number, 200, OTHER))
            journal.record(exchange(number + 1, 400))
            journal.record(exchange(number + 2))

        return record

    (made,) = waiting(journal, lambda: begin(90), *(come(number) for number in range(1000, 1300, 3)))
    assert made.seen <= 1000 + 2 * 100


@pytest.mark.parametrize("begin", [matches, in_order])
def test_of_requests_that_a_fault_held_each_is_looked_at_twice(begin: Callable[[int], Any]) -> None:
    journal = Journal(10_000)
    for number in range(1000):
        journal.record(exchange(number, 400))

    def come(number: int) -> Callable[[], None]:
        def record() -> None:
            journal.record(exchange(number, 0))
            journal.record(exchange(number))

        return record

    made = waiting(journal, lambda: begin(5), *(come(number) for number in range(1000, 1100)))
    assert sum(each.seen for each in made) <= len(made) * 1000 + 2 * 100
    assert len(made) <= 1 + 5, "again at most for each request of a sequence"


@pytest.mark.parametrize("remove", [lambda journal: journal.clear(CUSTOMER), lambda journal: journal.clear(None)])
def test_what_was_removed_meanwhile_doesnt_count(remove: Callable[[Journal], None]) -> None:
    journal = Journal(100)
    (*_, made) = waiting(
        journal,
        lambda: matches(2),
        lambda: journal.record(exchange(1)),
        lambda: remove(journal),
        lambda: journal.record(exchange(2)),
        lambda: journal.record(exchange(3)),
    )
    assert [each.id for each in made.reading.entries(journal)] == ["2", "3"]


def test_what_gave_way_counts_no_more_but_in_a_sequence() -> None:
    for begin, settles in ((matches, False), (in_order, True)):
        reading = begin(2)
        for one in (exchange(1), exchange(2)):
            one.number = int(one.id)
            reading.see(one)
        reading.lose(exchange(1))
        assert reading.is_settled is settles


CHANGES = st.lists(st.tuples(st.integers(-6, 6), st.sampled_from([0, 200, 503])), max_size=40)
"""A new entry (from 0 on), or another status for one of the last six; and the status."""


@given(CHANGES, st.lists(st.sampled_from([0, 200, 503]), min_size=1, max_size=4))
def test_what_was_followed_is_what_is_found_afresh(changes: list[tuple[int, int]], wanted: list[int]) -> None:
    journal = Journal(1000)
    matchers = [Matcher(status=status) for status in wanted]

    def both() -> tuple[Matches, InOrder]:
        return Matches(matchers[0].matches, bool), InOrder(matchers)

    followed = both()
    for number, (place, status) in enumerate(changes):
        entries = journal.for_customer(CUSTOMER)
        one = exchange(int(entries[place].id) if -len(entries) <= place < 0 else number, status)
        journal.record(one)
        for reading in followed:
            reading.see(one)
    afresh = both()
    for each in journal.for_customer(CUSTOMER):
        for reading in afresh:
            reading.see(each)
    (matching, sequence), (matching_afresh, sequence_afresh) = followed, afresh
    assert matching.entries(journal) == matching_afresh.entries(journal)
    assert sequence.is_stale or sequence.entries(journal) == sequence_afresh.entries(journal)
