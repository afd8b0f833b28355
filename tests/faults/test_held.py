"""What a fault holds ends with its world, its fault, its client or the server; and there is an entry meanwhile."""

import asyncio
import socket
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from workflow_mock.faults.fault import Tally
from workflow_mock.faults.registry import MAX_FAULTS
from workflow_mock.faults.spec import FaultSpec
from workflow_mock.sandbox import Sandbox
from workflow_mock.state.clock import Action
from workflow_mock.state.events import MAX_HISTORY, Events
from workflow_mock.state.exchange import Target

from tests.admin.world import FAR, TOKEN_PATH, World, until
from tests.support import WORKFLOW, Server, read_answers, request_of, serving

DRIBBLE = {"numberOfChunks": 1000, "totalDuration": FAR}
HOLDS: dict[str, dict[str, Any]] = {
    "delay": {"fixedDelayMilliseconds": FAR},
    "random delay": {"delayDistribution": {"type": "uniform", "lower": FAR, "upper": FAR}},
    "delayed status": {"fixedDelayMilliseconds": FAR, "status": 500},
    "after the commit": {"fixedDelayMilliseconds": FAR, "when": "afterCommit"},
    "dribble": {"chunkedDribbleDelay": DRIBBLE},
    "dribble after the commit": {"chunkedDribbleDelay": DRIBBLE, "when": "afterCommit"},
}


@pytest.fixture
def world(own: Server) -> World:
    return World(own, own.token())


def reset(world: World) -> None:
    world.admin("POST", "reset")


def reset_all(world: World) -> None:
    world.server.http.post("/__admin/reset").raise_for_status()


def restore(world: World) -> None:
    snapshot = world.server.http.get("/__admin/snapshot").json()
    empty = {"workflows": snapshot["workflows"]}
    world.server.http.put("/__admin/snapshot", json=empty).raise_for_status()


ENDS: list[Callable[[World], None]] = [reset, reset_all, restore]


def held(world: World, **spec: Any) -> socket.socket:
    """The connection of a start that a fault holds."""
    fault = world.fault(**spec)
    connection = world.server.connect()
    connection.sendall(world.raw())
    until(lambda: world.injected(fault))
    until(world.entries)
    return connection


def answer_of(connection: socket.socket, spec: dict[str, Any]) -> tuple[int, str]:
    """Status and code of what a held start gets; 0 where its connection ends in the middle of the body."""
    if "chunkedDribbleDelay" in spec:
        connection.settimeout(5)
        while connection.recv(65536):
            pass
        return 0, ""
    (answer,) = read_answers(connection, 1)
    return answer.status, answer.json()["meta"]["errors"][0]["code"]


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
@pytest.mark.parametrize("spec", HOLDS.values(), ids=HOLDS)
def test_it_ends_with_its_world_and_leaves_nothing_in_the_next(
    world: World, spec: dict[str, Any], end: Callable[[World], None]
) -> None:
    with held(world, **spec) as connection:
        end(world)
        expected = (0, "") if "chunkedDribbleDelay" in spec else (503, "world_reset")
        assert answer_of(connection, spec) == expected
    assert world.start().status_code == 200
    assert (len(world.executions()), len(world.entries())) == (1, 1)


@pytest.mark.parametrize("spec", HOLDS.values(), ids=HOLDS)
def test_it_ends_with_its_fault_and_has_an_entry(world: World, spec: dict[str, Any]) -> None:
    with held(world, **spec) as connection:
        world.admin("DELETE", "faults")
        expected = (0, "") if "chunkedDribbleDelay" in spec else (503, "world_reset")
        assert answer_of(connection, spec) == expected
    executions = world.executions()
    entry = until(lambda: [each for each in world.entries() if each["answerLost"] is bool(executions)])[0]
    assert entry["executionId"] == (executions[0] if executions else None)


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_a_body_that_is_waited_for_ends_with_its_world(world: World, end: Callable[[World], None]) -> None:
    other = World(world.server, world.token)
    with world.server.connect() as connection, world.server.connect() as another:
        for each, whose in ((connection, world), (another, other)):
            head, _, body = whose.raw().partition(b"\r\n\r\n")
            each.sendall(head + b"\r\nExpect: 100-continue\r\n\r\n")
            assert each.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
            each.sendall(body[:-5])
        assert world.start().status_code == 200
        end(world)
        (answer,) = read_answers(connection, 1)
        assert answer.json()["meta"]["errors"][0]["code"] == "world_reset"
        another.sendall(other.raw()[-5:])
        assert [each.status for each in read_answers(another, 1)] == [200 if end is reset else 503]
    assert (world.entries(), world.executions()) == ([], [])


