"""Catalogue files: what they can say, what people need not say, and where each fault is."""

import json
import os
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from workflow_mock.catalogue.loader import Catalogue, InvalidCatalogue, catalogue_files, demo, read
from workflow_mock.catalogue.schema import json_schema
from workflow_mock.catalogue.yaml_reader import RESOLVERS, ParseError, parse, read_document
from workflow_mock.domain.definition import WorkflowDefinition

from tests.support import DEMO, WORKFLOW


def of(folder: Path, text: str, name: str = "c.yaml") -> Catalogue:
    (folder / name).write_text(text)
    return read([folder / name])


def workflow(folder: Path, text: str) -> WorkflowDefinition:
    (found,) = of(folder, text).workflows
    return found


def faults(folder: Path, text: str, name: str = "c.yaml") -> list[str]:
    with pytest.raises(InvalidCatalogue) as caught:
        of(folder, text, name)
    return [str(fault).removeprefix(str(folder) + "/") for fault in caught.value.problems]


def test_ids_that_are_not_written_are_the_same_each_time(tmp_path: Path) -> None:
    found = workflow(tmp_path, "workflows: [{name: Nightly, tasks: [{key: fetch}]}]")
    assert found.id == "7fd035b6-7a80-5f8c-970a-a053d2ab6cdf"
    assert found.tasks[0].id == "e1260e4c-3a77-5dbf-a466-b0ab1cec6707"
    assert found.tasks[0].subject_id == "0d198463-c11b-593d-adda-b39d397743ba"


def test_a_task_that_waits_for_none_is_a_trigger_unless_it_says_otherwise(tmp_path: Path) -> None:
    found = workflow(
        tmp_path,
        "workflows: [{name: A, tasks: [{key: a}, {key: b, after: [a]}, {key: c, after: [a], isTrigger: true}]}]",
    )
    assert [task.is_trigger for task in found.tasks] == [True, False, True]


def test_after_and_hierarchy_say_the_same_with_keys_and_ids(tmp_path: Path) -> None:
    id = "AAAAAAAA-0000-4000-8000-000000000000"
    text = f"workflows: [{{name: A, tasks: [{{id: {id}}}, {{key: b, after: [{id}]}}, {{key: c}}]"
    found = workflow(tmp_path, f"{text}, tasksHierarchy: [{{parent: b, child: c}}]}}]")
    names = {task.id: task.name for task in found.tasks}
    assert [(names[edge.parent], names[edge.child]) for edge in found.hierarchy] == [("b", "c"), (id.lower(), "b")]


def test_what_looks_like_something_else_in_old_yaml_is_text(tmp_path: Path) -> None:
    text = """
workflows:
  - name: A
    tasks:
      - key: no
        parameters: {date: 2024-01-01, octal: 012, time: 12:30:00, yes: on, n: null, f: 1.5e3, i: -7, t: true}
"""
    (task,) = workflow(tmp_path, text).tasks
    assert task.name == "no"
    assert task.parameters == {
        "date": "2024-01-01",
        "octal": 12,
        "time": "12:30:00",
        "yes": "on",
        "n": None,
        "f": 1500.0,
        "i": -7,
        "t": True,
    }


def test_files_and_folders_merge(tmp_path: Path) -> None:
    (tmp_path / "b.yml").write_text("workflows: [{name: B, tasks: [{key: a}]}]")
    (tmp_path / "a.json").write_text('{"workflows": [{"name": "A", "tasks": [{"key": "a"}]}], "clients": []}')
    (tmp_path / "notes.txt").write_text("not a catalogue")
    found = read([tmp_path])
    assert [definition.name for definition in found.workflows] == ["A", "B"]
    assert found.clients == ()


def test_an_empty_folder_leaves_the_demo_where_that_will_do(tmp_path: Path) -> None:
    assert [w.id for w in read([tmp_path], or_demo=True).workflows] == [w.id for w in demo().workflows]
    with pytest.raises(InvalidCatalogue) as caught:
        read([tmp_path])
    assert caught.value.problems == (f"{tmp_path}: there are no catalogue files in it",)


