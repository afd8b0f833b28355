"""The whole state as one document, and back. Keys and tokens are not in it."""

from asyncio import to_thread
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta

from pydantic import Field

from workflow_mock.admin.dependencies import validation_error
from workflow_mock.admin.schemas import JournalEntry
from workflow_mock.caching import BoundedDict
from workflow_mock.catalogue.schema import WorkflowEntry, entry_of
from workflow_mock.domain.definition import InvalidDefinition, Outcome, WorkflowDefinition
from workflow_mock.domain.execution import Execution, InvalidTransition
from workflow_mock.errors import Problem
from workflow_mock.faults.effects import Count
from workflow_mock.faults.registry import MAX_TALLIES, Fault, Tally
from workflow_mock.faults.spec import FaultSpec
from workflow_mock.sandbox import Sandbox
from workflow_mock.state.clock import EARLIEST, LATEST
from workflow_mock.state.clock import ClockState as Setting
from workflow_mock.state.workflows import MAX_WORKFLOWS
from workflow_mock.types import Moment, StrictModel, Uuid

MAX_BYTES = 1024 * 1024 * 1024
"""What default limits let a server hold: 10,000 requests with 64 KiB of head and 16 KiB of body are 800 MiB, and 40,000
executions with 50 steps each the rest."""

MAX_SEED = 128 * 1024
"""No argument of a command, as --seed is one, is longer."""


class ClockState(StrictModel):
    customer_id: Uuid | None = None
    offset_in_seconds: float = Field(0.0, ge=-3e11, le=3e11)
    frozen: Moment | None = None


class SeedState(StrictModel):
    customer_id: Uuid | None = None
    seed: str = Field(max_length=MAX_SEED)
    number: Count = Field(0, description="Of the next id in the sequence.")


class StepState(StrictModel):
    at: Moment
    task_id: Uuid
    outcome: Outcome = Field(strict=False)


class ExecutionState(StrictModel):
    id: Uuid
    customer_id: Uuid
    definition: int = Field(ge=0, description="Its place in definitions.")
    created: Moment
    steps: list[StepState] = Field(default_factory=list)


class TallyState(StrictModel):
    customer_id: str = Field(max_length=36)
    matched: Count
    injected: Count
    window: Moment | None = None
    used: Count = 0


class FaultState(StrictModel):
    spec: FaultSpec
    created: Moment | None = Field(None, description="Where its ttl begins, if it has one.")
    is_permanent: bool = Field(False, description="Whether it is the catalogue's.")
    tallies: list[TallyState] = Field(default_factory=list, max_length=MAX_TALLIES)


class Snapshot(StrictModel, json_schema_extra={"examples": [{"clocks": [{"frozen": "2030-01-01T00:00:00Z"}]}]}):
    clocks: list[ClockState] = Field(default_factory=list)
    seeds: list[SeedState] = Field(default_factory=list)
    workflows: list[WorkflowEntry] = Field(default_factory=list, max_length=MAX_WORKFLOWS)
    definitions: list[WorkflowEntry] = Field(default_factory=list, description="That executions were started with.")
    executions: list[ExecutionState] = Field(default_factory=list)
    requests: list[JournalEntry] = Field(default_factory=list)
    faults: list[FaultState] = Field(default_factory=list)


async def take(sandbox: Sandbox) -> Snapshot:
    workflows = list(sandbox.workflows)
    definitions: dict[WorkflowDefinition, int] = {}
    executions = [
        ExecutionState(
            id=each.id,
            customer_id=each.customer_id,
            definition=definitions.setdefault(each.definition, len(definitions)),
            created=each.created,
            steps=[StepState(**step._asdict()) for step in each.steps],
        )
        for each in sandbox.executions.for_customer(None)
    ]
    faults = [
        FaultState(
            spec=fault.spec,
            created=fault.created if fault.spec.ttl is not None else None,
            is_permanent=fault.is_permanent,
            tallies=[TallyState(**asdict(tally)) for tally in fault.tallies.values()],
        )
        for fault in sandbox.faults.for_customer(None)
    ]
    return Snapshot(
        clocks=[
            ClockState(customer_id=who, offset_in_seconds=setting.offset.total_seconds(), frozen=setting.frozen)
            for who, setting in sandbox.clock.states()
        ],
        seeds=[SeedState(customer_id=who, seed=seed, number=number) for who, seed, number in sandbox.ids.seeds()],
        executions=executions,
        requests=[JournalEntry.of(exchange) for exchange in sandbox.journal.for_customer(None)],
        faults=faults,
        # Last, as all else may change meanwhile: a large one takes a second.
        workflows=await to_thread(_entries, workflows),
        definitions=await to_thread(_entries, list(definitions)),
    )