@pytest.mark.parametrize("spec", HOLDS.values(), ids=HOLDS)
def test_it_ends_at_once_with_the_server(spec: dict[str, Any]) -> None:
    with serving() as running:
        world = World(running, running.token())
        with held(world, **spec) as connection:
            running.process.terminate()
            expected = (0, "") if "chunkedDribbleDelay" in spec else (503, "too_busy")
            assert answer_of(connection, spec) == expected
        running.http.close()
        assert running.process.wait(4) == 0
        assert "Traceback" not in running.log.read_text()


def test_what_is_pipelined_behind_it_holds_up_no_end_of_the_server() -> None:
    with serving() as running:
        world = World(running, running.token())
        fault = world.fault(**HOLDS["delay"])
        with running.connect() as connection:
            connection.sendall(world.raw() * 10)
            until(lambda: world.injected(fault))
        running.process.terminate()
        running.http.close()
        assert running.process.wait(4) == 0
        assert "Traceback" not in running.log.read_text()


@pytest.mark.parametrize("when", ["before", "afterCommit"])
def test_a_client_that_leaves_ends_a_dribble_and_has_lost_its_answer(world: World, when: str) -> None:
    with held(world, chunkedDribbleDelay=DRIBBLE, when=when, times=1) as connection:
        assert connection.recv(65536)
    (lost,) = world.executions()
    until(lambda: world.entry()["answerLost"])
    assert world.start().status_code == 200
    assert world.entry()["duplicateOf"] == lost


def test_a_held_request_has_an_entry_in_order_of_arrival_with_the_time_of_arrival(world: World) -> None:
    world.freeze()
    with world.holding() as (connection, shown):
        world.admin("POST", "requests/verify", json={"count": {"exactly": 1}})
        pending = world.entry()
        assert (pending["status"], pending["executionId"]) == (0, None)
        world.advance("1h")
        assert world.start().status_code == 200
        world.release(shown["requestId"])
        (answer,) = read_answers(connection, 1)
        assert answer.status == 200
    first, second = world.entries()
    assert (first["id"], first["time"], first["status"]) == (pending["id"], pending["time"], 200)
    assert first["time"] < second["time"]
    assert first["headers"]["authorization"] == "[redacted]"


def test_a_second_try_while_the_first_is_held_after_the_commit_is_its_duplicate(world: World) -> None:
    with world.holding(when="afterCommit") as (connection, shown):
        (first,) = world.executions()
        assert world.start().status_code == 200
        assert world.entries()[1]["duplicateOf"] == first
        world.release(shown["requestId"])
        (answer,) = read_answers(connection, 1)
        assert answer.status == 200
    until(lambda: world.entries()[0]["status"] == 200)
    assert [(each["duplicateOf"], each["answerLost"]) for each in world.entries()] == [(None, False), (first, False)]


def test_faults_that_are_over_go_first_and_then_none_is_added() -> None:
    with serving() as running:
        workflows = running.http.get("/__admin/snapshot").json()["workflows"]
        faults = [{"spec": {"status": 503, "matcher": {"method": "PUT"}}} for _ in range(MAX_FAULTS - 1)]
        running.http.put(
            "/__admin/snapshot", json={"workflows": workflows, "faults": faults}, timeout=30
        ).raise_for_status()
        world = World(running, running.token())
        over = world.fault(status=503, times=1)
        assert world.statuses(2) == [503, 200]
        assert running.http.get(f"/__admin/faults/{over}").json()["over"] is True
        world.fault(status=500)
        assert running.http.get(f"/__admin/faults/{over}").status_code == 404
        refused = running.http.post("/__admin/faults", json={"status": 500})
        assert (refused.status_code, refused.json()["meta"]["errors"][0]["code"]) == (503, "limit_reached")


