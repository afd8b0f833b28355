"""The whole state as one document, and back. Keys, clients and tokens are not in it: they are or have secrets."""

from asyncio import to_thread
from collections.abc import Sequence
from copy import copy
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Body, Response
from pydantic import Field, WithJsonSchema

from workflow_mock.admin.dependencies import (
    Customer,
    JsonRoute,
    Owned,
    json_list,
    json_object,
    read_body,
    validation_error,
)
from workflow_mock.admin.schemas import JournalEntry
from workflow_mock.caching import BoundedDict
from workflow_mock.catalogue.schema import WorkflowEntry, entry_of
from workflow_mock.domain.definition import InvalidDefinition, Outcome, WorkflowDefinition
from workflow_mock.domain.execution import Execution, InvalidTransition, Step
from workflow_mock.errors import ApiError, Path, Problem
from workflow_mock.faults.effects import MAX_COUNT, NonNegative
from workflow_mock.faults.fault import MAX_TALLIES, Fault, Tally
from workflow_mock.faults.registry import MAX_BYTES as MAX_FAULT_BYTES
from workflow_mock.faults.registry import MAX_FAULTS, FaultSet
from workflow_mock.faults.spec import FaultSpec
from workflow_mock.oauth.bad_tokens import TokenKind
from workflow_mock.sandbox import Sandbox
from workflow_mock.state.clock import EARLIEST, LATEST, ClockState
from workflow_mock.state.next_tokens import MAX_NEXT_TOKENS, NextToken
from workflow_mock.state.workflows import MAX_BYTES as MAX_WORKFLOW_BYTES
from workflow_mock.state.workflows import MAX_WORKFLOWS
from workflow_mock.types import Duration, Moment, StrictModel, Uuid

MAX_SNAPSHOT_BYTES = 1024 * 1024 * 1024
"""What default limits let a server hold: 10,000 requests with 64 KiB of head and 16 KiB of body are 800 MiB, and 40,000
executions with 50 steps each the rest."""

MAX_SEED = 128 * 1024
"""No argument of a command, as --seed is one, is longer."""


class ClockEntry(StrictModel):
    """A customer's own clock; without `customerId`, the server's."""

    customer_id: Uuid | None = None
    offset_in_seconds: float = Field(0.0, ge=-3e11, le=3e11)
    frozen: Moment | None = None

    def state(self) -> ClockState:
        """Raises OverflowError where the clock would be out of its years."""
        state = ClockState(timedelta(seconds=self.offset_in_seconds), self.frozen)
        if not EARLIEST.year <= state.now().year <= LATEST.year:
            raise OverflowError
        return state


class SeedEntry(StrictModel):
    """The seed of a customer's ids; without `customerId`, of everybody's."""

    customer_id: Uuid | None = None
    seed: str = Field(max_length=MAX_SEED)
    number: NonNegative = Field(0, description="Of the next id in the sequence.")


class StepEntry(StrictModel):
    """A task that was completed or failed by a call."""

    at: Moment
    task_id: Uuid
    outcome: Outcome = Field(strict=False)


class ExecutionEntry(StrictModel):
    """An execution: its start, and the steps that were taken in it."""

    id: Uuid
    customer_id: Uuid
    definition: NonNegative = Field(description="Its index in definitions.")
    created: Moment
    steps: list[StepEntry] = Field(default_factory=list)


class TallyEntry(StrictModel):
    """What a fault has done; of a fault that counts for all customers together, `customerId` is empty."""

    customer_id: str = Field(max_length=36)
    matched: NonNegative
    injected: NonNegative
    window: Moment | None = None
    used: NonNegative = 0
    since: Moment | None = Field(None, description="The same of a catalogue's fault, for the customer.")


class FaultEntry(StrictModel):
    """A fault in force, and what it has done."""

    spec: FaultSpec
    created: Moment | None = Field(None, description="Where its `from` and `ttl` count from, if it has one.")
    is_permanent: bool = Field(False, description="Whether it is the catalogue's.")
    tallies: list[TallyEntry] = Field(default_factory=list, max_length=MAX_TALLIES)

    def fault(self, clock: ClockState) -> Fault:
        """The way back. Where it wasn't said when it was made, it is now, by this clock."""
        tallies: BoundedDict[str, Tally] = BoundedDict(MAX_TALLIES)
        for each in self.tallies:
            tallies[each.customer_id] = Tally(**dict(each))
        return Fault(self.spec, self.created or clock.now(), self.is_permanent, tallies)


class NextTokenEntry(StrictModel):
    """What the next tokens of the token endpoint are: of a customer or of all, of a client or of each."""

    customer_id: Uuid | None = None
    client_id: str | None = Field(None, min_length=1, max_length=100)
    kind: TokenKind = Field(strict=False)
    lifetime: Duration | None = None
    issue_next: int = Field(ge=1, le=MAX_COUNT)


