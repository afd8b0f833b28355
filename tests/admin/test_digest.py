"""The digest of what happens: a few messages a second, whatever happens, made of lines."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Thread
from typing import Any

import httpx2 as httpx
import pytest
from workflow_mock.admin.lines import RequestLine
from workflow_mock.state.digest import MAX_LINES
from workflow_mock.state.events import MAX_LISTENERS

from tests.admin.test_events import told_in
from tests.admin.world import FAR, World, error_of, until
from tests.support import Server, read_answers, serving


@pytest.fixture
def world(server: Server, token: str) -> World:
    return World(server, token)


@contextmanager
def digests(world: World, **params: str) -> Iterator[Iterator[dict[str, Any]]]:
    params = {"digest": "true"} | params
    with world.server.http.stream("GET", "/__admin/events", params=params, timeout=20) as answer:
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        yield (told["data"] for told in told_in(answer.iter_lines()) if told["event"] == "digest")


def statuses(digest: dict[str, Any]) -> list[int]:
    return [line["status"] for line in digest["lines"]]


def test_the_first_digest_has_the_newest_requests(world: World) -> None:
    world.start()
    world.start(json={})
    with digests(world, customerId=world.customer) as told:
        first = next(told)
    assert statuses(first) == [200, 400]
    assert (first["more"], first["total"], first["kinds"]) == (0, 2, [])


def test_the_next_digest_has_what_is_new(world: World) -> None:
    world.start()
    with digests(world, customerId=world.customer) as told:
        next(told)
        world.start(json={})
        second = next(told)
    assert (statuses(second), second["more"], second["total"]) == ([400], 0, 2)


def test_a_line_is_that_of_the_journal(world: World) -> None:
    world.start()
    with digests(world, customerId=world.customer) as told:
        (line,) = next(told)["lines"]
    assert line == world.admin("GET", "requests/lines")["lines"][0]
    RequestLine.model_validate_json(json.dumps(line))


def test_of_many_requests_the_newest_are_lines_and_the_rest_a_number(world: World) -> None:
    count = MAX_LINES + 7
    start = world.raw()
    with world.server.connect() as connection:
        connection.sendall(start * count)
        assert len(list(read_answers(connection, count))) == count
    with digests(world, customerId=world.customer) as told:
        first = next(told)
        assert (len(first["lines"]), first["more"]) == (MAX_LINES, 7)
        with world.server.connect() as connection:
            connection.sendall(start * count)
            list(read_answers(connection, count))
        seen: list[dict[str, Any]] = []
        while sum(len(each["lines"]) + each["more"] for each in seen) < count:
            seen.append(next(told))
    assert sum(len(each["lines"]) + each["more"] for each in seen) == count
    assert all(len(each["lines"]) <= MAX_LINES for each in seen)


def test_a_request_that_a_fault_holds_is_told_as_it_comes_and_as_it_is_answered(world: World) -> None:
    fault = world.fault(fixedDelayMilliseconds=FAR)
    with digests(world, customerId=world.customer) as told:
        next(told)
        client = Thread(target=world.start)
        client.start()
        held = next(each for each in told if each["lines"])
        assert statuses(held) == [0]
        world.admin("DELETE", f"faults/{fault}")
        client.join()
        answered = next(each for each in told if each["lines"])
    assert statuses(answered) == [503]
    assert answered["lines"][0]["id"] == held["lines"][0]["id"]
    assert answered["more"] == 0


def test_what_else_happens_is_told_by_its_kind(world: World) -> None:
    with digests(world, customerId=world.customer) as told:
        next(told)
        world.freeze()
        assert next(told)["kinds"] == ["clock"]
        world.start()
        assert next(told)["kinds"] == ["execution"]
        world.admin("POST", "reset")
        reset = next(told)
    assert (reset["kinds"], reset["total"], reset["lines"]) == (["reset"], 0, [])


def test_another_customers_requests_are_not_told(world: World) -> None:
    with digests(world, customerId=world.customer) as told:
        next(told)
        World(world.server, world.token).start()
        world.start()
        second = next(told)
    assert [line["customerId"] for line in second["lines"]] == [world.customer]


def test_digests_take_the_places_of_listeners() -> None:
    with serving() as running, ExitStack() as all_of_them:
        limits = httpx.Limits(max_connections=MAX_LISTENERS + 10)
        running.http = httpx.Client(base_url=running.url, trust_env=False, limits=limits)
        world = World(running, running.token())
        for _ in range(MAX_LISTENERS - 1):
            all_of_them.enter_context(digests(world))
        with digests(world):
            one_more = running.http.get("/__admin/events", params={"digest": "true"})
            assert (one_more.status_code, error_of(one_more)) == (503, "limit_reached")

        def is_let_in() -> bool:
            with running.http.stream("GET", "/__admin/events") as answer:
                return answer.status_code == 200

        assert until(is_let_in)


def test_a_digest_ends_with_the_server() -> None:
    with serving() as running:
        world = World(running, running.token())
        with digests(world) as told:
            next(told)
            running.process.terminate()
            assert list(told) == []
        assert running.process.wait(20) == 0
        assert "Traceback" not in running.log.read_text()
