"""What happens, as server-sent events: as it happens, from an id on, of one customer; and what bounds there are."""

import asyncio
import http.client
import json
import socket
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx2 as httpx
import pytest
from workflow_mock.state.events import MAX_HISTORY, MAX_LISTENERS, MAX_WAITING, Event, Events

from tests.admin.world import TOKEN_PATH, World, error_of, until
from tests.support import Server, serving


@pytest.fixture(scope="module")
def events_server() -> Iterator[Server]:
    with serving() as running:
        yield running
        assert "Traceback" not in running.log.read_text()


@pytest.fixture
def world(events_server: Server) -> World:
    return World(events_server, events_server.token())


Told = dict[str, Any]

LONG = 15_000
MORE_THAN_BUFFERS_HOLD = 8_000_000
"""Bytes on their way to a client that reads none of them."""


@contextmanager
def listening(world: World, *, after: int | str | None = None, **params: str) -> Iterator[Iterator[Told]]:
    """The events that a listener is told, each with its kind, id and data."""
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    with world.server.http.stream("GET", "/__admin/events", params=params, headers=headers, timeout=10) as answer:
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        yield told_in(answer.iter_lines())


def told_in(lines: Iterable[str]) -> Iterator[Told]:
    told: Told = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line:
            told[name] = json.loads(value) if name == "data" else value
        elif "event" in told:
            yield told
            told = {}


def take(told: Iterator[Told], count: int) -> list[Told]:
    return [next(told) for _ in range(count)]


def kinds(told: list[Told]) -> list[str]:
    return [each["event"] for each in told]


# What is told


def test_a_start_is_told_as_an_execution_and_then_as_a_request(world: World) -> None:
    with listening(world) as told:
        answer = world.start()
        execution, request = take(told, 2)
    assert execution["event"] == "execution"
    assert execution["data"]["customerId"] == world.customer
    assert execution["data"]["execution"]["event"] == "started"
    assert execution["data"]["execution"]["id"] == answer.json()["data"]["id"]
    assert request["event"] == "request"
    entry, line = world.entry(), request["data"].pop("line")
    assert request["data"] == {"customerId": world.customer, "request": entry}
    assert (line["id"], line["name"], line["status"]) == (entry["id"], "Order fulfilment", 200)


def test_a_refused_start_is_told_as_a_request(world: World) -> None:
    with listening(world) as told:
        world.start(json={})
        request = next(told)
    assert (request["event"], request["data"]["request"]["status"]) == ("request", 400)


def test_a_step_of_an_execution_is_told(world: World) -> None:
    started = world.start().json()["data"]
    task = started["executionQueue"][0]["taskId"]
    with listening(world) as told:
        world.server.http.post(f"/__admin/executions/{started['id']}/tasks/{task}/complete").raise_for_status()
        world.server.http.post(f"/__admin/executions/{started['id']}/advance", json={"to": "end"}).raise_for_status()
        step, advanced = take(told, 2)
    assert step["data"]["execution"]["event"] == "task complete"
    assert step["data"]["execution"]["taskId"] == task
    assert advanced["data"]["execution"]["event"] == "advanced"


def test_a_strike_is_told_before_its_request(world: World) -> None:
    fault = world.fault(status=503)
    with listening(world) as told:
        world.start()
        strike, request = take(told, 2)
    assert kinds([strike, request]) == ["fault", "request"]
    assert strike["data"]["fault"] == {"id": fault, "request": request["data"]["request"]["id"]}


def test_a_strike_after_the_work_is_told_after_the_work(world: World) -> None:
    world.fault(status=503, when="afterCommit")
    with listening(world) as told:
        world.start()
        assert kinds(take(told, 3)) == ["execution", "fault", "request"]


def test_a_fault_that_had_no_work_to_lose_is_not_told(world: World) -> None:
    world.fault(status=503, when="afterCommit")
    with listening(world) as told:
        world.start(json={})
        assert kinds(take(told, 1)) == ["request"]


def test_the_clock_and_a_reset_are_told(world: World) -> None:
    with listening(world) as told:
        world.freeze()
        world.admin("POST", "reset")
        clock, reset = take(told, 2)
    assert (clock["event"], clock["data"]["clock"]["action"]) == ("clock", "freeze")
    assert reset["event"] == "reset"
    assert clock["data"]["customerId"] == reset["data"]["customerId"] == world.customer


