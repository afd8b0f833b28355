"""The graph of a workflow, or of an execution at a moment, as SVG.

Elements have classes for a page's stylesheet. Their colours are attributes, which any stylesheet overrules, on a ground
of their own, so that they read in a light page and in a dark one. There is no style, script, id or address: several
graphs can stand in one page with a strict Content-Security-Policy.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import accumulate, pairwise, takewhile
from string import ascii_uppercase
from unicodedata import bidirectional, category, east_asian_width

from workflow_mock.domain.definition import Outcome, Task, WorkflowDefinition
from workflow_mock.domain.execution import Execution, State, View
from workflow_mock.domain.layout import BOX_HEIGHT, BOX_WIDTH, Point, layout
from workflow_mock.formats import short_duration, timestamp

_MARGIN = 24
_HEADING = 116
"""The height of what stands above the graph."""
_MIN_WIDTH = 480
"""Of a drawing, for what stands above."""
_PADDING = 6

_MAX_CHARACTERS = 200
"""Of a name, in what is shown of the whole."""

_PLAIN = 'fill="#eef2f6" stroke="#6e7781"'
_DASHED = 'stroke-dasharray="5 4"'
_BOX_OF: Mapping[State | None, str] = {
    None: _PLAIN,
    State.WAITING: _PLAIN,
    State.QUEUED: 'fill="#fff3cd" stroke="#b7791f"',
    State.RUNNING: 'fill="#dbeafe" stroke="#2563a8"',
    State.COMPLETED: 'fill="#d9f2e0" stroke="#2e8548"',
    State.FAILED: 'fill="#fde0dd" stroke="#c93a31"',
    State.SKIPPED: f'fill="#ffffff" stroke="#6e7781" {_DASHED}',
}
_EDGE_OF: Mapping[State | None, str] = {State.COMPLETED: ' stroke="#2e8548"', State.SKIPPED: f" {_DASHED}"}

_EMS = dict.fromkeys(map(chr, range(128)), 0.66)
_EMS |= dict.fromkeys(" !'(),./:;[\\]`fijlrt|", 0.4)
_EMS |= dict.fromkeys(f"{ascii_uppercase}#&+<=>w~", 0.84)
_EMS |= dict.fromkeys("%@MWm", 1.0)

_UNWRITABLE = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF), "\ufffd")
_UNWRITABLE |= dict.fromkeys(map(ord, "\t\n\r\u2028\u2029"), " ")
_UNWRITABLE |= dict.fromkeys((0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)), "")
"""Characters that XML can't have, that break a line, or that turn the text around them."""


def workflow_svg(definition: WorkflowDefinition) -> str:
    """Draw a workflow: each task, and how it gets done. Raises GraphTooLarge."""
    counts = (
        (len(definition.tasks), "task"),
        (len(definition.triggers), "trigger"),
        (len(definition.hierarchy), "edge"),
    )
    captions = [
        ", ".join(f"{count:,} {name}{'s' * (count != 1)}" for count, name in counts),
        f"workflow {definition.id}",
    ]
    return "\n".join(_drawing(definition, captions, None))


def execution_svg(execution: Execution, view: View) -> str:
    """Draw an execution: each task, and its state at the moment of the view. Raises GraphTooLarge."""
    counts = Counter(view.states)
    captions = [
        f"{view.state}, as of {timestamp(view.time)}: "
        + ", ".join(f"{counts[state]:,} {state}" for state in State if counts[state]),
        f"execution {execution.id}",
    ]
    return "\n".join(_drawing(execution.definition, captions, view.states))


def _drawing(definition: WorkflowDefinition, captions: Sequence[str], states: Sequence[State] | None) -> Iterator[str]:
    placed = layout(definition)
    width = max(placed.width + 2 * _MARGIN, _MIN_WIDTH)
    height = placed.height + _HEADING + _MARGIN
    name = _clean(definition.name) or definition.id
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="workflow-graph" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="graphics-document" font-family="system-ui, sans-serif" font-size="14">'
    )
    yield f"<title>{escape(name)}</title><desc>{escape('; '.join(captions))}</desc>"
    yield f'<rect class="background" width="{width}" height="{height}" rx="12" fill="#ffffff"/>'
    yield from _heading(name, captions, width - 2 * _MARGIN)
    move = f'transform="translate({_MARGIN} {_HEADING})"'
    yield f'<g class="edges" {move} fill="none" stroke="#6e7781" stroke-width="1.5">'
    for edge, route in zip(definition.hierarchy, placed.routes, strict=True):
        state = None if states is None else _state_of_edge(*(states[definition.index[end]] for end in edge))
        yield f'<path class="{_classes("edge", state)}" d="{_path(route)}"{_EDGE_OF.get(state, "")}/>'
    yield f'</g><g class="tasks" {move} fill="#1c2024" text-anchor="middle">'
    for index, (task, box) in enumerate(zip(definition.tasks, placed.boxes, strict=True)):
        yield _task(task, box, None if states is None else states[index])
    yield "</g></svg>\n"


