"""Where executions are kept: bounded, the oldest dropped first."""

from collections import OrderedDict
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from workflow_mock.catalogue import demo
from workflow_mock.domain.execution import Execution
from workflow_mock.state.store import MemoryStore

DEFINITION = demo().workflows[0]


def execution(number: int, customer: str) -> Execution:
    return Execution(str(number), customer, DEFINITION, datetime(2024, 1, 1, tzinfo=UTC))


@given(st.lists(st.sampled_from("abcd"), max_size=60), st.integers(1, 6), st.integers(1, 10))
def test_it_keeps_what_a_naive_model_keeps(customers: list[str], per_customer: int, total: int) -> None:
    store = MemoryStore(per_customer=per_customer, total=total)
    model: OrderedDict[str, list[str]] = OrderedDict()
    for number, customer in enumerate(customers):
        store.add(execution(number, customer))
        model.setdefault(customer, []).append(str(number))
        model.move_to_end(customer)
        if len(model[customer]) > per_customer:
            model[customer].pop(0)
        elif sum(map(len, model.values())) > total:
            longest_unused = next(iter(model))
            model[longest_unused].pop(0)
            if not model[longest_unused]:
                del model[longest_unused]
        kept = {id for ids in model.values() for id in ids}
        assert {str(n) for n in range(number + 1) if store.get(str(n))} == kept


def test_clearing_forgets_all_in_place() -> None:
    store = MemoryStore(per_customer=2, total=2)
    store.add(execution(1, "a"))
    store.clear()
    assert store.get("1") is None
    store.add(execution(2, "a"))
    assert store.get("2") is not None
