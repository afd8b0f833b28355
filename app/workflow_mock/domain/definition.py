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

Path = tuple[str | int, ...]
"""Where something stands in a document: `("tasks", 3, "id")`."""


class Fault(NamedTuple):
    """What is wrong with a document, and where."""

    path: Path
    message: str

    def __str__(self) -> str:
        return f"{show_path(self.path)}: {self.message}" if self.path else self.message


def show_path(path: Path) -> str:
    """`("workflows", 0, "tasks", 3)` as people write it: `workflows[0].tasks[3]`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


class InvalidDefinition(ValueError):
    """A definition can't be used; `faults` says why, all of it at once, each with its place in the definition."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(str(fault) for fault in faults))
        self.faults = tuple(faults)


class Progression(StrEnum):
    """How a queued task gets done: by a call of the control plane, at once, or when its time has passed."""

    MANUAL = "manual"
    IMMEDIATE = "immediate"
    TIMED = "timed"


class Outcome(StrEnum):
    COMPLETE = "complete"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, eq=False)
class Task:
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
    """The places of the tasks in topological order; of those that could come next, the first in `tasks` does."""

    def serves(self, customer_id: str) -> bool:
        return self.customers is None or customer_id in self.customers

    @cached_property
    def triggers(self) -> tuple[Task, ...]:
        """The initial execution queue."""
        return tuple(self.tasks[place] for place in self.order if self.tasks[place].is_trigger)

    @cached_property
    def first_due(self) -> timedelta:
        """How long after a start the first of its triggers may end by itself."""
        waits = (task.duration or timedelta(0) for task in self.triggers if task.progression is not Progression.MANUAL)
        return min(waits, default=timedelta.max)

    @cached_property
    def index(self) -> Mapping[str, int]:
        """The place in `tasks` of each task id."""
        return {task.id: place for place, task in enumerate(self.tasks)}

    @cached_property
    def rank(self) -> Mapping[int, int]:
        """For each place in `tasks`, its place in the topological order."""
        return {place: rank for rank, place in enumerate(self.order)}

    @cached_property
    def children(self) -> Sequence[Sequence[int]]:
        """For each place in `tasks`, the places of the tasks that wait for it."""
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

    `edge_paths` gives the place of each edge where it isn't `tasksHierarchy[i]`, and `labels` what people call each
    task where it isn't its id; both are for messages only.

    Raises InvalidDefinition with every fault found.
    """
    labels = labels or [task.id for task in tasks]
    faults: list[Fault] = []
    index: dict[str, int] = {}
    for place, task in enumerate(tasks):
        if (first := index.setdefault(task.id, place)) != place:
            faults.append(Fault(("tasks", place, "id"), f"repeats the id {task.id} of tasks[{first}]"))
    parents: list[list[int]] = [[] for _ in tasks]
    seen: set[Edge] = set()
    for number, edge in enumerate(hierarchy):
        path = edge_paths[number] if edge_paths else ("tasksHierarchy", number)
        parent, child = index.get(edge.parent), index.get(edge.child)
        if parent is None or child is None:
            unknown = edge.parent if parent is None else edge.child
            faults.append(Fault(path, f"names the unknown task {unknown}"))
        elif parent == child:
            faults.append(Fault(path, f"joins the task {labels[parent]} to itself"))
        elif edge in seen:
            faults.append(Fault(path, f"repeats the edge {labels[parent]} → {labels[child]}"))
        else:
            seen.add(edge)
            parents[child].append(parent)
    if faults:
        raise InvalidDefinition(faults)

    order = _topological_order(parents, labels)
    reached = [task.is_trigger for task in tasks]
    if not any(reached):
        raise InvalidDefinition([Fault(("tasks",), "no task is a trigger: give at least one task isTrigger: true")])
    for place in order:
        reached[place] |= any(reached[parent] for parent in parents[place])
    unreached = [place for place, is_reached in enumerate(reached) if not is_reached]
    if unreached:
        message = "the task {} can't be reached from any trigger"
        raise InvalidDefinition([Fault(("tasks", place), message.format(labels[place])) for place in unreached])
    return WorkflowDefinition(id, name, customers, tuple(tasks), tuple(hierarchy), tuple(order))


def _topological_order(parents: Sequence[Sequence[int]], labels: Sequence[str]) -> list[int]:
    sorter = TopologicalSorter(dict(enumerate(parents)))
    try:
        sorter.prepare()
    except CycleError as error:
        cycle: list[int] = error.args[1]
        message = "the hierarchy has a cycle: " + " → ".join(labels[place] for place in cycle)
        raise InvalidDefinition([Fault(("tasks", cycle[-1]), message)]) from None
    order: list[int] = []
    ready: list[int] = []
    while sorter.is_active():
        for released in sorter.get_ready():
            heappush(ready, released)
        order.append(heappop(ready))
        sorter.done(order[-1])
    return order
