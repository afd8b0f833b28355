"""What the kit says to the server, without saying how it is sent: each function yields calls and gets their replies.

`client` sends them and waits, `aio` sends them and awaits; both have these functions under the same names.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple, TypeVar, Unpack
from uuid import uuid4

from workflow_mock_kit.records import (
    Change,
    ClockState,
    ExecutionState,
    Fault,
    Health,
    HeldRequest,
    Line,
    MintedToken,
    Nearest,
    OAuthClient,
    Record,
    Request,
    RotatedKeys,
    Unmatched,
    Verdict,
    Workflow,
    WorkflowSummary,
    camel,
)
from workflow_mock_kit.wishes import (
    BREAKS,
    Answer,
    Break,
    Conditions,
    Duration,
    Effects,
    Moment,
    QuotaHeaders,
    Released,
    duration,
    fault,
    matcher,
    moment,
    released,
    seconds,
    step,
)
from workflow_mock_kit.words import explain, named, seen

__tracebackhide__ = True

T = TypeVar("T")

SECONDS = 30.0
"""For which a call is waited for at most, beside what it waits for itself."""

TOKEN_PATH = "/api/authentication/connect/token"  # noqa: S105 - a path


class Reply(NamedTuple):
    """The answer to a call."""

    status: int
    data: Any


@dataclass(frozen=True)
class Call:
    """One call of the control plane."""

    method: str
    path: str
    """Below `/__admin/`."""
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    accepts: tuple[int, ...] = ()
    """Statuses from 400 on that are an answer; any other raises WorkflowMockError."""
    forgives: tuple[str, ...] = ()
    """Codes of refusals that are an answer too, without data."""
    seconds: float = SECONDS


Steps = Generator[Call, Reply, T]
"""Calls, one after the other, that come to a result."""


class WorldCalls:
    """What a test says about its world: one customer of the server's, whose state is nobody else's."""

    def __init__(self, customer_id: str) -> None:
        self.customer_id = customer_id

    def _call(self, method: str, path: str, body: Any = None, *, accepts: tuple[int, ...] = (), **query: Any) -> Call:
        own = {"customerId": self.customer_id}
        own |= {camel(name): str(value) for name, value in query.items() if value is not None}
        return Call(method, path, own, body, accepts)

    # What the client did

    def requests(self) -> Steps[list[Request]]:
        """All requests of this customer, oldest first: starts, and those for tokens at this world's token URL."""
        found: list[Request] = []
        cursor: int | None = None
        while True:
            reply = yield self._call("GET", "requests", limit=1000, cursor=cursor)
            found += [Request(each) for each in reply.data["requests"]]
            cursor = reply.data["next"]
            if cursor is None:
                return found

    def starts(self) -> Steps[list[Request]]:
        """The requests to start a workflow, answered in whatever way, oldest first."""
        requests = yield from self.requests()
        return [request for request in requests if request.operation == "start"]

    def statuses(self) -> Steps[list[int]]:
        """The status of each of `starts`; 0 where there was no response."""
        starts = yield from self.starts()
        return [request.status for request in starts]

    def request(self, request_id: str) -> Steps[Request]:
        """One request, by the id in its answer's `X-Request-Id`."""
        reply = yield self._call("GET", f"requests/{request_id}")
        return Request(reply.data)

    def find(self, **conditions: Unpack[Conditions]) -> Steps[list[Request]]:
        """The requests for which the conditions hold, oldest first; 1,000 at most."""
        reply = yield self._call("POST", "requests/find", matcher(conditions), limit=1000)
        return [Request(each) for each in reply.data["requests"]]

    def count(self, **conditions: Unpack[Conditions]) -> Steps[int]:
        """How many requests there are for which the conditions hold."""
        reply = yield self._call("POST", "requests/count", matcher(conditions))
        return int(reply.data["count"])

    def unmatched(self) -> Steps[list[Unmatched]]:
        """The requests that met no route or no workflow, each with what was probably meant."""
        reply = yield self._call("GET", "requests/unmatched", limit=1000)
        return [Unmatched(each) for each in reply.data["requests"]]

    def nearest(self, request_id: str) -> Steps[Nearest]:
        """What would have worked in the place of a request, by the id in its answer's `X-Request-Id`."""
        reply = yield self._call("GET", f"requests/{request_id}/nearest")
        return Nearest(reply.data)

    def lines(self, *, failed: bool = False) -> Steps[list[Line]]:
        """The newest requests in a line each, newest first, or of those the failed ones; 1,000 at most."""
        reply = yield self._call("GET", "requests/lines", limit=1000, failed="true" if failed else None)
        return [Line(each) for each in reply.data["lines"]]

    def forget(self, **conditions: Unpack[Conditions]) -> Steps[None]:
        """Remove requests from the journal: those for which the conditions hold, or all where there are none."""
        if conditions:
            yield self._call("POST", "requests/remove", matcher(conditions))
        else:
            yield self._call("DELETE", "requests")

    def verify(
        self,
        *,
        exactly: int | None = None,
        at_least: int | None = None,
        at_most: int | None = None,
        within: Duration | None = None,
        **conditions: Unpack[Conditions],
    ) -> Steps[Verdict]:
        """Check how many requests there are for which the conditions hold: at least one, if nothing else is asked.

        `within` waits so long, in real time, for that to come true. Raises AssertionError, with what there was instead.
        """
        counts = {"exactly": exactly, "atLeast": at_least, "atMost": at_most}
        wanted = {name: number for name, number in counts.items() if number is not None}
        body: dict[str, Any] = {"matcher": matcher(conditions)}
        if wanted:
            body["count"] = wanted
        verdict = yield from self._verdict(body, within)
        if not verdict.verified:
            raise AssertionError(explain(verdict, wanted or {"atLeast": 1}, conditions))
        return verdict

    def verify_sequence(self, *sequence: Conditions, within: Duration | None = None) -> Steps[Verdict]:
        """Check that requests came in this order, whatever came between them. Raises AssertionError."""
        body = {"sequence": [matcher(conditions) for conditions in sequence]}
        verdict = yield from self._verdict(body, within)
        if not verdict.verified:
            steps = ", then ".join(named(conditions) for conditions in sequence)
            raise AssertionError("\n".join([f"not in this order: {steps}", *seen(verdict)]))
        return verdict

    def wait_for(
        self, *, within: Duration = "5s", at_least: int = 1, **conditions: Unpack[Conditions]
    ) -> Steps[Verdict]:
        """Wait, in real time, until there are requests for which the conditions hold. Raises AssertionError."""
        return (yield from self.verify(at_least=at_least, within=within, **conditions))

    def _verdict(self, body: dict[str, Any], within: Duration | None) -> Steps[Verdict]:
        call = self._call("POST", "requests/verify", body, accepts=(409,))
        if within is not None:
            body["within"] = duration(within)
            call = replace(call, seconds=SECONDS + seconds(within))
        reply = yield call
        return Verdict(reply.data)

    # What its calls meet

    def fail(self, status: int, **effects: Unpack[Effects]) -> Steps[Fault]:
        """Answer starts with this status, until told otherwise: by `times`, `ttl`, `remove_fault`, the next `reset`."""
        return (yield from self._add_fault({"status": status}, effects))

    def fail_next(self, status: int, **effects: Unpack[Effects]) -> Steps[Fault]:
        """Answer the next start with this status."""
        return (yield from self._add_fault({"status": status, "times": 1}, effects))

    def lose_next_answer(self, **effects: Unpack[Effects]) -> Steps[Fault]:
        """Start the next execution, and reset the connection before its client hears of it."""
        what = {"when": "afterCommit", "fault": BREAKS["reset"], "times": 1}
        return (yield from self._add_fault(what, effects))

    def slow(self, by: Duration, **effects: Unpack[Effects]) -> Steps[Fault]:
        """Answer starts so much later."""
        return (yield from self._add_fault({"delay": by}, effects))

    def break_answer(
        self, how: Break = "reset", *, truncate_at: int | None = None, **effects: Unpack[Effects]
    ) -> Steps[Fault]:
        """Break the connection of the next start before anything is done, or its good answer after so many bytes."""
        what: dict[str, Any] = {"times": 1}
        what |= {"fault": BREAKS[how]} if truncate_at is None else {"truncateBodyAt": truncate_at}
        return (yield from self._add_fault(what, effects))

    def limit(
        self, starts: int, per: Duration, *, shown_by: QuotaHeaders | None = None, **effects: Unpack[Effects]
    ) -> Steps[Fault]:
        """Let so many starts through in each window of time; the others get 429 with Retry-After.

        `shown_by` has every answer tell how many are left, by the headers that go with this one.
        """
        quota: dict[str, Any] = {"limit": starts, "window": duration(per)}
        if shown_by is not None:
            quota["headers"] = shown_by
        return (yield from self._add_fault({"quota": quota}, effects))

    def answers(self, answers: Sequence[Answer], *, repeat: bool = False, **effects: Unpack[Effects]) -> Steps[Fault]:
        """Answer the next starts so, one after the other: `[503, 429, "lost", 200]`. Raises ValueError.

        An answer is a status (200 is the good one), `"lost"` where the execution starts and its client never hears of
        it, `"reset"` and the like, or effects by name: `{"status": 503, "retry_after": "2s"}`.
        """
        what: dict[str, Any] = {"sequence": [step(answer) for answer in answers]}
        if repeat:
            what["sequenceEnd"] = "repeat"
        return (yield from self._add_fault(what, effects))

    def add_hold(self, **effects: Unpack[Effects]) -> Steps[Fault]:
        """Hold the next start, for 30 s at most."""
        return (yield from self._add_fault({"hold": "30s", "times": 1}, effects))

    def held(self) -> Steps[list[HeldRequest]]:
        """The requests of this world that are held."""
        reply = yield self._call("GET", "held")
        return [HeldRequest(each) for each in reply.data["held"]]

    def _add_fault(self, what: Mapping[str, Any], effects: Effects) -> Steps[Fault]:
        reply = yield self._call("POST", "faults", fault(what, effects))
        return Fault(reply.data)

    def faults(self) -> Steps[list[Fault]]:
        """The faults of this world, newest first, and those that the catalogue has for everybody."""
        reply = yield self._call("GET", "faults")
        return [Fault(each) for each in reply.data["faults"]]

    def fault(self, fault_id: str) -> Steps[Fault]:
        """A fault as it is now: how often it was met."""
        reply = yield self._call("GET", f"faults/{fault_id}")
        return Fault(reply.data)

    def remove_fault(self, fault_id: str) -> Steps[None]:
        """Remove a fault, and let go of the requests that it holds."""
        yield self._call("DELETE", f"faults/{fault_id}")

    def remove_faults(self) -> Steps[None]:
        """Remove the faults of this world."""
        yield self._call("DELETE", "faults")

    # Tokens and clients

    def mint_token(
        self,
        kind: str = "good",
        *,
        scopes: Sequence[str] | None = None,
        client_id: str | None = None,
        lifetime: Duration | None = None,
        claims: Mapping[str, Any] | None = None,
    ) -> Steps[MintedToken]:
        """A token of one of the kinds of docs/tokens.md, for this customer, and what presenting it gets."""
        spec = {
            "kind": kind,
            "scopes": scopes,
            "clientId": client_id,
            "claims": claims,
            "lifetime": None if lifetime is None else duration(lifetime),
        }
        wanted = {name: value for name, value in spec.items() if value is not None}
        reply = yield self._call("POST", "tokens", wanted)
        return MintedToken(reply.data)

    def token(self, kind: str = "good", *, scopes: Sequence[str] | None = None) -> Steps[str]:
        """An access token: a good one, or one that is bad in a named way."""
        return str((yield from self.mint_token(kind, scopes=scopes)).access_token)

    def next_token(self, kind: str, *, times: int = 1) -> Steps[None]:
        """Give out tokens of this kind the next `times` that a client asks this world's token URL for one."""
        yield self._call("POST", "tokens", {"kind": kind, "issueNext": times})

    def oauth_client(
        self, client_id: str, secret: str, *, scopes: Sequence[str] | None = None, is_bound: bool = False
    ) -> Steps[OAuthClient]:
        """Add an OAuth client to this world, gone at its reset. Tokens of one that `is_bound` are for it alone."""
        client: dict[str, Any] = {"secret": secret, "scopes": scopes}
        client["customers"] = [self.customer_id] if is_bound else None
        wanted = {name: value for name, value in client.items() if value is not None}
        reply = yield self._call("PUT", f"clients/{client_id}", wanted)
        return OAuthClient(reply.data)

    def oauth_clients(self) -> Steps[list[OAuthClient]]:
        """The OAuth clients that get tokens at this world's token URL, without their secrets."""
        reply = yield self._call("GET", "clients")
        return [OAuthClient(each) for each in reply.data["clients"]]

    def get_oauth_client(self, client_id: str) -> Steps[OAuthClient]:
        """An OAuth client of this world, without its secret."""
        reply = yield self._call("GET", f"clients/{client_id}")
        return OAuthClient(reply.data)

    def remove_oauth_client(self, client_id: str) -> Steps[None]:
        """Remove an OAuth client that this world has added."""
        yield self._call("DELETE", f"clients/{client_id}")

    # Workflows and executions

    def workflows(self) -> Steps[list[WorkflowSummary]]:
        """The workflows that this customer may start."""
        reply = yield self._call("GET", "workflows")
        return [WorkflowSummary(each) for each in reply.data["workflows"]]

    def workflow(self, name: str) -> Steps[str]:
        """The id of the workflow with this name. Raises LookupError."""
        workflows = yield from self.workflows()
        found = [each.id for each in workflows if each.name == name]
        if len(found) != 1:
            there_are = ", ".join(repr(each.name) for each in workflows)
            raise LookupError(f"there are {len(found)} workflows named {name!r}, of {there_are}")
        return found[0]

    def get_workflow(self, workflow_id: str) -> Steps[Workflow]:
        """The definition of a workflow: its tasks and their hierarchy."""
        reply = yield self._call("GET", f"workflows/{workflow_id}")
        return Workflow(reply.data)

    def add_workflow(
        self, *tasks: Mapping[str, Any], name: str | None = None, workflow_id: str | None = None
    ) -> Steps[str]:
        """Add a workflow of these tasks, for this customer alone, gone at its reset. Gives its id.

        A task is written as in a catalogue: `{"key": "report", "after": ["collect"], "duration": "PT1H"}`.
        """
        workflow_id = workflow_id or str(uuid4())
        names = [str(task.get("name") or task.get("key") or "task") for task in tasks]
        body = {"name": name or ", ".join(names)[:100], "tasks": tasks}
        reply = yield self._call("PUT", f"workflows/{workflow_id}", body)
        return str(reply.data["id"])

    def remove_workflow(self, workflow_id: str) -> Steps[None]:
        """Remove a workflow that this world has added."""
        yield self._call("DELETE", f"workflows/{workflow_id}")

    def execution_states(self) -> Steps[list[ExecutionState]]:
        """This world's executions, oldest first, without their tasks."""
        found: list[ExecutionState] = []
        cursor: int | None = None
        while True:
            reply = yield self._call("GET", "executions", limit=1000, cursor=cursor)
            found += [ExecutionState(each) for each in reply.data["executions"]]
            cursor = reply.data["next"]
            if cursor is None:
                return found

    # The world as a whole

    def seed(self, seed: str) -> Steps[None]:
        """Have execution ids in a sequence that is the same for the same seed and customer."""
        yield self._call("PUT", "seed", {"seed": seed})

    def changes(self) -> Steps[list[Change]]:
        """What isn't as it was when the world began, but for requests and executions."""
        reply = yield self._call("GET", "changes")
        return [Change(each) for each in reply.data["changes"]]

    def reset(self) -> Steps[None]:
        """Back to the state in which the world began: nothing has happened."""
        yield self._call("POST", "reset")

    def snapshot(self) -> Steps[dict[str, Any]]:
        """All of this world, as JSON that `restore` takes."""
        reply = yield self._call("GET", "snapshot")
        return dict(reply.data)

    def restore(self, snapshot: Mapping[str, Any]) -> Steps[None]:
        """Have this world as it was when the snapshot was taken."""
        yield self._call("PUT", "snapshot", snapshot)


