"""Hold and release as a test of a client says them, blocking and awaited."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx2 as httpx
import pytest
from workflow_mock_kit import AsyncWorkflowMock, WorkflowMock, WorkflowMockError, World

from tests.kit.projects import Run
from tests.support import WORKFLOW, Server

ISSUE = """
def test_a_second_start_waits_for_the_first(workflow_mock, client, pool):
    with workflow_mock.hold_next() as held:
        first = pool.submit(client.start, ORDER); held.wait()
        second = pool.submit(client.start, ORDER)
    assert [first.result().id, second.result().id] == [e.id for e in workflow_mock.executions]

def test_a_cancelled_call_is_not_started(workflow_mock, client):
    held = workflow_mock.hold_next()
    with pytest.raises(TimedOut): client.start(ORDER, timeout=0.2)
    assert held.client_left and workflow_mock.executions == []
"""


def test_a_client_that_waits_its_turn_and_one_that_gives_up(project: Callable[..., Run]) -> None:
    run = project(ISSUE, "-W", "error")
    assert "2 passed" in run.output, run.output


def test_a_hold_that_nobody_met_is_told(project: Callable[..., Run]) -> None:
    run = project("def test_it(workflow_mock):\n    workflow_mock.hold_next()\n")
    assert "(hold='PT30S') was met by no request" in run.output


def test_why_a_request_has_no_answer_is_told(project: Callable[..., Run], tmp_path: Path) -> None:
    run = project(ISSUE.replace("held.client_left and ", "held.client_left and not "))
    (line,) = [line for line in run.section("test_a_cancelled_call_is_not_started") if "the client left" in line]
    assert "start  no response  fault <id>, 1 of 1  held for " in line
    assert tmp_path.exists()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as pool:
        yield pool


def starting(server: Server, world: World, pool: ThreadPoolExecutor) -> Future[httpx.Response]:
    return pool.submit(server.start, WORKFLOW, customer=world.customer_id)


@pytest.mark.parametrize("when", ["before", "afterToken", "afterCommit"])
def test_what_is_held_goes_on_with_another_answer(
    server: Server, world: World, pool: ThreadPoolExecutor, when: str
) -> None:
    with world.hold_next(when=when) as held:  # type: ignore[arg-type]
        first = starting(server, world, pool)
        (request,) = held.wait()
        assert [each.request_id for each in held.requests] == [request.request_id]
        assert len(world.executions) == (when == "afterCommit")
        held.release(503, retry_after="7s", body="later")
        assert (first.result().status_code, first.result().text) == (503, "later")
        assert first.result().headers["Retry-After"] == "7"
        assert (held.requests, held.client_left) == ([], False)
    (shown,) = world.starts
    assert (shown.held_in_milliseconds or 0) > 0


def test_what_is_held_goes_on_broken(server: Server, world: World, pool: ThreadPoolExecutor) -> None:
    held = world.hold_next()
    first = starting(server, world, pool)
    held.wait()
    held.release(broken="empty")
    with pytest.raises(httpx.TransportError):
        first.result()


def test_the_block_ends_what_nobody_met_or_what_was_reset(server: Server, world: World) -> None:
    with world.hold_next():
        pass
    assert world.faults() == []
    with world.hold_next():
        world.reset()
    assert server.start(WORKFLOW, customer=world.customer_id).status_code == 200


def test_the_block_lets_all_go_on(server: Server, world: World, pool: ThreadPoolExecutor) -> None:
    with world.hold_next(times=2) as held:
        both = [starting(server, world, pool) for _ in range(2)]
        held.wait(count=2)
        assert len(world.held()) == 2
    assert [each.result().status_code for each in both] == [200, 200]


def test_too_few_in_the_time_are_told(world: World) -> None:
    held = world.hold_next()
    with pytest.raises(AssertionError, match="wanted 2 held within 1ms, but there were 0"):
        held.wait(count=2, within="1ms")
    with pytest.raises(WorkflowMockError, match="held: "):
        held.wait(count=0)


def test_the_same_is_awaited(server: Server, mock: WorkflowMock) -> None:
    async def told() -> tuple[int, bool, list[int]]:
        world = await AsyncWorkflowMock(mock.url).world()
        start = partial(server.start, WORKFLOW, customer=world.customer_id)
        async with await world.hold_next() as held:
            first = asyncio.create_task(asyncio.to_thread(start))
            (request,) = await held.wait()
            assert [each.request_id for each in await held.requests] == [request.request_id]
        status = (await first).status_code
        await world.answers([503, 429, "lost", 200])
        statuses = []
        for _ in range(4):
            try:
                statuses.append((await asyncio.to_thread(start)).status_code)
            except httpx.TransportError:
                statuses.append(0)
        return status, await held.client_left, statuses

    assert asyncio.run(told()) == (200, False, [503, 429, 0, 200])


def test_one_client_of_two_is_refused(server: Server, world: World) -> None:
    world.fail(403, client_id="billing")
    statuses = [
        server.start(WORKFLOW, customer=world.customer_id, token=world.mint_token(client_id=each).access_token)
        for each in ("billing", "shipping")
    ]
    assert [each.status_code for each in statuses] == [403, 200]
    assert world.count(claims={"client_id": "billing"}) == 1
