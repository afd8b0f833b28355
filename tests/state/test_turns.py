"""While the control plane has much to do, others have their turn."""

import asyncio
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx2 as httpx
import pytest
from workflow_mock.admin import snapshot, workflows
from workflow_mock.app import create_app
from workflow_mock.catalogue.schema import WorkflowEntry
from workflow_mock.domain.execution import Execution
from workflow_mock.faults.fault import Tally
from workflow_mock.faults.registry import FaultRegistry
from workflow_mock.faults.spec import FaultSpec
from workflow_mock.paths import ADMIN_PATH, HEALTH_PATH
from workflow_mock.sandbox import Sandbox
from workflow_mock.settings import Settings
from workflow_mock.state import store
from workflow_mock.state.clock import Action
from workflow_mock.state.exchange import Exchange, Facts, Target
from workflow_mock.state.journal import Journal
from workflow_mock.state.matcher import Matcher
from workflow_mock.state.recorded_request import recorded
from workflow_mock.state.store import BATCH_SIZE

from tests.server.apps import serving_app
from tests.state.worlds import BEGIN, CUSTOMER, workflow_id
from tests.support import WORKFLOW


class Held:
    """Work that goes on only when it may."""

    def __init__(self, work: Callable[..., Any]) -> None:
        self._work = work
        self.has_begun, self.may_go_on = threading.Event(), threading.Event()

    def do(self, subject: Any) -> Any:
        self.has_begun.set()
        assert self.may_go_on.wait(60)
        return self._work(subject)


@pytest.mark.parametrize(
    ("place", "name", "method", "resource", "body"),
    [
        pytest.param(
            WorkflowEntry,
            "define",
            "PUT",
            f"workflows/{workflow_id(4)}",
            {"name": "x", "tasks": [{"key": "a"}]},
            id="a definition is checked",
        ),
        pytest.param(workflows, "entry_of", "GET", f"workflows/{WORKFLOW}", None, id="a definition is shown"),
        pytest.param(snapshot, "entry_of", "GET", "snapshot", None, id="a snapshot is taken"),
    ],
)
def test_a_request_is_answered_while(
    monkeypatch: pytest.MonkeyPatch, place: Any, name: str, method: str, resource: str, body: Any
) -> None:
    app = create_app(Settings())
    held = Held(getattr(place, name))

    def work(subject: Any) -> Any:
        return held.do(subject)

    monkeypatch.setattr(place, name, work)
    answers: list[int] = []
    with serving_app(app) as (host, port), httpx.Client(base_url=f"http://{host}:{port}", trust_env=False) as client:

        def ask() -> None:
            answers.append(httpx.request(method, f"{client.base_url}{ADMIN_PATH}/{resource}", json=body).status_code)

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            assert held.has_begun.wait(20)
            assert client.get(HEALTH_PATH).status_code == 200
            assert answers == []
        finally:
            held.may_go_on.set()
            asking.join()
    assert answers[0] in (200, 201)


@pytest.mark.parametrize("customer", [CUSTOMER, None], ids=["of a customer", "of all"])
def test_a_restore_puts_in_place_what_was_made_off_the_loop(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, customer: str | None
) -> None:
    sandbox.clock.change(Action.FREEZE, CUSTOMER, to=BEGIN)
    for number in range(3):
        sandbox.start(CUSTOMER, workflow_id(1), BEGIN)
        target = Target("start", CUSTOMER)
        sandbox.journal.add(replace(exchange(number), target=target))
        sandbox.faults.add(FaultSpec.model_validate({"status": 503, "matcher": {"customerId": CUSTOMER}}))
    before = json.loads(bytes(asyncio.run(snapshot.take(sandbox, customer)).body))
    restore = snapshot.Restore.read(before, customer, sandbox)
    sandbox.reset(None)

    def one_by_one(*_: object) -> None:
        raise AssertionError("an item by itself")

    for place, name in (
        (store.BoundedStore, "add"),
        (Journal, "record"),
        (FaultRegistry, "put"),
        (Execution, "__init__"),
        (Tally, "__init__"),
    ):
        monkeypatch.setattr(place, name, one_by_one)
    restore.apply(sandbox)
    monkeypatch.undo()
    assert json.loads(bytes(asyncio.run(snapshot.take(sandbox, customer)).body)) == before


def exchange(number: int) -> Exchange:
    return Exchange(str(number), BEGIN, Target(None), Facts(), recorded("POST", b"/", b"", (), b"Abc", False), 200)


def test_others_have_their_turn_while_the_journal_is_searched_and_may_change_it(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MAX_BLOCKING_SECONDS", 0)
    for number in range(10 * BATCH_SIZE):
        sandbox.journal.add(exchange(number))
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            sandbox.journal.remove(lambda each: int(each.id) % BATCH_SIZE == 0, None)
            await asyncio.sleep(0)

    async def search() -> list[Exchange]:
        task = asyncio.create_task(others())
        found = await sandbox.journal.page(None, Matcher().matches)
        task.cancel()
        return found

    assert len(asyncio.run(search())) == 10 * BATCH_SIZE
    assert turns >= 9
