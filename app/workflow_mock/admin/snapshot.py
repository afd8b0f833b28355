"""The whole state as one document, and back. Keys, clients and tokens are not in it: they are or have secrets."""

from asyncio import to_thread
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Body, Response
from fastapi.exceptions import RequestValidationError
from pydantic import Field, ValidationError, WithJsonSchema

from workflow_mock.admin.dependencies import JsonRoute, json_list, json_object, validation_error
from workflow_mock.admin.schemas import JournalEntry
from workflow_mock.caching import BoundedDict
from workflow_mock.catalogue.schema import WorkflowEntry, entry_of
from workflow_mock.domain.definition import InvalidDefinition, Outcome, WorkflowDefinition
from workflow_mock.domain.execution import Execution, InvalidTransition, Step
from workflow_mock.errors import Problem
from workflow_mock.faults.effects import MAX_COUNT, NonNegative
from workflow_mock.faults.registry import MAX_FAULTS, MAX_TALLIES, Fault, Tally
from workflow_mock.faults.spec import FaultSpec
from workflow_mock.oauth.bad_tokens import TokenKind
from workflow_mock.sandbox import Sandbox
from workflow_mock.state.clock import EARLIEST, LATEST, ClockState
from workflow_mock.state.next_tokens import MAX_NEXT_TOKENS, NextToken
from workflow_mock.state.workflows import MAX_WORKFLOWS
from workflow_mock.types import Duration, Moment, StrictModel, Uuid

M = TypeVar("M", bound=StrictModel)

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
    since: Moment | None = Field(None, description="Where the ttl of a catalogue's fault began for the customer.")


class FaultEntry(StrictModel):
    """A fault in force, and what it has done."""

    spec: FaultSpec
    created: Moment | None = Field(None, description="Where its ttl begins, if it has one.")
    is_permanent: bool = Field(False, description="Whether it is the catalogue's.")
    tallies: list[TallyEntry] = Field(default_factory=list, max_length=MAX_TALLIES)


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
    async def get_snapshot() -> Response:
        """The whole state as one document. It has no keys, no clients and no tokens."""
        return await take(sandbox)

    @routes.put("/snapshot", status_code=204)
    async def put_snapshot(
        snapshot: Annotated[dict[str, Any], Body(), WithJsonSchema({"$ref": "#/components/schemas/Snapshot"})],
    ) -> None:
        """Replace the whole state."""
        (await to_thread(Restore.read, snapshot)).apply(sandbox)

    return routes


async def take(sandbox: Sandbox) -> Response:
    """Render the state of this moment as a Snapshot, in batches."""
    # Whatever may change is copied before others have their turn.
    definitions: dict[WorkflowDefinition, int] = {}
    executions = [
        (each, definitions.setdefault(each.definition, len(definitions)), tuple(each.steps))
        for each in sandbox.executions.for_customer(None)
    ]
    faults = [
        FaultEntry.show(
            fault,
            created=fault.created if fault.spec.ttl is not None else None,
            tallies=[TallyEntry.show(tally) for tally in fault.tallies.values()],
        )
        for fault in sandbox.faults.for_customer(None)
    ]
    workflows, exchanges = tuple(sandbox.workflows), tuple(sandbox.journal.for_customer(None))
    clocks = [
        ClockEntry.show(state, customer_id=who, offset_in_seconds=state.offset.total_seconds())
        for who, state in sandbox.clock.states()
    ]
    seeds = [
        SeedEntry.model_construct(customer_id=who, seed=seed, number=number)
        for who, seed, number in sandbox.ids.seeds()
    ]

    next_tokens = [NextTokenEntry.model_construct(**asked._asdict()) for asked in sandbox.next_tokens]

    def show_execution(part: tuple[Execution, int, tuple[Step, ...]]) -> ExecutionEntry:
        execution, definition, steps = part
        return ExecutionEntry.show(execution, definition=definition, steps=[StepEntry.show(step) for step in steps])

    def itself(model: M) -> M:
        return model

    return json_object(
        clocks=await json_list(clocks, itself, exclude_none=True),
        seeds=await json_list(seeds, itself, exclude_none=True),
        workflows=await to_thread(_workflows, workflows),
        definitions=await to_thread(_workflows, tuple(definitions)),
        executions=await json_list(executions, show_execution, exclude_none=True),
        requests=await json_list(exchanges, JournalEntry.of, exclude_none=True),
        faults=await json_list(faults, itself, exclude_none=True),
        nextTokens=await json_list(next_tokens, itself, exclude_none=True),
    )