def test_what_is_no_file_in_a_folder_is_passed_over_but_a_dangling_link_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("workflows: [{name: A, tasks: [{key: a}]}]")
    os.mkfifo(tmp_path / "b.yaml")
    (tmp_path / "c.yaml").mkdir()
    (tmp_path / "d.yaml").symlink_to(tmp_path / "a.yaml")
    assert [file.name for file in catalogue_files([tmp_path])] == ["a.yaml", "d.yaml"]
    (tmp_path / "d.yaml").unlink()
    (tmp_path / "e.yaml").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InvalidCatalogue, match=r"e\.yaml: can't be read"):
        read([tmp_path])


def test_where_no_file_names_clients_the_demo_client_is_there(tmp_path: Path) -> None:
    assert [client.id for client in of(tmp_path, "workflows: []").clients] == ["demo"]


GROWING = "a: &a [x]\n" + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in pairwise("abcdefghi"))

FAULTS = [
    pytest.param(
        "workflows:\n- name: A\n  tasks:\n  - {key: a}\n  - {key: b, aftr: [a]}\n",
        ["c.yaml:5: workflows[0].tasks[1].aftr: is not known here"],
        id="an unknown key",
    ),
    pytest.param(
        "workflows:\n- name: A\n  tasks:\n  - key: fetch\n  - key: b\n    after:\n    - fetsh\n",
        ["c.yaml:7: workflows[0].tasks[1].after[0]: names the unknown task fetsh; did you mean fetch?"],
        id="an unknown task, nearly right",
    ),
    pytest.param(
        "workflows:\n- name: A\n  tasks:\n  - {key: a, after: [b]}\n  - {key: b, after: [a]}\n",
        ["c.yaml:4: workflows[0].tasks[0]: the hierarchy has a cycle: a → b → a"],
        id="a cycle",
    ),
    pytest.param(
        "workflows:\n- name: A\n  tasks: []\n- name: 7\n  tasks: [{key: a, isTrigger: maybe}]\nclients:\n- {id: x}\n",
        [
            "c.yaml:3: workflows[0].tasks: List should have at least 1 item after validation, not 0",
            "c.yaml:4: workflows[1].name: Input should be a valid string",
            "c.yaml:5: workflows[1].tasks[0].isTrigger: Input should be a valid boolean",
            "c.yaml:7: clients[0].secret: Field required",
        ],
        id="several at once",
    ),
    pytest.param(
        "workflows:\n- name: A\n  id: 123\n  tasks: [{key: a}]\n- name: B\n  id: x\n  tasks: [{key: a}]\n",
        [
            "c.yaml:3: workflows[0].id: Input should be a valid string",
            f"c.yaml:6: workflows[1].id: must be a UUID of 36 characters with dashes, such as {WORKFLOW}",
        ],
        id="a bad id",
    ),
    pytest.param(
        "workflows:\n- name: A\n  tasks: [{key: a}]\n- name: A\n  tasks: [{key: a}]\n",
        ["c.yaml:4: workflows[1]: repeats the workflow 3b3696d8-c80e-595e-9b33-2c290eb7ab77 (A)"],
        id="a repeated workflow",
    ),
    pytest.param(
        "clients:\n- {id: a, secret: x}\n- {id: a, secret: y}\n",
        ["c.yaml:3: clients[1].id: repeats the client a"],
        id="a repeated client",
    ),
    pytest.param(
        "clients:\n- {id: a, secret:hush}\n- secret = hush\n",
        [
            "c.yaml:2: clients[0].secret: Field required",
            "c.yaml:2: clients[0].secret: is not known here",
            "c.yaml:3: clients[1]: must be an object",
        ],
        id="a client's secret that is part of a key by a slip",
    ),
    pytest.param(
        "workflows:\n- name: A\n  tasks:\n  - {key: a}\n  - {key: a, id: AAAAAAAA-0000-4000-8000-000000000000}\n",
        ["c.yaml:5: workflows[0].tasks[1].key: repeats the key a"],
        id="a repeated key of a task",
    ),
    pytest.param(
        "workflows:\n- name: A\n  tasks:\n  - {key: a}\n  - {key: a}\n",
        ["c.yaml:5: workflows[0].tasks[1].key: repeats the key a"],
        id="a repeated key of a task without an id",
    ),
    pytest.param(
        "workflows:\n- name: A\n  tasks:\n  - {name: a}\n",
        ["c.yaml:4: workflows[0].tasks[0]: a task needs a key or an id"],
        id="a task without a name",
    ),
    pytest.param(
        "workflows:\n- name: 7\n- name: B\n  tasks: [{key: b, after: [b]}]\nclients: [&c {id: y, secret: y}, *c]",
        [
            "c.yaml:2: workflows[0].name: Input should be a valid string",
            "c.yaml:2: workflows[0].tasks: Field required",
            "c.yaml:4: workflows[1].tasks[0].after[0]: joins the task b to itself",
            "c.yaml:5: clients[1].id: repeats the client y",
        ],
        id="a cycle beside a type error and a repeated client",
    ),
    pytest.param(
        "workflows:\n- {name: A, tasks: [key: a],\n"
        f"   faults: [{{status: 503, matcher: {{workflowId: {WORKFLOW}}}}}]}}",
        ["c.yaml:3: workflows[0].faults[0].matcher.workflowId: is another workflow's"],
        id="a fault of another workflow",
    ),
    pytest.param(
        "workflows:\n- name: A\n  tasks: [{key: a}]\n  faults:\n  - {status: 503}\n"
        + f"  - {{id: {WORKFLOW}, status: 503}}\n" * 2,
        [f"c.yaml:7: workflows[0].faults[2].id: repeats the fault {WORKFLOW}"],
        id="a repeated fault",
    ),
    pytest.param("workflows:\n  " + "[" * 30_000, ["c.yaml:2: is nested too deep"], id="lists in lists of YAML"),
    pytest.param("- " * 30_000, ["c.yaml:1: is nested too deep"], id="lines in lines of YAML"),
    pytest.param("? " * 30_000, ["c.yaml:1: is nested too deep"], id="keys in keys of YAML"),
    pytest.param("a:\n  !!int abc\n", ["c.yaml:2: what is tagged int isn't one"], id="no integer"),
    pytest.param(f"a: !!float '{'[' * 100_000}'", ["c.yaml:1: what is tagged float isn't one"], id="no number"),
    pytest.param("a: !!bool yes", ["c.yaml:1: what is tagged bool isn't one"], id="no boolean"),
    pytest.param("a:\n- 1e999", ["c.yaml:2: a[0] is not a finite number"], id="an infinite number"),
    pytest.param(
        "workflows: []\nworkflows: []\n", ["c.yaml:2: the key 'workflows' is repeated"], id="a repeated key of YAML"
    ),
    pytest.param(
        "a: [\n", ["c.yaml:2: isn't YAML: while parsing a flow node did not find expected node content"], id="no YAML"
    ),
    pytest.param(
        "a: !!python/name:x []\n", ["c.yaml:1: the tag tag:yaml.org,2002:python/name:x isn't known here"], id="a tag"
    ),
    pytest.param("[]", ["c.yaml:1: must be an object"], id="a list"),
]


