"""What things cost where there are thousands of them: work is counted, and not timed."""

import asyncio
import difflib
import random
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import APIRouter
from workflow_mock.admin import executions, snapshot, workflows
from workflow_mock.catalogue.loader import WorkflowEntry, entry_of
from workflow_mock.domain import execution as domain
from workflow_mock.domain.definition import Outcome, WorkflowDefinition
from workflow_mock.faults.spec import Fault, FaultSpec
from workflow_mock.sandbox import Sandbox
from workflow_mock.state.clock import Action
from workflow_mock.state.journal import Exchange
from workflow_mock.state.matcher import Matcher

BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
CUSTOMER, OTHER = (f"{digit}0000000-0000-4000-8000-000000000000" for digit in "12")
ID = "90000000-0000-4000-8000-00000000000"


def defined(number: int, **task: Any) -> WorkflowDefinition:
    entry = {"id": f"{ID}{number}", "name": str(number), "tasks": [{"key": "a", **task}, {"key": "b", "after": ["a"]}]}
    return WorkflowEntry.model_validate(entry).define()


@pytest.fixture
def sandbox() -> Sandbox:
    workflows = [defined(1), defined(2, duration="1h"), defined(3, progression="immediate")]
    found = Sandbox(workflows, max_executions=1000, max_executions_total=1000, max_requests=10_000)
    found.clock.change(Action.FREEZE, None, to=BEGIN)
    return found


def route(routes: APIRouter, name: str) -> Any:
    """The function that answers it."""
    return next(vars(each)["endpoint"] for each in routes.routes if vars(each)["name"] == name)


def asked(sandbox: Sandbox, customer: str = CUSTOMER) -> Exchange:
    exchange = Exchange.of_customer(customer, "/")
    exchange.time = sandbox.clock.now(customer)
    return exchange


def injected(sandbox: Sandbox, customer: str = CUSTOMER) -> bool:
    exchange = asked(sandbox, customer)
    return any(fault.applies(exchange) for fault in sandbox.faults.candidates(exchange))


# Executions


def listed(sandbox: Sandbox, state: str | None = None) -> list[str]:
    page = asyncio.run(route(executions.router(sandbox), "find_executions")(None, None, state, 100, 0))
    return [each.state for each in page.executions]