def _entries(definitions: list[WorkflowDefinition]) -> list[WorkflowEntry]:
    return [entry_of(definition) for definition in definitions]


def checked(snapshot: Snapshot) -> Callable[[Sandbox], None]:
    """What puts this state, once checked, in place of a sandbox's. Needs no sandbox for it. Raises ApiError (400)."""
    workflows = _define("workflows", snapshot.workflows)
    definitions = _define("definitions", snapshot.definitions)
    executions = [_execution(place, each, definitions) for place, each in enumerate(snapshot.executions)]
    clocks = [_setting(place, each) for place, each in enumerate(snapshot.clocks)]
    _no_repeats("workflows", [workflow.id for workflow in workflows])
    _no_repeats("executions", [execution.id for execution in executions])
    _no_repeats("requests", [entry.id for entry in snapshot.requests])
    exchanges = [entry.exchange() for entry in snapshot.requests]

    def put(sandbox: Sandbox) -> None:
        sandbox.reset(None)
        for clock, setting in zip(snapshot.clocks, clocks, strict=True):
            sandbox.clock.put(clock.customer_id, setting)
        sandbox.ids.seed(None, None)
        for seed in snapshot.seeds:
            sandbox.ids.seed(seed.customer_id, seed.seed, seed.number)
        sandbox.workflows.replace(workflows)
        for execution in executions:
            sandbox.executions.add(execution)
        for exchange in exchanges:
            sandbox.journal.record(exchange)
        for fault in sandbox.faults.for_customer(None):
            sandbox.faults.remove(fault.spec.id)
        for state in snapshot.faults:
            created = state.created or sandbox.clock.now(state.spec.matcher.customer_id)
            tallies: BoundedDict[str, Tally] = BoundedDict(MAX_TALLIES)
            for each in state.tallies:
                tallies[each.customer_id] = Tally(**dict(each))
            sandbox.faults.put(Fault(state.spec, created, state.is_permanent, tallies))

    return put


def _setting(place: int, state: ClockState) -> Setting:
    setting = Setting(timedelta(seconds=state.offset_in_seconds), state.frozen)
    with suppress(OverflowError):
        if EARLIEST.year <= setting.now().year <= LATEST.year:
            return setting
    raise validation_error(Problem(("clocks", place), "is out of the years that a clock goes to"))


def _no_repeats(name: str, ids: list[str]) -> None:
    seen: set[str] = set()
    for place, id in enumerate(ids):
        if id in seen:
            raise validation_error(Problem((name, place, "id"), "is repeated"))
        seen.add(id)


def _define(name: str, entries: list[WorkflowEntry]) -> list[WorkflowDefinition]:
    found = []
    for place, entry in enumerate(entries):
        try:
            found.append(entry.define())
        except InvalidDefinition as error:
            raise validation_error(
                *(Problem((name, place, *path), message) for path, message in error.problems)
            ) from None
    return found


def _execution(place: int, state: ExecutionState, definitions: list[WorkflowDefinition]) -> Execution:
    if state.definition >= len(definitions):
        raise validation_error(Problem(("executions", place, "definition"), "there is no such definition"))
    execution = Execution(state.id, state.customer_id, definitions[state.definition], state.created)
    for number, step in enumerate(state.steps):
        try:
            execution.end_task(step.task_id, step.outcome, step.at)
        except (InvalidTransition, KeyError) as error:
            reason = error if isinstance(error, InvalidTransition) else "there is no such task"
            raise validation_error(
                Problem(("executions", place, "steps", number), f"can't be taken: {reason}")
            ) from None
    return execution
