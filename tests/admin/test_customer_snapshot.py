"""The snapshot of one customer: what is in it, and what putting it back leaves alone."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from workflow_mock.faults.registry import MAX_FAULTS
from workflow_mock.state.next_tokens import MAX_NEXT_TOKENS

from tests.admin.world import World
from tests.support import WORKFLOW, Server, serving

SIMPLE = {"name": "Simple", "tasks": [{"key": "a"}]}


@pytest.fixture
def world(changing: Server) -> World:
    """A customer's world on a server where nothing has happened."""
    assert changing.http.post("/__admin/reset").status_code == 204
    return World(changing, changing.token())


def fill(world: World) -> str:
    """Make some of every kind of state in a customer's world; the id of its own workflow."""
    mine = str(uuid4())
    world.admin("PUT", f"workflows/{mine}", json=SIMPLE)
    world.admin("PUT", "seed", json={"seed": "42"})
    world.freeze()
    world.fault(status=503, after=2, times=2)
    world.admin("POST", "tokens", json={"kind": "expired", "issueNext": 1})
    assert world.statuses(3) == [200, 200, 503]
    assert world.start(mine).status_code == 503
    return mine


def taken(world: World) -> dict[str, Any]:
    found: dict[str, Any] = world.admin("GET", "snapshot")
    return found


def refused(world: World, snapshot: Any) -> tuple[int, list[str]]:
    """Status, and the places of what is wrong; nothing has changed."""
    before = world.server.http.get("/__admin/snapshot").json()
    answer = world.server.http.put("/__admin/snapshot", params={"customerId": world.customer}, json=snapshot)
    assert world.server.http.get("/__admin/snapshot").json() == before
    return answer.status_code, [each["property"] for each in answer.json()["meta"]["validation"]]


def test_it_has_all_that_is_the_customers_and_nothing_else(world: World) -> None:
    other = World(world.server, world.token)
    mine, _ = fill(world), fill(other)
    found = taken(world)
    assert {name: len(state) for name, state in found.items()} == {
        "clocks": 1,
        "seeds": 1,
        "workflows": 1,
        "definitions": 1,
        "executions": 2,
        "requests": 4,
        "faults": 1,
        "nextTokens": 1,
    }
    assert found["workflows"][0]["id"] == mine
    assert other.customer not in str(found)


def test_put_back_after_a_reset_everything_goes_on_where_it_was(world: World) -> None:
    mine = fill(world)
    found = taken(world)
    world.admin("POST", "reset")
    assert world.executions() == []
    world.admin("PUT", "snapshot", json=found)
    assert taken(world) == found
    assert world.start(mine).status_code == 200, "the fault has been injected twice"


def test_it_replaces_the_customers_state_and_leaves_anothers(world: World) -> None:
    other = World(world.server, world.token)
    fill(world), fill(other)
    theirs = taken(other)
    world.admin("PUT", "snapshot", json={})
    assert (world.executions(), world.entries(), world.admin("GET", "faults")["faults"]) == ([], [], [])
    assert world.statuses(3) == [200] * 3
    assert taken(other) == theirs


def test_it_goes_into_another_server(world: World) -> None:
    mine = fill(world)
    with serving() as server:
        there = World(server, server.token(), world.customer)
        there.admin("PUT", "snapshot", json=taken(world))
        assert taken(there) == taken(world)
        assert World(server, there.token).start(mine).status_code == 404


def changed(part: str, **members: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda snapshot: {part: [snapshot[part][0] | members]}


OTHER = str(uuid4())


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (changed("clocks", customerId=None), "clocks[0].customerId"),
        (changed("clocks", customerId=OTHER), "clocks[0].customerId"),
        (changed("seeds", customerId=None), "seeds[0].customerId"),
        (changed("requests", customerId=OTHER), "requests[0].customerId"),
        (changed("faults", spec={"status": 503}), "faults[0].spec.matcher.customerId"),
        (changed("nextTokens", customerId=None), "nextTokens[0].customerId"),
        (changed("workflows", customers=None), "workflows[0].customers"),
        (
            lambda snapshot: (
                changed("executions", customerId=OTHER)(snapshot) | {"definitions": snapshot["definitions"]}
            ),
            "executions[0].customerId",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_the_customers_is_refused_in_its_snapshot(
    world: World, change: Callable[[dict[str, Any]], dict[str, Any]], place: str
) -> None:
    fill(world)
    assert refused(world, change(taken(world))) == (400, [place])


def test_an_id_that_another_customer_has_here_is_refused(world: World) -> None:
    other = World(world.server, world.token)
    fill(world)
    text = world.server.http.get("/__admin/snapshot", params={"customerId": world.customer}).text
    world.admin("POST", "reset")
    world.server.http.put(
        "/__admin/snapshot",
        params={"customerId": other.customer},
        content=text.replace(world.customer, other.customer),
        headers={"Content-Type": "application/json"},
    ).raise_for_status()
    answer = world.server.http.put(
        "/__admin/snapshot",
        params={"customerId": world.customer},
        content=text,
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 400
    assert [each["property"] for each in answer.json()["meta"]["validation"]] == [
        "workflows[0].id",
        "executions[0].id",
        "executions[1].id",
        *(f"requests[{index}].id" for index in range(4)),
        "faults[0].spec.id",
    ]


def test_the_catalogues_workflow_is_not_replaced_by_a_customers_snapshot(world: World) -> None:
    snapshot = {"workflows": [SIMPLE | {"id": WORKFLOW, "customers": [world.customer]}]}
    assert refused(world, snapshot) == (400, ["workflows[0].id"])


@pytest.mark.parametrize("part", ["faults", "nextTokens"])
def test_what_has_no_room_beside_that_of_others_is_refused(world: World, part: str) -> None:
    fill(world)
    found = taken(world)
    world.admin("POST", "reset")
    others: list[dict[str, Any]]
    if part == "faults":
        others = [{"spec": {"status": 503, "matcher": {"customerId": OTHER}}} for _ in range(MAX_FAULTS)]
    else:
        others = [{"customerId": OTHER, "kind": "good", "issueNext": 1} for _ in range(MAX_NEXT_TOKENS)]
    workflows = world.server.http.get("/__admin/snapshot").json()["workflows"]
    world.server.http.put("/__admin/snapshot", json={"workflows": workflows, part: others}, timeout=30)
    assert refused(world, found) == (503, [])