MATCHERS: dict[str, tuple[dict[str, Any], bool]] = {
    "no path": ({"urlPath": "/nope"}, True),
    "a method": ({"method": "GET"}, True),
    "a workflow": ({"workflowId": "90000000-0000-4000-8000-000000000000"}, True),
    "the token URL of a customer": ({"urlPath": TOKEN_PATH}, True),
    "a method in any case": ({"method": "post"}, False),
    "any method": ({"method": "ANY"}, False),
    "the workflow": ({"workflowId": WORKFLOW}, False),
    "the operation": ({"operation": "start"}, False),
}


@pytest.mark.parametrize(("matcher", "warns"), MATCHERS.values(), ids=MATCHERS)
def test_a_fault_that_can_not_match_is_taken_with_a_warning(world: World, matcher: dict[str, Any], warns: bool) -> None:
    added = world.admin("POST", "faults", json={"status": 503, "matcher": matcher})
    assert bool(added["warnings"]) is warns
    assert world.start().status_code == (200 if warns else 503)


UNKNOWN = WORKFLOW[:-1] + "b"
TEMPLATE = "/api/workflow/v1.0/customer/{customerId}/workflow/{workflowId}/WorkflowExecution"
MEANT: list[tuple[dict[str, Any], str]] = [
    ({"workflowId": UNKNOWN}, f"matcher.workflowId: there is no workflow {UNKNOWN} now; did you mean {WORKFLOW} ("),
    ({"urlPath": "/api/auth/connect/token"}, f"did you mean {TOKEN_PATH}?"),
    ({"urlPath": "/workflow/v1/start"}, "did you mean /api/workflow/v1.0/customer/{own}/workflow/{workflowId}/"),
    ({"urlPath": TEMPLATE}, "matcher.urlPath: has no UUID as its customerId"),
    (
        {"urlPath": TEMPLATE.replace("{customerId}", "{own}").replace("{workflowId}", UNKNOWN)},
        f"matcher.urlPath: there is no workflow {UNKNOWN} now; did you mean {WORKFLOW} (",
    ),
    (
        {"urlPath": TEMPLATE.replace("{customerId}", UNKNOWN).replace("{workflowId}", WORKFLOW)},
        "matcher.urlPath: has another customerId than the matcher",
    ),
]


@pytest.mark.parametrize(("matcher", "warning"), MEANT, ids=[warning for _, warning in MEANT])
def test_a_warning_says_what_was_meant(world: World, matcher: dict[str, str], warning: str) -> None:
    matcher = {name: value.replace("{own}", world.customer) for name, value in matcher.items()}
    warnings = world.admin("POST", "faults", json={"status": 503, "matcher": matcher})["warnings"]
    assert warning.replace("{own}", world.customer) in warnings[0]
    assert world.admin("GET", "faults")["faults"][0]["warnings"] == warnings


def test_a_path_that_will_match_has_no_warning(world: World) -> None:
    assert world.admin("POST", "faults", json={"status": 503, "matcher": {"urlPath": world.path}})["warnings"] == []
    assert world.start().status_code == 503


def test_text_in_another_charset_and_beyond_what_is_kept_is_the_same_for_a_fault_and_the_journal(world: World) -> None:
    needle, body = "needle", '{"data": {"workflowId": "%s"}, "%s": 1}'
    world.fault(status=503, matcher={"bodyPatterns": [{"contains": needle}]})
    for text, charset, found in (
        (body % (WORKFLOW, needle), "utf-16", True),
        (body % (WORKFLOW, "x" * 20_000 + needle), "utf-8", False),
    ):
        headers = {"Content-Type": f"application/json; charset={charset}"}
        answer = world.start(content=text.encode(charset), headers=headers)
        assert answer.status_code == (503 if found else 200)
        count = world.admin("POST", "requests/count", json={"bodyPatterns": [{"contains": needle}]})["count"]
        assert count == 1


