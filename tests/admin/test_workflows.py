"""Workflows: put, shown and deleted over HTTP, and read again when their files change."""

import json
import os
import re
import select
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from workflow_mock.admin.workflows import MAX_TASKS
from workflow_mock.errors import MAX_PROBLEM_CHARACTERS, MAX_PROBLEMS

from tests.support import WORKFLOW, Server, run, serving

MINE = "6f1c5d1e-8a44-4f7e-bf6a-0c1f4c9f1d01"
CUSTOMER, OTHER = "6f1c5d1e-8a44-4f7e-bf6a-0c1f4c9f1d02", "6f1c5d1e-8a44-4f7e-bf6a-0c1f4c9f1d03"
SIMPLE = {"name": "Simple", "tasks": [{"key": "a"}]}


def put(server: Server, workflow: Any, id: str = MINE) -> Any:
    answer = server.http.put(f"/__admin/workflows/{id}", json=workflow)
    assert answer.status_code == 200, answer.text
    return answer.json()


def faults(server: Server, workflow: Any, id: str = MINE) -> list[str]:
    """What is wrong with a workflow, as `place: message`."""
    answer = server.http.put(f"/__admin/workflows/{id}", json=workflow)
    assert answer.status_code == 400, answer.text
    assert answer.json()["meta"]["errors"][0]["code"] == "validation_failed"
    return [f"{fault['property']}: {fault['message']}" for fault in answer.json()["meta"]["validation"]]


def ids(server: Server, **query: str) -> list[str]:
    return [each["id"] for each in server.http.get("/__admin/workflows", params=query).json()["workflows"]]


def names(server: Server, id: str) -> list[str] | None:
    """The names of the tasks that a start of this workflow has, if it can be started."""
    answer = server.start(id)
    return [task["name"] for task in answer.json()["data"]["tasks"]] if answer.status_code == 200 else None


# To put, show and delete


def test_a_workflow_that_was_put_can_be_started_shown_and_deleted(own: Server) -> None:
    assert names(own, MINE) is None
    workflow = put(own, SIMPLE)
    assert ids(own)[-1] == MINE
    assert names(own, MINE) == ["a"]
    assert own.http.get(f"/__admin/workflows/{MINE}").json() == workflow
    assert own.http.delete(f"/__admin/workflows/{MINE}").status_code == 204
    assert names(own, MINE) is None
    assert MINE not in ids(own)
    for method in ("GET", "DELETE"):
        answer = own.http.request(method, f"/__admin/workflows/{MINE}")
        assert (answer.status_code, answer.json()["meta"]["errors"][0]["code"]) == (404, "not_found")


def test_a_workflow_is_shown_with_every_id_written_out_and_can_be_put_again_as_it_is(own: Server) -> None:
    for id in ids(own):
        shown = own.http.get(f"/__admin/workflows/{id}").json()
        before = own.start(id).json()["data"]
        assert put(own, shown, id) == shown
        after = own.start(id).json()["data"]
        assert [after[name] for name in ("tasks", "tasksHierarchy", "executionQueue")] == [
            before[name] for name in ("tasks", "tasksHierarchy", "executionQueue")
        ]


@pytest.mark.parametrize(
    "task",
    [
        {"key": "a", "duration": "0s"},
        {"key": "a", "duration": "PT1.5S", "outcome": "fail"},
        {"key": "a", "progression": "timed", "duration": "2h"},
        {"key": "a", "progression": "immediate", "outcome": "fail"},
        {"key": "a", "progression": "manual"},
        {"id": CUSTOMER, "subjectId": OTHER, "name": "A", "isTrigger": True, "parameters": {"x": [None, {"y": 1e-9}]}},
        {"key": "a" * 200, "name": "\U0001f600\x00"},
    ],
)
def test_every_kind_of_task_is_shown_as_it_was_put(own: Server, task: dict[str, Any]) -> None:
    shown = put(own, {"name": "x", "tasks": [task]})
    assert own.http.get(f"/__admin/workflows/{MINE}").json() == put(own, shown) == shown
    for name in ("progression", "outcome", "parameters", "subjectId", "name"):
        assert name not in task or shown["tasks"][0][name] == task[name]


