"""What a workflow definition must be: contract section 1."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from workflow_mock.domain.definition import Edge, InvalidDefinition, Task, WorkflowDefinition, define

from tests.support import WORKFLOW


def task(id: str, *, trigger: bool = False) -> Task:
    return Task(id=id, subject_id=f"subject-{id}", name=id, parameters={}, is_trigger=trigger)


def defined(tasks: Sequence[Task], *edges: tuple[str, str]) -> WorkflowDefinition:
    return define(WORKFLOW, "Any", tasks, [Edge(*edge) for edge in edges])


def faults(tasks: Sequence[Task], *edges: tuple[str, str]) -> list[str]:
    with pytest.raises(InvalidDefinition) as caught:
        defined(tasks, *edges)
    return [str(fault) for fault in caught.value.problems]


A, B, C = task("a", trigger=True), task("b"), task("c")


def test_a_repeated_task_is_refused() -> None:
    assert faults([A, B, A], ("a", "b")) == ["tasks[2].id: repeats the id a of tasks[0]"]


def test_an_edge_of_an_unknown_task_is_refused() -> None:
    assert faults([A], ("a", "x"), ("y", "a")) == [
        "tasksHierarchy[0]: names the unknown task x",
        "tasksHierarchy[1]: names the unknown task y",
    ]


def test_a_repeated_edge_is_refused() -> None:
    assert faults([A, B], ("a", "b"), ("a", "b")) == ["tasksHierarchy[1]: repeats the edge a → b"]


def test_an_edge_of_a_task_to_itself_is_refused() -> None:
    assert faults([A], ("a", "a")) == ["tasksHierarchy[0]: joins the task a to itself"]


def test_a_cycle_is_shown_whole() -> None:
    (fault,) = faults([A, B, C], ("a", "b"), ("b", "c"), ("c", "b"))
    assert fault in (
        "tasks[1]: the hierarchy has a cycle: b → c → b",
        "tasks[2]: the hierarchy has a cycle: c → b → c",
    )


def test_a_workflow_without_a_trigger_is_refused() -> None:
    assert faults([B, C], ("b", "c"))[0].startswith("tasks: no task is a trigger")


def test_tasks_that_no_trigger_leads_to_are_refused_each() -> None:
    assert faults([A, B, C, task("d")], ("a", "d")) == [
        "tasks[1]: the task b can't be reached from any trigger",
        "tasks[2]: the task c can't be reached from any trigger",
    ]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Task], list[tuple[str, str]]]:
    """Tasks in a random order, some of them triggers, with edges from earlier to later in another random order."""
    names = [str(n) for n in range(draw(st.integers(1, 12)))]
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=30)) if pairs else []
    triggers = draw(st.sets(st.sampled_from(names)))
    return [task(name, trigger=name in triggers) for name in draw(st.permutations(names))], edges


@given(graphs())
def test_the_queue_is_the_triggers_in_the_first_topological_order_there_is(
    graph: tuple[list[Task], list[tuple[str, str]]],
) -> None:
    tasks, edges = graph
    # The naive way: again and again, the first task in `tasks` whose parents are all out.
    order: list[Task] = []
    while len(order) < len(tasks):
        out = {t.id for t in order}
        order.append(next(t for t in tasks if t.id not in out and {p for p, c in edges if c == t.id} <= out))
    reached: set[str] = set()
    for t in order:
        if t.is_trigger or any(p in reached for p, c in edges if c == t.id):
            reached.add(t.id)
    if len(reached) == len(tasks):
        assert defined(tasks, *edges).triggers == tuple(t for t in order if t.is_trigger)
    else:
        messages = faults(tasks, *edges)
        if any(t.is_trigger for t in tasks):
            unreached = [f"tasks[{i}]" for i, t in enumerate(tasks) if t.id not in reached]
            assert [message.partition(":")[0] for message in messages] == unreached


@given(graphs(), st.data())
def test_a_way_back_along_a_path_is_always_found_to_be_a_cycle(
    graph: tuple[list[Task], list[tuple[str, str]]], data: st.DataObject
) -> None:
    tasks, edges = graph
    if edges:
        parent, child = data.draw(st.sampled_from(edges))
        (fault,) = faults(tasks, *edges, (child, parent))
        shown = fault.partition("cycle: ")[2].split(" → ")
        assert shown[0] == shown[-1]
        assert set(pairwise(shown)) <= {*edges, (child, parent)}
