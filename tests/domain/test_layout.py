"""A workflow's graph: every task and every edge once, from left to right, nothing over anything else."""

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from workflow_mock.catalogue import loader
from workflow_mock.domain.definition import WorkflowDefinition
from workflow_mock.domain.layout import BOX_HEIGHT, BOX_WIDTH, GAP, MAX_PARTS, GraphTooLarge, Layout, Point, layout

from tests.domain.graphs import chain, workflow, workflows

DEMO = loader.demo().workflows
LARGE = DEMO[-1]


def overlap(one: Point, other: Point) -> bool:
    return abs(one.x - other.x) < BOX_WIDTH and abs(one.y - other.y) < BOX_HEIGHT


def passes_through(route: list[Point], box: Point) -> bool:
    """Whether some part of it has a point inside; a bend stays in the rectangle between its ends."""
    return any(
        min(a.x, b.x) < box.x + BOX_WIDTH
        and max(a.x, b.x) > box.x
        and min(a.y, b.y) < box.y + BOX_HEIGHT
        and max(a.y, b.y) > box.y
        for a, b in pairwise(route)
    )


def check(definition: WorkflowDefinition, drawn: Layout) -> None:
    boxes = dict(zip(definition.index, drawn.boxes, strict=True))
    assert not any(overlap(*pair) for pair in combinations(drawn.boxes, 2))
    assert min(box.x for box in drawn.boxes) == 0
    for box in drawn.boxes:
        assert 0 <= box.x <= drawn.width - BOX_WIDTH
        assert 0 <= box.y <= drawn.height - BOX_HEIGHT
    for (parent, child), route in zip(definition.hierarchy, drawn.routes, strict=True):
        begin, end = boxes[parent], boxes[child]
        assert route[0] == (begin.x + BOX_WIDTH, begin.y + BOX_HEIGHT // 2)
        assert route[-1] == (end.x, end.y + BOX_HEIGHT // 2)
        assert all(one.x < other.x for one, other in pairwise(route))
        assert all(0 <= y <= drawn.height for _, y in route)
        assert not any(passes_through(list(route), box) for box in drawn.boxes)


@given(workflows(names=st.just("x")))
def test_tasks_and_edges_go_from_left_to_right_and_lie_over_nothing(definition: WorkflowDefinition) -> None:
    check(definition, layout(definition))
    assert layout(definition) == layout(definition)


@pytest.mark.parametrize("definition", DEMO, ids=[each.name for each in DEMO])
def test_the_demo_is_drawn(definition: WorkflowDefinition) -> None:
    check(definition, layout(definition))


def test_what_waits_for_nothing_is_at_the_left() -> None:
    definition = workflow("a-c", "b-d", "c-d")
    assert [box.x == 0 for box in layout(definition).boxes] == [
        not any(child == task.id for _, child in definition.hierarchy) for task in definition.tasks
    ]


def test_a_task_is_right_of_the_longest_way_to_it() -> None:
    a, b, c, d = (box.x for box in layout(workflow("a-b", "b-c", "c-d", "a-d")).boxes)
    assert a < b < c < d


def test_lanes_are_straight() -> None:
    drawn = layout(LARGE)
    assert all(len({y for _, y in route}) == 1 for route in drawn.routes)
    assert drawn.height == 20 * BOX_HEIGHT + 19 * GAP


def test_a_fork_and_its_join_are_even() -> None:
    fork, one, other, join = layout(workflow("a-b", "a-c", "b-d", "c-d")).boxes
    assert fork.y == join.y == (one.y + other.y) / 2


def test_lines_that_need_not_cross_do_not() -> None:
    """a, b and c stand in the order in which they are written, what waits for them in another."""
    drawn = layout(workflow("a", "b", "c", "f", "e", "d", "a-d", "b-e", "c-f"))
    assert all(len({y for _, y in route}) == 1 for route in drawn.routes)


def test_a_long_edge_goes_around_what_it_passes_in_a_straight_line() -> None:
    definition = workflow("a-b", "b-c", "c-d", "d-e", "a-e")
    (_, *passed, _) = layout(definition).routes[-1]
    assert len(passed) == 6
    assert len({y for _, y in passed}) == 1


def test_at_the_limit_it_is_drawn_and_one_over_it_refused() -> None:
    """Half of the parts are tasks, half the steps from one to the next."""
    length = MAX_PARTS // 2
    assert len(layout(workflow(*chain(length, alone=1))).boxes) == length + 1
    with pytest.raises(GraphTooLarge, match=r"10,002 tasks, and 9,999 edges .* over 20,000 parts"):
        layout(workflow(*chain(length, alone=2)))


def test_long_edges_count_too() -> None:
    """So few tasks and edges, and 166,650 steps from column to column."""
    many = [f"{a}-{b}" for a, b in combinations(range(100), 2)]
    with pytest.raises(GraphTooLarge, match="100 tasks, and 4,950 edges"):
        layout(workflow(*many))
