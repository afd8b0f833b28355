"""The kit says everything that the control plane understands, and reads everything that it answers."""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import yaml
from workflow_mock_kit import aio, client
from workflow_mock_kit.calls import Call, ClockCalls, ExecutionCalls, HoldCalls, Reply, ServerCalls, Steps, WorldCalls
from workflow_mock_kit.records import (
    Change,
    ClockState,
    Counts,
    ExecutionState,
    Expected,
    Fault,
    Health,
    HeldRequest,
    Line,
    MintedToken,
    Nearest,
    NearMiss,
    OAuthClient,
    Record,
    Request,
    Response,
    RotatedKeys,
    Task,
    Token,
    Unmatched,
    Verdict,
    Workflow,
    WorkflowSummary,
    camel,
)

from tests.support import ROOT

CONTRACT = yaml.safe_load((ROOT / "openapi" / "admin-api.yaml").read_text())
WORLD = WorldCalls("5f0c1e0a-7d5b-4b5e-9c57-2f1f6c3a9d10")
CLOCK, EXECUTION, SERVER = ClockCalls(WORLD), ExecutionCalls(WORLD, "an-execution"), ServerCalls()
HOLD = HoldCalls(WORLD, "a-fault")
HELD = {"held": [{"requestId": "an-id", "faultId": "a-fault"}]}


def after(steps: Steps[Any], *replies: Any) -> Iterator[Call]:
    """The call that comes after calls which got these replies."""
    call = next(steps)
    for data in replies:
        call = steps.send(Reply(200, data))
    yield call


CALLS: dict[str, list[Callable[[], Any]]] = {
    "getHealth": [SERVER.health],
    "getSettings": [SERVER.settings],
    "resetSandbox": [WORLD.reset, SERVER.reset],
    "setSeed": [lambda: WORLD.seed("42")],
    "getSnapshot": [WORLD.snapshot, SERVER.snapshot],
    "putSnapshot": [lambda: WORLD.restore({}), lambda: SERVER.restore({})],
    "getClock": [CLOCK.state, CLOCK.now],
    "changeClock": [CLOCK.freeze, lambda: CLOCK.set("x"), lambda: CLOCK.advance("1h"), CLOCK.resume],
    "findWorkflows": [WORLD.workflows, lambda: WORLD.workflow("a name")],
    "getWorkflow": [lambda: WORLD.get_workflow("an-id")],
    "putWorkflow": [lambda: WORLD.add_workflow({"key": "a"})],
    "deleteWorkflow": [lambda: WORLD.remove_workflow("an-id")],
    "findExecutions": [WORLD.execution_states],
    "getExecution": [EXECUTION.now, EXECUTION.state, EXECUTION.queue],
    "completeTask": [lambda: EXECUTION.complete("a-task")],
    "failTask": [lambda: EXECUTION.fail("a-task")],
    "advanceExecution": [EXECUTION.advance],
    "getAllRequests": [WORLD.requests, WORLD.starts, WORLD.statuses],
    "removeAllRequests": [WORLD.forget],
    "getUnmatchedRequests": [WORLD.unmatched],
    "findRequests": [lambda: WORLD.find(status=200), lambda: after(HOLD.client_left(), HELD)],
    "countRequests": [lambda: WORLD.count(status=200)],
    "removeRequests": [lambda: WORLD.forget(status=200)],
    "verifyRequests": [WORLD.verify, WORLD.wait_for, lambda: WORLD.verify_sequence({"status": 200})],
    "getLines": [WORLD.lines],
    "getNearest": [lambda: WORLD.nearest("an-id")],
    "findChanges": [WORLD.changes, SERVER.changes],
    "getRequest": [lambda: WORLD.request("an-id")],
    "findFaults": [WORLD.faults],
    "addFault": [
        lambda: WORLD.fail(503),
        lambda: WORLD.fail_next(503),
        WORLD.lose_next_answer,
        lambda: WORLD.slow("1s"),
        WORLD.break_answer,
        lambda: WORLD.limit(1, per="1m"),
        lambda: WORLD.answers([503, "lost", 200]),
        WORLD.add_hold,
    ],
    "waitForHeldRequests": [HOLD.wait],
    "findHeldRequests": [WORLD.held, HOLD.requests, HOLD.release, HOLD.end, HOLD.client_left],
    "releaseHeldRequest": [lambda: after(HOLD.release(503), HELD), lambda: after(HOLD.end(), HELD)],
    "getFault": [lambda: WORLD.fault("an-id")],
    "removeFault": [lambda: WORLD.remove_fault("an-id"), lambda: after(HOLD.end(), {"held": []}, {"over": False})],
    "removeAllFaults": [WORLD.remove_faults],
    "findClients": [WORLD.oauth_clients],
    "getClient": [lambda: WORLD.get_oauth_client("an-id")],
    "putClient": [lambda: WORLD.oauth_client("an-id", "a secret")],
    "deleteClient": [lambda: WORLD.remove_oauth_client("an-id")],
    "mintToken": [WORLD.mint_token, WORLD.token, lambda: WORLD.next_token("expired")],
    "rotateKey": [SERVER.rotate_key],
}
NOT_SENT = {
    "getEvents": "a stream, which is read by whatever the user reads server-sent events with",
    "getExecutionGraph": "a picture, which is looked at in a browser",
    "getWorkflowGraph": "a picture, which is looked at in a browser",
}

