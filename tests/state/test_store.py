"""What is kept of executions and requests: the newest of each customer, and of all."""

import asyncio
from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from workflow_mock.catalogue.loader import demo
from workflow_mock.domain.execution import Execution
from workflow_mock.state.store import MAX_FORGETFUL, BoundedStore

DEFINITION = demo().workflows[0]

steps = st.lists(
    st.tuples(st.just("add"), st.sampled_from("abcd"))
    | st.tuples(st.just("clear"), st.sampled_from("abcd"))
    | st.tuples(st.just("remove even"), st.sampled_from("abcd") | st.none()),
    max_size=60,
)


def execution(number: int, customer: str) -> Execution:
    return Execution(str(number), customer, DEFINITION, datetime(2024, 1, 1, tzinfo=UTC))


@given(steps, st.integers(1, 6), st.integers(1, 10))
def test_it_keeps_what_a_naive_model_keeps(steps: list[tuple[str, str]], per_customer: int, total: int) -> None:
    kept: BoundedStore[Execution] = BoundedStore(per_customer=per_customer, total=total)
    model: list[tuple[str, str]] = []
    dropped: Counter[str] = Counter()
    for number, (what, customer) in enumerate(steps):
        if what == "add":
            kept.add(execution(number, customer))
            model.append((str(number), customer))
            own = [each for each in model if each[1] == customer]
            if len(own) > per_customer:
                model.remove(own[0])
                dropped[customer] += 1
            elif len(model) > total:
                dropped[model.pop(0)[1]] += 1
        elif what == "clear":
            kept.clear(customer)
            del dropped[customer]
            model = [each for each in model if each[1] != customer]
        else:
            kept.remove(lambda each: int(each.id) % 2 == 0, customer)
            model = [(id, who) for id, who in model if int(id) % 2 or customer not in (who, None)]
        assert [(each.id, each.customer_id) for each in kept.for_customer(None)] == model
        assert {who: kept.forgotten(who) for who in "abcd"} == {who: dropped[who] for who in "abcd"}
        assert kept.forgotten(None) == dropped.total()
        for who in "abcd":
            assert [each.id for each in kept.for_customer(who)] == [id for id, owner in model if owner == who]


@given(
    st.lists(st.sampled_from("ab"), max_size=8),
    st.lists(st.sampled_from("ab"), max_size=8),
    st.sampled_from(["a", None]),
    st.integers(1, 6),
    st.integers(1, 10),
)
def test_to_take_over_another_store_is_to_add_what_it_has(
    here: list[str], there: list[str], customer: str | None, per_customer: int, total: int
) -> None:
    at_once: BoundedStore[Execution] = BoundedStore(per_customer=per_customer, total=total)
    one_by_one, other = at_once.like(), at_once.like()
    for store in (at_once, one_by_one):
        for number, who in enumerate(here):
            store.add(execution(number, who))
    one_by_one.clear(customer)
    for number, who in enumerate(there):
        if customer in (None, who):
            other.add(execution(100 + number, who))
            one_by_one.add(execution(100 + number, who))
    at_once.take_over(other, customer)
    for whose in ("a", "b", None):
        kept, expected = at_once.for_customer(whose), one_by_one.for_customer(whose)
        assert [(each.id, each.customer_id) for each in kept] == [(each.id, each.customer_id) for each in expected]
        assert at_once.count(whose) == one_by_one.count(whose)
        assert at_once.forgotten(whose) == one_by_one.forgotten(whose)
        assert [each.number for each in kept] == sorted(each.number for each in kept)
    assert all(each.number > len(here) for each in at_once.for_customer(None) if int(each.id) >= 100)


def test_an_id_that_comes_again_takes_the_place_of_the_first() -> None:
    kept: BoundedStore[Execution] = BoundedStore(per_customer=5, total=5)
    kept.add(execution(1, "a"))
    kept.add(again := execution(1, "a"))
    assert list(kept.for_customer("a")) == list(kept.for_customer(None)) == [again]


def test_an_id_that_comes_again_for_another_customer_takes_the_place_of_the_first() -> None:
    kept: BoundedStore[Execution] = BoundedStore(per_customer=5, total=5)
    kept.add(execution(1, "a"))
    kept.add(again := execution(1, "b"))
    assert (list(kept.for_customer("a")), list(kept.for_customer("b")), kept.get("1")) == ([], [again], again)
    kept.clear("a")
    assert kept.get("1") is again
    kept.clear("b")
    assert (len(kept), kept.get("1")) == (0, None)


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("customer", ["a", None])
def test_pages_have_each_item_once_in_either_order(newest_first: bool, customer: str | None) -> None:
    kept: BoundedStore[Execution] = BoundedStore(per_customer=50, total=50)
    for number in range(25):
        kept.add(execution(number, "ab"[number % 2]))
    expected = [each.id for each in kept.for_customer(customer)]
    found: list[str] = []
    after = 0
    while page := asyncio.run(kept.page(customer, lambda _: True, after, 4, newest_first=newest_first)):
        found += [each.id for each in page]
        after = page[-1].number
    assert found == (expected[::-1] if newest_first else expected)


def test_the_customers_whose_dropped_items_are_counted_are_bounded() -> None:
    kept: BoundedStore[Execution] = BoundedStore(per_customer=1, total=10 * MAX_FORGETFUL)
    for number in range(MAX_FORGETFUL + 1):
        kept.add(execution(2 * number, f"c{number}"))
        kept.add(execution(2 * number + 1, f"c{number}"))
    assert [kept.forgotten(who) for who in ("c0", "c1", None)] == [0, 1, MAX_FORGETFUL + 1]


def test_pages_go_on_after_what_was_dropped_meanwhile() -> None:
    kept: BoundedStore[Execution] = BoundedStore(per_customer=4, total=4)
    for number in range(4):
        kept.add(execution(number, "a"))
    first = asyncio.run(kept.page(None, lambda _: True, 0, 2))
    for number in range(4, 7):
        kept.add(execution(number, "a"))
    rest = asyncio.run(kept.page(None, lambda _: True, first[-1].number, 10))
    assert [each.id for each in rest] == ["3", "4", "5", "6"]
