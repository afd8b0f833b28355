"""Which fault is injected, how often, and what is remembered of it."""

from datetime import timedelta

import pytest
from workflow_mock.faults.fault import MAX_TALLIES, Injection
from workflow_mock.faults.spec import FaultSpec
from workflow_mock.sandbox import Sandbox
from workflow_mock.state.clock import Action
from workflow_mock.state.exchange import Target

from tests.state.worlds import BEGIN, CUSTOMER, OTHER, customer_id
from tests.support import request_of


def pick(sandbox: Sandbox, customer: str = CUSTOMER) -> Injection | None:
    return sandbox.faults.pick(request_of(), Target(None, customer), sandbox.clock.now(customer))


for_whom = pytest.mark.parametrize(
    "matcher", [pytest.param({"customerId": CUSTOMER}, id="a customer"), pytest.param({}, id="everybody")]
)


@for_whom
def test_faults_that_are_over_stay_in_force_and_are_not_injected(sandbox: Sandbox, matcher: dict[str, str]) -> None:
    for spec in ({"times": 2}, {"ttl": "1m", "times": 3}):
        for _ in range(20):
            sandbox.faults.add(FaultSpec.model_validate({"status": 503, "matcher": matcher} | spec))
    assert len([1 for _ in range(120) if pick(sandbox)]) == 100
    assert len(sandbox.faults.in_force) == 40
    assert sum(tally.injected for fault in sandbox.faults.for_customer(None) for tally in fault.tallies.values()) == 100


@for_whom
def test_a_fault_whose_time_was_over_is_injected_again_when_the_clock_is_put_back(
    sandbox: Sandbox, matcher: dict[str, str]
) -> None:
    newest = sandbox.faults.add(FaultSpec.model_validate({"status": 503, "ttl": "1m", "matcher": matcher}))
    sandbox.clock.change(Action.ADVANCE, None, by=timedelta(minutes=1))
    assert pick(sandbox) is None
    sandbox.clock.change(Action.SET, None, to=BEGIN)
    assert (injection := pick(sandbox)) is not None
    assert injection.fault is newest


def test_a_fault_for_everybody_is_over_by_the_servers_clock_whatever_a_customers_says(sandbox: Sandbox) -> None:
    sandbox.faults.add(FaultSpec.model_validate({"status": 503, "ttl": "1m"}))
    sandbox.clock.change(Action.FREEZE, CUSTOMER, to=BEGIN + timedelta(hours=1))
    assert [bool(pick(sandbox, customer)) for customer in (CUSTOMER, OTHER)] == [True, True]


def test_a_fault_whose_last_injection_is_taken_back_is_injected_again_in_its_place(sandbox: Sandbox) -> None:
    first, second = (
        sandbox.faults.add(FaultSpec.model_validate({"status": 503, "times": 1, "when": "afterCommit"}))
        for _ in range(2)
    )
    injections = [pick(sandbox), pick(sandbox)]
    assert [each and each.fault for each in injections] == [second, first]
    assert pick(sandbox) is None
    for each in injections:
        assert each is not None
        sandbox.faults.take_back(each)
    assert (again := pick(sandbox)) is not None
    assert again.fault is second


def test_a_fault_counts_for_a_thousand_customers_apart_and_forgets_the_first(sandbox: Sandbox) -> None:
    fault = sandbox.faults.add(FaultSpec.model_validate({"status": 503, "times": 1}), is_permanent=True)
    customers = [customer_id(number) for number in range(MAX_TALLIES)]
    assert all(pick(sandbox, customer) for customer in customers)
    assert not any(pick(sandbox, customer) for customer in customers)
    assert pick(sandbox, OTHER)
    assert len(fault.tallies) == MAX_TALLIES == 1000
    assert [bool(pick(sandbox, customer)) for customer in (customers[1], customers[0])] == [False, True]