@pytest.mark.parametrize(
    ("status", "name", "value"),
    [(401, "WWW-Authenticate", "Bearer"), (405, "Allow", "POST"), (429, "Retry-After", "1")],
)
def test_an_injected_status_has_the_header_that_the_contract_requires(
    world: World, status: int, name: str, value: str
) -> None:
    world.fault(status=status, times=1)
    world.fault(status=status, times=1, headers={name: "7"})
    assert [world.start().headers[name] for _ in range(2)] == ["7", value]


def test_a_ttl_is_by_one_clock_though_each_customer_has_another(own: Server) -> None:
    own.http.post("/__admin/reset")
    past, future = World(own, own.token()), World(own, own.token())
    for world, year in ((past, 2020), (future, 2035)):
        world.admin("PUT", "clock", json={"action": "freeze", "to": f"{year}-01-01T00:00:00Z"})
    own.http.put("/__admin/clock", json={"action": "freeze"})
    own.http.post("/__admin/faults", json={"status": 503, "ttl": "2s"}).raise_for_status()
    seen = [[world.start().status_code for world in (past, future)]]
    own.http.put("/__admin/clock", json={"action": "advance", "by": "2s"})
    seen.append([world.start().status_code for world in (past, future)])
    own.http.post("/__admin/reset")
    assert seen == [[503, 503], [401, 401]]


def spec_of(**members: Any) -> FaultSpec:
    return FaultSpec.model_validate({"status": 503, "times": 1, **members})


def test_a_reload_keeps_the_counts_of_what_is_unchanged_and_what_was_deleted_stays_away() -> None:
    sandbox = Sandbox(
        [],
        [spec_of(code=code) for code in "abc"],
        max_executions=1,
        max_executions_total=1,
        max_requests=1,
        seed=None,
        has_journal=True,
    )
    unchanged, deleted, changed = sandbox.faults.for_customer(None)
    unchanged.tallies["x"] = Tally("x", 1, 1)
    sandbox.faults.remove(deleted.spec.id)
    sandbox.faults.reload([spec_of(code="a"), spec_of(code="b"), spec_of(code="c", times=2), spec_of(code="d")])
    found = sandbox.faults.for_customer(None)
    assert found[0] is unchanged
    assert [(each.spec.code, each.spec.times) for each in found] == [("a", 1), ("c", 2), ("d", 1)]
    assert changed not in found
    sandbox.reset(None)
    assert [each.spec.code for each in sandbox.faults.for_customer(None)] == ["a", "b", "c", "d"]


def test_a_ttl_of_the_catalogue_begins_for_each_customer_with_the_first_request_or_a_reset() -> None:
    permanent = [spec_of(ttl="1m", times=9)]
    sandbox = Sandbox(
        [], permanent, max_executions=1, max_executions_total=1, max_requests=1, seed=None, has_journal=True
    )
    sandbox.clock.change(Action.FREEZE, None)

    def strikes(customer: str) -> bool:
        return sandbox.faults.pick(request_of(), Target(None, customer), sandbox.clock.now(customer)) is not None

    sandbox.clock.change(Action.ADVANCE, None, by=timedelta(hours=1))
    seen = [strikes("a")]
    sandbox.clock.change(Action.ADVANCE, None, by=timedelta(minutes=1))
    seen += [strikes("a"), strikes("b")]
    sandbox.reset("a")
    assert [*seen, strikes("a")] == [True, False, True, True]


def test_who_comes_back_is_told_first_that_events_are_missing() -> None:
    async def first(after: int) -> str:
        events = Events(1000)
        for _ in range(MAX_HISTORY + 5):
            events.publish("clock", None, {})
        told = await anext(events.listen(after))
        assert told is not None
        return told[0][1]

    wanted = {0: "clock", 9: "dropped", 1000: "dropped", 1004: "dropped", 1005: "clock", 10**9: "dropped"}
    assert {after: asyncio.run(first(after)) for after in wanted} == wanted


def test_many_resets_and_starts_at_once_leave_no_execution_without_an_entry(world: World) -> None:
    world.fault(fixedDelayMilliseconds=1)
    threads = [threading.Thread(target=world.server.send, args=[world.raw()]) for _ in range(20)]
    for each in threads:
        each.start()
    world.admin("POST", "reset")
    for each in threads:
        each.join()
    assert sorted(each["executionId"] for each in world.entries()) == sorted(world.executions())
