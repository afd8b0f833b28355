"""One clock, and how tasks progress by it: an hour takes one call."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.admin.world import World, error_of
from tests.support import WORKFLOW, Server, serving

BEGIN = "2030-01-01T00:00:00Z"
CATALOGUE = """
workflows:
  - id: 10000000-0000-4000-8000-000000000000
    name: An hour
    tasks:
      - {key: first, duration: 90s}
      - {key: at once, after: [first], progression: immediate}
      - {key: last, after: [at once], progression: timed, duration: PT58M30S}
  - id: 20000000-0000-4000-8000-000000000000
    name: A failure
    tasks:
      - {key: fails, duration: 1m, outcome: fail}
      - {key: never, after: [fails]}
      - {key: by hand}
  - id: 30000000-0000-4000-8000-000000000000
    name: At once
    tasks: [{key: a, progression: immediate}, {key: b, after: [a], progression: immediate}]
clients:
  - {id: demo, secret: demo-secret}
"""
HOUR, FAILURE, AT_ONCE = (f"{digit}0000000-0000-4000-8000-000000000000" for digit in "123")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    catalogue: Path = tmp_path_factory.mktemp("clock") / "catalogue.yaml"
    catalogue.write_text(CATALOGUE)
    with serving("--catalogue", str(catalogue), "--log-level", "warning") as running:
        yield running


@pytest.fixture
def world(own: Server) -> World:
    """A world in which it is, and stays, the beginning of 2030."""
    made = World(own, "")
    made.admin("PUT", "clock", json={"action": "freeze", "to": BEGIN})
    made.token = token(made)
    return made


def token(world: World) -> str:
    """One of the customer's time."""
    form = {"grant_type": "client_credentials", "client_id": "demo", "client_secret": "demo-secret"}
    url = f"/api/authentication/connect/token?customerId={world.customer}"
    return str(world.server.http.post(url, data=form).json()["access_token"])


def claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def started(world: World, workflow: str) -> str:
    answer = world.start(workflow)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["data"]["id"])


def look(world: World, execution: str) -> Any:
    return world.server.http.get(f"/__admin/executions/{execution}").json()


def states(shown: Any) -> dict[str, str]:
    return {task["name"]: task["state"] for task in shown["tasks"]}


# Progression


def test_an_hour_long_workflow_finishes_in_one_call(world: World) -> None:
    execution = started(world, HOUR)
    assert states(look(world, execution)) == {"first": "running", "at once": "waiting", "last": "waiting"}
    world.advance("1h")
    shown = look(world, execution)
    assert (shown["state"], shown["finished"]) == ("completed", "2030-01-01T01:00:00Z")
    assert [task["finishedAt"][11:19] for task in shown["tasks"]] == ["00:01:30", "00:01:30", "01:00:00"]


def test_each_task_runs_for_its_time(world: World) -> None:
    execution = started(world, HOUR)
    world.advance("89999ms")
    assert states(look(world, execution))["first"] == "running"
    world.advance("1ms")
    assert states(look(world, execution)) == {"first": "completed", "at once": "completed", "last": "running"}


def test_a_task_can_fail_when_its_time_has_come(world: World) -> None:
    execution = started(world, FAILURE)
    world.advance("2m")
    shown = look(world, execution)
    assert states(shown) == {"fails": "failed", "never": "skipped", "by hand": "queued"}
    assert (shown["state"], shown["finished"]) == ("running", None)


def test_a_start_answers_with_the_record_of_its_beginning(world: World) -> None:
    record = world.start(AT_ONCE).json()["data"]
    assert (len(record["executionQueue"]), record["finished"], record["created"]) == (1, None, BEGIN)
    assert look(world, record["id"])["finished"] == BEGIN


def test_looking_changes_nothing(world: World) -> None:
    looked_at, left_alone = started(world, HOUR), started(world, HOUR)
    for _ in range(4):
        world.advance("15m")
        assert look(world, looked_at) == look(world, looked_at)
    assert look(world, looked_at)["tasks"] == look(world, left_alone)["tasks"]


