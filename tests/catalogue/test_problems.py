"""Where each problem of a catalogue file is, and what of it is told."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from tests.catalogue.reading import faults
from tests.support import WORKFLOW

GROWING = "a: &a [x]\n" + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in pairwise("abcdefghi"))


FAULTS = [
    pytest.param(
        "workflows:\n- name: A\n  tasks:\n  - {key: a}\n  - {key: b, aftr: [a]}\n",
        ["c.yaml:5: workflows[0].tasks[1].aftr: is not known here; did you mean after?"],
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
            "c.yaml:3: workflows[0].tasks: must have at least 1 item",
            "c.yaml:4: workflows[1].name: must be a string: put it in quotes",
            "c.yaml:5: workflows[1].tasks[0].isTrigger: must be a boolean",
            "c.yaml:7: clients[0].secret: is missing",
        ],
        id="several at once",
    ),
    pytest.param(
        "workflows:\n- name: A\n  id: 123\n  tasks: [{key: a}]\n- name: B\n  id: x\n  tasks: [{key: a}]\n",
        [
            "c.yaml:3: workflows[0].id: must be a string: put it in quotes",
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
            "c.yaml:2: clients[0].secret: is missing",
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
            "c.yaml:2: workflows[0].name: must be a string: put it in quotes",
            "c.yaml:2: workflows[0].tasks: is missing",
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
    pytest.param("", ["c.yaml: is empty: a catalogue has workflows, clients or both"], id="an empty file"),
    pytest.param("# x\n", ["c.yaml: is empty: a catalogue has workflows, clients or both"], id="a comment alone"),
    pytest.param(
        "durations: {a: 3s}\nworkflows:\n- {name: A, progression: timed, tasks: [{key: a, after: b}, {key: b}]}\n",
        [
            "c.yaml:3: workflows[0].tasks[0].after: must be a list",
            "c.yaml:3: workflows[0].progression: is not known here; progression belongs to workflows.tasks",
            "c.yaml:1: durations: is not known here; duration belongs to workflows.tasks",
        ],
        id="keys in a wrong place, and a string for a list",
    ),
    pytest.param(
        "name: A\nsecret: x\nworkflows:\n- {name: A, workflows: [], tasks: [{key: a, status: 503}]}\n",
        [
            "c.yaml:4: workflows[0].tasks[0].status: is not known here; status belongs to workflows.faults",
            "c.yaml:4: workflows[0].workflows: is not known here; workflows belongs to the whole file",
            "c.yaml:1: name: is not known here; name belongs to workflows",
            "c.yaml:2: secret: is not known here; secret belongs to clients",
        ],
        id="keys of every level in a wrong place",
    ),
    pytest.param(
        "clients:\n- {id: a, secret: 12345678}\n",
        ["c.yaml:2: clients[0].secret: must be a string: put it in quotes"],
        id="a secret that is a number",
    ),
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
        (GRAPH % ", isTrigger: maybe", ["c.yaml:6: workflows[0].tasks[1].isTrigger: must be a boolean"]),
        (GRAPH % ", nmae: x", ["c.yaml:6: workflows[0].tasks[1].nmae: is not known here"]),
        (GRAPH % "" + "  - {name: x}\n", ["c.yaml:8: workflows[0].tasks[3]: a task needs a key or an id"]),
        (GRAPH % "" + "  - x\n", ["c.yaml:8: workflows[0].tasks[3]: must be an object"]),
        (GRAPH % "" + "  customers: x\n", ["c.yaml:8: workflows[0].customers: must be a list"]),
        (
            GRAPH % "" + "  - {key: 7, after: [y]}\n  - {key: d, after: ['7']}\n",
            ["c.yaml:8: workflows[0].tasks[3].key: must be a string: put it in quotes"],
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
        "c.yaml:8: workflows[0].tasks[1].after[0]: must be a string: put it in quotes",
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
