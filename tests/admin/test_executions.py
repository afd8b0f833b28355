"""Executions: what was started, and the steps that a test takes in them."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.admin.world import World
from tests.support import Server, serving

# a ─┐
# b ─┼─ c ─ d      e stands alone
DEFINITION = {
    "name": "Two roads",
    "tasks": [
        {"key": "a"},
        {"key": "b"},
        {"key": "c", "after": ["a", "b"]},
        {"key": "d", "after": ["c"]},
        {"key": "e"},
    ],
}


@pytest.fixture(scope="module")
def own() -> Iterator[Server]:
    with serving("--log-level", "warning") as running:
        yield running


@pytest.fixture
def world(own: Server) -> World:
    return World(own, own.token())


@pytest.fixture
def workflow(own: Server) -> str:
    id = str(uuid4())
    assert own.http.put(f"/__admin/workflows/{id}", json=DEFINITION).status_code == 200
    return id


class Run:
    """An execution, its tasks by their names."""

    def __init__(self, world: World, workflow: str) -> None:
        self.world = world
        self.record = world.start(workflow).json()["data"]
        self.path = f"/__admin/executions/{self.record['id']}"
        self.ids = {task["name"]: task["id"] for task in self.record["tasks"]}

    def now(self) -> Any:
        return self.world.server.http.get(self.path).json()

    def step(self, name: str, outcome: str = "complete") -> Any:
        return self.world.server.http.post(f"{self.path}/tasks/{self.ids[name]}/{outcome}")

    def advance(self, to: str) -> Any:
        return self.world.server.http.post(f"{self.path}/advance", json={"to": to})

    def states(self) -> dict[str, str]:
        return {task["name"]: task["state"] for task in self.now()["tasks"]}

    def queue(self) -> list[str]:
        names = {id: name for name, id in self.ids.items()}
        return [names[entry["taskId"]] for entry in self.now()["executionQueue"]]


@pytest.fixture
def run(world: World, workflow: str) -> Run:
    return Run(world, workflow)


def reason(answer: Any) -> tuple[int, str]:
    (error,) = answer.json()["meta"]["errors"]
    return answer.status_code, error["message"]


def test_it_is_the_documented_record_and_the_states(run: Run) -> None:
    shown = run.now()
    assert {name: shown[name] for name in run.record if name != "tasks"} == {
        name: value for name, value in run.record.items() if name != "tasks"
    }
    plain = [{name: task[name] for name in run.record["tasks"][0]} for task in shown["tasks"]]
    assert plain == run.record["tasks"]
    assert (shown["customerId"], shown["state"]) == (run.world.customer, "running")
    assert run.states() == {"a": "queued", "b": "queued", "c": "waiting", "d": "waiting", "e": "queued"}
    assert {task["queuedAt"] for task in shown["tasks"]} == {run.record["created"], None}


def test_a_child_is_queued_when_all_its_parents_are_completed(run: Run) -> None:
    assert run.queue() == ["a", "b", "e"]
    run.step("a")
    assert run.queue() == ["b", "e"]
    run.step("b")
    assert run.queue() == ["c", "e"]
    run.step("c")
    assert run.queue() == ["d", "e"]


def test_a_failure_skips_what_comes_after_and_other_roads_go_on(run: Run) -> None:
    run.step("a", "fail")
    assert run.states() == {"a": "failed", "b": "queued", "c": "skipped", "d": "skipped", "e": "queued"}
    run.step("b")
    assert run.queue() == ["e"]
    assert run.now()["finished"] is None
    run.step("e")
    shown = run.now()
    assert (shown["state"], shown["executionQueue"], shown["finished"] is not None) == ("failed", [], True)


def test_an_empty_queue_is_the_end(run: Run) -> None:
    for name in "abcd":
        run.step(name)
    assert run.now()["state"] == "running"
    last = run.step("e").json()
    assert (last["state"], last["finished"]) == ("completed", last["tasks"][-1]["finishedAt"])


def test_advancing_gives_each_task_in_the_queue_its_outcome(run: Run) -> None:
    assert run.advance("next").status_code == 200
    assert run.queue() == ["c"]
    ended = run.advance("end").json()
    assert (ended["state"], {task["state"] for task in ended["tasks"]}) == ("completed", {"completed"})


def test_a_wrong_step_is_refused_with_the_reason(run: Run) -> None:
    assert reason(run.step("c")) == (409, "the task is waiting: only a task in the queue can be completed or failed")
    run.step("a")
    assert reason(run.step("a"))[1].startswith("the task is completed")
    run.step("b", "fail")
    assert reason(run.step("d"))[1].startswith("the task is skipped")
    run.step("e")
    finished = run.now()["finished"]
    assert reason(run.step("e")) == reason(run.advance("end")) == (409, f"the execution finished at {finished}")


def test_what_is_not_there_is_404(run: Run) -> None:
    http, nobody = run.world.server.http, uuid4()
    assert http.get(f"/__admin/executions/{nobody}").status_code == 404
    assert http.post(f"/__admin/executions/{nobody}/advance", json={"to": "end"}).status_code == 404
    assert http.post(f"{run.path}/tasks/{nobody}/complete").status_code == 404


@pytest.mark.parametrize("body", [{}, {"to": "there"}, {"to": None}, {"to": "end", "by": 1}, [], "end", None])
def test_a_wrong_advance_is_400(run: Run, body: Any) -> None:
    assert run.world.server.http.post(f"{run.path}/advance", json=body).status_code == 400
    assert run.queue() == ["a", "b", "e"]


def test_an_execution_keeps_the_definition_that_it_started_with(run: Run, workflow: str) -> None:
    http = run.world.server.http
    http.put(f"/__admin/workflows/{workflow}", json={"name": "Other", "tasks": [{"key": "x"}]})
    assert [task["name"] for task in Run(run.world, workflow).record["tasks"]] == ["x"]
    http.delete(f"/__admin/workflows/{workflow}")
    assert run.world.start(workflow).status_code == 404
    assert run.advance("end").json()["state"] == "completed"
    assert [task["name"] for task in run.now()["tasks"]] == list("abcde")


def test_executions_are_found_by_customer_workflow_and_state(world: World, workflow: str) -> None:
    runs = [Run(world, workflow) for _ in range(3)]
    other = world.start().json()["data"]["id"]
    World(world.server, world.token).start(workflow)
    runs[1].step("a", "fail")
    for run in runs[:2]:
        run.advance("end")

    def found(**params: Any) -> list[str]:
        return [each["id"] for each in world.admin("GET", "executions", params=params)["executions"]]

    ids = [run.record["id"] for run in runs]
    assert found() == [*ids, other]
    assert found(workflowId=workflow) == ids
    assert [found(state=state) for state in ("completed", "failed", "running")] == [ids[:1], ids[1:2], [ids[2], other]]
    everybody = world.server.http.get("/__admin/executions", params={"workflowId": workflow}).json()["executions"]
    assert len(everybody) == 4


def test_pages_follow_each_other(world: World) -> None:
    started = [world.start().json()["data"]["id"] for _ in range(5)]
    seen: list[str] = []
    cursor: int | None = 0
    while cursor is not None:
        page = world.admin("GET", "executions", params={"limit": 2, "cursor": cursor})
        seen += [each["id"] for each in page["executions"]]
        cursor = page["next"]
    assert seen == started


@pytest.mark.parametrize("query", ["state=waiting", "limit=0", "limit=1001", "cursor=-1", "customerId=x", "status=x"])
def test_a_wrong_question_is_400(own: Server, query: str) -> None:
    answer = own.http.get(f"/__admin/executions?{query}")
    (fault,) = answer.json()["meta"]["validation"]
    assert (answer.status_code, fault["property"]) == (400, query.partition("=")[0])
