"""Workflow definitions, and every check of one.

Source: docs/contract.md, 1.1, "What starting an execution means".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush
from typing import Any, NamedTuple

from workflow_mock.errors import Path, Problem
from workflow_mock.sizes import size_of_json

TASK_BYTES = 512
"""What a task takes in memory beside its name and parameters."""

EDGE_BYTES = 160
"""What an edge of the hierarchy takes."""


class InvalidDefinition(ValueError):
    """A definition can't be used; `problems` says why, all of it at once, each with its index in the definition."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class Progression(StrEnum):
    """How a queued task gets done: by a call of the control plane, at once, or when its time has passed."""

    MANUAL = "manual"
    IMMEDIATE = "immediate"
    TIMED = "timed"


class Outcome(StrEnum):
    """How a task ends."""

    COMPLETE = "complete"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A task of a definition. `duration` goes with TIMED; `outcome` is how it ends unless a call says otherwise."""

    id: str
    subject_id: str
    name: str
    parameters: Mapping[str, Any]
    is_trigger: bool
    progression: Progression = Progression.MANUAL
    duration: timedelta | None = None
    outcome: Outcome = Outcome.COMPLETE


class Edge(NamedTuple):
    """One line of the hierarchy: the child waits for the parent."""

    parent: str
    child: str


@dataclass(frozen=True, eq=False)
class WorkflowDefinition:
    """A checked workflow: `define` is the way to make one.

    `customers` is None where every customer may start it.
    """

    id: str
    name: str
    customers: frozenset[str] | None
    tasks: tuple[Task, ...]
    hierarchy: tuple[Edge, ...]
    order: tuple[int, ...]
    """The indices of the tasks in topological order; of those that could come next, the first in `tasks` does."""
    size: int
    """Bytes that it takes in memory, about."""

    def serves(self, customer_id: str | None) -> bool:
        """Whether this customer may start it."""
        return self.customers is None or customer_id in self.customers

    @cached_property
    def triggers(self) -> tuple[Task, ...]:
        """The initial execution queue."""
        return tuple(self.tasks[index] for index in self.order if self.tasks[index].is_trigger)

    @cached_property
    def first_due(self) -> timedelta:
        """How long after a start the first of its triggers may end by itself."""
        waits = (task.duration or timedelta(0) for task in self.triggers if task.progression is not Progression.MANUAL)
        return min(waits, default=timedelta.max)

    @cached_property
    def derived(self) -> dict[str, Any]:
        """What other layers worked out from it once, by names of theirs: it lives as long as the definition."""
        return {}

    @cached_property
    def index(self) -> Mapping[str, int]:
        """The index in `tasks` of each task id."""
        return {task.id: index for index, task in enumerate(self.tasks)}

    @cached_property
    def rank(self) -> Mapping[int, int]:
        """For each index in `tasks`, its rank in the topological order."""
        return {index: rank for rank, index in enumerate(self.order)}

    @cached_property
    def children(self) -> Sequence[Sequence[int]]:
        """For each index in `tasks`, the indices of the tasks that wait for it."""
        children: list[list[int]] = [[] for _ in self.tasks]
        for parent, child in self.hierarchy:
            children[self.index[parent]].append(self.index[child])
        return children


def define(
    id: str,
    name: str,
    tasks: Sequence[Task],
    hierarchy: Sequence[Edge],
    *,
    customers: frozenset[str] | None = None,
    edge_paths: Sequence[Path] = (),
    labels: Sequence[str] = (),
) -> WorkflowDefinition:
    """Check a workflow and make its definition.

    `edge_paths` gives the path of each edge where it isn't `tasksHierarchy[i]`, and `labels` what people call each
    task where it isn't its id; both are for messages only.

    Raises InvalidDefinition with every problem found.
    """
    labels = labels or [task.id for task in tasks]
    problems: list[Problem] = []
    index_of: dict[str, int] = {}
    for index, task in enumerate(tasks):
        if (first := index_of.setdefault(task.id, index)) != index:
            problems.append(Problem(("tasks", index, "id"), f"repeats the id {task.id} of tasks[{first}]"))
    parents: list[list[int]] = [[] for _ in tasks]
    seen: set[Edge] = set()
    for number, edge in enumerate(hierarchy):
        path = edge_paths[number] if edge_paths else ("tasksHierarchy", number)
        parent, child = index_of.get(edge.parent), index_of.get(edge.child)
        if parent is None or child is None:
            unknown = edge.parent if parent is None else edge.child
            problems.append(Problem(path, f"names the unknown task {unknown}"))
        elif parent == child:
            problems.append(Problem(path, f"joins the task {labels[parent]} to itself"))
        elif edge in seen:
            problems.append(Problem(path, f"repeats the edge {labels[parent]} → {labels[child]}"))
        else:
            seen.add(edge)
            parents[child].append(parent)
    try:
        order = _topological_order(parents, labels)
    except InvalidDefinition as error:
        raise InvalidDefinition([*problems, *error.problems]) from None
    if problems:
        raise InvalidDefinition(problems)
    reached = [task.is_trigger for task in tasks]
    if not any(reached):
        raise InvalidDefinition([Problem(("tasks",), "no task is a trigger: give at least one task isTrigger: true")])
    for index in order:
        reached[index] |= any(reached[parent] for parent in parents[index])
    unreached = [index for index, is_reached in enumerate(reached) if not is_reached]
    if unreached:
        message = "the task {} can't be reached from any trigger"
        raise InvalidDefinition([Problem(("tasks", index), message.format(labels[index])) for index in unreached])
    texts = sum(len(task.name) + size_of_json(task.parameters) for task in tasks)
    size = TASK_BYTES * len(tasks) + EDGE_BYTES * len(hierarchy) + texts
    return WorkflowDefinition(id, name, customers, tuple(tasks), tuple(hierarchy), tuple(order), size)


def _topological_order(parents: Sequence[Sequence[int]], labels: Sequence[str]) -> list[int]:
    sorter = TopologicalSorter(dict(enumerate(parents)))
    try:
        sorter.prepare()
    except CycleError as error:
        cycle: list[int] = error.args[1]
        message = "the hierarchy has a cycle: " + " → ".join(labels[index] for index in cycle)
        raise InvalidDefinition([Problem(("tasks", cycle[-1]), message)]) from None
    order: list[int] = []
    ready: list[int] = []
    while sorter.is_active():
        for released in sorter.get_ready():
            heappush(ready, released)
        order.append(heappop(ready))
        sorter.done(order[-1])
    return order
