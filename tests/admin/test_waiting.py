"""Calls that wait `within` a time for requests: what answers them, and what ends them."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx2 as httpx
import pytest
from workflow_mock.app import create_app
from workflow_mock.settings import Settings
from workflow_mock.state.watches import MAX_WATCHES

from tests.admin.world import FAR, World, until
from tests.in_process import SURFACES
from tests.support import WORKFLOW, Answer, raw_request, read_answers, serving

LONG = "10m"
"""What no test waits for."""


def ask(world: World, call: str, **body: Any) -> tuple[int, Any]:
    answer = world.server.http.post(f"/__admin/requests/{call}", params={"customerId": world.customer}, json=body)
    return answer.status_code, answer.json()


@contextmanager
def asking(world: World, call: str, query: str = "", **body: Any) -> Iterator[socket.socket]:
    """The connection of a call that was sent."""
    with world.server.connect() as connection:
        target = f"/__admin/requests/{call}?customerId={world.customer}{query}"
        content = json.dumps({"within": LONG, **body}).encode()
        head = ("Host: localhost", "Content-Type: application/json")
        connection.sendall(raw_request("POST", target, *head, body=content))
        yield connection


def answer_of(connection: socket.socket) -> Answer:
    (answer,) = read_answers(connection, 1)
    return answer


def is_answered(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False
    finally:
        connection.setblocking(True)


def is_full(world: World) -> bool:
    """Whether as many calls wait as may."""
    return ask(world, "find", within="1ms")[0] == 503


@contextmanager
def all_waiting(world: World) -> Iterator[list[socket.socket]]:
    """As many calls as may wait, and do: one more was refused."""
    with ExitStack() as stack:
        connections = [stack.enter_context(asking(world, "find")) for _ in range(MAX_WATCHES + 1)]
        until(lambda: any(map(is_answered, connections)))
        (refused,) = filter(is_answered, connections)
        assert answer_of(refused).code() == "limit_reached"
        connections.remove(refused)
        yield connections


# What answers them


def test_a_verification_holds_as_soon_as_enough_came(world: World) -> None:
    with asking(world, "verify", matcher={"status": 200}, count={"atLeast": 2}) as connection:
        world.statuses(2)
        answer = answer_of(connection)
    assert (answer.status, answer.json()["verified"], answer.json()["count"]) == (200, True, 2)


def test_what_holds_already_is_answered_at_once(world: World) -> None:
    world.start()
    assert ask(world, "verify", within=LONG)[0] == 200
    assert ask(world, "find", within=LONG)[0] == 200


def test_a_search_is_answered_with_the_first_request_that_matches(world: World) -> None:
    with asking(world, "find", status=400) as connection:
        world.start()
        refused = world.start(json={}).headers["X-Request-Id"]
        answer = answer_of(connection)
    assert (answer.status, [entry["id"] for entry in answer.json()["requests"]]) == (200, [refused])


def test_a_search_can_wait_for_the_next_request_after_a_page(world: World) -> None:
    world.start()
    page = world.admin("POST", "requests/find", params={"limit": 1}, json={})
    with asking(world, "find", f"&cursor={page['next']}", status=200) as connection:
        later = world.start().headers["X-Request-Id"]
        assert [entry["id"] for entry in answer_of(connection).json()["requests"]] == [later]


def test_a_request_that_a_fault_holds_counts_as_soon_as_it_came(world: World) -> None:
    world.fault(fixedDelayMilliseconds=FAR)
    with asking(world, "find", workflowId=WORKFLOW) as connection, world.server.connect() as held:
        held.sendall(world.raw())
        assert [entry["status"] for entry in answer_of(connection).json()["requests"]] == [0]


def test_a_token_request_is_waited_for_too(world: World) -> None:
    with asking(world, "verify", matcher={"operation": "token"}) as connection:
        world.server.http.post(f"/api/authentication/connect/token?customerId={world.customer}")
        assert answer_of(connection).status == 200


def test_a_sequence_holds_as_soon_as_its_last_request_came(world: World) -> None:
    with asking(world, "verify", sequence=[{"status": 400}, {"status": 200}]) as connection:
        world.start()
        world.start(json={})
        world.start()
        assert answer_of(connection).status == 200


@pytest.mark.parametrize("surface", SURFACES)
def test_it_waits_under_any_server(surface: str) -> None:
    with SURFACES[surface](create_app(Settings())) as api:
        assert api.http.post("/__admin/requests/find", json={"within": "1ms"}).status_code == 409
        api.token()
        assert api.http.post("/__admin/requests/find", json={"within": LONG}).status_code == 200


# How they end


def test_at_the_end_of_the_time_the_answer_is_no_with_what_was_seen(world: World) -> None:
    world.start(json={})
    status, verdict = ask(world, "verify", matcher={"status": 200}, within="10ms")
    assert (status, verdict["verified"], len(verdict["nearest"])) == (409, False, 1)
    status, page = ask(world, "find", status=200, within="10ms")
    assert (status, page["requests"], page["meta"]["total"]) == (409, [], 1)


@pytest.mark.parametrize("count", [{"exactly": 1}, {"atMost": 1}], ids=str)
def test_that_no_more_came_is_known_at_the_end(world: World, count: dict[str, int]) -> None:
    world.start()
    assert ask(world, "verify", count=count, within="10ms")[0] == 200


@pytest.mark.parametrize("count", [{"exactly": 1}, {"atMost": 1}], ids=str)
def test_one_too_many_is_refused_as_soon_as_it_came(world: World, count: dict[str, int]) -> None:
    with asking(world, "verify", count=count) as connection:
        world.statuses(2)
        answer = answer_of(connection)
    assert (answer.status, answer.json()["count"]) == (409, 2)


def test_the_time_is_real_whatever_the_customers_clock_says(world: World) -> None:
    world.freeze()
    assert ask(world, "find", within="10ms")[0] == 409


@pytest.mark.parametrize("call", ["find", "verify"])
def test_a_reset_of_the_customer_ends_them(world: World, call: str) -> None:
    other = World(world.server, world.token)
    with asking(world, call) as connection, asking(other, call) as others:
        until(lambda: world.admin("POST", "reset") or is_answered(connection))
        answer = answer_of(connection)
        assert (answer.status, answer.code()) == (503, "world_reset")
        other.start()
        assert answer_of(others).status == 200


@pytest.mark.parametrize("way", ["reset", "snapshot"])
def test_a_reset_of_all_ends_them(world: World, way: str) -> None:
    def reset() -> httpx.Response:
        if way == "reset":
            return world.server.http.post("/__admin/reset")
        return world.server.http.put("/__admin/snapshot", json=world.server.http.get("/__admin/snapshot").json())

    with asking(world, "find") as connection:
        until(lambda: reset().is_success and is_answered(connection))
        assert answer_of(connection).code() == "world_reset"


def test_one_more_than_may_wait_is_refused_until_a_client_leaves(world: World) -> None:
    with all_waiting(world) as connections:
        assert ask(world, "find", status=200)[0] == 200, "what doesn't wait is answered"
        connections[0].close()
        until(lambda: not is_full(world))
    until(lambda: not is_full(world))
    assert world.start().status_code == 200


def test_the_servers_end_ends_them() -> None:
    with serving() as server:
        with all_waiting(World(server, "")) as connections:
            server.process.terminate()
            answers = [answer_of(connection) for connection in connections]
        assert {(answer.status, answer.code()) for answer in answers} == {(503, "too_busy")}
        assert server.process.wait() == 0
        assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("within", ["601s", 5, "-1s", "soon"], ids=str)
@pytest.mark.parametrize("call", ["find", "verify"])
def test_a_time_that_is_none_or_too_long_is_refused(world: World, call: str, within: Any) -> None:
    status, refusal = ask(world, call, within=within)
    assert (status, refusal["meta"]["validation"][0]["property"]) == (400, "within")