def test_a_workflow_in_the_place_of_the_catalogues_is_in_force_until_a_reset(own: Server) -> None:
    put(own, SIMPLE, WORKFLOW)
    assert names(own, WORKFLOW) == ["a"]
    assert own.http.delete(f"/__admin/workflows/{WORKFLOW}").status_code == 204
    assert names(own, WORKFLOW) is None
    own.http.post("/__admin/reset")
    assert len(names(own, WORKFLOW) or ()) == 9


def test_what_was_started_keeps_the_definition_that_it_started_with(own: Server) -> None:
    put(own, {"name": "x", "tasks": [{"key": "a"}, {"key": "b", "after": ["a"]}]})
    started = own.start(MINE).json()["data"]
    put(own, SIMPLE)
    own.http.delete(f"/__admin/workflows/{MINE}")
    done = own.http.post(f"/__admin/executions/{started['id']}/advance", json={"to": "next"}).json()
    assert [(task["name"], task["state"]) for task in done["tasks"]] == [("a", "completed"), ("b", "queued")]
    assert done["tasksHierarchy"] == started["tasksHierarchy"]


def test_the_list_can_be_that_of_one_customer(own: Server) -> None:
    put(own, SIMPLE | {"customers": [CUSTOMER.upper()]})
    summary = own.http.get("/__admin/workflows", params={"customerId": CUSTOMER}).json()["workflows"][-1]
    assert summary == {"id": MINE, "name": "Simple", "customers": [CUSTOMER], "tasks": 1}
    assert MINE not in ids(own, customerId=OTHER)
    assert own.start(MINE, customer=CUSTOMER).status_code == 200
    assert own.start(MINE, customer=OTHER).status_code == 404


# A customer's own


def of_customer(server: Server, method: str, id: str, customer: str = CUSTOMER, **request: Any) -> int:
    return server.http.request(
        method, f"/__admin/workflows/{id}", params={"customerId": customer}, **request
    ).status_code


def test_a_workflow_that_is_put_for_a_customer_is_that_customers_until_its_reset(own: Server) -> None:
    assert of_customer(own, "PUT", MINE, json=SIMPLE) == 200
    assert own.http.get(f"/__admin/workflows/{MINE}").json()["customers"] == [CUSTOMER]
    assert own.start(MINE, customer=CUSTOMER).status_code == 200
    assert own.start(MINE, customer=OTHER).status_code == 404
    own.http.post("/__admin/reset", params={"customerId": OTHER})
    assert MINE in ids(own)
    own.http.post("/__admin/reset", params={"customerId": CUSTOMER})
    assert MINE not in ids(own)


def test_the_reset_of_a_customer_leaves_what_others_may_start_too(own: Server) -> None:
    put(own, SIMPLE | {"customers": [CUSTOMER, OTHER]})
    own.http.post("/__admin/reset", params={"customerId": CUSTOMER})
    assert MINE in ids(own)


def test_the_catalogues_workflow_is_back_after_the_reset_of_the_customer_it_was_hidden_for(own: Server) -> None:
    put(own, SIMPLE | {"customers": [CUSTOMER]}, WORKFLOW)
    own.http.post("/__admin/reset", params={"customerId": CUSTOMER})
    assert len(names(own, WORKFLOW) or ()) == 9