class HoldCalls:
    """The requests that one fault of a world holds."""

    def __init__(self, world: WorldCalls, fault_id: str) -> None:
        self._world = world
        self.fault_id = fault_id

    def wait(self, *, count: int = 1, within: Duration = "5s") -> Steps[list[HeldRequest]]:
        """Wait, in real time, until so many requests are held. Raises AssertionError."""
        body = {"held": count, "within": duration(within)}
        call = self._world._call("POST", f"faults/{self.fault_id}/wait", body, accepts=(409,))
        reply = yield replace(call, seconds=SECONDS + seconds(within))
        if reply.status == 409:
            there = len(reply.data["held"])
            raise AssertionError(f"wanted {count} held within {duration(within)}, but there {_are(there)}")
        return [HeldRequest(each) for each in reply.data["held"]]

    def requests(self) -> Steps[list[HeldRequest]]:
        """The requests that are held now."""
        return [each for each in (yield from self._world.held()) if each.fault_id == self.fault_id]

    def release(self, status: int | None = None, **effects: Unpack[Released]) -> Steps[None]:
        """Let what is held go on: as it would have, with another answer, or broken: `broken="reset"`."""
        body = released(status, effects)
        for each in (yield from self.requests()):
            # One that isn't held any more has gone on.
            yield replace(self._world._call("POST", f"held/{each.request_id}/release", body), forgives=("not_found",))

    def end(self) -> Steps[None]:
        """Let what is held go on as it would have, and hold nothing more."""
        yield from self.release()
        path = f"faults/{self.fault_id}"
        reply = yield replace(self._world._call("GET", path), forgives=("not_found",))
        if reply.data is not None and not reply.data["over"]:
            yield replace(self._world._call("DELETE", path), forgives=("not_found",))

    def client_left(self, within: Duration = "5s") -> Steps[bool]:
        """Whether a client left while its request was held; it is waited for, in real time, while one is."""
        conditions = {"faultId": self.fault_id}
        is_held = bool((yield from self.requests()))
        reply = yield self._world._call("POST", "requests/find", conditions, limit=1000)
        left = [each for each in reply.data["requests"] if each["clientLeft"]]
        if left or (reply.data["requests"] and not is_held):
            return bool(left)
        body = {"faultId": self.fault_id, "clientLeft": True, "within": duration(within)}
        call = self._world._call("POST", "requests/find", body, accepts=(409,))
        reply = yield replace(call, seconds=SECONDS + seconds(within))
        return reply.status == 200