def test_going_back_in_time_takes_back_what_happened_by_itself_but_no_step(world: World) -> None:
    execution = started(world, FAILURE)
    world.advance("30s")
    by_hand = next(task["id"] for task in look(world, execution)["tasks"] if task["name"] == "by hand")
    world.server.http.post(f"/__admin/executions/{execution}/tasks/{by_hand}/complete")
    world.advance("5m")
    assert look(world, execution)["state"] == "failed"
    world.admin("PUT", "clock", json={"action": "set", "to": BEGIN})
    assert states(look(world, execution)) == {"fails": "running", "never": "waiting", "by hand": "completed"}


def test_a_step_comes_before_its_time(world: World) -> None:
    execution = started(world, HOUR)
    ended = world.server.http.post(f"/__admin/executions/{execution}/advance", json={"to": "end"}).json()
    assert (ended["state"], ended["finished"]) == ("completed", BEGIN)


# What follows the clock


def test_tokens_are_of_the_customer_s_time_and_are_judged_by_it(world: World) -> None:
    told = claims(world.token)
    assert (told["iat"], told["nbf"], told["exp"] - told["iat"]) == (seconds(BEGIN), seconds(BEGIN), 3600)
    assert world.start(HOUR).status_code == 200
    world.advance("3899s")
    assert world.start(HOUR).status_code == 200
    world.advance("1s")
    assert error_of(world.start(HOUR)) == "token_expired"
    world.token = token(world)
    assert world.start(HOUR).status_code == 200


def test_a_token_of_another_time_says_where_to_get_one(world: World) -> None:
    answer = world.server.start(HOUR, customer=world.customer)
    (error,) = answer.json()["meta"]["errors"]
    assert error["code"] == "token_expired"
    assert "2030-01-01T00:00:00Z" in error["message"]
    assert "?customerId=" in error["message"]


def test_the_journal_has_the_customer_s_time(world: World) -> None:
    world.start(HOUR)
    assert world.entry()["time"] == BEGIN


def test_a_customer_s_clock_is_nobody_else_s(world: World) -> None:
    other = World(world.server, world.server.token())
    assert other.start(HOUR).json()["data"]["created"][:4] != "2030"
    assert not other.admin("GET", "clock")["frozen"]
    assert world.admin("GET", "clock") == {"now": BEGIN, "frozen": True, "own": True}


def test_a_resumed_clock_runs_on_from_where_it_stood(world: World) -> None:
    world.advance("1h")
    shown = world.admin("PUT", "clock", json={"action": "resume"})
    assert (shown["frozen"], shown["own"]) == (False, True)
    begin = seconds(shown["now"])
    assert seconds("2030-01-01T01:00:00Z") <= begin < seconds("2030-01-01T01:05:00Z")
    while seconds(world.admin("GET", "clock")["now"]) == begin:
        pass


def test_a_clock_that_runs_goes_on_running_when_it_is_set(own: Server) -> None:
    world = World(own, "")
    shown = world.admin("PUT", "clock", json={"action": "set", "to": "2031-05-05T05:05:05+02:00"})
    assert shown["now"].startswith("2031-05-05T03:05:0")
    later = world.admin("PUT", "clock", json={"action": "advance", "by": "P1D"})
    assert not later["frozen"]
    assert seconds(later["now"]) - seconds(shown["now"]) >= timedelta(days=1).total_seconds()


