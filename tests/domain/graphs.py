"""Workflows to be drawn."""

from collections.abc import Callable, Sequence

from hypothesis import strategies as st
from workflow_mock.domain.definition import Edge, Task, WorkflowDefinition, define

from tests.support import WORKFLOW

NAMES = st.text(st.characters() | st.sampled_from("\0\x1b\u202e\ud800\uffff<&>\"'\u0301🎉漢שم"), max_size=40)


def workflow(*edges: str, names: Callable[[str], str] = str, name: str = "Any") -> WorkflowDefinition:
    """Of edges such as `a-b`; a task alone, such as `a`, may come first to have its place."""
    pairs = [edge.split("-") for edge in edges if "-" in edge]
    children = {child for _, child in pairs}
    ids = dict.fromkeys(id for edge in edges for id in edge.split("-"))
    tasks = [Task(id, id, names(id), {}, is_trigger=id not in children) for id in ids]
    return define(WORKFLOW, name, tasks, [Edge(*pair) for pair in pairs])


@st.composite
def workflows(draw: st.DrawFn, names: st.SearchStrategy[str] = NAMES) -> WorkflowDefinition:
    """Tasks in any order, with edges from earlier to later in another order; a trigger may wait for a task too."""
    ids = [str(number) for number in range(draw(st.integers(1, 20)))]
    pairs = [(a, b) for number, a in enumerate(ids) for b in ids[number + 1 :]]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=50)) if pairs else []
    children = {child for _, child in edges}
    also = draw(st.sets(st.sampled_from(ids)))
    tasks = [Task(id, id, draw(names), {}, is_trigger=id not in children or id in also) for id in ids]
    return define(WORKFLOW, draw(names), draw(st.permutations(tasks)), [Edge(*edge) for edge in edges])


def chain(length: int, alone: int = 0) -> Sequence[str]:
    """Edges of so many tasks, one after the other, and tasks that stand alone."""
    return [*(f"{number}-{number + 1}" for number in range(length - 1)), *(f"alone{number}" for number in range(alone))]
