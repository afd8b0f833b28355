"""Executions, clock, faults and reset, driven at random and compared with a model that starts from scratch."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from workflow_mock.domain.definition import Edge, Outcome, Progression, Task, WorkflowDefinition, define
from workflow_mock.domain.execution import Execution, InvalidTransition
from workflow_mock.faults.spec import FaultSpec
from workflow_mock.sandbox import Sandbox
from workflow_mock.state.clock import Action
from workflow_mock.state.exchange import Target

from tests.state.worlds import BEGIN, CUSTOMERS, workflow_id
from tests.support import EXAMPLES, request_of

WORKFLOW = workflow_id(0)

PROGRESSIONS: list[dict[str, Any]] = [
    {},
    {},
    {"progression": Progression.IMMEDIATE},
    {"progression": Progression.IMMEDIATE, "outcome": Outcome.FAIL},
    {"progression": Progression.TIMED, "duration": timedelta(seconds=10)},
    {"progression": Progression.TIMED, "duration": timedelta(seconds=25), "outcome": Outcome.FAIL},
]


@st.composite
def definitions(draw: st.DrawFn) -> WorkflowDefinition:
    """A random acyclic graph: each task after some of the tasks before it."""
    parents = [draw(st.sets(st.integers(0, place - 1), max_size=3)) if place else set() for place in range(draw(sizes))]
    tasks = [
        Task(f"t{place}", f"s{place}", f"t{place}", {}, is_trigger=not before, **draw(st.sampled_from(PROGRESSIONS)))
        for place, before in enumerate(parents)
    ]
    edges = [Edge(f"t{parent}", f"t{place}") for place, before in enumerate(parents) for parent in sorted(before)]
    return define(WORKFLOW, "random", tasks, edges)


sizes = st.integers(1, 7)


@dataclass
class Model:
    """What an execution is, reckoned from its beginning: a list of what was done, and when."""

    definition: WorkflowDefinition
    created: datetime
    steps: list[tuple[datetime, str, Outcome]] = field(default_factory=list)

    def at(self, now: datetime) -> dict[str, str]:
        """The state of each task, and of the execution under the name of the empty string."""
        now = max([now, self.created, *(step[0] for step in self.steps)])
        states = {task.id: "waiting" for task in self.definition.tasks}
        parents = {
            task.id: {e.parent for e in self.definition.hierarchy if e.child == task.id}
            for task in self.definition.tasks
        }
        queued: dict[str, datetime] = {}
        ended = False

        def enqueue(task: Task, moment: datetime) -> None:
            states[task.id] = "running" if task.duration else "queued"
            queued[task.id] = moment

        def end(id: str, outcome: Outcome, moment: datetime) -> None:
            del queued[id]
            states[id] = "completed" if outcome is Outcome.COMPLETE else "failed"
            changed = True
            while changed:
                changed = False
                for task in self.definition.tasks:
                    if states[task.id] == "waiting" and {"failed", "skipped"} & {states[p] for p in parents[task.id]}:
                        states[task.id] = "skipped"
                        changed = True
            for task in self.definition.tasks:
                if (
                    states[task.id] == "waiting"
                    and parents[task.id]
                    and {states[p] for p in parents[task.id]} == {"completed"}
                ):
                    enqueue(task, moment)

        def run_until(moment: datetime) -> None:
            while True:
                due = [
                    (since + duration, place, task)
                    for place, task in enumerate(self.definition.tasks)
                    if (since := queued.get(task.id)) is not None
                    and task.progression is not Progression.MANUAL
                    and since + (duration := task.duration or timedelta(0)) <= moment
                ]
                if not due:
                    return
                when, _, task = min(due, key=lambda each: each[:2])
                end(task.id, task.outcome, when)

        for task in self.definition.tasks:
            if task.is_trigger:
                enqueue(task, self.created)
        for moment, id, outcome in self.steps:
            run_until(moment)
            end(id, outcome, moment)
        run_until(now)
        ended = not queued
        state = "running" if not ended else "failed" if "failed" in states.values() else "completed"
        return states | {"": state}

    def queue(self, now: datetime) -> list[str]:
        return [id for id, state in self.at(now).items() if id and state in ("queued", "running")]


@dataclass
class FaultModel:
    customer: str
    times: int
    after: int
    seen: int = 0
    injected: int = 0

    def applies(self) -> bool:
        if self.injected >= self.times:
            return False
        self.seen += 1
        self.injected += self.seen > self.after
        return self.seen > self.after


class Machine(RuleBasedStateMachine):
    @initialize(definition=definitions())
    def begin(self, definition: WorkflowDefinition) -> None:
        self.sandbox = Sandbox(
            [definition],
            [],
            max_executions=100,
            max_executions_total=1000,
            max_requests=100,
            seed=None,
            has_journal=True,
        )
        self.definition = definition
        self.now = dict.fromkeys(CUSTOMERS, BEGIN)
        self.models: dict[str, Model] = {}
        self.faults: list[FaultModel] = []
        for customer in CUSTOMERS:
            self.sandbox.clock.change(Action.FREEZE, customer, to=BEGIN)

    @rule(customer=st.sampled_from(CUSTOMERS))
    def start(self, customer: str) -> None:
        execution = self.sandbox.start(customer, WORKFLOW, self.sandbox.clock.now(customer))
        self.models[execution.id] = Model(self.definition, self.now[customer])

    @rule(customer=st.sampled_from(CUSTOMERS), seconds=st.sampled_from([0, 5, 10, 25, 3600]))
    def advance_the_clock(self, customer: str, seconds: int) -> None:
        self.sandbox.clock.change(Action.ADVANCE, customer, by=timedelta(seconds=seconds))
        self.now[customer] += timedelta(seconds=seconds)

    @rule(customer=st.sampled_from(CUSTOMERS), seconds=st.sampled_from([-60, -7, 0, 12]))
    def set_the_clock(self, customer: str, seconds: int) -> None:
        self.now[customer] = BEGIN + timedelta(seconds=seconds)
        self.sandbox.clock.change(Action.SET, customer, to=self.now[customer])

    @precondition(lambda self: self.models)
    @rule(data=st.data(), outcome=st.sampled_from(list(Outcome)))
    def take_a_step(self, data: st.DataObject, outcome: Outcome) -> None:
        execution, model, now = self.pick(data)
        task = data.draw(st.sampled_from(self.definition.tasks)).id
        allowed = task in model.queue(now)
        try:
            self.sandbox.end_task(execution, task, outcome)
        except InvalidTransition:
            assert not allowed
        else:
            assert allowed
            model.steps.append((self.latest(model, now), task, outcome))

    @precondition(lambda self: self.models)
    @rule(data=st.data(), to_end=st.booleans())
    def advance(self, data: st.DataObject, to_end: bool) -> None:
        execution, model, now = self.pick(data)
        if not model.queue(now):
            return
        self.sandbox.advance(execution, to_end=to_end)
        order = [task.id for task in self.definition.tasks]
        while queue := sorted(model.queue(now), key=order.index):
            for id in queue:
                if id in model.queue(now):
                    outcome = self.definition.tasks[order.index(id)].outcome
                    model.steps.append((self.latest(model, now), id, outcome))
            if not to_end:
                return

    @rule(customer=st.sampled_from(CUSTOMERS), times=st.integers(1, 3), after=st.integers(0, 2))
    def add_a_fault(self, customer: str, times: int, after: int) -> None:
        spec: dict[str, Any] = {"matcher": {"customerId": customer}, "status": 503, "times": times, "after": after}
        self.sandbox.faults.add(FaultSpec.model_validate(spec))
        self.faults.insert(0, FaultModel(customer, times, after))

    @rule(customer=st.sampled_from(CUSTOMERS))
    def ask(self, customer: str) -> None:
        injection = self.sandbox.faults.pick(request_of(), Target(None, customer), self.now[customer])
        assert (injection is not None) == any(fault.applies() for fault in self.faults if fault.customer == customer)

    @rule(customer=st.sampled_from(CUSTOMERS))
    def reset(self, customer: str) -> None:
        gone = {execution.id for execution in self.sandbox.executions.for_customer(customer)}
        self.sandbox.reset(customer)
        self.models = {id: model for id, model in self.models.items() if id not in gone}
        self.faults = [fault for fault in self.faults if fault.customer != customer]
        self.sandbox.clock.change(Action.FREEZE, customer, to=self.now[customer])

    @invariant()
    def both_say_the_same(self) -> None:
        assert {execution.id for execution in self.sandbox.executions.for_customer(None)} == self.models.keys()
        assert len(self.sandbox.faults.in_force) == len(self.faults)
        for execution in self.sandbox.executions.for_customer(None):
            progress = execution.progress_at(self.sandbox.clock.now(execution.customer_id))
            shown = {task.id: str(state) for task, state in zip(self.definition.tasks, progress.states, strict=True)}
            assert shown | {"": str(progress.state)} == self.models[execution.id].at(self.now[execution.customer_id])

    def pick(self, data: st.DataObject) -> tuple[Execution, Model, datetime]:
        execution = self.sandbox.executions.get(data.draw(st.sampled_from(sorted(self.models))))
        assert execution is not None
        return execution, self.models[execution.id], self.now[execution.customer_id]

    def latest(self, model: Model, now: datetime) -> datetime:
        """When a step is taken: now, or with the last one if the clock was put back since."""
        return max([now, model.created, *(step[0] for step in model.steps)])


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=10 * EXAMPLES, stateful_step_count=25)