class Snapshot(StrictModel, json_schema_extra={"examples": [{"clocks": [{"frozen": "2030-01-01T00:00:00Z"}]}]}):
    """The whole state, without keys, clients and tokens. A member that is left out counts as empty."""

    clocks: list[ClockEntry] = Field(default_factory=list)
    seeds: list[SeedEntry] = Field(default_factory=list)
    workflows: list[WorkflowEntry] = Field(default_factory=list, max_length=MAX_WORKFLOWS)
    definitions: list[WorkflowEntry] = Field(default_factory=list, description="That executions were started with.")
    executions: list[ExecutionEntry] = Field(default_factory=list)
    requests: list[JournalEntry] = Field(default_factory=list)
    faults: list[FaultEntry] = Field(default_factory=list)
    next_tokens: list[NextTokenEntry] = Field(default_factory=list, max_length=MAX_NEXT_TOKENS)


class SnapshotRoute(JsonRoute):
    """A route whose body may be a snapshot: it has a limit of its own."""

    max_bytes = MAX_SNAPSHOT_BYTES


def router(sandbox: Sandbox) -> APIRouter:
    routes = APIRouter(tags=["Sandbox"], route_class=SnapshotRoute)

    @routes.get("/snapshot", response_model=Snapshot)
    async def get_snapshot(customer: Customer = None) -> Response:
        """The whole state, or a customer's own, as one document. It has no keys, no clients and no tokens."""
        return await take(sandbox, customer)

    @routes.put("/snapshot", status_code=204)
    async def put_snapshot(
        snapshot: Annotated[dict[str, Any], Body(), WithJsonSchema({"$ref": "#/components/schemas/Snapshot"})],
        customer: Customer = None,
    ) -> None:
        """Replace the whole state, or a customer's own by a snapshot of it."""
        (await to_thread(Restore.read, snapshot, customer, sandbox)).apply(sandbox)

    return routes


async def take(sandbox: Sandbox, customer_id: str | None) -> Response:
    """Render the state of this moment, a customer's own or all (None), as a Snapshot, in batches."""

    def is_meant(whose: str | None) -> bool:
        return customer_id in (None, whose)

    # Whatever may change is copied before others have their turn.
    definitions: dict[WorkflowDefinition, int] = {}
    executions = [
        (each, definitions.setdefault(each.definition, len(definitions)), tuple(each.steps))
        for each in sandbox.executions.for_customer(customer_id)
    ]
    faults = [
        (fault, [copy(tally) for tally in fault.tallies.values()] if fault.tallies else ())
        for fault in sandbox.faults.in_force.values()
        if is_meant(fault.customer_id)
    ]
    workflows = tuple(sandbox.workflows if customer_id is None else sandbox.workflows.own(customer_id))
    exchanges = tuple(sandbox.journal.for_customer(customer_id))
    clocks = [each for each in sandbox.clock.states() if is_meant(each[0])]
    seeds = [each for each in sandbox.ids.seeds() if is_meant(each[0])]
    next_tokens = [asked for asked in sandbox.next_tokens if is_meant(asked.customer_id)]

    def show_clock(part: tuple[str | None, ClockState]) -> ClockEntry:
        who, state = part
        return ClockEntry.show(state, customer_id=who, offset_in_seconds=state.offset.total_seconds())

    def show_seed(part: tuple[str | None, str, int]) -> SeedEntry:
        who, seed, number = part
        return SeedEntry.model_construct(customer_id=who, seed=seed, number=number)

    def show_execution(part: tuple[Execution, int, tuple[Step, ...]]) -> ExecutionEntry:
        execution, definition, steps = part
        return ExecutionEntry.show(execution, definition=definition, steps=[StepEntry.show(step) for step in steps])

    def show_fault(part: tuple[Fault, Sequence[Tally]]) -> FaultEntry:
        fault, tallies = part
        return FaultEntry.show(
            fault,
            created=fault.created if fault.spec.has_times else None,
            tallies=[TallyEntry.show(tally) for tally in tallies],
        )

    def show_next_token(asked: NextToken) -> NextTokenEntry:
        return NextTokenEntry.model_construct(**asked._asdict())

    return json_object(
        clocks=await json_list(clocks, show_clock, exclude_none=True),
        seeds=await json_list(seeds, show_seed, exclude_none=True),
        workflows=await to_thread(_workflows, workflows),
        definitions=await to_thread(_workflows, tuple(definitions)),
        executions=await json_list(executions, show_execution, exclude_none=True),
        requests=await json_list(exchanges, JournalEntry.of, exclude_none=True),
        faults=await json_list(faults, show_fault, exclude_none=True),
        nextTokens=await json_list(next_tokens, show_next_token, exclude_none=True),
    )