@pytest.mark.parametrize(("text", "expected"), FAULTS)
def test_a_fault_is_told_with_file_line_and_key(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert faults(tmp_path, text) == expected


@pytest.mark.parametrize(
    "text", [pytest.param("workflows: &a [*a]\n", id="recursive"), pytest.param(GROWING, id="growing")]
)
def test_an_alias_without_end_is_told(tmp_path: Path, text: str) -> None:
    assert "is nested too deep, or grows too large" in faults(tmp_path, text)[0]


def test_problems_over_a_hundred_are_counted(tmp_path: Path) -> None:
    edges = [{"parent": "a", "child": "b"}] * 100_001
    document = {"workflows": [{"name": "A", "tasks": [{"key": "a"}, {"key": "b"}], "tasksHierarchy": edges}]}
    found = faults(tmp_path, json.dumps(document), "c.json")
    assert len(found) == 101
    assert found[-1] == "c.json:1: … and 99900 more"


def test_long_names_get_no_hint(tmp_path: Path) -> None:
    tasks = [{"key": f"{'ab' * 95}{n}", "after": [f"{'ba' * 95}{n}"]} for n in range(1000)]
    found = faults(tmp_path, json.dumps({"workflows": [{"name": "A", "tasks": tasks}]}), "c.json")
    assert not [fault for fault in found if "did you mean" in fault]


GRAPH = """
workflows:
- name: A
  tasks:
  - {key: a, after: [c]}
  - {key: b, after: [a]%s}
  - {key: c, after: [b]}
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GRAPH % ", isTrigger: maybe", ["c.yaml:6: workflows[0].tasks[1].isTrigger: Input should be a valid boolean"]),
        (GRAPH % ", nmae: x", ["c.yaml:6: workflows[0].tasks[1].nmae: is not known here"]),
        (GRAPH % "" + "  - {name: x}\n", ["c.yaml:8: workflows[0].tasks[3]: a task needs a key or an id"]),
        (GRAPH % "" + "  - x\n", ["c.yaml:8: workflows[0].tasks[3]: must be an object"]),
        (GRAPH % "" + "  customers: x\n", ["c.yaml:8: workflows[0].customers: Input should be a valid list"]),
        (
            GRAPH % "" + "  - {key: 7, after: [y]}\n  - {key: d, after: ['7']}\n",
            ["c.yaml:8: workflows[0].tasks[3].key: Input should be a valid string"],
        ),
        (
            GRAPH % "" + "  - {key: d, after: [x]}\n",
            ["c.yaml:8: workflows[0].tasks[3].after[0]: names the unknown task x"],
        ),
    ],
)
def test_a_shape_error_hides_no_cycle_and_brings_none(tmp_path: Path, text: str, expected: list[str]) -> None:
    found = faults(tmp_path, text)
    assert found[:-1] == expected
    assert "the hierarchy has a cycle: " in found[-1]
    assert faults(tmp_path, text.replace("{key: a, after: [c]", "{key: a, after: []")) == expected


def test_paths_beside_a_shape_error_are_those_of_the_file(tmp_path: Path) -> None:
    text = """
workflows:
- name: A
  tasks:
  - {key: a}
  - key: b
    after:
    - 7
    - b
  tasksHierarchy:
  - x
  - {parent: a, child: z}
"""
    assert faults(tmp_path, text) == [
        "c.yaml:8: workflows[0].tasks[1].after[0]: Input should be a valid string",
        "c.yaml:11: workflows[0].tasksHierarchy[0]: must be an object",
        "c.yaml:12: workflows[0].tasksHierarchy[1].child: names the unknown task z",
        "c.yaml:9: workflows[0].tasks[1].after[1]: joins the task b to itself",
    ]


S = "Pa55word77"
YAML_SLIPS = [
    *(
        f"clients:\n- {{id: a, secret: {value}}}\n"
        for value in (
            f"!{S}", f"!{S} x", f"!!{S} x", f"!<{S}> x", f"!{S}!x y", f"!{S} {{}}", f"!{S} []", f"*{S}", f"&{S} [x]",
            f"{{{S}: 1, {S}: 2}}", f"{{{S}: .inf}}", f"{{{S}: 1}}", f"[{S}]", f"%{S}", f"@{S}", f"`{S}", f'"{S}',
            f"{{[{S}]: x}}", f"x, {S}", f"x, {S}: y", f"x, {S}: y, {S}: z", f"x, {S}.z: y", f"x, idle{S}: y",
            f"x, scopes: ['{S} {S}']", f"x, customers: [{S}]", f"x, customers: {{{S}: 1}}", f'"{S}\\q"',
        )
    ),
    f"clients:\n- {{id: a, secret:{S}}}\n",
    f"clients:\n- secret = {S}\n",
    f"clients:\n- id: a\n  secret: {S}: x\n",
    f"clients:\n- id: a\n  secret: |{S}\n",
    f"clients: {S}",
    f"clients: !{S} []",
    f"clients: {{{S}: 1, {S}: 2}}",
    f"clients: {{{S}: .nan}}",
    f"x: &x {{{S}: .nan}}\nclients: [*x]",
    f"x: &x {{y: !{S} z}}\nclients: [*x]",
    f"x: &x !{S} z\nclients: [{{id: a, secret: *x}}]",
    f"x: &x {{{S}: 1, {S}: 1}}\nclients: [*x]",
    f"Clients: [{{id: a, secret: !{S} x}}]",
    f"secret: {{{S}: 1, {S}: 1}}",
]  # fmt: skip
JSON_SLIPS = [
    *(
        f'{{"clients": [{{"id": "a", "secret": {value}}}]}}'
        for value in (
            f'{{"{S}": 1, "{S}": 2}}', f'"x", "{S}": 1, "{S}": 2', f'{{"{S}": 1e999}}', f'{{"{S}": NaN}}', S,
            f'"{S}\\q"', f'"{S}', f'{{"{S}": "\\ud800"}}', f'{{"{S}\\ud800": 1}}', f'"{S}\\ud800"',
            f'{{"{S}": {"[" * 200 + "]" * 200}}}', f'[{{"x": {{"{S}": 1, "{S}": 2}}}}]',
        )
    ),
    f'{{"clients": {{"{S}": 1, "{S}": 2}}}}',
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "name"), [*((text, "c.yaml") for text in YAML_SLIPS), *((text, "c.json") for text in JSON_SLIPS)]
)
def test_nothing_of_a_client_is_in_a_message(tmp_path: Path, text: str, name: str) -> None:
    found = faults(tmp_path, text, name)
    assert found
    assert "Pa55" not in str(found)


def test_the_tag_or_key_of_a_workflow_is_told(tmp_path: Path) -> None:
    twice = "workflows: []\nclients: []\nworkflows: []"
    assert faults(tmp_path, twice) == ["c.yaml:3: the key 'workflows' is repeated"]
    assert faults(tmp_path, "workflows: !x []") == ["c.yaml:1: the tag !x isn't known here"]
    assert faults(tmp_path, "workflows:\n- name: A\n  name: B\n") == ["c.yaml:3: the key 'name' is repeated"]
    text = '{"workflows": [{"name": "A", "name": "B"}]}'
    assert faults(tmp_path, text, "c.json") == ["c.json: isn't JSON: the key 'name' is repeated"]


def test_numbers_are_those_of_the_core_schema() -> None:
    text = "[+1, -0, 010, 0o17, 0x1F, .5, -.5, 1., 1.e2, +1.5E-1, 1_000, 0b1, 0o8, 0xg, 1:30, '1', +, ., -]"
    numbers = [1, 0, 10, 15, 31, 0.5, -0.5, 1.0, 100.0, 0.15]
    found = parse(text, is_json=False)
    assert found == [*numbers, "1_000", "0b1", "0o8", "0xg", "1:30", "1", "+", ".", "-"]
    assert [type(value) for value in found[:10]] == [type(number) for number in numbers]


@pytest.mark.parametrize("text", [".inf", "-.INF", "+.Inf", ".nan", ".NaN", "0x" + "f" * 5000, "9" * 5000])
def test_a_number_that_json_has_not_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parse(f"a: {text}", is_json=False)


def test_an_alias_is_a_copy_with_lines_of_its_own() -> None:
    found = read_document("a: &a\n  - x\n  - {y: 1}\nb: *a\n&k c: *k\n", is_json=False)
    assert found.value == {"a": ["x", {"y": 1}], "b": ["x", {"y": 1}], "c": "c"}
    assert found.value["a"] is not found.value["b"]
    paths: list[tuple[str | int, ...]] = [("a",), ("b",), ("a", 1, "y"), ("b", 1, "y"), ("b", 7, "z"), ("c",), ()]
    assert [found.line(path) for path in paths] == [1, 4, 3, 3, 4, 5, 1]


def test_a_key_that_repeats_at_the_end_of_many_is_told(tmp_path: Path) -> None:
    text = json.dumps({f"k{n}": 1 for n in range(200_000)})[:-1] + ', "k199999": 1}'
    assert faults(tmp_path, text, "c.json") == ["c.json: isn't JSON: the key 'k199999' is repeated"]


def test_few_of_many_unknown_references_get_a_hint(tmp_path: Path) -> None:
    tasks = [{"key": f"task-{n}", "after": [f"tusk-{n - 1}"] if n else []} for n in range(1000)]
    found = faults(tmp_path, json.dumps({"workflows": [{"name": "A", "tasks": tasks}]}), "c.json")
    assert ["did you mean" in fault for fault in found] == [True] * 3 + [False] * 98
    assert found[-1].endswith(": … and 899 more")


def test_the_lines_of_json_are_told_too(tmp_path: Path) -> None:
    text = '{\n\t"workflows": [\n\t\t{"name": "A",\n\t\t "tasks": [{"key": "a", "after": ["b"]}]}]}'
    assert faults(tmp_path, text, "c.json") == ["c.json:4: workflows[0].tasks[0].after[0]: names the unknown task b"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"workflows": [}', "c.json:1: isn't JSON: Expecting value, column 16"),
        ('{"clients": [], "clients": []}', "c.json: isn't JSON: the key 'clients' is repeated"),
        ('{"workflows": NaN}', "c.json: isn't JSON: NaN is not a JSON number"),
        ("[" * 100_000, "c.json: is nested too deep"),
    ],
)
def test_what_is_not_json_is_told(tmp_path: Path, text: str, fault: str) -> None:
    assert faults(tmp_path, text, "c.json") == [fault]


def test_a_file_that_can_not_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidCatalogue, match=r"c\.yaml: can't be read"):
        read([tmp_path / "c.yaml"])


in_yaml_and_json = pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("c.yaml", "workflows: [{name: Ä, tasks: [{key: a}]}]", id="YAML"),
        pytest.param("c.json", '{"workflows": [{"name": "Ä", "tasks": [{"key": "a"}]}]}', id="JSON"),
    ],
)


@in_yaml_and_json
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_in_unicode_is_read(tmp_path: Path, codec: str, name: str, text: str) -> None:
    (tmp_path / name).write_bytes(text.encode(codec))
    assert [workflow.name for workflow in read([tmp_path]).workflows] == ["Ä"]


@in_yaml_and_json
@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32", "latin-1"])
def test_of_a_file_in_another_coding_it_is_told_how_to_save_it(
    tmp_path: Path, codec: str, name: str, text: str
) -> None:
    (tmp_path / name).write_bytes(text.encode(codec))
    with pytest.raises(InvalidCatalogue, match="save it as UTF-8"):
        read([tmp_path])


def test_a_name_with_a_dot_in_front_is_nobodys_and_a_suffix_has_any_case(tmp_path: Path) -> None:
    (tmp_path / "._a.yaml").write_bytes(b"\0\5\26\7")
    (tmp_path / ".#a.yaml").symlink_to("me@host.1234:1700000000")
    for name in ("a.YAML", "b.Yml"):
        (tmp_path / name).write_text(f"workflows: [{{name: {name}, tasks: [{{key: a}}]}}]")
    (tmp_path / "c.JSON").write_text('{"workflows": [{"name": "c", "tasks": [{"key":\t"a"}]}]}')
    assert [workflow.name for workflow in read([tmp_path]).workflows] == ["a.YAML", "b.Yml", "c"]


def test_the_schema_accepts_the_demo_and_refuses_a_slip() -> None:
    document = yaml.safe_load(DEMO.read_text())
    validator = jsonschema.Draft202012Validator(json_schema())
    validator.check_schema(json_schema())
    validator.validate(document)
    document["workflows"][0]["task"] = []
    assert not validator.is_valid(document)


@given(st.text(max_size=200) | st.text("workflows:[]{}name\n -&*!|>'\"#,", max_size=200), st.booleans())
def test_any_text_is_read_or_refused(text: str, is_json: bool) -> None:
    with suppress(ParseError):
        json.dumps(parse(text, is_json=is_json))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


class Dumper(yaml.SafeDumper):
    """Writes what YAML 1.2 takes for a number, such as 0E0, in quotes where it is a string; PyYAML's own is for 1.1."""

    yaml_implicit_resolvers = RESOLVERS


@example("0E0")
@given(JSON)
def test_yaml_and_json_of_one_value_are_read_as_that_value(value: object) -> None:
    assert parse(json.dumps(value), is_json=True) == value
    assert parse(yaml.dump(value, Dumper=Dumper, allow_unicode=True), is_json=False) == value


@given(st.data())
def test_a_catalogue_with_one_value_replaced_is_read_or_its_faults_are_told(data: st.DataObject) -> None:
    document = yaml.safe_load(DEMO.read_text())
    place: Any = document
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(JSON)
    with TemporaryDirectory() as folder:
        try:
            found = of(Path(folder), json.dumps(document), "c.json")
        except InvalidCatalogue as error:
            told = str(error).splitlines()
        else:
            assert all(definition.triggers for definition in found.workflows)
            return
        assert told
        assert all(line.startswith(f"{folder}/c.json:") for line in told)
