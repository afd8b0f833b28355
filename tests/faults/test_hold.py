"""Hold and release: how a held request goes on, and that whoever comes meanwhile ends its hold."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import uuid4

import pytest
from workflow_mock.app import create_app
from workflow_mock.settings import Settings
from workflow_mock.state.held import MAX_HELD

from tests.admin.world import LONG, TOKEN_PATH, World
from tests.in_process import SURFACES
from tests.support import TOKEN_FORM, Answer, Server, raw_request, read_answers, serving

POSITIONS = ("before", "afterToken", "afterCommit")


@pytest.fixture
def world(own: Server) -> World:
    return World(own, own.token())


def held(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.admin("GET", "held")["held"]
    return found


def answer_of(connection: socket.socket) -> Answer:
    (answer,) = read_answers(connection, 1)
    return answer


def refusal_of(connection: socket.socket) -> tuple[int, str]:
    answer = answer_of(connection)
    return answer.status, answer.code()


# How a held request goes on


@pytest.mark.parametrize("when", POSITIONS)
def test_it_is_listed_until_it_is_released_and_goes_on_as_it_would_have(world: World, when: str) -> None:
    with world.holding(when=when) as (connection, shown):
        started = world.executions()
        assert len(started) == (when == "afterCommit")
        assert held(world)[0] | {"left": ""} == shown | {"left": ""}
        assert shown["executionId"] == (started[0] if started else None)
        assert (shown["customerId"], shown["operation"], shown["faultStep"]) == (world.customer, "start", None)
        assert world.entry()["heldInMilliseconds"] is None
        world.release(shown["requestId"])
        assert held(world) == []
        answer = answer_of(connection)
    (execution,) = world.executions()
    assert (answer.status, answer.json()["data"]["id"]) == (200, execution)
    (entry,) = world.entries()
    assert (entry["id"], entry["faultId"], entry["executionId"]) == (shown["requestId"], shown["faultId"], execution)
    assert 0 < entry["heldInMilliseconds"] <= entry["durationInMilliseconds"]
    assert (entry["answerLost"], entry["clientLeft"]) == (False, False)
    assert bool(entry["token"]) is True


@pytest.mark.parametrize("when", POSITIONS)
def test_it_goes_on_with_the_faults_other_effects(world: World, when: str) -> None:
    with world.holding(when=when, status=503, retryAfter="7s") as (connection, shown):
        world.release(shown["requestId"])
        answer = answer_of(connection)
    assert (answer.status, answer.header("Retry-After")) == (503, "7")
    assert world.entry()["answerLost"] is (when == "afterCommit")


@pytest.mark.parametrize("when", POSITIONS)
def test_it_goes_on_with_another_answer(world: World, when: str) -> None:
    with world.holding(when=when, status=500) as (connection, shown):
        world.release(shown["requestId"], status=503, body="later", contentType="text/plain", retryAfter="9s")
        answer = answer_of(connection)
    assert (answer.status, answer.body, answer.header("Retry-After")) == (503, b"later", "9")
    assert answer.header("Content-Type") == "text/plain"
    entry = world.entry()
    assert (entry["status"], entry["answerLost"]) == (503, when == "afterCommit")
    assert len(world.executions()) == (when == "afterCommit")


@pytest.mark.parametrize("when", POSITIONS)
def test_it_goes_on_broken(world: World, when: str) -> None:
    with world.holding(when=when) as (connection, shown):
        world.release(shown["requestId"], fault="EMPTY_RESPONSE")
        assert connection.recv(1) == b""
    entry = world.entry()
    assert (entry["status"], entry["answerLost"]) == (0, when == "afterCommit")


@pytest.mark.parametrize("when", POSITIONS)
def test_it_goes_on_when_its_time_is_over(world: World, when: str) -> None:
    world.fault(hold="1ms", when=when, times=1)
    assert world.start().status_code == 200
    assert world.entry()["heldInMilliseconds"] > 0
    assert held(world) == []


def test_a_second_request_goes_by_while_the_first_is_held(world: World) -> None:
    with world.holding() as (connection, shown):
        second = world.start().json()["data"]["id"]
        world.release(shown["requestId"])
        first = answer_of(connection).json()["data"]["id"]
    assert world.executions() == [second, first]
    assert [each["executionId"] for each in world.entries()] == [first, second]


def test_a_token_request_is_held_too(world: World) -> None:
    form = "Content-Type: application/x-www-form-urlencoded"
    target = f"{TOKEN_PATH}?customerId={world.customer}"
    raw = raw_request("POST", target, "Host: x", form, body=TOKEN_FORM)
    for matcher in ({"operation": "token"}, {"urlPath": TOKEN_PATH}):
        with world.holding(raw, matcher=matcher) as (connection, shown):
            assert (shown["operation"], shown["workflowId"]) == ("token", None)
            world.release(shown["requestId"], status=429)
            assert (answer_of(connection).status, held(world)) == (429, [])


@pytest.mark.parametrize("surface", SURFACES)
def test_it_is_held_under_any_server(surface: str) -> None:
    with SURFACES[surface](create_app(Settings())) as api:
        api.http.post("/__admin/faults", json={"hold": "1ms", "times": 1}).raise_for_status()
        assert api.start().status_code == 200


def test_one_that_was_released_is_not_released_again(world: World) -> None:
    with world.holding() as (connection, shown):
        path = f"/__admin/held/{shown['requestId']}/release"
        other = world.server.http.post(path, params={"customerId": str(uuid4())}, json={})
        assert other.status_code == 404
        assert world.server.http.post(path, json={}).status_code == 204
        again = world.server.http.post(path, json={})
        assert (again.status_code, again.json()["meta"]["errors"][0]["code"]) == (404, "not_found")
        assert answer_of(connection).status == 200


# Waiting for it


def test_it_is_waited_for_until_so_many_are_held(world: World) -> None:
    fault = world.fault(hold=LONG)
    with world.server.connect() as waiting, ExitStack() as stack:
        target = f"/__admin/faults/{fault}/wait?customerId={world.customer}"
        body = json.dumps({"held": 2, "within": LONG}).encode()
        waiting.sendall(raw_request("POST", target, "Host: localhost", "Content-Type: application/json", body=body))
        connections = [stack.enter_context(world.server.connect()) for _ in range(2)]
        for connection in connections:
            connection.sendall(world.raw())
        answer = answer_of(waiting)
        assert (answer.status, len(answer.json()["held"])) == (200, 2)
        for each in answer.json()["held"]:
            world.release(each["requestId"])
        assert [answer_of(connection).status for connection in connections] == [200, 200]


@pytest.mark.parametrize("within", [{}, {"within": "1ms"}], ids=["at once", "in time"])
def test_fewer_are_said_to_be_too_few(world: World, within: dict[str, str]) -> None:
    with world.holding() as (_, shown):
        path = f"/__admin/faults/{shown['faultId']}/wait"
        answer = world.server.http.post(path, json={"held": 2, **within})
        assert (answer.status_code, [each["requestId"] for each in answer.json()["held"]]) == (
            409,
            [shown["requestId"]],
        )
        world.admin("POST", "reset")


@contextmanager
def waiting(world: World, fault: str) -> Iterator[socket.socket]:
    """The connection of a call that waits for requests which this fault holds, and does."""
    with world.server.connect() as connection:
        body = json.dumps({"within": LONG}).encode()
        target = f"/__admin/faults/{fault}/wait?customerId={world.customer}"
        connection.sendall(raw_request("POST", target, "Host: localhost", "Content-Type: application/json", body=body))
        # The server reads the connections in the order in which they have something: this one's call comes first.
        world.admin("GET", "held")
        yield connection


def test_the_wait_ends_with_the_fault(world: World) -> None:
    fault = world.fault(hold=LONG)
    with waiting(world, fault) as connection:
        world.admin("DELETE", f"faults/{fault}")
        assert refusal_of(connection) == (404, "not_found")


def test_the_wait_ends_with_the_world_and_with_the_server() -> None:
    with serving() as running:
        world = World(running, running.token())
        with waiting(world, world.fault(hold=LONG)) as connection:
            world.admin("POST", "reset")
            assert refusal_of(connection) in ((503, "world_reset"), (404, "not_found"))
        with waiting(world, world.fault(hold=LONG)) as connection:
            running.process.terminate()
            assert refusal_of(connection) == (503, "too_busy")
        running.http.close()
        assert running.process.wait(10) == 0


# Who comes meanwhile


def restore(world: World) -> None:
    snapshot = world.server.http.get("/__admin/snapshot").json()
    world.server.http.put("/__admin/snapshot", json={"workflows": snapshot["workflows"]}).raise_for_status()


def restore_own(world: World) -> None:
    world.admin("PUT", "snapshot", json={})


ENDS: dict[str, Callable[[World], object]] = {
    "reset of the customer": lambda world: world.admin("POST", "reset"),
    "reset of all": lambda world: world.server.http.post("/__admin/reset").raise_for_status(),
    "restore": restore,
    "restore of the customer": restore_own,
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("when", POSITIONS)
def test_it_ends_with_its_world(world: World, when: str, end: Callable[[World], object]) -> None:
    with world.holding(when=when) as (connection, _):
        end(world)
        assert refusal_of(connection) == (503, "world_reset")
    assert (held(world), world.executions(), world.entries()) == ([], [], [])
    assert world.start().status_code == 200


@pytest.mark.parametrize("when", POSITIONS)
def test_the_reset_of_another_customer_leaves_it(world: World, when: str) -> None:
    with world.holding(when=when) as (connection, shown):
        World(world.server, world.token).admin("POST", "reset")
        world.release(shown["requestId"])
        assert answer_of(connection).status == 200


@pytest.mark.parametrize("when", POSITIONS)
def test_it_ends_with_its_fault(world: World, when: str) -> None:
    with world.holding(when=when) as (connection, shown):
        world.admin("DELETE", f"faults/{shown['faultId']}")
        assert refusal_of(connection) == (503, "world_reset")
    entry = world.entry()
    assert (held(world), entry["status"], entry["answerLost"]) == ([], 503, when == "afterCommit")
    assert entry["heldInMilliseconds"] > 0


@pytest.mark.parametrize("when", POSITIONS)
def test_it_ends_with_its_client_and_the_journal_says_so(world: World, when: str) -> None:
    with world.holding(when=when) as (connection, shown):
        connection.close()
        page = world.admin("POST", "requests/find", json={"clientLeft": True, "within": LONG})
    (entry,) = page["requests"]
    assert (entry["id"], entry["status"], entry["clientLeft"]) == (shown["requestId"], 0, True)
    assert entry["heldInMilliseconds"] > 0
    started = world.executions()
    assert (len(started), entry["answerLost"]) == ((1, True) if when == "afterCommit" else (0, False))
    assert held(world) == []


@pytest.mark.parametrize("when", POSITIONS)
def test_it_ends_with_the_server(when: str) -> None:
    with serving() as running:
        world = World(running, running.token())
        with world.holding(when=when) as (connection, _):
            running.process.terminate()
            assert refusal_of(connection) == (503, "too_busy")
        running.http.close()
        assert running.process.wait(10) == 0
        assert "Traceback" not in running.log.read_text()


@pytest.mark.parametrize("when", POSITIONS)
def test_the_clock_does_not_end_it_and_what_comes_after_has_the_new_time(world: World, when: str) -> None:
    world.admin("PUT", "clock", json={"action": "freeze"})
    with world.holding(when=when) as (connection, shown):
        came = world.admin("GET", "clock")["now"]
        world.advance("20m")
        assert [each["requestId"] for each in held(world)] == [shown["requestId"]]
        world.release(shown["requestId"])
        created = answer_of(connection).json()["data"]["created"]
    now = world.admin("GET", "clock")["now"]
    assert created == (came if when == "afterCommit" else now)
    assert (world.entry()["time"], shown["time"]) == (came, came)


def test_the_fault_is_over_and_still_holds(world: World) -> None:
    with world.holding(ttl="1s", times=None) as (connection, shown):
        world.admin("PUT", "clock", json={"action": "freeze"})
        world.advance("1m")
        assert world.admin("GET", f"faults/{shown['faultId']}")["over"] is True
        assert world.start().status_code == 200
        world.release(shown["requestId"])
        assert answer_of(connection).status == 200


@pytest.mark.parametrize("when", ["before", "afterCommit"])
def test_one_more_than_may_be_held_is_refused_until_one_is_released(when: str) -> None:
    with serving() as running, ExitStack() as stack:
        world = World(running, running.token())
        fault = world.fault(hold=LONG, when=when)
        connections = [stack.enter_context(running.connect()) for _ in range(MAX_HELD)]
        for connection in connections:
            connection.sendall(world.raw())
        first, *_ = world.wait(fault, held=MAX_HELD)
        assert running.http.get("/__admin/health").json()["store"]["held"] == MAX_HELD
        refused = world.start()
        assert (refused.status_code, refused.json()["meta"]["errors"][0]["code"]) == (503, "limit_reached")
        assert world.entry()["answerLost"] is (when == "afterCommit")
        world.release(first["requestId"])
        another = stack.enter_context(running.connect())
        another.sendall(world.raw())
        assert len(world.wait(fault, held=MAX_HELD)) == MAX_HELD
        world.admin("POST", "reset")
        statuses = sorted(answer_of(connection).status for connection in [*connections, another])
        assert statuses == [200] + [503] * MAX_HELD


# What is refused


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"hold": "601s"}, "600 s at most"),
        ({"hold": "0s"}, "over 0 s"),
        ({"hold": 5}, "must be a duration"),
        ({"hold": "soon"}, "must be a duration"),
    ],
    ids=str,
)
def test_a_time_that_is_none_or_too_long_is_refused(world: World, spec: dict[str, Any], says: str) -> None:
    refused = world.server.http.post("/__admin/faults", json=spec)
    (problem,) = refused.json()["meta"]["validation"]
    assert (refused.status_code, problem["property"]) == (400, "hold")
    assert says in problem["message"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"fault": "EMPTY_RESPONSE", "status": 500}, "exclude each other"),
        ({"fault": "EMPTY_RESPONSE", "body": "x"}, "exclude each other"),
        ({"body": "x", "jsonBody": {}}, "exclude each other"),
        ({"retryAfter": "2s"}, "give it a status"),
        ({"hold": "5s"}, "is not known here"),
        ({"quota": {"limit": 1, "window": "1m"}}, "is not known here"),
        ({"status": 204}, "has no body"),
    ],
    ids=str,
)
def test_a_release_that_says_nothing_sensible_is_refused_and_holds_on(
    world: World, body: dict[str, Any], says: str
) -> None:
    with world.holding() as (connection, shown):
        path = f"/__admin/held/{shown['requestId']}/release"
        refused = world.server.http.post(path, json=body)
        assert refused.status_code == 400
        assert says in refused.json()["meta"]["validation"][0]["message"]
        world.release(shown["requestId"])
        assert answer_of(connection).status == 200


@pytest.mark.parametrize("wanted", [{"held": 0}, {"held": MAX_HELD + 1}, {"within": "601s"}, {"hold": 1}], ids=str)
def test_a_wait_for_what_can_not_be_is_refused(world: World, wanted: dict[str, Any]) -> None:
    fault = world.fault(hold=LONG)
    assert world.server.http.post(f"/__admin/faults/{fault}/wait", json=wanted).status_code == 400
