"""The record that a start answers with: contract section 1, "What starting an execution means"."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import WORKFLOW, Server, serving

ORDER = """
workflows:
  - id: 00000000-0000-4000-8000-000000000001
    name: Triggers with parents, written in another order than they run
    tasks:
      - {key: last, isTrigger: true, after: [middle]}
      - {key: middle, after: [first]}
      - {key: first}
      - {key: other, id: 00000000-0000-4000-8000-00000000000A, subjectId: 00000000-0000-4000-8000-00000000000b}
  - id: 00000000-0000-4000-8000-000000000002
    name: For one customer
    customers: [aaaaaaaa-0000-4000-8000-000000000000]
    tasks: [{key: only}]
  - id: 00000000-0000-4000-8000-000000000003
    name: For no customer
    customers: []
    tasks: [{key: only}]
"""


@pytest.fixture(scope="module")
def ordered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    file: Path = tmp_path_factory.mktemp("catalogue") / "order.yaml"
    file.write_text(ORDER)
    with serving("--catalogue", str(file)) as running:
        yield running


def test_the_queue_has_each_trigger_in_topological_order(ordered: Server) -> None:
    record = ordered.start("00000000-0000-4000-8000-000000000001").json()["data"]
    names = {task["id"]: task["name"] for task in record["tasks"]}
    assert list(names.values()) == ["last", "middle", "first", "other"]
    assert [names[entry["taskId"]] for entry in record["executionQueue"]] == ["first", "last", "other"]


def test_a_job_works_on_the_subject_of_its_task(ordered: Server) -> None:
    record = ordered.start("00000000-0000-4000-8000-000000000001").json()["data"]
    assert {
        "taskId": "00000000-0000-4000-8000-00000000000a",
        "jobSubjectId": "00000000-0000-4000-8000-00000000000b",
    } in (record["executionQueue"])
    subjects = {task["id"]: task["subjectId"] for task in record["tasks"]}
    assert all(subjects[entry["taskId"]] == entry["jobSubjectId"] for entry in record["executionQueue"])


def test_the_hierarchy_has_an_edge_for_each_after(ordered: Server) -> None:
    record = ordered.start("00000000-0000-4000-8000-000000000001").json()["data"]
    names = {task["id"]: task["name"] for task in record["tasks"]}
    edges = [(names[edge["parent"]], names[edge["child"]]) for edge in record["tasksHierarchy"]]
    assert edges == [("middle", "last"), ("first", "middle")]


def test_a_workflow_of_some_customers_is_unknown_to_others(ordered: Server) -> None:
    workflow = "00000000-0000-4000-8000-000000000002"
    assert ordered.start(workflow, customer="AAAAAAAA-0000-4000-8000-000000000000").status_code == 200
    refused = ordered.start(workflow)
    assert (refused.status_code, refused.json()["meta"]["errors"][0]["code"]) == (404, "workflow_not_found")


@pytest.mark.parametrize("customer", [None, "AAAAAAAA-0000-4000-8000-000000000000"])
def test_a_workflow_of_no_customer_is_unknown_to_each(ordered: Server, customer: str | None) -> None:
    refused = ordered.start("00000000-0000-4000-8000-000000000003", customer=customer)
    assert (refused.status_code, refused.json()["meta"]["errors"][0]["code"]) == (404, "workflow_not_found")


def test_two_starts_are_two_executions(server: Server, token: str) -> None:
    first, second = (server.start(token=token).json()["data"] for _ in range(2))
    assert first["id"] != second["id"]
    assert first["tasks"] == second["tasks"]


def test_times_are_utc_without_trailing_zeros(server: Server, token: str) -> None:
    for _ in range(20):
        created = server.start(token=token).json()["data"]["created"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,6}[1-9])?Z", created)


def test_the_demo_looks_like_real_work(server: Server, token: str) -> None:
    record = server.start(WORKFLOW, token=token).json()["data"]
    children = [edge["child"] for edge in record["tasksHierarchy"]]
    parents = [edge["parent"] for edge in record["tasksHierarchy"]]
    assert len(record["executionQueue"]) > 1
    assert any(children.count(child) > 1 for child in children), "a join"
    assert any(parents.count(parent) > 1 for parent in parents), "a fan-out"
    assert any(task["parameters"] for task in record["tasks"])


@pytest.mark.parametrize(("number", "tasks"), [("1", 1), ("2", 4), ("3", 200)])
def test_the_demo_has_a_few_other_workflows(server: Server, token: str, number: str, tasks: int) -> None:
    workflow = f"{number * 8}-{number * 4}-4{number * 3}-8{number * 3}-{number * 12}"
    assert len(server.start(workflow, token=token).json()["data"]["tasks"]) == tasks