def _are(count: int) -> str:
    return f"{'was' if count == 1 else 'were'} {count}"


class ClockCalls:
    """The clock of a world. Tokens, faults and tasks follow it."""

    def __init__(self, world: WorldCalls) -> None:
        self._world = world

    def state(self) -> Steps[ClockState]:
        """The clock as it is now."""
        reply = yield self._world._call("GET", "clock")
        return ClockState(reply.data)

    def now(self) -> Steps[datetime]:
        """The moment that it has."""
        return (yield from self.state()).now

    def freeze(self, to: Moment | None = None) -> Steps[ClockState]:
        """Stand still, at this moment or at another."""
        return (yield from self._change("freeze", to=None if to is None else moment(to)))

    def set(self, to: Moment) -> Steps[ClockState]:
        """Go to a moment, and run on from there."""
        return (yield from self._change("set", to=moment(to)))

    def advance(self, by: Duration) -> Steps[ClockState]:
        """Go forward."""
        return (yield from self._change("advance", by=duration(by)))

    def resume(self) -> Steps[ClockState]:
        """Run on from where it stands."""
        return (yield from self._change("resume"))

    def _change(self, action: str, **change: str | None) -> Steps[ClockState]:
        body = {"action": action} | {name: value for name, value in change.items() if value is not None}
        reply = yield self._world._call("PUT", "clock", body)
        return ClockState(reply.data)


