"""The journal in lines, what would have worked, the answer as it was sent, and what isn't as it comes."""

from typing import Any

import httpx2 as httpx
import pytest
from workflow_mock.admin.lines import RequestLine

from tests.admin.world import TOKEN_PATH, World
from tests.support import WORKFLOW, serving


def lines(world: World, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.admin("GET", "requests/lines", params=params)["lines"]
    return found


# Lines


def test_a_line_is_what_the_contract_says(world: World) -> None:
    world.start()
    world.start(json={})
    world.fault(status=503, retryAfter="5s")
    world.start()
    for line in lines(world):
        RequestLine.model_validate_json(httpx.Response(200, json=line).content)


def test_lines_come_newest_first_page_by_page(world: World) -> None:
    ids = [world.start().headers["X-Request-Id"] for _ in range(3)]
    first = world.admin("GET", "requests/lines", params={"limit": 2})
    second = world.admin("GET", "requests/lines", params={"limit": 2, "cursor": first["next"]})
    assert [line["id"] for line in first["lines"] + second["lines"]] == ids[::-1]
    assert second["next"] is None
    assert first["meta"]["total"] == 3


def test_a_line_says_what_came_of_a_request_and_why(world: World) -> None:
    execution = world.start(headers={"User-Agent": "an-agent/1"}).json()["data"]["id"]
    world.start(json={})
    refused, good = lines(world)
    assert (good["status"], good["outcome"], good["executionId"]) == (200, "ok", execution)
    assert (good["name"], good["userAgent"], good["workflowId"]) == ("Order fulfilment", "an-agent/1", WORKFLOW)
    assert (refused["status"], refused["outcome"]) == (400, "refused")
    assert refused["because"].startswith("data: data is required")


def test_failed_lines_alone(world: World) -> None:
    world.start()
    world.start(json={})
    assert [line["status"] for line in lines(world, failed="true")] == [400]


def test_a_line_has_the_retry_after_that_was_asked_for(world: World) -> None:
    world.fault(status=503, retryAfter="5s")
    world.start()
    world.admin("DELETE", "faults")
    world.start()
    assert [line["retryAfter"] for line in lines(world)] == [None, "5"]


def test_another_customers_lines_are_not_shown(world: World) -> None:
    world.start()
    assert lines(World(world.server, world.token)) == []


# The answer as it was sent


def test_a_refused_request_keeps_its_answer(world: World) -> None:
    answer = World(world.server, "no.to.ken", world.customer).start()
    kept = world.entry()["response"]
    assert kept["body"] == answer.text
    assert kept["headers"]["www-authenticate"] == answer.headers["WWW-Authenticate"]


def test_an_injected_answer_is_kept(world: World) -> None:
    world.fault(status=502, body="<h1>Bad Gateway</h1>", contentType="text/html")
    world.start()
    kept = world.entry()["response"]
    assert (kept["headers"]["content-type"], kept["body"]) == ("text/html", "<h1>Bad Gateway</h1>")


def test_a_good_answer_is_not_kept(world: World) -> None:
    world.start()
    assert world.entry()["response"] is None


def test_a_token_is_not_kept_though_a_fault_delayed_it(world: World) -> None:
    world.fault(fixedDelayMilliseconds=1, matcher={"operation": "token"})
    form = {"grant_type": "client_credentials", "client_id": "demo", "client_secret": "demo-secret"}
    answer = world.server.http.post(TOKEN_PATH, params={"customerId": world.customer}, data=form)
    assert answer.status_code == 200
    assert world.entry()["faultId"]
    assert world.entry()["response"] is None


def test_a_token_in_an_injected_answer_is_hidden(world: World) -> None:
    token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9.c2lnbmVk"
    world.fault(status=500, jsonBody={"echo": token})
    assert world.start().json() == {"echo": token}
    assert token not in world.entry()["response"]["body"]


def test_an_answer_comes_back_with_a_snapshot(world: World) -> None:
    world.start(json={})
    before = world.entry()
    world.admin("PUT", "snapshot", json=world.admin("GET", "snapshot"))
    assert world.entry()["response"] == before["response"]


# What would have worked


def test_the_nearest_of_a_request_says_what_differs(world: World) -> None:
    wrong = f"{WORKFLOW[:-1]}0"
    refused = world.start(wrong)
    nearest = world.admin("GET", f"requests/{refused.headers['X-Request-Id']}/nearest")
    assert nearest["path"] == world.path
    assert any(wrong in difference for difference in nearest["differences"])


def test_the_nearest_of_another_customers_request_is_not_found(world: World) -> None:
    refused = world.start(json={}).headers["X-Request-Id"]
    other = World(world.server, world.token)
    answer = world.server.http.get(f"/__admin/requests/{refused}/nearest", params={"customerId": other.customer})
    assert answer.status_code == 404


# What isn't as it comes


def changes(world: World) -> dict[str, str]:
    found = world.admin("GET", "changes")["changes"]
    return {change["kind"]: change["summary"] for change in found}


def test_a_new_customer_is_as_it_comes(world: World) -> None:
    assert changes(world) == {}


def test_requests_and_executions_are_no_change(world: World) -> None:
    world.start()
    world.start(json={})
    assert changes(world) == {}


TASKS = {"name": "Mine", "tasks": [{"key": "a"}]}
OWN = "5f0c1e0a-0000-4000-8000-000000000001"
CHANGED: dict[str, list[tuple[str, str, dict[str, Any]]]] = {
    "clock": [("PUT", "clock", {"action": "freeze", "to": "2030-01-01T00:00:00Z"})],
    "faults": [("POST", "faults", {"status": 503, "times": 1}), ("POST", "faults", {"status": 500})],
    "workflows": [("PUT", f"workflows/{OWN}", TASKS)],
    "clients": [("PUT", "clients/mine", {"secret": "mine-alone"})],
    "tokens": [("POST", "tokens", {"kind": "expired", "issueNext": 2})],
    "seed": [("PUT", "seed", {"seed": "42"})],
}
SUMMARIES = {
    "clock": "the customer's clock is frozen at 2030-01-01T00:00:00Z",
    "faults": "2 faults in force, never injected",
    "workflows": "1 workflow put over the catalogue",
    "clients": "1 client put over the catalogue",
    "tokens": "the next 2 tokens: expired",
    "seed": "execution ids follow a seed",
}


@pytest.mark.parametrize("kind", CHANGED)
def test_a_change_is_told_until_the_reset(world: World, kind: str) -> None:
    for method, resource, body in CHANGED[kind]:
        world.admin(method, resource, json=body)
    assert changes(world) == {kind: SUMMARIES[kind]}
    assert changes(World(world.server, world.token)) == {}
    world.admin("POST", "reset")
    assert changes(world) == {}


def test_a_fault_that_is_over_is_none_in_force(world: World) -> None:
    world.fault(status=503, times=1)
    world.start()
    assert changes(world) == {}


def test_a_fault_that_was_injected_is_told_apart(world: World) -> None:
    world.fault(status=503)
    world.start()
    assert changes(world) == {"faults": "1 fault in force"}


def test_of_several_faults_those_that_were_never_injected_are_counted(world: World) -> None:
    world.fault(status=503)
    world.fault(status=500, matcher={"workflowId": OWN})
    world.start()
    assert changes(world) == {"faults": "2 faults in force, 1 of them never injected"}


def test_a_clock_that_was_moved_says_how_far(world: World) -> None:
    world.admin("PUT", "clock", json={"action": "advance", "by": "1h"})
    assert changes(world) == {"clock": "the customer's clock is 1:00:00 ahead"}


def test_what_the_whole_server_has_changed_is_told() -> None:
    with serving("--strict") as own:

        def of_all() -> list[tuple[str, str, bool]]:
            found = own.http.get("/__admin/changes").json()["changes"]
            return [(change["kind"], change["summary"], change["undoneByReset"]) for change in found]

        strict = ("strict", "strict: what isn't documented is refused", False)
        assert of_all() == [strict]
        own.http.post("/__admin/keys/rotate", json={"overlap": "1h"}).raise_for_status()
        own.http.put("/__admin/clock", json={"action": "freeze", "to": "2030-01-01T00:00:00Z"})
        own.http.put("/__admin/clock", params={"customerId": OWN}, json={"action": "freeze"})
        own.http.delete(f"/__admin/workflows/{WORKFLOW}")
        own.http.delete("/__admin/clients/demo")
        assert of_all() == [
            ("clock", "the server's clock is frozen at 2030-01-01T00:00:00Z", True),
            ("clock", "1 customer with a clock of their own", True),
            ("workflows", "1 workflow of the catalogue deleted", True),
            ("clients", "1 client of the catalogue deleted", True),
            ("keys", "keys rotated, 1 accepted", True),
            strict,
        ]
        own.http.post("/__admin/reset")
        assert of_all() == [strict]