def _workflows(definitions: Sequence[WorkflowDefinition]) -> bytes:
    """Render WorkflowEntries; one of 20,000 tasks takes long by itself, hence the thread."""
    entries = (entry_of(definition) for definition in definitions)
    return b"[%b]" % b",".join(entry.model_dump_json(by_alias=True, exclude_none=True).encode() for entry in entries)


class Restore:
    """A snapshot that was checked, to be put in place of the state of any sandbox."""

    def __init__(self, snapshot: Snapshot, customer_id: str | None, sandbox: Sandbox) -> None:
        """For the whole state, or (not None) a customer's. Raises ApiError (400, 503).

        All of it is made here, off the loop, within the bounds of the sandbox, whose state it doesn't look at.
        """
        self._seeds = snapshot.seeds
        self._customer_id = customer_id
        if customer_id is not None:
            _refuse_others(snapshot, customer_id)
        self._workflows = _define("workflows", snapshot.workflows)
        definitions = _define("definitions", snapshot.definitions)
        executions = [_execution(index, each, definitions) for index, each in enumerate(snapshot.executions)]
        self._clocks = [(each.customer_id, _clock_state(index, each)) for index, each in enumerate(snapshot.clocks)]
        _refuse_repeats("workflows", [workflow.id for workflow in self._workflows])
        _refuse_repeats("executions", [entry.id for entry in snapshot.executions])
        _refuse_repeats("requests", [entry.id for entry in snapshot.requests])
        self._definitions = {*self._workflows, *definitions}
        self._workflow_bytes = sum(definition.size for definition in self._definitions)
        _refuse_over("workflows", self._workflow_bytes, MAX_WORKFLOW_BYTES, " bytes")
        for is_permanent in (False, True):
            specs = [each.spec for each in snapshot.faults if each.is_permanent is is_permanent]
            _refuse_over("faults", len(specs), MAX_FAULTS, ", the catalogue's not counted")
            _refuse_over("faults", sum(spec.size for spec in specs), MAX_FAULT_BYTES, " bytes")
        self._fault_ids = [each.spec.id for each in snapshot.faults]
        clocks = {None: ClockState() if customer_id is None else sandbox.clock.state(), **dict(self._clocks)}
        self._faults = FaultSet(
            each.fault(clocks.get(each.spec.matcher.customer_id, clocks[None])) for each in snapshot.faults
        )
        self._next_tokens = [NextToken(**dict(asked)) for asked in snapshot.next_tokens]
        self._execution_ids = [execution.id for execution in executions]
        self._request_ids = [entry.id for entry in snapshot.requests]
        self._journal = sandbox.journal.like()
        for entry in snapshot.requests:
            self._journal.add(entry.exchange())
        self._executions = sandbox.executions.like()
        for execution in executions:
            self._executions.add(execution)

    @classmethod
    def read(cls, document: dict[str, Any], customer_id: str | None, sandbox: Sandbox) -> "Restore":
        """Raises ApiError (400, 503), RequestValidationError."""
        return cls(read_body(Snapshot, document), customer_id, sandbox)

    def apply(self, sandbox: Sandbox) -> None:
        """Replace the state, at one moment: all of it is the snapshot's, or what the server starts with.

        What was made is put in the place of what is there, not item by item, as others wait for that. Once alone.
        Raises ApiError, and changes nothing: 400 where an id in the snapshot of a customer is another's here, 503 where
        there is no room for it beside what others have.
        """
        who = self._customer_id
        if who is not None:
            self._check_beside_others(sandbox, who)
        sandbox.reset(who)
        sandbox.clock.put_all(self._clocks)
        if who is None:
            sandbox.ids.seed(None, None)
        for seed in self._seeds:
            sandbox.ids.seed(seed.customer_id, seed.seed, seed.number)
        sandbox.workflows.take_over(self._workflows, self._definitions, who)
        sandbox.executions.take_over(self._executions, who)
        sandbox.journal.take_over(self._journal, who)
        sandbox.faults.take_over(self._faults, who)
        for asked in self._next_tokens:
            sandbox.next_tokens.add(asked)

    def _check_beside_others(self, sandbox: Sandbox, customer_id: str) -> None:
        """Raises ApiError, as `apply` does."""

        def is_taken(found: Owned | None) -> bool:
            return found is not None and found.customer_id != customer_id

        def is_workflow_taken(workflow_id: str) -> bool:
            found = sandbox.workflows.get(workflow_id)
            return found is not None and not sandbox.workflows.is_own(found, customer_id)

        taken: list[tuple[str, Path, list[bool]]] = [
            ("workflows", ("id",), [is_workflow_taken(each.id) for each in self._workflows]),
            ("executions", ("id",), [is_taken(sandbox.executions.get(id)) for id in self._execution_ids]),
            ("requests", ("id",), [is_taken(sandbox.journal.get(id)) for id in self._request_ids]),
            ("faults", ("spec", "id"), [is_taken(sandbox.faults.get(id)) for id in self._fault_ids]),
        ]
        problems = [
            Problem((name, index, *path), "is that of another customer's here")
            for name, path, each in taken
            for index, is_it in enumerate(each)
            if is_it
        ]
        if problems:
            raise validation_error(*problems)
        own = sandbox.workflows.own(customer_id)
        gone = {*own, *(each.definition for each in sandbox.executions.for_customer(customer_id))}
        workflows = sum(1 for _ in sandbox.workflows) - len(own) + len(self._workflows)
        theirs = [
            each.spec
            for each in sandbox.faults.in_force.values()
            if not each.is_permanent and each.customer_id != customer_id
        ]
        asked = sum(each.customer_id != customer_id for each in sandbox.next_tokens) + len(self._next_tokens)
        for name, limit, count in (
            ("workflows", MAX_WORKFLOWS, workflows),
            ("bytes of workflows", MAX_WORKFLOW_BYTES, sandbox.workflows.held_bytes(gone) + self._workflow_bytes),
            ("faults", MAX_FAULTS, len(theirs) + self._faults.added),
            ("bytes of faults", MAX_FAULT_BYTES, sum(spec.size for spec in theirs) + self._faults.size),
            ("next tokens", MAX_NEXT_TOKENS, asked),
        ):
            if count > limit:
                raise ApiError("limit_reached", f"With these there would be more than {limit} {name}")


