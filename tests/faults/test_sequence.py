"""A sequence says what becomes of call after call; `from` and `ttl` when, by the customer's clock."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from workflow_mock.faults.spec import MAX_STEPS, FaultSpec
from workflow_mock.sandbox import Sandbox
from workflow_mock.state.clock import Action
from workflow_mock.state.exchange import Target

from tests.admin.world import World
from tests.support import WORKFLOW, request_of, serving

STEPS = [
    {"status": 503, "retryAfter": "2s"},
    {"status": 429},
    {"when": "afterCommit", "fault": "CONNECTION_RESET_BY_PEER"},
    {},
]
LOST = 0
"""As the status of a start that has no answer."""


def status_of(world: World) -> int:
    try:
        return world.start().status_code
    except httpx.TransportError:
        return LOST


def statuses(world: World, count: int) -> list[int]:
    return [status_of(world) for _ in range(count)]


def test_call_after_call_meets_its_step_and_then_none(world: World) -> None:
    fault = world.fault(sequence=STEPS)
    assert statuses(world, 6) == [503, 429, LOST, 200, 200, 200]
    steps = [(each["faultId"], each["faultStep"]) for each in world.entries()]
    assert steps == [*((fault, step) for step in (1, 2, 3, 4)), (None, None), (None, None)]
    shown = world.admin("GET", f"faults/{fault}")
    assert (shown["injected"], shown["over"], shown["sequence"][3]) == (4, True, shown["sequence"][3])
    assert world.entries()[3]["duplicateOf"] == world.entries()[2]["executionId"]


def test_each_step_has_its_own_header(world: World) -> None:
    world.fault(sequence=STEPS[:2])
    assert [world.start().headers.get("Retry-After") for _ in range(3)] == ["2", "1", None]


def test_it_begins_again_where_it_repeats(world: World) -> None:
    world.fault(sequence=[{"status": 503}, {}], sequenceEnd="repeat")
    assert statuses(world, 5) == [503, 200, 503, 200, 503]
    assert [each["faultStep"] for each in world.entries()] == [1, 2, 1, 2, 1]


def test_a_step_may_hold(world: World) -> None:
    world.fault(sequence=[{"hold": "1ms"}, {"hold": "1ms", "status": 503}])
    assert statuses(world, 2) == [200, 503]
    assert all(each["heldInMilliseconds"] for each in world.entries())


def test_what_is_refused_anyway_takes_no_step_after_the_commit(world: World) -> None:
    world.fault(sequence=[{"when": "afterCommit", "status": 500}, {"status": 503}])
    assert world.start(json={}).status_code == 400
    assert statuses(world, 3) == [500, 503, 200]


def test_others_by_and_requests_before_take_no_step(world: World) -> None:
    world.fault(sequence=[{"status": 503}, {"status": 500}], after=1, matcher={"workflowId": WORKFLOW})
    other = "22222222-2222-4222-8222-222222222222"
    assert [world.start(each).status_code for each in (WORKFLOW, other, WORKFLOW, other, WORKFLOW, WORKFLOW)] == [
        *(200, 200, 503, 200, 500, 200)
    ]


def test_a_snapshot_goes_on_with_the_step_that_is_next(world: World) -> None:
    world.fault(sequence=STEPS)
    assert statuses(world, 1) == [503]
    snapshot = world.admin("GET", "snapshot")
    assert statuses(world, 1) == [429]
    world.admin("PUT", "snapshot", json=snapshot)
    assert statuses(world, 1) == [429]
    assert [each["faultStep"] for each in world.entries()] == [1, 2]


def test_a_sequence_of_the_catalogue_counts_for_each_customer_apart(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.json"
    workflow = {"id": WORKFLOW, "name": "x", "tasks": [{"key": "a"}], "faults": [{"sequence": [{"status": 503}, {}]}]}
    file.write_text(json.dumps({"workflows": [workflow]}))
    with serving("--catalogue", str(file)) as running:
        token = running.token()
        for _ in range(2):
            assert statuses(World(running, token), 3) == [503, 200, 200]


# From and ttl


def test_an_outage_begins_and_ends_by_the_customers_clock(world: World) -> None:
    world.admin("PUT", "clock", json={"action": "freeze"})
    world.fault(status=503, **{"from": "10s"}, ttl="20s")
    seen = statuses(world, 1)
    for _ in range(3):
        world.advance("9999ms")
        seen += statuses(world, 1)
        world.advance("1ms")
        seen += statuses(world, 1)
    assert seen == [200, 200, 503, 503, 503, 503, 200]


def test_a_clock_that_goes_back_goes_back_before_it_began(world: World) -> None:
    world.admin("PUT", "clock", json={"action": "freeze", "to": "2030-01-01T00:00:00Z"})
    world.token = str(world.admin("POST", "tokens", json={"kind": "good", "lifetime": "10h"})["accessToken"])
    fault = world.fault(status=503, **{"from": "1h"})
    assert statuses(world, 1) == [200]
    world.advance("1h")
    assert statuses(world, 1) == [503]
    world.admin("PUT", "clock", json={"action": "freeze", "to": "2030-01-01T00:30:00Z"})
    assert statuses(world, 1) == [200]
    assert world.admin("GET", f"faults/{fault}")["matched"] == 1


def test_a_snapshot_has_when_it_begins(world: World) -> None:
    world.admin("PUT", "clock", json={"action": "freeze"})
    world.fault(status=503, **{"from": "1h"})
    world.advance("30m")
    world.admin("PUT", "snapshot", json=world.admin("GET", "snapshot"))
    world.advance("29m")
    seen = statuses(world, 1)
    world.advance("1m")
    assert seen + statuses(world, 1) == [200, 503]


def test_from_of_the_catalogue_counts_from_each_customers_first_request() -> None:
    permanent = [FaultSpec.model_validate({"status": 503, "from": "1m", "ttl": "1m"})]
    sandbox = Sandbox(
        [], permanent, max_executions=1, max_executions_total=1, max_requests=1, seed=None, has_journal=True
    )
    sandbox.clock.change(Action.FREEZE, None)

    def strikes(customer: str) -> bool:
        return sandbox.faults.pick(request_of(), Target(None, customer), sandbox.clock.now(customer)) is not None

    seen = []
    for _ in range(3):
        seen.append(strikes("a"))
        sandbox.clock.change(Action.ADVANCE, None, by=timedelta(minutes=1))
    assert seen == [False, True, False]
    assert strikes("b") is False
    sandbox.clock.change(Action.ADVANCE, None, by=timedelta(minutes=1))
    assert strikes("b") is True


# What is refused

REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"sequence": [{"status": 503}], "times": 2}, "", "times and sequence exclude each other"),
    ({"sequence": [{"status": 503}], "status": 500}, "", "give them to its steps"),
    ({"sequence": [{"status": 503}], "retryAfter": "2s"}, "", "give them to its steps"),
    ({"sequence": [{"status": 503}], "hold": "2s"}, "", "give them to its steps"),
    ({"sequence": [{"status": 503}], "quota": {"limit": 1, "window": "1m"}}, "", "give them to its steps"),
    ({"sequence": [{"quota": {"limit": 1, "window": "1m"}}]}, "sequence[0]", "a step has no quota"),
    ({"sequence": [{}, {"stauts": 503}]}, "sequence[1].stauts", "is not known here"),
    ({"sequence": [503]}, "sequence[0]", "must be an object"),
    ({"sequence": ["lost"]}, "sequence[0]", "must be an object"),
    ({"sequence": [{"times": 2}]}, "sequence[0].times", "is not known here"),
    ({"sequence": [{"status": 503, "fault": "EMPTY_RESPONSE"}]}, "sequence[0]", "exclude each other"),
    ({"sequence": [{"hold": "601s"}]}, "sequence[0].hold", "600 s at most"),
    ({"sequence": []}, "sequence", "at least 1"),
    ({"sequence": [{}] * (MAX_STEPS + 1)}, "sequence", f"at most {MAX_STEPS}"),
    ({"sequence": [{}], "sequenceEnd": "again"}, "sequenceEnd", "'stop' or 'repeat'"),
    ({"status": 503, "sequenceEnd": "stop"}, "", "goes with a sequence"),
    ({"status": 503, "from": 5}, "from", "must be a duration"),
    ({"status": 503, "from_": "5s"}, "from_", "is not known here"),
]


@pytest.mark.parametrize(("spec", "where", "says"), REFUSED, ids=[str(each[0])[:60] for each in REFUSED])
def test_bad_input_is_refused_and_what_was_meant_is_said(
    world: World, spec: dict[str, Any], where: str, says: str
) -> None:
    refused = world.server.http.post("/__admin/faults", json=spec)
    problem = refused.json()["meta"]["validation"][0]
    assert (refused.status_code, problem["property"]) == (400, where or "body")
    assert says in problem["message"]