def _heading(name: str, captions: Sequence[str], width: int) -> Iterator[str]:
    shown = _fitted(name, width, 20)
    yield f'<text class="name" x="{_MARGIN}" y="42" font-size="20" font-weight="600" fill="#1c2024">{shown}</text>'
    for y, caption in enumerate(captions):
        shown = _fitted(caption, width, 13)
        yield f'<text class="caption" x="{_MARGIN}" y="{64 + 22 * y}" font-size="13" fill="#57606a">{shown}</text>'


def _task(task: Task, box: Point, state: State | None) -> str:
    name = _clean(task.name) or task.id
    word = state or _progression(task)
    if task.is_trigger:
        word = f"trigger · {word}"
    classes = _classes("task", "trigger" if task.is_trigger else None, state)
    radius = BOX_HEIGHT // 2 if task.is_trigger else 6
    room = BOX_WIDTH - 2 * _PADDING
    direction = ' direction="rtl"' if _is_right_to_left(name) else ""
    # The inner <svg> cuts off what a font makes wider or higher than it should be.
    return (
        f'<g class="{classes}" data-task-id="{escape(task.id)}" transform="translate({box.x} {box.y})" '
        f'role="graphics-symbol"><title>{escape(name)}: {word}</title>'
        f'<rect width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="{radius}" stroke-width="1.5" {_BOX_OF[state]}/>'
        f'<svg x="{_PADDING}" width="{room}" height="27">'
        f'<text class="name" x="{room // 2}" y="20"{direction}>{_fitted(name, room, 14)}</text></svg>'
        f'<text class="state" x="{BOX_WIDTH // 2}" y="38" font-size="12">{word}</text></g>'
    )


def _state_of_edge(parent: State, child: State) -> State | None:
    """Completed where it was gone along, skipped where it won't be."""
    if State.SKIPPED in (parent, child) or parent is State.FAILED:
        return State.SKIPPED
    return State.COMPLETED if parent is State.COMPLETED else None


def _classes(*names: str | None) -> str:
    return " ".join(name for name in names if name)


def _progression(task: Task) -> str:
    """How a task gets done, in words."""
    how = short_duration(task.duration) if task.duration is not None else str(task.progression)
    return f"{how}, fails" if task.outcome is Outcome.FAIL else how


def _path(route: Sequence[Point]) -> str:
    """A line along the points, which bends where they rise or fall, and an arrow head at its end."""
    parts = [f"M{route[0].x} {route[0].y}"]
    for begin, end in pairwise(route):
        if begin.y == end.y:
            parts.append(f"H{end.x}")
        else:
            middle = (begin.x + end.x) // 2
            parts.append(f"C{middle} {begin.y} {middle} {end.y} {end.x} {end.y}")
    x, y = route[-1]
    return "".join([*parts, f"M{x - 7} {y - 4}L{x - 1} {y}L{x - 7} {y + 4}"])


def _clean(text: str) -> str:
    """A text as XML can have it, on one line, of 200 characters at most."""
    clean = " ".join(text[:_MAX_CHARACTERS].translate(_UNWRITABLE).split())
    return clean if len(text) <= _MAX_CHARACTERS else f"{clean}…"


def _fitted(text: str, width: int, size: int) -> str:
    """A text escaped, and cut where it would be wider than this in a common font of this size."""
    room = width / size
    ends = list(takewhile(lambda end: end <= room, accumulate(map(_ems, text))))
    if len(ends) == len(text):
        return escape(text)
    kept = bisect_right(ends, room - _ems("…"))
    while kept and not _ems(text[kept]):  # an accent, whose letter goes too
        kept -= 1
    return escape(f"{text[:kept].rstrip()}…")


def _ems(character: str) -> float:
    """The width of a character, by the font's size; of common fonts, the widest."""
    if character.isascii():
        return _EMS[character]
    if category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 1.1 if east_asian_width(character) in "FW" else 0.8 if character != "…" else 1


def _is_right_to_left(text: str) -> bool:
    """By its first letter that has a direction (Unicode, UAX 9, P2 and P3)."""
    return next(filter({"L", "R", "AL"}.__contains__, map(bidirectional, text)), "L") != "L"