RECORDS: Mapping[str, type[Record]] = {
    "Change": Change,
    "ClientView": OAuthClient,
    "ClockView": ClockState,
    "Counts": Counts,
    "ExecutionView": ExecutionState,
    "ExecutionSummary": ExecutionState,
    "ExpectedResponse": Expected,
    "FaultView": Fault,
    "Health": Health,
    "HeldView": HeldRequest,
    "JournalEntry": Request,
    "JournalResponse": Response,
    "JournalToken": Token,
    "MintedToken": MintedToken,
    "NearMiss": NearMiss,
    "Nearest": Nearest,
    "RequestLine": Line,
    "RotatedKeys": RotatedKeys,
    "TaskView": Task,
    "Unmatched": Unmatched,
    "VerificationResult": Verdict,
    "Workflow": Workflow,
    "WorkflowEntry": Workflow,
    "WorkflowSummary": WorkflowSummary,
}
LISTS = {
    "ClientPage",
    "Count",
    "ExecutionPage",
    "FaultPage",
    "HeldPage",
    "JournalPage",
    "RemovedCount",
    "UnmatchedPage",
}
LISTS |= {"WorkflowPage", "Snapshot", "ChangePage", "LinePage"}
"""Of which the kit gives the list, the number or the JSON alone."""


def operations() -> Iterator[tuple[str, str, re.Pattern[str]]]:
    for path, methods in CONTRACT["paths"].items():
        for method, operation in methods.items():
            if method in ("get", "post", "put", "delete"):
                pattern = re.sub(r"\{\w+\}", "[^/]+", path.removeprefix("/__admin/"))
                yield operation["operationId"], method.upper(), re.compile(pattern)


def operation_of(call: Call) -> str:
    fitting = [name for name, method, path in operations() if method == call.method and path.fullmatch(call.path)]
    exact = [name for name in fitting if call.path in {path.pattern for n, _, path in operations() if n == name}]
    (found,) = exact or fitting
    return found


def test_each_operation_is_sent_or_stands_on_the_list() -> None:
    assert CALLS.keys() | NOT_SENT.keys() == {name for name, _, _ in operations()}
    assert not CALLS.keys() & NOT_SENT.keys()


@pytest.mark.parametrize("operation", CALLS)
def test_a_call_sends_its_operation(operation: str) -> None:
    for calls in CALLS[operation]:
        assert operation_of(next(calls())) == operation


def test_each_function_is_one_of_these() -> None:
    table = Path(__file__).read_text().partition("NOT_SENT = ")[0]
    for kind in (WorldCalls, ClockCalls, ExecutionCalls, HoldCalls, ServerCalls):
        for name in public(kind):
            assert re.search(rf"\b{kind.__name__.removesuffix('Calls').upper()}\.{name}\b", table), name


def public(kind: type) -> set[str]:
    return {name for name, member in vars(kind).items() if inspect.isfunction(member) and not name.startswith("_")}


@pytest.mark.parametrize("schema", RECORDS)
def test_each_property_of_an_answer_is_an_attribute(schema: str) -> None:
    attributes = {camel(name) for name in get_type_hints(RECORDS[schema])}
    properties = set(CONTRACT["components"]["schemas"][schema]["properties"])
    assert properties <= attributes


def test_each_answer_is_read() -> None:
    answers = set()
    for methods in CONTRACT["paths"].values():
        for operation in methods.values():
            for status, response in operation.get("responses", {}).items() if isinstance(operation, dict) else ():
                for content in response.get("content", {}).values() if status.startswith("2") else ():
                    answers.add(content["schema"].get("$ref", "").rpartition("/")[2])
    assert answers - {""} <= RECORDS.keys() | LISTS


def test_a_property_that_is_not_known_yet_is_an_attribute() -> None:
    request = Request({"status": 200, "newThing": {"aPart": [1]}})
    assert (request.status, request.new_thing.a_part) == (200, [1])