def test_what_was_before_a_reset_is_told_no_more(world: World) -> None:
    other = World(world.server, world.token)
    for each in (world, other):
        each.start()
    world.admin("POST", "reset")
    with listening(world, after=0, customerId=world.customer) as told:
        assert kinds(take(told, 1)) == ["reset"]
    with listening(world, after=0, customerId=other.customer) as told:
        assert kinds(take(told, 1)) == ["execution"]


def test_what_was_before_a_reset_of_everybody_is_told_nobody() -> None:
    with serving() as own:
        world = World(own, own.token())
        world.start()
        own.http.post("/__admin/reset")
        with listening(world, after=0) as told:
            assert kinds(take(told, 1)) == ["reset"]


def test_no_secret_is_told(world: World) -> None:
    with listening(world) as told:
        world.server.token()
        world.start()
        text = json.dumps(take(told, 3))
    assert "demo-secret" not in text
    assert world.token not in text


def test_ids_rise_by_one(world: World) -> None:
    with listening(world) as told:
        world.statuses(2)
        ids = [int(each["id"]) for each in take(told, 4)]
    assert ids == list(range(ids[0], ids[0] + 4))


def test_every_listener_is_told(world: World) -> None:
    with listening(world) as one, listening(world) as other:
        world.start()
        assert take(one, 2) == take(other, 2)


# From an id on


def test_a_listener_who_comes_back_is_told_what_was_missed(world: World) -> None:
    with listening(world) as told:
        world.start()
        first, second = take(told, 2)
    world.start()
    with listening(world, after=first["id"]) as told:
        again = take(told, 3)
    assert again[0] == second
    assert kinds(again[1:]) == ["execution", "request"]


def test_a_listener_who_comes_back_is_told_what_happens_next_too(world: World) -> None:
    with listening(world) as told:
        world.start()
        last = take(told, 2)[-1]
    with listening(world, after=last["id"]) as told:
        world.start()
        assert [int(each["id"]) for each in take(told, 2)] == [int(last["id"]) + 1, int(last["id"]) + 2]


def test_from_zero_on_is_everything_that_is_remembered(world: World) -> None:
    world.start()
    with listening(world, after=0, customerId=world.customer) as told:
        assert kinds(take(told, 2)) == ["execution", "request"]


@pytest.mark.parametrize("id", ["x", "-1", "1.5"])
def test_an_id_that_is_none_is_refused(events_server: Server, id: str) -> None:
    answer = events_server.http.get("/__admin/events", headers={"Last-Event-ID": id})
    assert (answer.status_code, error_of(answer)) == (400, "validation_failed")


# Of one customer


def test_a_listener_may_ask_for_one_customer(world: World) -> None:
    other = World(world.server, world.token)
    with listening(world, customerId=world.customer.upper()) as told:
        other.start()
        other.freeze()
        world.start()
        assert {each["data"]["customerId"] for each in take(told, 2)} == {world.customer}


def test_what_happens_to_the_whole_server_is_told_to_everybody(world: World) -> None:
    with listening(world, customerId=world.customer) as told:
        world.server.http.put("/__admin/clock", json={"action": "resume"})
        world.server.http.post("/__admin/reset")
        assert kinds(take(told, 2)) == ["clock", "reset"]


def test_a_request_of_nobody_is_told_to_those_alone_who_asked_for_all(world: World) -> None:
    with listening(world) as all_told, listening(world, customerId=world.customer) as told:
        world.server.http.post(TOKEN_PATH)
        world.server.http.get("/api/workflow/nothing")
        world.start()
        assert kinds(take(all_told, 3)) == ["request", "request", "execution"]
        assert kinds(take(told, 2)) == ["execution", "request"]


def test_a_customer_that_is_none_is_refused(events_server: Server) -> None:
    answer = events_server.http.get("/__admin/events", params={"customerId": "nobody"})
    assert (answer.status_code, error_of(answer)) == (400, "validation_failed")


# Bounds


