"""A customer is a test's own world: hundreds of them, side by side."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx2 as httpx
import pytest

from tests.admin.world import World, error_of
from tests.support import Server, serving

BEGIN = "2030-01-01T00:00:00Z"
DIAMOND = "22222222-2222-4222-8222-222222222222"


@pytest.fixture(scope="module")
def shared() -> Iterator[Server]:
    with serving("--log-level", "warning") as running:
        yield running


def a_test(world: World) -> None:
    """What one test does, and what it would notice of another."""
    fault = world.fault(status=503, times=1)
    world.admin("PUT", "clock", json={"action": "freeze"})
    now = world.admin("GET", "clock")["now"]
    assert error_of(world.start(DIAMOND)) == "injected_fault"
    records = [world.start(DIAMOND).json()["data"] for _ in range(3)]
    assert {record["created"] for record in records} == {now}
    assert world.executions() == [record["id"] for record in records]
    done = world.server.http.post(f"/__admin/executions/{records[0]['id']}/advance", json={"to": "end"}).json()
    assert (done["state"], done["finished"]) == ("completed", now)
    assert [entry["status"] for entry in world.entries()] == [503, 200, 200, 200]
    assert world.injected(fault) == 1
    world.admin("POST", "requests/verify", json={"matcher": {"status": 200}, "count": {"exactly": 3}})
    world.admin("POST", "reset")
    assert (world.executions(), world.entries(), world.admin("GET", "faults")["faults"]) == ([], [], [])
    assert not world.admin("GET", "clock")["frozen"]
    assert world.start(DIAMOND).status_code == 200


def test_200_parallel_tests_do_not_see_each_other(shared: Server) -> None:
    token = shared.token()

    def in_a_world_of_its_own(_: int) -> None:
        server = Server(shared.process, shared.ready, shared.log)
        with server.http:
            a_test(World(server, token))

    with ThreadPoolExecutor(25) as pool:
        list(pool.map(in_a_world_of_its_own, range(200)))


def test_a_reset_of_one_leaves_the_others(shared: Server) -> None:
    token = shared.token()
    one, other = World(shared, token), World(shared, token)
    for world in (one, other):
        world.fault(status=503, after=1)
        world.start()
        world.admin("PUT", "clock", json={"action": "freeze"})
    before = other.executions(), other.entries(), other.admin("GET", "clock"), other.admin("GET", "faults")
    one.admin("POST", "reset")
    assert (one.executions(), one.entries()) == ([], [])
    assert (other.executions(), other.entries(), other.admin("GET", "clock"), other.admin("GET", "faults")) == before
    assert other.start().status_code == 503


@pytest.mark.parametrize(
    ("method", "resource"),
    [("POST", "reset"), ("DELETE", "requests"), ("DELETE", "faults"), ("PUT", "clock"), ("PUT", "seed")],
)
def test_a_misspelt_customer_does_not_mean_everybody(shared: Server, method: str, resource: str) -> None:
    world = World(shared, shared.token())
    world.start()
    bodies = {"clock": {"action": "freeze"}, "seed": {"seed": "x"}}
    for query in (f"customerID={world.customer}", "customerId=", "customerId=all", "customer=x"):
        answer = shared.http.request(method, f"/__admin/{resource}?{query}", json=bodies.get(resource))
        assert (answer.status_code, error_of(answer)) == (400, "validation_failed")
    assert len(world.executions()) == 1
    assert not shared.http.get("/__admin/clock").json()["frozen"]


def test_what_is_asked_about_one_thing_may_name_its_customer_and_no_other(shared: Server) -> None:
    world, other = (World(shared, shared.token()) for _ in range(2))
    record = world.start(DIAMOND).json()["data"]
    fault, everybodys = world.fault(status=503), str(uuid4())
    shared.http.post("/__admin/faults", json={"id": everybodys, "status": 503, "after": 10_000})
    task = record["executionQueue"][0]["taskId"]
    calls = [
        ("GET", f"executions/{record['id']}", None),
        ("POST", f"executions/{record['id']}/tasks/{task}/complete", None),
        ("POST", f"executions/{record['id']}/tasks/{record['executionQueue'][-1]['taskId']}/fail", None),
        ("POST", f"executions/{record['id']}/advance", {"to": "end"}),
        ("GET", f"requests/{world.entry()['id']}", None),
        ("GET", f"faults/{fault}", None),
        ("DELETE", f"faults/{fault}", None),
    ]
    for method, resource, body in calls:
        answer = shared.http.request(method, f"/__admin/{resource}?customerId={other.customer}", json=body)
        assert (answer.status_code, error_of(answer)) == (404, "not_found")
        answer = shared.http.request(method, f"/__admin/{resource}?customerId={world.customer}", json=body)
        assert answer.status_code in (200, 204, 409), answer.text
    assert shared.http.delete(f"/__admin/faults/{everybodys}?customerId={world.customer}").status_code == 404
    assert shared.http.delete(f"/__admin/faults/{everybodys}").status_code == 204


def test_a_customer_that_is_given_twice_means_neither(shared: Server) -> None:
    world, other = (World(shared, shared.token()) for _ in range(2))
    world.start()
    query = f"customerId={other.customer}&customerId={world.customer}"
    answer = shared.http.delete(f"/__admin/requests?{query}")
    assert (answer.status_code, error_of(answer)) == (400, "validation_failed")
    assert [fault["property"] for fault in answer.json()["meta"]["validation"]] == ["customerId"]
    assert len(world.entries()) == 1


def test_worlds_that_nobody_uses_any_more_are_let_go() -> None:
    with serving("--max-executions-total", "50", "--max-requests", "50", "--log-level", "warning") as server:
        token = server.token()
        worlds = [World(server, token) for _ in range(120)]
        for world in worlds:
            world.start()
        store = server.http.get("/__admin/health").json()["store"]
        assert (store["executions"], store["requests"]) == (50, 50)
        assert [len(world.executions()) for world in worlds] == [0] * 70 + [1] * 50


def test_no_header_of_the_client_is_needed(shared: Server) -> None:
    world = World(shared, shared.token())
    with httpx.Client(base_url=shared.url, trust_env=False) as client:
        plain = client.post(
            world.path,
            content=world.raw().rpartition(b"\r\n\r\n")[2],
            headers={"Authorization": f"Bearer {world.token}", "Content-Type": "application/json"},
        )
    assert world.executions() == [plain.json()["data"]["id"]]