def _workflows(definitions: Sequence[WorkflowDefinition]) -> bytes:
    """Render WorkflowEntries; one of 20,000 tasks takes long by itself, hence the thread."""
    entries = (entry_of(definition) for definition in definitions)
    return b"[%b]" % b",".join(entry.model_dump_json(by_alias=True, exclude_none=True).encode() for entry in entries)


class Restore:
    """A snapshot that was checked, to be put in place of the state of any sandbox."""

    def __init__(self, snapshot: Snapshot) -> None:
        """Raises ApiError (400)."""
        self._snapshot = snapshot
        self._workflows = _define("workflows", snapshot.workflows)
        definitions = _define("definitions", snapshot.definitions)
        self._executions = [_execution(index, each, definitions) for index, each in enumerate(snapshot.executions)]
        self._clocks = [(each.customer_id, _clock_state(index, each)) for index, each in enumerate(snapshot.clocks)]
        _refuse_repeats("workflows", [workflow.id for workflow in self._workflows])
        _refuse_repeats("executions", [execution.id for execution in self._executions])
        _refuse_repeats("requests", [entry.id for entry in snapshot.requests])
        if sum(not fault.is_permanent for fault in snapshot.faults) > MAX_FAULTS:
            raise validation_error(Problem(("faults",), f"are more than {MAX_FAULTS}, the catalogue's not counted"))
        self._exchanges = [entry.exchange() for entry in snapshot.requests]

    @classmethod
    def read(cls, document: dict[str, Any]) -> "Restore":
        """Raises ApiError (400), RequestValidationError."""
        try:
            snapshot = Snapshot.model_validate(document)
        except ValidationError as error:
            errors = [{**each, "loc": ("body", *each["loc"])} for each in error.errors(include_url=False)]
            raise RequestValidationError(errors, body=document) from None
        return cls(snapshot)

    def apply(self, sandbox: Sandbox) -> None:
        """Replace the state: all of it is the snapshot's, or what the server starts with."""
        sandbox.reset(None)
        for customer_id, state in self._clocks:
            sandbox.clock.put(customer_id, state)
        sandbox.ids.seed(None, None)
        for seed in self._snapshot.seeds:
            sandbox.ids.seed(seed.customer_id, seed.seed, seed.number)
        sandbox.workflows.replace(self._workflows)
        for execution in self._executions:
            sandbox.executions.add(execution)
        for exchange in self._exchanges:
            sandbox.journal.record(exchange)
        sandbox.faults.remove_all(None)
        for entry in self._snapshot.faults:
            created = entry.created or sandbox.clock.now(entry.spec.matcher.customer_id)
            tallies: BoundedDict[str, Tally] = BoundedDict(MAX_TALLIES)
            for each in entry.tallies:
                tallies[each.customer_id] = Tally(**dict(each))
            sandbox.faults.put(Fault(entry.spec, created, entry.is_permanent, tallies))
        for asked in self._snapshot.next_tokens:
            sandbox.next_tokens.add(NextToken(**dict(asked)))


def _clock_state(index: int, entry: ClockEntry) -> ClockState:
    try:
        return entry.state()
    except OverflowError:
        raise validation_error(Problem(("clocks", index), "is out of the years that a clock goes to")) from None


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