def test_the_server_s_clock_is_that_of_all_who_have_none_of_their_own() -> None:
    with serving("--log-level", "warning") as server:
        own, other = World(server, ""), World(server, "")
        own.admin("PUT", "clock", json={"action": "freeze", "to": BEGIN})
        server.http.put("/__admin/clock", json={"action": "freeze", "to": "2040-01-01T00:00:00Z"})
        assert claims(server.token())["iat"] == seconds("2040-01-01T00:00:00Z")
        assert server.start(customer=other.customer).json()["data"]["created"] == "2040-01-01T00:00:00Z"
        assert own.admin("GET", "clock")["now"] == BEGIN
        server.http.post("/__admin/reset")
        assert not server.http.get("/__admin/clock").json()["frozen"]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"action": "advance", "by": "-1s"}, "by"),
        ({"action": "advance", "by": "1 hour"}, "by"),
        ({"action": "advance", "by": 5}, "by"),
        ({"action": "advance", "by": "P99999999D"}, "by"),
        ({"action": "advance", "by": "9" * 400 + "s"}, "by"),
        ({"action": "advance"}, "body"),
        ({"action": "freeze", "by": "1s"}, "body"),
        ({"action": "set"}, "body"),
        ({"action": "resume", "to": BEGIN}, "body"),
        ({"action": "set", "to": "2030-01-01T00:00:00"}, "to"),
        ({"action": "set", "to": "0001-01-01T00:00:00Z"}, "to"),
        ({"action": "set", "to": "9999-12-31T23:59:59Z"}, "to"),
        ({"action": "set", "to": "soon"}, "to"),
        ({"action": "set", "to": 1893456000}, "to"),
        ({"action": "stop"}, "action"),
        ({"action": "freeze", "at": BEGIN}, "at"),
        ({}, "action"),
        ([], "body"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused_by_its_path(world: World, body: Any, place: str) -> None:
    answer = world.server.http.put("/__admin/clock", params={"customerId": world.customer}, json=body)
    assert (answer.status_code, error_of(answer)) == (400, "validation_failed")
    assert [fault["property"] for fault in answer.json()["meta"]["validation"]] == [place]
    assert world.admin("GET", "clock")["now"] == BEGIN


def test_a_clock_can_t_be_pushed_out_of_the_calendar(world: World) -> None:
    world.admin("PUT", "clock", json={"action": "set", "to": "8999-01-01T00:00:00Z"})
    answer = world.server.http.put(
        "/__admin/clock", params={"customerId": world.customer}, json={"action": "advance", "by": "P3650D"}
    )
    assert answer.status_code == 400
    world.token = token(world)
    assert look(world, started(world, HOUR))["state"] == "running"


# Ids


def ids(world: World, count: int = 3) -> list[str]:
    return [str(world.start().json()["data"]["id"]) for _ in range(count)]


def test_a_seed_makes_the_ids_of_a_customer_repeatable(server: Server) -> None:
    world = World(server, server.token())
    random = ids(world)
    world.admin("PUT", "seed", json={"seed": "42"})
    first = ids(world)
    world.admin("PUT", "seed", json={"seed": "42"})
    assert ids(world) == first
    world.admin("PUT", "seed", json={"seed": "43"})
    assert not {*ids(world)} & {*first, *random}


def test_a_whole_answer_can_be_compared_with_a_stored_one(server: Server) -> None:
    world = World(server, "")
    world.admin("PUT", "clock", json={"action": "freeze", "to": BEGIN})
    world.token = token(world)
    answers = []
    for _ in range(2):
        world.admin("PUT", "seed", json={"seed": "same"})
        answers.append(world.start().content)
    assert answers[0] == answers[1]


def test_a_seeded_server_gives_the_same_ids_each_time_and_to_each_customer_its_own() -> None:
    seen = []
    for _ in range(2):
        with serving("--seed", "42", "--log-level", "warning") as server:
            token = server.token()
            worlds = [World(server, token, f"{digit}0000000-0000-4000-8000-000000000000") for digit in "12"]
            seen.append([ids(world) for world in worlds])
            server.http.post("/__admin/reset")
            seen.append([ids(world) for world in worlds])
    assert seen[0] == seen[1] == seen[2] == seen[3]
    assert not {*seen[0][0]} & {*seen[0][1]}


@pytest.mark.parametrize("body", [{}, {"seed": 42}, {"seed": None}, {"seed": "x" * 201}, {"seed": "x", "number": 1}])
def test_a_wrong_seed_is_refused(server: Server, body: Any) -> None:
    assert server.http.put("/__admin/seed", json=body).status_code == 400


def test_the_demo_has_the_workflow_of_the_page(server: Server) -> None:
    assert World(server, server.token()).start(WORKFLOW).status_code == 200
