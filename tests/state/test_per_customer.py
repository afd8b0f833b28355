"""Customers with something of their own are bounded: whose was set or used longest ago goes back to the server's."""

from datetime import timedelta

from workflow_mock.state.clock import Action, Clock
from workflow_mock.state.id_source import IdSource
from workflow_mock.state.per_customer import MAX_CUSTOMERS, PerCustomer

from tests.state.worlds import BEGIN, customer_id

FIRST, SECOND, *OTHERS = (customer_id(number) for number in range(MAX_CUSTOMERS))
ONE_MORE = customer_id(MAX_CUSTOMERS)


def test_the_value_that_was_set_longest_ago_goes_first() -> None:
    values = PerCustomer("the server's")
    for customer in (FIRST, SECOND, *OTHERS, FIRST, ONE_MORE):
        values.set(customer, "own")
    assert len(list(values.own())) == MAX_CUSTOMERS == 10_000
    assert [values.get(customer) for customer in (FIRST, SECOND, ONE_MORE)] == ["own", "the server's", "own"]
    values.clear(None)
    assert list(values.own()) == []


def test_the_clock_that_was_set_longest_ago_goes_first() -> None:
    clock = Clock()
    for customer in (FIRST, SECOND, *OTHERS):
        clock.change(Action.FREEZE, customer, to=BEGIN)
    clock.change(Action.ADVANCE, FIRST, by=timedelta(hours=1))
    clock.change(Action.FREEZE, ONE_MORE, to=BEGIN)
    assert [clock.has_own(customer) for customer in (FIRST, SECOND, *OTHERS[:2], ONE_MORE)] == [True, False] + [
        True
    ] * 3
    assert clock.now(FIRST) == BEGIN + timedelta(hours=1)


def test_the_sequence_of_ids_that_was_used_longest_ago_begins_again() -> None:
    ids = IdSource("a seed")
    first, second, *_ = [ids.new(customer) for customer in (FIRST, SECOND, *OTHERS)]
    assert ids.new(FIRST) != first
    ids.new(ONE_MORE)
    assert ids.new(SECOND) == second
    assert ids.new(FIRST) != first