def test_there_may_be_so_many_listeners_and_no_more_until_one_goes() -> None:
    limits = httpx.Limits(max_connections=MAX_LISTENERS + 10)
    with serving() as running, ExitStack() as all_of_them:
        running.http = httpx.Client(base_url=running.url, trust_env=False, limits=limits)
        world = World(running, running.token())
        for _ in range(MAX_LISTENERS - 1):
            all_of_them.enter_context(listening(world))
        with listening(world):
            one_more = running.http.get("/__admin/events")
            assert (one_more.status_code, error_of(one_more)) == (503, "limit_reached")

        def is_let_in() -> bool:
            with running.http.stream("GET", "/__admin/events") as answer:
                return answer.status_code == 200

        assert until(is_let_in)
        assert "Traceback" not in running.log.read_text()


def publish(events: Events, count: int) -> None:
    for _ in range(count):
        events.publish("clock", None, {})


async def one_by_one(told: AsyncIterator[Sequence[Event] | None]) -> AsyncIterator[Event | None]:
    """The events of a listener, who is told many at a time."""
    async for events in told:
        for event in [None] if events is None else events:
            yield event


async def heard(events: Events, after: int | None, count: int) -> list[Event | None]:
    """What a listener is told at the end, after it read nothing while so many events happened."""
    listener = one_by_one(events.listen(after))
    first = asyncio.ensure_future(anext(listener))
    await asyncio.sleep(0)
    publish(events, count)
    return [await first, *[event async for event in listener]]


def test_a_listener_that_does_not_read_is_dropped_with_a_word_and_nothing_more_waits_for_it() -> None:
    told = asyncio.run(heard(Events(0), None, MAX_WAITING * 3))
    assert told[-1] is None
    assert None not in told[:-1]
    assert len(told) <= MAX_WAITING + 2


def test_a_slow_listener_does_not_slow_the_others() -> None:
    async def both() -> tuple[int, int]:
        events = Events(0)
        slow, quick = one_by_one(events.listen(None)), one_by_one(events.listen(None))
        waiting = asyncio.ensure_future(anext(slow))
        told = 0
        for _ in range(MAX_WAITING + 5):
            next_one = asyncio.ensure_future(anext(quick))
            await asyncio.sleep(0)
            publish(events, 1)
            told += (await next_one) is not None
        await waiting
        return told, len([event async for event in slow if event is not None])

    told, told_slowly = asyncio.run(both())
    assert told == MAX_WAITING + 5
    assert told_slowly <= MAX_WAITING


def test_what_a_listener_missed_does_not_count_as_waiting() -> None:
    async def come_back() -> list[int]:
        events = Events(0)
        publish(events, MAX_HISTORY + 10)
        listener = one_by_one(events.listen(0))
        first = await anext(listener)
        publish(events, 2)
        rest = [await anext(listener) for _ in range(MAX_HISTORY + 1)]
        return [event[0] for event in (first, *rest) if event is not None]

    numbers = asyncio.run(come_back())
    assert numbers == list(range(11, MAX_HISTORY + 13))


def test_a_listener_that_goes_leaves_its_place() -> None:
    async def come_and_go() -> list[bool]:
        events = Events(0)
        listeners = [events.listen(None) for _ in range(MAX_LISTENERS)]
        waiting = [asyncio.ensure_future(anext(listener)) for listener in listeners]
        await asyncio.sleep(0)
        full = [events.is_full]
        publish(events, 1)
        await asyncio.gather(*waiting)
        await listeners[0].aclose()  # type: ignore[attr-defined]
        return [*full, events.is_full]

    assert asyncio.run(come_and_go()) == [True, False]


def test_a_dropped_listener_over_http_is_told_so_and_can_come_back(world: World) -> None:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(world.server.address)
        connection.sendall(b"GET /__admin/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        response = http.client.HTTPResponse(connection)
        response.begin()
        for _ in range(MORE_THAN_BUFFERS_HOLD // LONG):
            world.start(json={}, headers={"X-Long": "x" * LONG})
        for _ in range(MAX_WAITING + 1):
            world.server.http.put("/__admin/clock", json={"action": "resume"})
        seen = list(told_in(response.read().decode().splitlines()))
    assert seen[0]["event"] == "request"
    assert seen[-1]["event"] == "dropped"
    assert "reason" in seen[-1]["data"]
    assert len(seen) < MORE_THAN_BUFFERS_HOLD // LONG + MAX_WAITING + 1
    with listening(world, after=seen[-2]["id"]) as told:
        assert int(next(told)["id"]) == int(seen[-2]["id"]) + 1
