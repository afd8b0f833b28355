"""Executions of a workflow: what a start makes, and what becomes of it.

Time is passed in; nothing here reads a clock. What became of an execution at a time is a function of its definition, of
the steps that were taken, and of that time: no timer runs, and looking changes nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from heapq import heappop, heappush
from typing import NamedTuple

from workflow_mock.domain.definition import Outcome, Progression, Task, WorkflowDefinition
from workflow_mock.formats import timestamp


class State(StrEnum):
    """Of a task. An execution is running, and then completed, or failed if one of its tasks did."""

    WAITING = "waiting"
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"


class Step(NamedTuple):
    """Somebody completed or failed a task."""

    at: datetime
    task_id: str
    outcome: Outcome


class InvalidTransition(ValueError):
    """A step that can't be taken; the message says why."""


class View(NamedTuple):
    """All that is known of an execution at one moment. It stays so while it is written, whatever comes in between."""

    time: datetime
    state: State
    finished: datetime | None
    queue: Sequence[Task]
    """In topological order of the hierarchy, ties in the order of the tasks."""
    states: Sequence[State]
    """Of each task."""
    queued_at: Mapping[int, datetime]
    """By the index of the task."""
    finished_at: Mapping[int, datetime]


class Execution:
    """One start of a workflow by a customer.

    It keeps the definition that it started with, whatever happens to the catalogue afterwards. Until somebody looks it
    is no more than its slots; then `_progress` remembers how far it has been worked out.
    """

    __slots__ = ("_progress", "created", "customer_id", "definition", "id", "number", "steps")

    def __init__(self, id: str, customer_id: str, definition: WorkflowDefinition, created: datetime) -> None:
        self.id = id
        self.customer_id = customer_id
        self.definition = definition
        self.created = created
        self.steps: list[Step] | tuple[()] = ()
        """The steps that were taken, in their order."""
        self.number = 0
        """In the order of all executions, from 1; 0 until it is kept."""
        self._progress: Progress | None = None

    def progress_at(self, now: datetime) -> "Progress":
        """What has become of it by now; a clock that was put back can't undo a step that was taken."""
        now = max(now, self.steps[-1].at if self.steps else self.created)
        if self._progress is None or self._progress.time > now:
            self._progress = Progress(self.definition, self.created)
            for step in self.steps:
                self._progress.run_until(step.at)
                self._progress.finish(self.definition.index[step.task_id], step.outcome)
        self._progress.run_until(now)
        return self._progress

    def view_at(self, now: datetime) -> View:
        """What is shown of it, whoever shows it: a record, a graph."""
        progress = self.progress_at(now)
        return View(
            progress.time,
            progress.state,
            progress.finished,
            progress.queued_tasks(),
            tuple(progress.states),
            dict(progress.queued_at),
            dict(progress.finished_at),
        )

    def status_at(self, now: datetime) -> "tuple[State, datetime | None]":
        """Its state, and when it finished. A list asks thousands: little is worked out, and no more kept than was."""
        if not self.steps and max(now - self.created, timedelta(0)) < self.definition.first_due:
            return State.RUNNING, None
        kept = self._progress
        progress = self.progress_at(now)
        self._progress = kept
        return progress.state, progress.finished

    def end_task(self, task_id: str, outcome: Outcome, now: datetime) -> None:
        """Complete or fail a task in the queue. Raises InvalidTransition, KeyError (no such task)."""
        progress = self.progress_at(now)
        index = self.definition.index[task_id]
        if progress.finished is not None:
            raise InvalidTransition(f"the execution finished at {timestamp(progress.finished)}")
        if index not in progress.queue:
            state = progress.states[index]
            raise InvalidTransition(f"the task is {state}: only a task in the queue can be completed or failed")
        self.steps = self.steps or []
        self.steps.append(Step(progress.time, task_id, outcome))
        progress.finish(index, outcome)
        progress.run_until(progress.time)

    def advance(self, now: datetime, *, to_end: bool) -> None:
        """Give each task in the queue its outcome, once or until none is left. Raises InvalidTransition."""
        if (finished := self.progress_at(now).finished) is not None:
            raise InvalidTransition(f"the execution finished at {timestamp(finished)}")
        while tasks := self.progress_at(now).queued_tasks():
            for task in tasks:
                if self.definition.index[task.id] in self.progress_at(now).queue:
                    self.end_task(task.id, task.outcome, now)
            if not to_end:
                return


class Progress:
    """How far an execution is at a time."""

    def __init__(self, definition: WorkflowDefinition, created: datetime) -> None:
        self.definition = definition
        self.time = created
        self.finished: datetime | None = None
        self.states = [State.WAITING] * len(definition.tasks)
        self.queued_at: dict[int, datetime] = {}
        self.finished_at: dict[int, datetime] = {}
        self.queue: set[int] = set()
        self._due: list[tuple[datetime, int]] = []
        self._waits_for = [0] * len(definition.tasks)
        for children in definition.children:
            for child in children:
                self._waits_for[child] += 1
        for index in definition.order:
            if definition.tasks[index].is_trigger:
                self._enqueue(index)

    @property
    def state(self) -> State:
        """Running until nothing is queued; then failed if a task has failed, else completed."""
        if self.finished is None:
            return State.RUNNING
        return State.FAILED if State.FAILED in self.states else State.COMPLETED

    def queued_tasks(self) -> list[Task]:
        """The execution queue, in topological order of the hierarchy, ties in the order of the tasks."""
        return [self.definition.tasks[index] for index in sorted(self.queue, key=self.definition.rank.__getitem__)]

    def run_until(self, now: datetime) -> None:
        """Let everything happen that is due by now, each at its own time."""
        while self._due and self._due[0][0] <= now:
            self.time, index = heappop(self._due)
            if index in self.queue:
                self.finish(index, self.definition.tasks[index].outcome)
        self.time = now

    def finish(self, index: int, outcome: Outcome) -> None:
        """A task in the queue ends, now: its children may be queued, or all that comes after it is skipped."""
        self.queue.discard(index)
        self.finished_at[index] = self.time
        if outcome is Outcome.COMPLETE:
            self.states[index] = State.COMPLETED
            for child in self.definition.children[index]:
                self._waits_for[child] -= 1
                if self._waits_for[child] == 0 and self.states[child] is State.WAITING:
                    self._enqueue(child)
        else:
            self.states[index] = State.FAILED
            lost = list(self.definition.children[index])
            while lost:
                child = lost.pop()
                if self.states[child] is State.WAITING:
                    self.states[child] = State.SKIPPED
                    lost += self.definition.children[child]
        if not self.queue:
            self.finished = self.time

    def _enqueue(self, index: int) -> None:
        task = self.definition.tasks[index]
        self.states[index] = State.RUNNING if task.duration else State.QUEUED
        self.queue.add(index)
        self.queued_at[index] = self.time
        if task.progression is not Progression.MANUAL:
            heappush(self._due, (self.time + (task.duration or timedelta(0)), index))