def test_a_customer_changes_and_deletes_its_own_alone(own: Server) -> None:
    assert of_customer(own, "PUT", WORKFLOW, json=SIMPLE) == 400
    assert of_customer(own, "DELETE", WORKFLOW) == 404
    assert of_customer(own, "PUT", MINE, json=SIMPLE) == of_customer(own, "PUT", MINE, json=SIMPLE) == 200
    assert of_customer(own, "PUT", MINE, OTHER, json=SIMPLE) == 400
    assert (of_customer(own, "GET", MINE), of_customer(own, "GET", MINE, OTHER)) == (200, 404)
    assert (of_customer(own, "DELETE", MINE, OTHER), of_customer(own, "DELETE", MINE)) == (404, 204)
    assert MINE not in ids(own)


def test_customers_that_are_not_that_of_the_query_are_a_contradiction(own: Server) -> None:
    assert of_customer(own, "PUT", MINE, json=SIMPLE | {"customers": [CUSTOMER.upper()]}) == 200
    assert of_customer(own, "PUT", MINE, json=SIMPLE | {"customers": [OTHER]}) == 400
    assert of_customer(own, "PUT", MINE, json=SIMPLE | {"customers": [CUSTOMER, OTHER]}) == 400


def test_the_id_is_that_of_the_path_in_any_case(own: Server) -> None:
    assert put(own, SIMPLE, MINE.upper())["id"] == MINE
    assert put(own, SIMPLE | {"id": MINE.upper()})["id"] == MINE
    assert faults(own, SIMPLE | {"id": OTHER}) == ["id: is not that of the path"]


