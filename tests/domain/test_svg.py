"""The picture of a graph: what it says of each task, whatever the tasks are called."""

import re
from collections.abc import Iterator
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from workflow_mock.catalogue import loader
from workflow_mock.catalogue.schema import WorkflowEntry
from workflow_mock.domain.definition import Outcome, WorkflowDefinition
from workflow_mock.domain.execution import Execution, State
from workflow_mock.domain.svg import execution_svg, workflow_svg

from tests.domain.graphs import workflow, workflows
from tests.state.worlds import BEGIN, CUSTOMER

SVG = "{http://www.w3.org/2000/svg}"
DEMO = loader.demo().workflows
ORDER = DEMO[0]


class Picture:
    """A picture as XML, and what its tasks say."""

    def __init__(self, text: str) -> None:
        self.root = ElementTree.fromstring(text)
        tasks = self.root.findall(f"{SVG}g[@class='tasks']/{SVG}g")
        self.tasks = {each.attrib["data-task-id"]: each for each in tasks}
        assert len(tasks) == len(self.tasks)

    def elements(self) -> Iterator[ElementTree.Element]:
        return self.root.iter()

    def classes(self, id: str) -> list[str]:
        return self.tasks[id].attrib["class"].split()

    def text(self, id: str, kind: str) -> str:
        (found,) = self.tasks[id].findall(f".//{SVG}text[@class='{kind}']")
        return found.text or ""

    def title(self, id: str) -> str:
        return self.tasks[id].findtext(f"{SVG}title") or ""

    def heading(self) -> list[str]:
        return [each.text or "" for each in self.root.findall(f"{SVG}text")]

    def named(self, name: str) -> str:
        """The id of the task with this name."""
        (id,) = (id for id in self.tasks if self.text(id, "name") == name)
        return id


def shown(name: str) -> str:
    """A task's name as its box shows it."""
    return Picture(workflow_svg(workflow("a", names=lambda _: name))).text("a", "name")


def titled(name: str) -> str:
    return Picture(workflow_svg(workflow("a", names=lambda _: name))).title("a")


# What it has


@pytest.mark.parametrize("definition", DEMO, ids=[each.name for each in DEMO])
def test_each_task_and_each_edge_is_there_once(definition: WorkflowDefinition) -> None:
    picture = Picture(workflow_svg(definition))
    assert list(picture.tasks) == [task.id for task in definition.tasks]
    assert [picture.text(task.id, "name") for task in definition.tasks] == [task.name for task in definition.tasks]
    assert len(picture.root.findall(f"{SVG}g[@class='edges']/{SVG}path")) == len(definition.hierarchy)


def test_a_workflow_says_how_its_tasks_get_done_and_which_are_triggers() -> None:
    tasks = [
        {"key": "a"},
        {"key": "b", "after": ["a"], "duration": "PT1H30M"},
        {"key": "c", "after": ["a"], "progression": "immediate", "outcome": "fail"},
        {"key": "d", "after": ["a"], "isTrigger": True, "duration": "200ms", "outcome": "fail"},
    ]
    picture = Picture(workflow_svg(WorkflowEntry.model_validate({"name": "W", "tasks": tasks}).define()))
    words = [picture.text(id, "state") for id in picture.tasks]
    assert words == ["trigger · manual", "1h30m", "immediate, fails", "trigger · 200ms, fails"]
    assert [picture.classes(id) for id in picture.tasks] == [
        ["task", "trigger"],
        ["task"],
        ["task"],
        ["task", "trigger"],
    ]
    assert picture.heading()[:2] == ["W", "4 tasks, 2 triggers, 3 edges"]


def test_an_execution_says_the_state_of_each_task_in_class_and_word_and_when_that_was() -> None:
    execution = Execution("e1", CUSTOMER, ORDER, BEGIN)
    ids = {task.name: task.id for task in ORDER.tasks}
    execution.end_task(ids["Order received"], Outcome.COMPLETE, BEGIN)
    execution.end_task(ids["Check for fraud"], Outcome.FAIL, BEGIN)
    view = execution.view_at(BEGIN + timedelta(seconds=1.5))
    picture = Picture(execution_svg(execution, view))
    for name, state in {
        "Order received": State.COMPLETED,
        "Check for fraud": State.FAILED,
        "Take payment": State.QUEUED,
        "Pick the items": State.WAITING,
        "Hand over to the carrier": State.SKIPPED,
    }.items():
        assert picture.classes(ids[name])[-1] == state
        assert picture.text(ids[name], "state").removeprefix("trigger · ") == state
        assert picture.title(ids[name]).endswith(state)
    assert picture.heading() == [
        "Order fulfilment",
        "running, as of 2030-01-01T00:00:01.5Z: 2 waiting, 2 queued, 1 completed, 1 failed, 3 skipped",
        "execution e1",
    ]