class ExecutionCalls:
    """One execution, as it is when it is asked."""

    def __init__(self, world: WorldCalls, execution_id: str) -> None:
        self._world = world
        self.id = execution_id

    def now(self) -> Steps[ExecutionState]:
        """All that is known of it, at this moment."""
        return (yield from self._call("GET", ""))

    def state(self) -> Steps[str]:
        """`running`, `completed` or `failed`."""
        return str((yield from self.now()).state)

    def queue(self) -> Steps[list[str]]:
        """The ids of the tasks in the execution queue."""
        return [each.task_id for each in (yield from self.now()).execution_queue]

    def complete(self, task_id: str) -> Steps[ExecutionState]:
        """Complete a task of the queue."""
        return (yield from self._call("POST", f"/tasks/{task_id}/complete"))

    def fail(self, task_id: str) -> Steps[ExecutionState]:
        """Fail a task of the queue; what comes after it is skipped."""
        return (yield from self._call("POST", f"/tasks/{task_id}/fail"))

    def advance(self, *, to_end: bool = False) -> Steps[ExecutionState]:
        """Give the tasks of the queue their outcomes, once or until none is left."""
        return (yield from self._call("POST", "/advance", {"to": "end" if to_end else "next"}))

    def _call(self, method: str, path: str, body: Any = None) -> Steps[ExecutionState]:
        reply = yield self._world._call(method, f"executions/{self.id}{path}", body)
        return ExecutionState(reply.data)