def _refuse_others(snapshot: Snapshot, customer_id: str) -> None:
    """Raises ApiError (400) where something in a customer's snapshot isn't the customer's alone."""
    problems = [
        Problem((name, index, *path), "is not that of ?customerId=")
        for name, path, whose in (
            ("clocks", ("customerId",), [each.customer_id for each in snapshot.clocks]),
            ("seeds", ("customerId",), [each.customer_id for each in snapshot.seeds]),
            ("executions", ("customerId",), [each.customer_id for each in snapshot.executions]),
            ("requests", ("customerId",), [each.customer_id for each in snapshot.requests]),
            ("faults", ("spec", "matcher", "customerId"), [each.spec.matcher.customer_id for each in snapshot.faults]),
            ("nextTokens", ("customerId",), [each.customer_id for each in snapshot.next_tokens]),
        )
        for index, who in enumerate(whose)
        if who != customer_id
    ]
    problems += [
        Problem(("workflows", index, "customers"), "is not that of ?customerId= alone")
        for index, each in enumerate(snapshot.workflows)
        if each.customers != [customer_id]
    ]
    if problems:
        raise validation_error(*problems)


def _clock_state(index: int, entry: ClockEntry) -> ClockState:
    try:
        return entry.state()
    except OverflowError:
        raise validation_error(Problem(("clocks", index), "is out of the years that a clock goes to")) from None


def _refuse_over(name: str, number: int, limit: int, unit: str) -> None:
    if number > limit:
        raise validation_error(Problem((name,), f"are more than {limit}{unit}"))


def _refuse_repeats(name: str, ids: list[str]) -> None:
    known: set[str] = set()
    for index, id in enumerate(ids):
        if id in known:
            raise validation_error(Problem((name, index, "id"), "is repeated"))
        known.add(id)


def _define(name: str, entries: list[WorkflowEntry]) -> list[WorkflowDefinition]:
    definitions = []
    for index, entry in enumerate(entries):
        try:
            definitions.append(entry.define())
        except InvalidDefinition as error:
            raise validation_error(
                *(Problem((name, index, *path), message) for path, message in error.problems)
            ) from None
    return definitions


def _execution(index: int, entry: ExecutionEntry, definitions: list[WorkflowDefinition]) -> Execution:
    if entry.definition >= len(definitions):
        raise validation_error(Problem(("executions", index, "definition"), "there is no such definition"))
    execution = Execution(entry.id, entry.customer_id, definitions[entry.definition], entry.created)
    for number, step in enumerate(entry.steps):
        try:
            execution.end_task(step.task_id, step.outcome, step.at)
        except (InvalidTransition, KeyError) as error:
            reason = error if isinstance(error, InvalidTransition) else "there is no such task"
            raise validation_error(
                Problem(("executions", index, "steps", number), f"can't be taken: {reason}")
            ) from None
    return execution