def test_edges_say_which_way_was_gone() -> None:
    execution = Execution("e1", CUSTOMER, workflow("a-c", "b-d", "c-e", "d-e", "a-f", "f-g"), BEGIN)
    execution.end_task("a", Outcome.COMPLETE, BEGIN)
    execution.end_task("b", Outcome.FAIL, BEGIN)
    picture = Picture(execution_svg(execution, execution.view_at(BEGIN)))
    assert [each.attrib["class"] for each in picture.root.findall(f"{SVG}g[@class='edges']/{SVG}path")] == [
        *("edge completed", "edge skipped", "edge skipped", "edge skipped", "edge completed", "edge"),
    ]


# What it may be called


@given(workflows())
def test_whatever_the_names_it_is_a_picture_that_does_nothing(definition: WorkflowDefinition) -> None:
    text = workflow_svg(definition)
    assert text.encode().decode() == text == workflow_svg(definition)
    picture = Picture(text)
    assert picture.tasks.keys() == definition.index.keys()
    assert {each.tag.removeprefix(SVG) for each in picture.elements()} <= {
        *("svg", "g", "title", "desc", "rect", "text", "path"),
    }
    for element in picture.elements():
        assert not {"style", "id", "href"} & element.attrib.keys()
        assert not any(name.startswith("on") for name in element.attrib)
        assert "url(" not in str(element.attrib)


@given(workflows())
def test_all_of_it_is_in_the_picture(definition: WorkflowDefinition) -> None:
    picture = Picture(workflow_svg(definition))
    left, top, width, height = map(int, picture.root.attrib["viewBox"].split())
    assert (left, top, str(width), str(height)) == (0, 0, picture.root.attrib["width"], picture.root.attrib["height"])
    for group in picture.root.findall(f"{SVG}g"):
        dx, dy = moved(group)
        for task in group.findall(f"{SVG}g"):
            (box,) = task.findall(f"{SVG}rect")
            x, y = moved(task)
            assert x + dx > 0
            assert x + dx + int(box.attrib["width"]) < width
            assert y + dy > 0
            assert y + dy + int(box.attrib["height"]) < height
        for edge in group.findall(f"{SVG}path"):
            assert all(0 < int(x) + dx < width for x in re.findall(r"[MLH](\d+)", edge.attrib["d"]))
            assert all(0 < int(y) + dy < height for y in re.findall(r" (\d+)(?=[A-Z]|$)", edge.attrib["d"]))


def moved(element: ElementTree.Element) -> tuple[int, int]:
    found = re.fullmatch(r"translate\((\d+) (\d+)\)", element.attrib["transform"])
    assert found is not None
    return int(found[1]), int(found[2])


@pytest.mark.parametrize(
    ("name", "as_shown"),
    [
        pytest.param("Take payment", "Take payment", id="short"),
        pytest.param("<i>&lt;'\"</i>", "<i>&lt;'\"</i>", id="markup"),
        pytest.param("<script>alert(1)</script>", "<script>alert(1)</scrip…", id="script"),
        pytest.param("]]><!--", "]]><!--", id="ends of XML"),
        pytest.param("a\0\x1b[31mb\x7f\x9f", "a��[31mb��", id="control characters"),
        pytest.param("a\r\n\tb\u2028c  d", "a b c d", id="line breaks"),
        pytest.param("\ud800\uffff", "��", id="no characters"),
        pytest.param("gpj.\u202eexe\u2066", "gpj.exe", id="what turns the text"),
        pytest.param("x" * 1000, f"{'x' * 19}…", id="long"),
        pytest.param("W" * 30, f"{'W' * 13}…", id="wide letters"),
        pytest.param("漢" * 30, f"{'漢' * 11}…", id="wide characters"),
        pytest.param("", "a", id="empty"),
        pytest.param(" \u200e\n", "a", id="nothing to see"),
    ],
)
def test_a_name_is_shown_as_far_as_there_is_room(name: str, as_shown: str) -> None:
    assert shown(name) == as_shown


def test_a_letter_keeps_its_accent() -> None:
    assert shown("e\u0301" * 30).removesuffix("…").replace("e\u0301", "") == ""


@given(st.text(max_size=60))
def test_a_name_that_is_shown_in_part_ends_with_an_ellipsis(name: str) -> None:
    whole = titled(name).removesuffix(": trigger · manual")
    assert shown(name) in (whole, f"{shown(name).removesuffix('…')}…")
    assert whole.startswith(shown(name).removesuffix("…"))


def test_the_title_has_the_whole_name_and_of_a_long_one_the_first_200_characters() -> None:
    assert titled("A name of more characters than there is room for") == (
        "A name of more characters than there is room for: trigger · manual"
    )
    assert titled("x" * 1000) == f"{'x' * 200}…: trigger · manual"


def test_a_name_from_right_to_left_keeps_its_beginning() -> None:
    picture = Picture(workflow_svg(workflow("a", "b", names={"a": "(שלום)", "b": "(hello)"}.__getitem__)))
    directions = [each.attrib.get("direction") for each in picture.root.findall(f".//{SVG}text[@class='name']")[1:]]
    assert directions == ["rtl", None]