@pytest.mark.parametrize("state", [None, "running"])
def test_an_execution_in_which_nothing_has_happened_is_not_worked_out_for_a_list(
    sandbox: Sandbox, state: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        sandbox.start(CUSTOMER, f"{ID}{number}", BEGIN)
    monkeypatch.delattr(domain, "Progress")
    assert listed(sandbox, state) == ["running", "running"]


def test_what_is_worked_out_for_a_list_is_not_kept(sandbox: Sandbox) -> None:
    started = [sandbox.start(CUSTOMER, f"{ID}{number}", BEGIN) for number in (1, 2, 3)]
    sandbox.take(started[0], started[0].definition.tasks[0].id, Outcome.FAIL)
    sandbox.clock.change(Action.ADVANCE, None, by=timedelta(hours=1))
    kept = [execution._progress for execution in started]
    assert kept[1:] == [None, None]
    assert (listed(sandbox), listed(sandbox, "failed")) == (["failed", "running", "running"], ["failed"])
    assert [execution._progress for execution in started] == kept


def test_an_outline_says_what_the_whole_does_whatever_the_clock_does(sandbox: Sandbox) -> None:
    for number in (1, 2, 3):
        execution = sandbox.start(CUSTOMER, f"{ID}{number}", BEGIN)
        for seconds in (0, -5, 3599, 3600, -1):
            now = BEGIN + timedelta(seconds=seconds)
            outline = execution.status_at(now)
            whole = execution.progress_at(now)
            assert outline == execution.status_at(now) == (whole.state, whole.finished)


# FaultRegistry


@pytest.mark.parametrize("spec", [{"times": 2}, {"ttl": "1m"}, {"ttl": "1m", "times": 3}])
@pytest.mark.parametrize("whose", [{"customerId": CUSTOMER}, {}])
def test_a_fault_that_can_strike_no_more_is_kept_and_not_looked_through_for_a_start(
    sandbox: Sandbox, spec: dict[str, Any], whose: dict[str, str]
) -> None:
    for _ in range(50):
        sandbox.faults.add(FaultSpec.model_validate({"status": 503, "matcher": whose} | spec))
    for _ in range(100):
        assert injected(sandbox)
    sandbox.clock.change(Action.ADVANCE, None, by=timedelta(minutes=1))
    assert not injected(sandbox)
    assert (sandbox.faults.candidates(asked(sandbox)), sandbox.faults._index) == ([], {})
    assert sum(tally.injected for fault in sandbox.faults.for_customer(None) for tally in fault.tallies.values()) == 100
    for fault in sandbox.faults.for_customer(None):
        sandbox.faults.remove(fault.spec.id)
    assert len(sandbox.faults) == 0


@pytest.mark.parametrize("whose", [{"customerId": CUSTOMER}, {}])
def test_a_fault_whose_time_was_over_strikes_again_when_the_clock_is_put_back(
    sandbox: Sandbox, whose: dict[str, str]
) -> None:
    sandbox.faults.add(FaultSpec.model_validate({"status": 503, "ttl": "1m", "matcher": whose}))
    newest = sandbox.faults.add(FaultSpec.model_validate({"status": 504, "matcher": whose}))
    sandbox.clock.change(Action.ADVANCE, None, by=timedelta(minutes=1))
    assert len(sandbox.faults.candidates(asked(sandbox))) == 1
    sandbox.clock.change(Action.SET, None, to=BEGIN)
    found = sandbox.faults.candidates(asked(sandbox))
    assert (len(found), found[0]) == (2, newest)


def test_a_fault_for_everybody_that_is_over_by_one_customers_clock_still_strikes_another(sandbox: Sandbox) -> None:
    sandbox.faults.add(FaultSpec.model_validate({"status": 503, "ttl": "1m"}))
    sandbox.clock.change(Action.FREEZE, CUSTOMER, to=BEGIN + timedelta(hours=1))
    assert [injected(sandbox, customer) for customer in (CUSTOMER, OTHER)] == [False, True]


def test_a_fault_whose_last_strike_is_taken_back_is_found_again_in_its_place(sandbox: Sandbox) -> None:
    first, second = (
        sandbox.faults.add(FaultSpec.model_validate({"status": 503, "times": 1, "when": "afterCommit"}))
        for _ in range(2)
    )
    exchange = asked(sandbox)
    assert first.applies(exchange)
    assert sandbox.faults.candidates(asked(sandbox)) == [second]
    first.miss(exchange)
    assert sandbox.faults.candidates(asked(sandbox)) == [second, first]


@pytest.mark.parametrize(("probability", "strikes"), [(0, False), (1, True)])
def test_what_is_certain_needs_no_random_number(
    monkeypatch: pytest.MonkeyPatch, probability: float, strikes: bool
) -> None:
    monkeypatch.delattr(random, "Random")
    fault = Fault(FaultSpec.model_validate({"status": 503, "probability": probability}), BEGIN)
    assert fault.applies(Exchange.of_customer(CUSTOMER, "/")) is strikes
    assert fault.tallies[""].matched == 1


def test_a_matcher_is_not_asked_where_a_fault_is_spent_as_often_as_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    fault = Fault(FaultSpec.model_validate({"status": 503, "times": 1}), BEGIN, is_permanent=True)
    exchange = Exchange.of_customer(CUSTOMER, "/")
    assert fault.applies(exchange)
    monkeypatch.delattr(Matcher, "matches")
    assert not fault.applies(exchange)


# Workflows


def test_the_nearest_workflow_is_found_without_comparing_texts_at_length(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(difflib.SequenceMatcher, "set_seq1", None)
    for wanted, nearest in ((f"{ID}2", 2), (f"a{ID[1:]}3", 3), ("", 1)):
        near = sandbox.workflows.nearest(wanted, CUSTOMER)
        assert near is not None
        assert near.name == str(nearest)


def test_a_workflow_that_is_known_is_not_searched(sandbox: Sandbox) -> None:
    class Unsearched(dict[str, WorkflowDefinition]):
        def values(self) -> Any:
            raise AssertionError("it is searched")

    sandbox.workflows._definitions = Unsearched(sandbox.workflows._definitions)
    near = sandbox.workflows.nearest(f"{ID}2", CUSTOMER)
    assert near is not None
    assert near.id == f"{ID}2"


def test_a_definition_is_checked_and_shown_off_the_loop(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []

    def watched(work: Any) -> Any:
        def call(subject: Any) -> Any:
            threads.append(threading.get_ident())
            return work(subject)

        return call

    monkeypatch.setattr(WorkflowEntry, "define", watched(WorkflowEntry.define))
    for module in (workflows, snapshot):
        monkeypatch.setattr(module, "entry_of", watched(entry_of))
    entry = workflows.Workflow.model_validate({"name": "x", "tasks": [{"key": "a"}]})
    asyncio.run(route(workflows.router(sandbox), "put_workflow")(f"{ID}4", entry))
    asyncio.run(route(workflows.router(sandbox), "get_workflow")(f"{ID}4"))
    asyncio.run(snapshot.take(sandbox))
    assert len(threads) == 1 + 1 + 1 + 4
    assert threading.get_ident() not in threads


# The journal


class Counted(Exchange):
    decoded = 0

    @property
    def text(self) -> str:
        self.decoded += 1
        return super().text


def counted(number: int) -> Counted:
    exchange = Counted(str(number), {"query_string": b"", "method": "POST", "raw_path": b"/", "headers": ()}, "", None)
    exchange.body = b"Abc"
    return exchange


def test_a_body_is_decoded_once_for_all_patterns() -> None:
    exchange = counted(1)
    patterns = [{"contains": "b"}, {"equalToIgnoreCase": "aBC"}, {"equalTo": "Abc"}]
    assert Matcher.model_validate({"bodyPatterns": patterns}).matches(exchange)
    assert exchange.decoded == 1
    assert not Matcher.model_validate({"status": 200, "bodyPatterns": patterns}).matches(exchange)
    assert exchange.decoded == 1
    said = Matcher.model_validate({"bodyPatterns": [*patterns, {"absent": True}]}).differences(exchange)
    assert (said, exchange.decoded) == (['body is not {"absent":true}'], 2)


def test_other_requests_have_their_turn_while_the_journal_is_searched_and_may_change_it(sandbox: Sandbox) -> None:
    for number in range(100):
        sandbox.journal.add(counted(number))
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            sandbox.journal.remove(lambda each: each.number % 10 == 0, None)
            await asyncio.sleep(0)

    def slowly(exchange: Exchange) -> bool:
        time.sleep(0.001)
        return exchange.number > 0

    async def search() -> list[Exchange]:
        task = asyncio.create_task(others())
        found = await sandbox.journal.page(None, slowly)
        task.cancel()
        return found

    assert len(asyncio.run(search())) == 100
    assert turns >= 9  # of 100 ms of work, 5 at most are done at once
