"""The graphs of workflows and executions."""

import asyncio
import re
from uuid import uuid4

import httpx2 as httpx
import pytest
from workflow_mock.app import create_app
from workflow_mock.domain.layout import MAX_PARTS
from workflow_mock.settings import Settings

from tests.admin.world import World, error_of
from tests.support import LARGE, WORKFLOW, Server

MINE = "6f1c5d1e-8a44-4f7e-bf6a-0c1f4c9f1d0a"


def execution_graph(world: World, execution: str) -> httpx.Response:
    return world.server.http.get(f"/__admin/executions/{execution}/graph.svg")


def states_in(picture: str) -> dict[str, str]:
    """The class of each task's state, by the task's id."""
    return {
        id: kinds.split()[-1] for kinds, id in re.findall(r'<g class="(task[^"]*)" data-task-id="([^"]*)"', picture)
    }


def states(world: World, execution: str) -> dict[str, str]:
    """What the record says."""
    shown = world.server.http.get(f"/__admin/executions/{execution}").json()
    return {task["id"]: task["state"] for task in shown["tasks"]}


def chain(length: int) -> dict[str, object]:
    """A workflow of so many tasks, one after the other."""
    return {"name": "x", "tasks": [{"key": str(n), "after": [str(n - 1)] if n else []} for n in range(length)]}


@pytest.mark.parametrize("workflow", [pytest.param(WORKFLOW, id="order"), pytest.param(LARGE, id="200 tasks")])
def test_a_graph_is_an_image_that_can_do_nothing(world: World, workflow: str) -> None:
    execution = world.start(workflow).json()["data"]["id"]
    for target in (f"workflows/{workflow}", f"executions/{execution}"):
        answer = world.server.http.get(f"/__admin/{target}/graph.svg")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.text.startswith('<svg xmlns="http://www.w3.org/2000/svg"')


def test_an_execution_has_the_states_of_its_record_at_the_moment_that_it_names(world: World) -> None:
    tasks = [
        {"key": "a"},
        {"key": "b", "after": ["a"], "duration": "1h"},
        {"key": "c", "after": ["b"]},
        {"key": "d"},
        {"key": "e", "after": ["d"]},
    ]
    world.admin("PUT", f"workflows/{MINE}", json={"name": "x", "tasks": tasks})
    world.freeze()
    record = world.start(MINE).json()["data"]
    ids = [task["id"] for task in record["tasks"]]

    def seen() -> list[str]:
        picture = execution_graph(world, record["id"]).text
        assert states_in(picture) == states(world, record["id"])
        assert f", as of {world.admin('GET', 'clock')['now']}: " in picture
        return [states_in(picture)[id] for id in ids]

    assert seen() == ["queued", "waiting", "waiting", "queued", "waiting"]
    world.admin("POST", f"executions/{record['id']}/tasks/{ids[0]}/complete")
    world.admin("POST", f"executions/{record['id']}/tasks/{ids[3]}/fail")
    assert seen() == ["completed", "running", "waiting", "failed", "skipped"]
    world.advance("90m")
    assert seen() == ["completed", "completed", "queued", "failed", "skipped"]
    world.admin("POST", f"executions/{record['id']}/advance", json={"to": "end"})
    assert seen() == ["completed", "completed", "completed", "failed", "skipped"]
    heading = execution_graph(world, record["id"]).text
    assert re.search("<desc>failed, as of [^ ]+: 3 completed, 1 failed, 1 skipped; execution ", heading)


def test_an_execution_is_drawn_as_it_was_started(world: World) -> None:
    world.admin("PUT", f"workflows/{MINE}", json={"name": "Before", "tasks": [{"key": "a"}]})
    execution = world.start(MINE).json()["data"]["id"]
    world.admin("PUT", f"workflows/{MINE}", json={"name": "After", "tasks": [{"key": "b"}]})
    assert "<title>Before</title>" in execution_graph(world, execution).text
    assert "<title>After</title>" in world.server.http.get(f"/__admin/workflows/{MINE}/graph.svg").text


def test_names_are_text(world: World) -> None:
    script = "</title></text><script>alert(1)</script>"
    world.admin("PUT", f"workflows/{MINE}", json={"name": script, "tasks": [{"key": "a", "name": script}]})
    execution = world.start(MINE).json()["data"]["id"]
    for target in (f"workflows/{MINE}", f"executions/{execution}"):
        picture = world.server.http.get(f"/__admin/{target}/graph.svg").text
        assert "<script" not in picture
        assert "&lt;/title&gt;&lt;/text&gt;&lt;script&gt;alert(1)&lt;/script&gt;" in picture


def test_what_is_another_customers_is_not_there(world: World) -> None:
    http, other = world.server.http, {"customerId": str(uuid4())}
    world.admin("PUT", f"workflows/{MINE}", json={"name": "x", "tasks": [{"key": "a"}]})
    execution = world.start(MINE).json()["data"]["id"]
    for target in (f"workflows/{MINE}", f"executions/{execution}"):
        own = http.get(f"/__admin/{target}/graph.svg", params={"customerId": world.customer})
        assert own.status_code == 200
        answer = http.get(f"/__admin/{target}/graph.svg", params=other)
        assert (answer.status_code, error_of(answer)) == (404, "not_found")


def test_what_is_not_known_is_refused(own: Server) -> None:
    for kind in ("workflows", "executions"):
        assert error_of(own.http.get(f"/__admin/{kind}/{uuid4()}/graph.svg")) == "not_found"
        assert error_of(own.http.get(f"/__admin/{kind}/x/graph.svg")) == "validation_failed"
        assert error_of(own.http.get(f"/__admin/{kind}/{uuid4()}/graph.png")) == "route_not_found"
    refused = own.http.get(f"/__admin/workflows/{WORKFLOW}/graph.svg", params={"customer": "x"})
    assert error_of(refused) == "validation_failed"


def test_one_that_is_too_large_is_refused_and_says_how_large_it_is(world: World) -> None:
    world.admin("PUT", f"workflows/{MINE}", json=chain(MAX_PARTS // 2 + 1))
    execution = world.start(MINE).json()["data"]["id"]
    for target in (f"workflows/{MINE}", f"executions/{execution}"):
        answer = world.server.http.get(f"/__admin/{target}/graph.svg")
        (error,) = answer.json()["meta"]["errors"]
        assert (answer.status_code, error["code"]) == (409, "graph_too_large")
        assert "10,001 tasks, and 10,000 edges" in error["message"]


def test_others_are_served_while_a_large_one_is_drawn() -> None:
    async def turns_of_others() -> int:
        transport = httpx.ASGITransport(create_app(Settings()))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            put = await http.put(f"/__admin/workflows/{MINE}", json=chain(MAX_PARTS // 2))
            assert put.status_code == 200
            drawing = asyncio.create_task(http.get(f"/__admin/workflows/{MINE}/graph.svg"))
            turns = 0
            while not drawing.done():
                await asyncio.sleep(0)
                turns += 1
            assert (await drawing).status_code == 200
            return turns

    assert asyncio.run(turns_of_others()) > 1000