def test_a_property_that_an_older_server_does_not_send_is_named() -> None:
    with pytest.raises(AttributeError, match="Request has no fault_id: the server sent status"):
        _ = Request({"status": 200}).fault_id


SHELLS = [(client.World, aio.AsyncWorld), (client.Execution, aio.AsyncExecution), (client.Clock, aio.AsyncClock)]
SHELLS += [(client.WorkflowMock, aio.AsyncWorkflowMock), (client.Hold, aio.AsyncHold)]
BLOCKING_ALONE = {"start", "find", "close", "process", "world"}
"""Of a server: one is started, and ended, without awaiting. `world` is looked at below."""
SHELLS_THAT_THEY_GIVE = {"execution", "hold_next"}


@pytest.mark.parametrize(("blocking", "awaiting"), [pytest.param(*pair, id=pair[0].__name__) for pair in SHELLS])
def test_both_shells_say_the_same(blocking: type, awaiting: type) -> None:
    def shown(kind: type) -> dict[str, Any]:
        members = {name: member for name, member in vars(kind).items() if not name.startswith("_")}
        alone = BLOCKING_ALONE if kind in SHELLS[3] else set()
        return {
            name: "property" if isinstance(member, property) else (member.__doc__, getattr(member, "__wrapped__", None))
            for name, member in members.items()
            if name not in alone
        }

    assert {n: m for n, m in shown(blocking).items() if n not in SHELLS_THAT_THEY_GIVE} == {
        n: m for n, m in shown(awaiting).items() if n not in SHELLS_THAT_THEY_GIVE
    }
    for name in SHELLS_THAT_THEY_GIVE & vars(blocking).keys():
        assert vars(blocking)[name].__doc__ == vars(awaiting)[name].__doc__


ANSWERS = [
    (503, {"status": 503}),
    (200, {}),
    ("lost", {"when": "afterCommit", "fault": "CONNECTION_RESET_BY_PEER"}),
    ("empty", {"fault": "EMPTY_RESPONSE"}),
    ({"status": 503, "retry_after": timedelta(seconds=2)}, {"status": 503, "retryAfter": "2000ms"}),
    ({"hold": "5s"}, {"hold": "5s"}),
    ({"delay": "1s", "when": "afterCommit"}, {"fixedDelayMilliseconds": 1000, "when": "afterCommit"}),
]


@pytest.mark.parametrize(("answer", "step"), ANSWERS, ids=[str(each[0]) for each in ANSWERS])
def test_an_answer_is_a_step(answer: Any, step: dict[str, Any]) -> None:
    assert next(WORLD.answers([answer, 200], repeat=True)).body == {"sequence": [step, {}], "sequenceEnd": "repeat"}


def test_what_is_no_answer_is_refused_with_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"an answer is a status, 'lost', 'reset', .* or effects, not 'loost'"):
        next(WORLD.answers([503, "loost"]))


def test_a_quota_is_told_of() -> None:
    quota = {"limit": 1, "window": "1m", "headers": "RateLimit-Policy"}
    assert next(WORLD.limit(1, per="1m", shown_by="RateLimit-Policy")).body == {"quota": quota}


def test_a_fault_for_a_client_is_looked_at_once_its_token_was() -> None:
    body = next(WORLD.fail(403, client_id="a", claims={"tenant": "acme"}, from_="1m")).body
    matcher = {"clientId": "a", "claims": {"tenant": {"equalTo": "acme"}}}
    assert body == {"status": 403, "from": "1m", "when": "afterToken", "matcher": matcher}


def test_a_reply_is_sent_back() -> None:
    steps = WORLD.count(status=200)
    next(steps)
    with pytest.raises(StopIteration) as end:
        steps.send(Reply(200, {"count": 3}))
    assert end.value.value == 3


@pytest.mark.parametrize(
    ("value", "milliseconds"),
    [
        *(("90s", 90_000), ("1m30s", 90_000), ("200ms", 200), ("PT1H30M", 5_400_000), ("1.5h", 5_400_000)),
        *(("P1D", 86_400_000), (timedelta(seconds=2), 2000)),
    ],
)
def test_a_delay_is_as_long_as_it_says(value: str | timedelta, milliseconds: int) -> None:
    assert next(WORLD.slow(value)).body["fixedDelayMilliseconds"] == milliseconds


@pytest.mark.parametrize("value", ["", "soon", "90", "1s1m", "-1s", "P", "PT"])
def test_what_is_no_duration_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="a duration is a text such as 90s, 1m30s or PT1H, or a timedelta"):
        next(WORLD.slow(value))