class ServerCalls:
    """What is about the whole server, and so about every world."""

    def health(self) -> Steps[Health]:
        """Its version, and how much it holds."""
        reply = yield Call("GET", "health")
        return Health(reply.data)

    def settings(self) -> Steps[Record]:
        """The settings that it was started with, without secrets."""
        reply = yield Call("GET", "settings")
        return Record(reply.data)

    def changes(self) -> Steps[list[Change]]:
        """What isn't as it comes, for every world: what a test left, or an option of the server."""
        reply = yield Call("GET", "changes")
        return [Change(each) for each in reply.data["changes"]]

    def rotate_key(self, overlap: Duration | None = None) -> Steps[RotatedKeys]:
        """Sign tokens with a new key; those of the old one are accepted for the overlap, or not at all."""
        reply = yield Call("POST", "keys/rotate", body={} if overlap is None else {"overlap": duration(overlap)})
        return RotatedKeys(reply.data)

    def reset(self) -> Steps[None]:
        """The state after the server's start, for every world."""
        yield Call("POST", "reset")

    def snapshot(self) -> Steps[dict[str, Any]]:
        """The state of every world."""
        reply = yield Call("GET", "snapshot")
        return dict(reply.data)

    def restore(self, snapshot: Mapping[str, Any]) -> Steps[None]:
        """Have the state of a snapshot, in every world."""
        yield Call("PUT", "snapshot", body=snapshot)
