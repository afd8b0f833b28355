"""Where the tasks of a workflow stand in its graph: in columns from left to right, with few crossings and no overlap.

Source: Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of Hierarchical System Structures" (1981). A task's
column is the longest path to it, an edge has a joint in each column that it passes, barycentres order a column.
"""

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from math import floor
from typing import NamedTuple

from workflow_mock.domain.definition import WorkflowDefinition

BOX_WIDTH = 208
BOX_HEIGHT = 48
COLUMN_WIDTH = BOX_WIDTH + 64
GAP = 16
"""Between two neighbours of a column, at least; like all lengths here, in units of the drawing."""

MAX_PARTS = 20_000
"""The tasks of a graph, and the steps of its edges from one column to the next."""

SWEEPS = 8
"""How often the columns are gone through, there and back in turns."""

JOINT_WEIGHT = 8
"""How many tasks a joint outweighs where they want the same place: long edges are straight."""


class GraphTooLarge(ValueError):
    """A workflow has too many parts to be drawn; the message says how many."""


class Point(NamedTuple):
    """A place in a drawing; y goes down."""

    x: int
    y: int


class Layout(NamedTuple):
    """A drawing that goes from (0, 0) to (width, height)."""

    width: int
    height: int
    boxes: Sequence[Point]
    """Of each task, the corner of its box at the top left."""
    routes: Sequence[Sequence[Point]]
    """Of each edge of the hierarchy, its points from the right of the parent's box to the left of the child's."""


def layout(definition: WorkflowDefinition) -> Layout:
    """Lay out a workflow: the same one, the same way. Raises GraphTooLarge for more than 20,000 parts."""
    nodes = _Nodes(definition)
    nodes.reorder()
    nodes.align()
    return nodes.layout()


class _Nodes:
    """The tasks by their indices, and behind them the joints of edges."""

    def __init__(self, definition: WorkflowDefinition) -> None:
        """Raises GraphTooLarge."""
        self._tasks = tasks = len(definition.tasks)
        parts = f"{tasks:,} tasks, and {len(definition.hierarchy):,} edges from column to column"
        too_large = GraphTooLarge(f"{parts}, are over {MAX_PARTS:,} parts")
        if tasks + len(definition.hierarchy) > MAX_PARTS:  # a million edges aren't even looked at
            raise too_large
        self._depth = depth = [0] * tasks
        for index in definition.order:
            for child in definition.children[index]:
                depth[child] = max(depth[child], depth[index] + 1)
        edges = [(definition.index[parent], definition.index[child]) for parent, child in definition.hierarchy]
        steps = sum(depth[child] - depth[parent] for parent, child in edges)
        if tasks + steps > MAX_PARTS:
            raise too_large
        self._columns: list[list[int]] = [[] for _ in range(max(depth) + 1)]
        for index in definition.order:
            self._columns[depth[index]].append(index)
        self._paths = [[parent, *self._joints(parent, child), child] for parent, child in edges]
        self._before: list[list[int]] = [[] for _ in depth]
        self._after: list[list[int]] = [[] for _ in depth]
        for path in self._paths:
            for one, other in pairwise(path):
                self._after[one].append(other)
                self._before[other].append(one)
        self._middle = [0] * len(depth)

    def _joints(self, parent: int, child: int) -> Iterator[int]:
        for depth in range(self._depth[parent] + 1, self._depth[child]):
            joint = len(self._depth)
            self._depth.append(depth)
            self._columns[depth].append(joint)
            yield joint

    def reorder(self) -> None:
        """Order each column by the places of the nodes before, or after, in turns; keep what crosses least."""
        place = [0] * len(self._depth)
        for column in self._columns:
            for index, node in enumerate(column):
                place[node] = index
        best, fewest = [list(column) for column in self._columns], self._crossings(place)
        for number in range(SWEEPS):
            columns, beside = self._sweep(number)
            for column in columns:
                mean = {n: sum(place[each] for each in beside[n]) / len(beside[n]) for n in column if beside[n]}
                column.sort(key=lambda node: mean.get(node, place[node]))
                for index, node in enumerate(column):
                    place[node] = index
            if (crossings := self._crossings(place)) < fewest:
                best, fewest = [list(column) for column in self._columns], crossings
        self._columns = best

    def _crossings(self, place: Sequence[int]) -> int:
        """How often steps between neighbouring columns cross."""
        found = 0
        for column in self._columns:
            ends: list[int] = []
            for node in column:
                places = [place[each] for each in self._after[node]]
                found += sum(len(ends) - bisect_right(ends, end) for end in places)
                for end in places:
                    insort(ends, end)
        return found

    def align(self) -> None:
        """Have each node as near as may be to the middle of those before it, then of those after it, and so on."""
        for column in self._columns:
            self._place(column, [0] * len(column))
        for number in range(SWEEPS + 1):
            columns, beside = self._sweep(number)
            for column in columns:
                near = [sorted(self._middle[each] for each in beside[node] or [node]) for node in column]
                self._place(column, [(each[(len(each) - 1) // 2] + each[len(each) // 2]) / 2 for each in near])

    def _sweep(self, number: int) -> tuple[Iterable[list[int]], Sequence[Sequence[int]]]:
        """The columns on the way there, or back; and for each node those that it has just passed."""
        return (reversed(self._columns), self._after) if number % 2 else (self._columns, self._before)

    def _place(self, column: Sequence[int], wanted: Sequence[float]) -> None:
        """Place a column's nodes where they want to be, by least squares, in their order and with a gap between them.

        Without the gaps this is isotonic regression: neighbours that want to pass each other form a block.
        """
        # The numbers are halves at most, so that no Python rounds a sum otherwise: the same graph is the same bytes.
        blocks: list[tuple[int, float, int]] = []
        """Of each: its nodes, the sum of where they want it to begin, and their weight."""
        offset, offsets = 0, []
        for number, node in enumerate(column):
            offset += self._half(node) + (GAP + self._half(column[number - 1]) if number else 0)
            offsets.append(offset)
            weight = 1 if node < self._tasks else JOINT_WEIGHT
            nodes, total = 1, weight * (wanted[number] - offset)
            while blocks and blocks[-1][1] / blocks[-1][2] >= total / weight:
                more = blocks.pop()
                nodes, total, weight = nodes + more[0], total + more[1], weight + more[2]
            blocks.append((nodes, total, weight))
        begins = [floor(total / weight + 0.5) for nodes, total, weight in blocks for _ in range(nodes)]
        for node, begin, offset in zip(column, begins, offsets, strict=True):
            self._middle[node] = begin + offset

    def _half(self, node: int) -> int:
        return BOX_HEIGHT // 2 if node < self._tasks else 0

    def layout(self) -> Layout:
        """The result, moved to (0, 0)."""
        nodes = range(len(self._depth))
        top = min(self._middle[node] - self._half(node) for node in nodes)
        bottom = max(self._middle[node] + self._half(node) for node in nodes)

        def passed(path: Sequence[int]) -> Iterator[Point]:
            for node in path:
                x, y = COLUMN_WIDTH * self._depth[node], self._middle[node] - top
                if node != path[0]:
                    yield Point(x, y)
                if node != path[-1]:
                    yield Point(x + BOX_WIDTH, y)

        return Layout(
            COLUMN_WIDTH * (len(self._columns) - 1) + BOX_WIDTH,
            bottom - top,
            [
                Point(COLUMN_WIDTH * self._depth[task], self._middle[task] - self._half(task) - top)
                for task in range(self._tasks)
            ],
            [list(passed(path)) for path in self._paths],
        )