@pytest.mark.parametrize("id", ["me", f"{{{MINE}}}", MINE.replace("-", ""), f"urn:uuid:{MINE}"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_an_id_that_is_none_is_refused(server: Server, method: str, id: str) -> None:
    answer = server.http.request(method, f"/__admin/workflows/{id}", json=SIMPLE if method == "PUT" else None)
    assert answer.status_code == 400
    assert [fault["property"] for fault in answer.json()["meta"]["validation"]] == ["workflowId"]


def test_there_are_ten_thousand_workflows_at_most(own: Server) -> None:
    many = [{"name": str(number), "tasks": [{"key": "a"}]} for number in range(10_000)]
    assert own.http.put("/__admin/snapshot", json={"workflows": many}, timeout=60).status_code == 204
    answer = own.http.put(f"/__admin/workflows/{MINE}", json=SIMPLE)
    assert (answer.status_code, answer.json()["meta"]["errors"][0]["code"]) == (503, "limit_reached")
    assert own.start(MINE).status_code == 404
    first = ids(own)[0]
    assert put(own, SIMPLE, first)["name"] == "Simple"
    assert own.http.delete(f"/__admin/workflows/{first}").status_code == 204
    assert put(own, SIMPLE)["id"] == MINE
    too_many = own.http.put("/__admin/snapshot", json={"workflows": [*many, SIMPLE]}, timeout=60)
    assert [fault["property"] for fault in too_many.json()["meta"]["validation"]] == ["workflows"]


def test_there_are_twenty_thousand_tasks_at_most_over_http(own: Server) -> None:
    many = [{"key": str(number)} for number in range(MAX_TASKS + 1)]
    (fault,) = faults(own, {"name": "x", "tasks": many})
    assert fault.startswith("tasks: ")
    assert len(put(own, {"name": "x", "tasks": many[1:]})["tasks"]) == MAX_TASKS


# What is wrong with a definition

BAD: dict[str, dict[str, Any]] = {
    "no name": {"tasks": [{"key": "a"}]},
    "an empty name": {"name": "", "tasks": [{"key": "a"}]},
    "no tasks": {"name": "x"},
    "an empty list of tasks": {"name": "x", "tasks": []},
    "tasks that are no list": {"name": "x", "tasks": {"key": "a"}},
    "a task that is no object": {"name": "x", "tasks": ["a"]},
    "an unknown key": {"name": "x", "task": [], "tasks": [{"key": "a", "aftr": ["b"]}]},
    "a key of another case": {"Name": "x", "tasks": [{"key": "a"}]},
    "a task without a key": {"name": "x", "tasks": [{"name": "a"}, {"key": "b"}]},
    "a key that repeats": {"name": "x", "tasks": [{"key": "a"}, {"key": "a"}]},
    "an id that repeats": {"name": "x", "tasks": [{"id": MINE}, {"id": MINE}]},
    "an id that is none": {"name": "x", "tasks": [{"id": "me"}]},
    "a customer that is none": {"name": "x", "customers": [CUSTOMER, "me"], "tasks": [{"key": "a"}]},
    "an unknown parent": {"name": "x", "tasks": [{"key": "pack"}, {"key": "ship", "after": ["pak"]}]},
    "an unknown child": {"name": "x", "tasks": [{"key": "a"}], "tasksHierarchy": [{"parent": "a", "child": "b"}]},
    "an edge without a child": {"name": "x", "tasks": [{"key": "a"}], "tasksHierarchy": [{"parent": "a"}]},
    "an edge that repeats": {
        "name": "x",
        "tasks": [{"key": "a"}, {"key": "b", "after": ["a", "a"]}],
        "tasksHierarchy": [{"parent": "a", "child": "b"}],
    },
    "a task after itself": {"name": "x", "tasks": [{"key": "a", "after": ["a"]}]},
    "a cycle": {
        "name": "x",
        "tasks": [{"key": "t"}, {"key": "a", "after": ["t", "b"]}, {"key": "b", "after": ["a"]}],
    },
    "no trigger": {"name": "x", "tasks": [{"key": "a", "isTrigger": False}]},
    "a task out of reach": {"name": "x", "tasks": [{"key": "a"}, {"key": "b", "isTrigger": False}]},
    "a trigger that is a word": {"name": "x", "tasks": [{"key": "a", "isTrigger": "yes"}]},
    "a duration that is a number": {"name": "x", "tasks": [{"key": "a", "duration": 5}]},
    "a duration without a unit": {"name": "x", "tasks": [{"key": "a", "duration": "5"}]},
    "a negative duration": {"name": "x", "tasks": [{"key": "a", "duration": "-5s"}]},
    "a duration in other digits": {"name": "x", "tasks": [{"key": "a", "duration": "\u0663s"}]},
    "a duration that overflows": {"name": "x", "tasks": [{"key": "a", "duration": f"PT{'9' * 12}S"}]},
    "a timed task without a duration": {"name": "x", "tasks": [{"key": "a", "progression": "timed"}]},
    "a manual task with a duration": {"name": "x", "tasks": [{"key": "a", "progression": "manual", "duration": "1s"}]},
    "a manual task with an outcome": {"name": "x", "tasks": [{"key": "a", "outcome": "fail"}]},
    "an unknown progression": {"name": "x", "tasks": [{"key": "a", "progression": "slow"}]},
    "an unknown outcome": {"name": "x", "tasks": [{"key": "a", "duration": "1s", "outcome": "lost"}]},
    "parameters that are a list": {"name": "x", "tasks": [{"key": "a", "parameters": []}]},
    "several faults": {"name": 1, "customers": "x", "tasks": [{"key": "a", "x": 1}, {"key": 2, "id": "me"}]},
}  # fmt: skip


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Of each of the bad definitions, what the check command prints, without file, line, and where else a key belongs
    in a file."""
    folder = tmp_path_factory.mktemp("bad")
    for number, workflow in enumerate(BAD.values()):
        (folder / f"{number}.json").write_text(json.dumps({"workflows": [{"id": MINE, **workflow}]}))
    printed = run("check", str(folder))
    assert printed.returncode == 1
    found: dict[str, list[str]] = {what: [] for what in BAD}
    for line in printed.stderr.splitlines():
        file, _, fault = line.partition(": ")
        fault = re.sub("(?<= is not known here); .*", "", fault.removeprefix("workflows[0]."))
        found[list(BAD)[int(Path(file).name.partition(".")[0])]].append(fault)
    return found


@pytest.mark.parametrize("what", BAD)
def test_a_bad_definition_gets_the_faults_that_the_check_command_prints(
    server: Server, checked: dict[str, list[str]], what: str
) -> None:
    assert checked[what]
    assert faults(server, BAD[what]) == checked[what]
    assert server.http.get(f"/__admin/workflows/{MINE}").status_code == 404


MANY = 150
LONG = "x" * 100_000
OF_MANY: dict[str, dict[str, Any]] = {
    "unknown members": {"name": "x", "tasks": [{"key": "a"}]} | {f"m{number}": 0 for number in range(MANY)},
    "unknown members of tasks": {"name": "x", "tasks": [{"key": f"k{number}", "m": 0} for number in range(MANY)]},
    "unknown parents": {"name": "x", "tasks": [{"key": "a", "after": [f"k{number}" for number in range(MANY)]}]},
    "equal edges": {
        "name": "x",
        "tasks": [{"key": "a"}, {"key": "b"}],
        "tasksHierarchy": [{"parent": "a", "child": "b"}] * (MANY + 1),
    },
    "keys that repeat": {"name": "x", "tasks": [{"key": "a"}] * (MANY + 1)},
    "tasks out of reach": {
        "name": "x",
        "tasks": [{"key": "a"}, *({"key": f"k{number}", "isTrigger": False} for number in range(MANY))],
    },
}


@pytest.mark.parametrize("what", OF_MANY)
def test_of_many_faults_both_tell_the_first_and_count_the_rest(server: Server, tmp_path: Path, what: str) -> None:
    found = faults(server, OF_MANY[what])
    assert len(found) == MAX_PROBLEMS + 1
    assert found[-1] == f"body: … and {MANY - MAX_PROBLEMS} more"
    (tmp_path / "a.json").write_text(json.dumps({"workflows": [{"id": MINE, **OF_MANY[what]}]}))
    printed = run("check", str(tmp_path)).stderr.splitlines()
    assert [line.partition(": ")[2].removeprefix("workflows[0].") for line in printed[:-1]] == found[:-1]
    assert printed[-1].endswith(found[-1].removeprefix("body: "))


CYCLE = [{"key": f"{number:>099}", "after": [f"{(number + 1) % 5000:>099}"]} for number in range(5000)]


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "x", "tasks": [{"key": "a", "after": [LONG]}]},
        {"name": "x", "tasks": [{"key": "a", LONG: 0}]},
        {"name": "x", "tasks": [{"key": LONG}]},
        {"name": "x", "tasks": CYCLE},
        {LONG: {LONG: 0}},
    ],
    ids=["an unknown parent", "a member", "a key", "a cycle", "nested members"],
)
def test_a_fault_quotes_no_more_than_people_read(server: Server, entry: dict[str, Any]) -> None:
    for fault in faults(server, entry):
        assert len(fault) < 4 * MAX_PROBLEM_CHARACTERS


@pytest.mark.parametrize(
    ("method", "target"), [("GET", "health"), ("GET", "settings"), ("POST", "reset"), ("GET", "requests")]
)
def test_of_many_unknown_parameters_the_first_are_told(server: Server, method: str, target: str) -> None:
    query = "&".join(f"m{number}=" for number in range(MANY))
    answer = server.http.request(method, f"/__admin/{target}?{query}")
    assert answer.status_code == 400
    assert len(answer.json()["meta"]["validation"]) == MAX_PROBLEMS + 1


DEEP = "[" * 300 + "]" * 300


@pytest.mark.parametrize("odd", ["NaN", "1e999", '"\\ud800"', '{"\\udfff":0}', DEEP])
def test_parameters_that_no_answer_could_say_are_refused_by_both(server: Server, tmp_path: Path, odd: str) -> None:
    workflow = f'{{"name":"x","tasks":[{{"key":"a","parameters":{{"a":{odd}}}}}]}}'
    headers = {"Content-Type": "application/json"}
    answer = server.http.put(f"/__admin/workflows/{MINE}", content=workflow, headers=headers)
    assert (answer.status_code, answer.json()["meta"]["errors"][0]["code"]) == (400, "validation_failed")
    assert server.http.get(f"/__admin/workflows/{MINE}").status_code == 404
    (tmp_path / "catalogue.json").write_text(f'{{"workflows":[{workflow}]}}')
    assert run("check", str(tmp_path / "catalogue.json")).returncode == 1


def test_a_bad_definition_leaves_the_last_good_one_in_force(own: Server) -> None:
    put(own, SIMPLE)
    faults(own, {"name": "x", "tasks": [{"key": "b", "after": ["b"]}]})
    assert names(own, MINE) == ["a"]


# Files that change


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, what
        select.select([], [], [], 0.02)


def workflow_file(file: Path, name: str, id: str = WORKFLOW) -> None:
    text = f"workflows: [{{id: {id}, name: {name}, tasks: [{{key: {name}}}]}}]\n"
    file.write_text(text)


def fault_of(server: Server) -> str | None:
    fault: str | None = server.http.get("/__admin/health").json()["catalogueError"]
    return fault


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    workflow_file(tmp_path / "a.yaml", "first")
    return tmp_path


@pytest.fixture
def watching(folder: Path) -> Iterator[Server]:
    with serving("--watch", "--catalogue", str(folder)) as running:
        yield running


def test_a_file_that_changed_is_in_force(watching: Server, folder: Path) -> None:
    assert names(watching, WORKFLOW) == ["first"]
    before = watching.start().json()["data"]
    workflow_file(folder / "a.yaml", "second")
    wait_for(lambda: names(watching, WORKFLOW) == ["second"], "the changed file isn't in force")
    assert "the catalogue has changed and is in force" in watching.log.read_text()
    kept = watching.http.get(f"/__admin/executions/{before['id']}").json()
    assert [task["name"] for task in kept["tasks"]] == ["first"]


def test_a_broken_file_keeps_the_last_good_one_and_says_so_until_it_is_mended(watching: Server, folder: Path) -> None:
    (folder / "a.yaml").write_text("workflows:\n- name: broken\n  tasks: [{key: a, after: [b]}]\n")
    wait_for(lambda: fault_of(watching) is not None, "health says nothing of the broken file")
    said = f"{folder / 'a.yaml'}:3: workflows[0].tasks[0].after[0]: names the unknown task b"
    assert fault_of(watching) == said
    assert said in watching.log.read_text()
    assert names(watching, WORKFLOW) == ["first"]
    watching.http.post("/__admin/reset")
    assert (fault_of(watching), names(watching, WORKFLOW)) == (said, ["first"])
    workflow_file(folder / "a.yaml", "mended")
    wait_for(lambda: fault_of(watching) is None, "health doesn't know that the file is mended")
    assert names(watching, WORKFLOW) == ["mended"]


@pytest.mark.parametrize("text", ["workflows: [", "[" * 30_000, "\x00"])
def test_no_text_of_a_file_ends_the_watch(watching: Server, folder: Path, text: str) -> None:
    (folder / "a.yaml").write_text(text)
    wait_for(lambda: fault_of(watching) is not None, "health says nothing of the broken file")
    workflow_file(folder / "a.yaml", "mended")
    wait_for(lambda: names(watching, WORKFLOW) == ["mended"], "the mended file isn't in force")


def test_files_come_and_go_in_a_folder(watching: Server, folder: Path) -> None:
    workflow_file(folder / "b.json", "more", MINE)
    wait_for(lambda: fault_of(watching) is not None, "YAML in a JSON file is no fault")
    (folder / "b.json").rename(folder / "b.yml")
    wait_for(lambda: names(watching, MINE) == ["more"], "the new file isn't in force")
    assert fault_of(watching) is None
    assert set(ids(watching)) == {WORKFLOW, MINE}
    (folder / "b.yml").unlink()
    wait_for(lambda: ids(watching) == [WORKFLOW], "the file that is gone is still in force")
    (folder / "a.yaml").unlink()
    wait_for(lambda: fault_of(watching) is not None, "health doesn't say that there are no files any more")
    assert fault_of(watching) == f"{folder}: there are no catalogue files in it"
    assert ids(watching) == [WORKFLOW]


def test_a_change_made_while_the_server_starts_is_in_force_in_the_end(folder: Path) -> None:
    os.mkfifo(slow := folder / "slow")

    def change_once_read() -> None:
        with slow.open("w") as file:  # opens when the server does, which has read the other file by then
            workflow_file(folder / "a.yaml", "second")
            file.write("workflows: []")
        slow.unlink()
        slow.write_text("workflows: []")

    Thread(target=change_once_read, daemon=True).start()
    with serving("--watch", "--catalogue", str(folder / "a.yaml"), "--catalogue", str(slow)) as running:
        wait_for(lambda: names(running, WORKFLOW) == ["second"], "the change was missed")


def test_a_file_that_is_gone_is_a_fault_and_the_last_good_one_stays(folder: Path) -> None:
    with serving("--watch", "--catalogue", str(folder / "a.yaml")) as running:
        (folder / "a.yaml").unlink()
        wait_for(lambda: fault_of(running) is not None, "health says nothing of the file that is gone")
        assert str(folder / "a.yaml") in str(fault_of(running))
        assert names(running, WORKFLOW) == ["first"]


def test_workflows_that_were_put_stay_when_files_change(watching: Server, folder: Path) -> None:
    put(watching, SIMPLE)
    put(watching, SIMPLE, WORKFLOW)
    workflow_file(folder / "b.yaml", "more", OTHER)
    wait_for(lambda: names(watching, OTHER) == ["more"], "the new file isn't in force")
    assert names(watching, MINE) == names(watching, WORKFLOW) == ["a"]
    watching.http.post("/__admin/reset")
    assert (names(watching, MINE), names(watching, WORKFLOW), names(watching, OTHER)) == (None, ["first"], ["more"])


def test_workflows_that_were_deleted_stay_so_when_other_files_change(watching: Server, folder: Path) -> None:
    watching.http.delete(f"/__admin/workflows/{WORKFLOW}")
    workflow_file(folder / "b.yaml", "more", OTHER)
    wait_for(lambda: names(watching, OTHER) == ["more"], "the new file isn't in force")
    assert names(watching, WORKFLOW) is None


def test_the_clients_and_faults_of_a_changed_file_are_in_force_too(watching: Server, folder: Path) -> None:
    token = watching.token()
    (folder / "a.yaml").write_text(
        f"workflows: [{{id: {WORKFLOW}, name: x, tasks: [{{key: a}}], faults: [{{status: 503, times: 1}}]}}]\n"
        "clients: [{id: new, secret: new-secret}]\n"
    )
    wait_for(lambda: watching.http.get("/__admin/health").json()["store"]["faults"] == 1, "the fault isn't there")
    assert [watching.start(token=token, customer=CUSTOMER).status_code for _ in range(2)] == [503, 200]
    assert watching.token("new", "new-secret")
    form = {"grant_type": "client_credentials", "client_id": "demo", "client_secret": "demo-secret"}
    assert watching.http.post("/api/authentication/connect/token", data=form).json() == {"error": "invalid_client"}


def test_without_the_watch_a_changed_file_changes_nothing(folder: Path) -> None:
    with serving("--catalogue", str(folder)) as running, serving("--watch", "--catalogue", str(folder)) as watching:
        workflow_file(folder / "a.yaml", "second")
        wait_for(lambda: names(watching, WORKFLOW) == ["second"], "the changed file isn't in force")
        assert names(running, WORKFLOW) == ["first"]
