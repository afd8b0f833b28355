"""What catalogue files can say, and what people need not say."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jsonschema
import yaml
from hypothesis import given
from hypothesis import strategies as st
from workflow_mock.catalogue.loader import InvalidCatalogue
from workflow_mock.catalogue.schema import json_schema

from tests.catalogue.reading import of, workflow
from tests.catalogue.test_yaml import JSON
from tests.support import DEMO


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


def test_where_no_file_names_clients_the_demo_client_is_there(tmp_path: Path) -> None:
    assert [client.id for client in of(tmp_path, "workflows: []").clients] == ["demo"]


def test_the_schema_accepts_the_demo_and_refuses_a_slip() -> None:
    document = yaml.safe_load(DEMO.read_text())
    validator = jsonschema.Draft202012Validator(json_schema())
    validator.check_schema(json_schema())
    validator.validate(document)
    document["workflows"][0]["task"] = []
    assert not validator.is_valid(document)


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
