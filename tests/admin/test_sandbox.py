"""The sandbox as a whole: its health and settings, back to its start, and its state as one document."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from workflow_mock.admin.dependencies import MAX_BODY_BYTES

from tests.support import WORKFLOW, Server, serving

CUSTOMER, OTHER = "0d7f2a52-52a5-4c0f-a5a6-4f0f6a3d9b01", "0d7f2a52-52a5-4c0f-a5a6-4f0f6a3d9b02"
TIMED = "0d7f2a52-52a5-4c0f-a5a6-4f0f6a3d9b03"
FAULT = "0d7f2a52-52a5-4c0f-a5a6-4f0f6a3d9b04"
QUOTA = "0d7f2a52-52a5-4c0f-a5a6-4f0f6a3d9b05"
ONE_TASK = "11111111-1111-4111-8111-111111111111"
JWKS = "/api/authentication/.well-known/openid-configuration/jwks"
CATALOGUE = f"""
workflows:
  - id: {WORKFLOW}
    name: With a fault
    tasks: [{{key: a}}, {{key: b, after: [a]}}]
    faults:
      - {{times: 2, status: 503, matcher: {{customerId: {OTHER}}}}}
      - {{after: 5, status: 500}}
  - {{id: {ONE_TASK}, name: One task, tasks: [{{key: only, parameters: {{nothing: null, "ä": [1.5, true]}}}}]}}
"""
STEP = {"at": "2030-01-01T00:00:00Z", "taskId": FAULT, "outcome": "complete"}
TIMED_WORKFLOW = {
    "name": "Timed",
    "tasks": [{"key": "a", "duration": "1h"}, {"key": "b", "after": ["a"], "duration": "PT90S", "outcome": "fail"}],
}


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("catalogue") / "catalogue.yaml"
    file.write_text(CATALOGUE)
    return str(file)


@pytest.fixture
def fresh(catalogue: str) -> Iterator[Server]:
    """A server that nobody has asked anything yet."""
    with serving("--catalogue", catalogue, "--seed", "first") as running:
        yield running


@pytest.fixture(scope="module")
def changing(catalogue: str) -> Iterator[Server]:
    with serving("--catalogue", catalogue, "--seed", "first") as running:
        yield running


@pytest.fixture
def own(changing: Server) -> Server:
    """A server that a test may change."""
    admin(changing, "POST", "reset")
    return changing


@pytest.fixture(scope="module")
def started() -> Iterator[tuple[Server, dict[str, Any]]]:
    """A server, and its snapshot with two executions of which one has a step."""
    with serving() as running:
        for customer in (CUSTOMER, OTHER):
            running.start(ONE_TASK, customer=customer)
        first = admin(running, "GET", "executions")["executions"][0]["id"]
        admin(running, "POST", f"executions/{first}/advance", {"to": "end"})
        yield running, snapshot(running)


@pytest.fixture(scope="module")
def other() -> Iterator[Server]:
    """Another server, with another catalogue and other settings, whose state tests replace."""
    with serving("--seed", "another") as running:
        yield running


def admin(server: Server, method: str, path: str, body: Any = None, **query: str) -> Any:
    answer = server.http.request(method, f"/__admin/{path}", json=body, params=query)
    assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content else None


def snapshot(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = admin(server, "GET", "snapshot")
    return found


def refused(server: Server, body: Any) -> list[str]:
    """The places of the faults of a snapshot that can't be put."""
    answer = server.http.put("/__admin/snapshot", json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["meta"]["errors"][0]["code"] == "validation_failed"
    assert all(fault["message"] for fault in answer.json()["meta"]["validation"])
    return [fault["property"] for fault in answer.json()["meta"]["validation"]]


def kids(server: Server) -> list[str]:
    return [key["kid"] for key in server.http.get(JWKS).json()["keys"]]


def statuses(server: Server, token: str, count: int, workflow: str = WORKFLOW, customer: str = CUSTOMER) -> list[int]:
    return [server.start(workflow, customer=customer, token=token).status_code for _ in range(count)]


def fill(server: Server) -> None:
    """Make some of every kind of state."""
    token = server.token()
    admin(server, "PUT", "clock", {"action": "advance", "by": "2m"})
    admin(server, "PUT", "clock", {"action": "freeze", "to": "2030-01-01T00:00:00.25Z"}, customerId=CUSTOMER)
    admin(server, "PUT", "seed", {"seed": "everybody's"})
    admin(server, "PUT", "seed", {"seed": "the customer's"}, customerId=CUSTOMER)
    admin(server, "PUT", f"workflows/{TIMED}", TIMED_WORKFLOW)
    admin(server, "DELETE", f"workflows/{ONE_TASK}")
    theirs = admin(server, "POST", "tokens", {}, customerId=CUSTOMER)["accessToken"]
    for workflow in (TIMED, WORKFLOW):
        assert statuses(server, theirs, 1, workflow) == [200]
    mine = admin(server, "GET", "executions", customerId=CUSTOMER)["executions"][1]["id"]
    task = admin(server, "GET", f"executions/{mine}")["executionQueue"][0]["taskId"]
    admin(server, "POST", f"executions/{mine}/tasks/{task}/complete")
    admin(server, "PUT", "clock", {"action": "advance", "by": "90m"}, customerId=CUSTOMER)
    limit = {"id": QUOTA, "quota": {"limit": 1, "window": "1h"}, "matcher": {"customerId": OTHER, "workflowId": TIMED}}
    admin(server, "POST", "faults", limit)
    admin(server, "POST", "tokens", {"kind": "expired", "issueNext": 2}, customerId=CUSTOMER)
    admin(server, "POST", "faults", {"id": FAULT, "times": 3, "status": 502, "ttl": "1d"}, customerId=CUSTOMER)
    assert statuses(server, theirs, 2) == [502, 502]
    assert statuses(server, token, 2, TIMED, OTHER) == [200, 429]
    assert statuses(server, token, 1, WORKFLOW, OTHER) == [503]
    assert statuses(server, "nonsense", 1, ONE_TASK, OTHER) == [401]
    admin(server, "POST", "keys/rotate", {"overlap": "1h"})


@contextmanager
def listening(server: Server, after: int = 0, **query: str) -> Iterator[Iterator[dict[str, Any]]]:
    """The events after this one, as they come."""
    headers = {"Last-Event-ID": str(after)}
    with server.http.stream("GET", "/__admin/events", headers=headers, params=query) as answer:
        assert answer.status_code == 200
        yield ({"event": kind, "data": data} for kind, data in _events(answer.iter_lines()))


def _events(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    kind = ""
    for line in lines:
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, json.loads(value)


# Health and settings


def test_health_says_version_time_and_what_there_is(own: Server) -> None:
    before = admin(own, "GET", "health")
    assert before.keys() == {"status", "version", "uptimeInSeconds", "store", "catalogueError"}
    assert (before["status"], before["catalogueError"]) == ("healthy", None)
    assert before["store"] == {"workflows": 2, "executions": 0, "requests": 0, "faults": 2, "held": 0}
    fill(own)
    after = admin(own, "GET", "health")
    assert after["store"] == {"workflows": 2, "executions": 3, "requests": 9, "faults": 4, "held": 0}
    assert 0 < before["uptimeInSeconds"] < after["uptimeInSeconds"]


def test_no_control_of_the_clock_changes_the_uptime(own: Server) -> None:
    admin(own, "PUT", "clock", {"action": "set", "to": "2500-01-01T00:00:00Z"})
    assert 0 < admin(own, "GET", "health")["uptimeInSeconds"] < 3600


def test_the_settings_are_shown_without_secrets(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a secret of thirty-two bytes, or more")
    settings = {
        "--jwks": "https://reader:pass-word@keys.example.com:444/jwks",
        "--jwks-issuer": "https://login.example.com",
        "--hs256-secret": str(tmp_path / "secret"),
        "--hs256-issuer": "https://other.example.com",
        "--admin-token": "an-admin-token",
        "--token-lifetime": "90.5",
        "--allowed-host": "mock.test",
        "--seed": "7",
    }
    with serving(*(word for setting in settings.items() for word in setting)) as running:
        answer = running.http.get("/__admin/settings", headers={"Authorization": "Bearer an-admin-token"})
        shown = answer.json()
        for secret in ("an-admin-token", "pass-word", "reader", "thirty-two"):
            assert secret not in answer.text
    assert shown["jwks"] == "https://keys.example.com:444/jwks"
    assert shown["adminToken"] == "[redacted]"
    assert shown["hs256Secret"] == str(tmp_path / "secret")
    assert (shown["tokenLifetime"], shown["clockSkew"]) == ("PT90.5S", "PT300S")
    assert (shown["allowedHost"], shown["corsOrigin"], shown["seed"]) == (["mock.test"], [], "7")
    assert (shown["strict"], shown["journal"], shown["port"], shown["issuer"]) == (False, True, 0, None)


# Reset


def test_a_reset_brings_everything_back_to_the_start(fresh: Server) -> None:
    start, keys = snapshot(fresh), kids(fresh)
    assert [name for name, state in start.items() if state] == ["clocks", "seeds", "workflows", "faults"]
    fill(fresh)
    filled = snapshot(fresh)
    assert [name for name in start if filled[name] == start[name]] == []
    assert len(kids(fresh)) == 2
    admin(fresh, "POST", "reset")
    assert snapshot(fresh) == start
    assert kids(fresh) == keys


def test_a_reset_leaves_good_what_was_got_before(own: Server) -> None:
    token = own.token()
    fill(own)
    admin(own, "POST", "reset")
    assert statuses(own, token, 1) == [200]


def test_a_reset_leaves_good_no_token_of_a_key_that_came_later(own: Server) -> None:
    admin(own, "POST", "keys/rotate", {})
    token = own.token()
    assert statuses(own, token, 1) == [200]
    admin(own, "POST", "reset")
    assert statuses(own, token, 1) == [401]
    description = admin(own, "GET", "openapi.json")["paths"]["/__admin/reset"]["post"]["description"]
    assert description.endswith("tokens of that time's key stay good.")


def test_the_same_is_got_again_after_a_reset(own: Server) -> None:
    def ids() -> list[str]:
        return [own.start(ONE_TASK, customer=CUSTOMER, token=token).json()["data"]["id"] for _ in range(3)]

    token = own.token()
    first = ids()
    assert len(set(first)) == 3
    assert ids() != first
    admin(own, "POST", "reset")
    assert ids() == first


def test_the_reset_of_a_customer_leaves_every_other_as_it_is(own: Server) -> None:
    fill(own)
    before = snapshot(own)
    admin(own, "POST", "reset", customerId=CUSTOMER)
    after = snapshot(own)
    assert CUSTOMER in json.dumps(before)
    assert CUSTOMER not in json.dumps(after)
    for name in ("clocks", "seeds", "workflows", "requests"):
        assert after[name] == [state for state in before[name] if state.get("customerId") != CUSTOMER]
    assert len(after["executions"]) == 1
    assert after["executions"][0]["id"] == before["executions"][2]["id"]
    assert {each["spec"]["id"] for each in before["faults"]} - {each["spec"]["id"] for each in after["faults"]} == {
        FAULT
    }


def test_after_the_reset_of_a_customer_the_catalogues_faults_count_for_it_from_the_start(own: Server) -> None:
    token = own.token()
    assert statuses(own, token, 4, customer=OTHER) == [503, 503, 200, 200]
    admin(own, "POST", "reset", customerId=OTHER)
    assert statuses(own, token, 4, customer=OTHER) == [503, 503, 200, 200]
    assert statuses(own, token, 7) == [200] * 5 + [500] * 2
    admin(own, "POST", "reset", customerId=CUSTOMER)
    assert statuses(own, token, 7) == [200] * 5 + [500] * 2


def test_after_a_reset_the_catalogues_faults_are_there_that_were_deleted(own: Server) -> None:
    start = snapshot(own)["faults"]
    admin(own, "DELETE", "faults")
    assert snapshot(own)["faults"] == []
    admin(own, "POST", "reset")
    assert snapshot(own)["faults"] == start


@pytest.mark.parametrize("query", [{"customer": CUSTOMER}, {"customerId": "me"}, {"customerId": ""}])
def test_a_reset_of_nobody_known_is_refused_and_resets_nothing(own: Server, query: dict[str, str]) -> None:
    own.start(customer=CUSTOMER)
    answer = own.http.post("/__admin/reset", params=query)
    assert answer.status_code == 400
    assert [fault["property"] for fault in answer.json()["meta"]["validation"]] == list(query)
    assert admin(own, "GET", "health")["store"]["executions"] == 1


def test_a_reset_is_told_to_whoever_listens(fresh: Server) -> None:
    admin(fresh, "POST", "reset")
    admin(fresh, "POST", "reset", customerId=CUSTOMER)
    with listening(fresh) as events:
        everybody, customer = next(events), next(events)
    assert everybody == {"event": "reset", "data": {"customerId": None, "reset": {}}}
    assert customer == {"event": "reset", "data": {"customerId": CUSTOMER, "reset": {}}}


def test_a_reset_of_all_is_told_to_those_who_listen_to_one_customer_and_that_of_another_isnt(fresh: Server) -> None:
    admin(fresh, "POST", "reset", customerId=OTHER)
    admin(fresh, "POST", "reset")
    admin(fresh, "POST", "reset", customerId=CUSTOMER)
    with listening(fresh, customerId=CUSTOMER) as events:
        assert [next(events)["data"]["customerId"] for _ in range(2)] == [None, CUSTOMER]


# Snapshot


def test_a_snapshot_put_into_another_server_is_what_that_one_has(own: Server, other: Server) -> None:
    fill(own)
    taken = snapshot(own)
    admin(other, "PUT", "snapshot", taken)
    assert snapshot(other) == taken


def test_a_snapshot_of_the_start_is_what_another_server_has_then(other: Server) -> None:
    admin(other, "POST", "reset")
    with serving() as running:
        taken = snapshot(running)
    assert taken["seeds"] == []
    admin(other, "PUT", "snapshot", taken)
    assert snapshot(other) == taken


def test_a_snapshot_put_twice_is_the_same_as_put_once(own: Server, other: Server) -> None:
    fill(own)
    taken = snapshot(own)
    for _ in range(2):
        admin(other, "PUT", "snapshot", taken)
    assert snapshot(other) == taken


def test_after_a_snapshot_everything_goes_on_where_it_was(own: Server, other: Server) -> None:
    fill(own)
    admin(other, "PUT", "snapshot", snapshot(own))
    theirs = admin(other, "POST", "tokens", {}, customerId=CUSTOMER)["accessToken"]
    for running, token in (
        (own, admin(own, "POST", "tokens", {}, customerId=CUSTOMER)["accessToken"]),
        (other, theirs),
    ):
        executions = admin(running, "GET", "executions", customerId=CUSTOMER)["executions"]
        timed, manual = (admin(running, "GET", f"executions/{each['id']}") for each in executions)
        assert (timed["state"], timed["finished"]) == ("failed", "2030-01-01T01:01:30.25Z")
        assert [task["state"] for task in manual["tasks"]] == ["completed", "queued"]
        done = admin(running, "POST", f"executions/{manual['id']}/advance", {"to": "end"})
        assert (done["state"], done["finished"]) == ("completed", "2030-01-01T01:30:00.25Z")
        assert statuses(running, token, 2) == [502, 200]
        assert statuses(running, running.token(), 1, TIMED, OTHER) == [429]
        assert statuses(running, running.token(), 3, WORKFLOW, OTHER) == [503, 200, 200]
        assert statuses(running, running.token(), 1, ONE_TASK, OTHER) == [404]
    ids = [[each["id"] for each in admin(running, "GET", "executions")["executions"]] for running in (own, other)]
    assert ids[0] == ids[1]


def test_an_execution_keeps_the_definition_that_it_started_with_in_a_snapshot_too(own: Server, other: Server) -> None:
    started = own.start(ONE_TASK).json()["data"]
    admin(own, "PUT", f"workflows/{ONE_TASK}", TIMED_WORKFLOW)
    admin(other, "PUT", "snapshot", snapshot(own))
    assert admin(other, "GET", f"executions/{started['id']}")["tasks"][0]["parameters"] == {
        "nothing": None,
        "ä": [1.5, True],
    }
    assert admin(other, "GET", f"workflows/{ONE_TASK}")["name"] == "Timed"


def test_what_was_counted_to_the_end_is_still_shown(own: Server) -> None:
    """A number that a snapshot may just have, and the next start counts on from."""
    last = 2**53
    tally = {"customerId": "", "matched": last, "injected": last}
    customer = str(uuid4())
    snapshot = own.http.get("/__admin/snapshot").json() | {
        "faults": [{"spec": {"fixedDelayMilliseconds": 1}, "tallies": [tally]}],
        "seeds": [{"customerId": customer, "seed": "x", "number": last}],
    }
    assert own.http.put("/__admin/snapshot", json=snapshot).status_code == 204
    assert own.start(customer=customer).status_code == 200
    shown = own.http.get("/__admin/snapshot").json()
    assert shown["faults"][0]["tallies"][0]["matched"] == last + 1
    assert shown["seeds"][0]["number"] == last + 1
    assert own.http.get("/__admin/faults").json()["faults"][0]["injected"] == last + 1


def test_a_null_of_a_tasks_parameters_isnt_lost(own: Server, other: Server) -> None:
    admin(other, "PUT", "snapshot", snapshot(own))
    (task,) = other.start(ONE_TASK).json()["data"]["tasks"]
    assert task["parameters"] == {"nothing": None, "ä": [1.5, True]}
    (task,) = admin(own, "GET", f"workflows/{ONE_TASK}")["tasks"]
    assert task["parameters"] == {"nothing": None, "ä": [1.5, True]}


def test_the_journal_of_a_snapshot_is_the_same_to_whoever_asks(own: Server, other: Server) -> None:
    own.http.post("/api/workflow/%C3%A9?customerId=x&client_secret=a&b=%FF")
    own.start(customer=CUSTOMER, content=b"\xff" * 10_000)
    own.start(customer=CUSTOMER, content=b"{" + "é".encode() * 10_000)
    own.start(
        customer=CUSTOMER,
        content='{"data":{"workflowId":"é"},"more":1}'.encode(),
        headers={"X-Odd": "\xe9".encode("latin-1")},
    )
    taken = snapshot(own)
    admin(other, "PUT", "snapshot", taken)
    assert snapshot(other)["requests"] == taken["requests"]
    assert admin(other, "GET", "requests") == admin(own, "GET", "requests")


@pytest.mark.parametrize("moment", ["1970-01-01T00:00:00Z", "8999-12-31T23:59:59.999999Z"])
@pytest.mark.parametrize("action", ["set", "freeze"])
def test_a_clock_at_an_end_of_the_calendar_is_in_a_snapshot_too(
    own: Server, other: Server, action: str, moment: str
) -> None:
    admin(own, "PUT", "clock", {"action": action, "to": moment})
    own.start(customer=CUSTOMER, token=admin(own, "POST", "tokens", {})["accessToken"])
    taken = snapshot(own)
    admin(other, "PUT", "snapshot", taken)
    assert snapshot(other) == taken


def test_a_lost_answer_is_known_after_a_snapshot(own: Server, other: Server) -> None:
    lose = {"when": "afterCommit", "status": 503, "times": 1}
    admin(own, "POST", "faults", lose, customerId=CUSTOMER)
    assert statuses(own, own.token(), 1) == [503]
    (lost,) = admin(own, "GET", "executions")["executions"]
    admin(other, "PUT", "snapshot", snapshot(own))
    assert statuses(other, other.token(), 1) == [200]
    again = admin(other, "GET", "requests", customerId=CUSTOMER)["requests"][-1]
    assert again["duplicateOf"] == lost["id"]


def test_a_reset_after_a_snapshot_brings_back_the_servers_own_start(own: Server) -> None:
    start = snapshot(own)
    with serving() as running:
        theirs = snapshot(running)
    admin(own, "PUT", "snapshot", theirs)
    assert snapshot(own) == theirs
    admin(own, "POST", "reset")
    assert snapshot(own) == start


def test_an_empty_snapshot_is_an_empty_sandbox(other: Server) -> None:
    admin(other, "PUT", "snapshot", {})
    assert snapshot(other) == {
        "clocks": [{"offsetInSeconds": 0.0}],
        "seeds": [],
        "workflows": [],
        "definitions": [],
        "executions": [],
        "requests": [],
        "faults": [],
        "nextTokens": [],
    }


def test_a_snapshot_has_no_secret(own: Server) -> None:
    fill(own)
    text = json.dumps(snapshot(own))
    assert own.token() not in text
    assert "demo-secret" not in text
    assert not re.search("Bearer (?!error=)", text)  # which a challenge has


WRONG = {
    "clocks[0].frozen": {"clocks": [{"frozen": "yesterday"}]},
    "clocks[1].frozen": {"clocks": [{}, {"customerId": CUSTOMER, "frozen": "9999-12-31T23:59:59Z"}]},
    "clocks[0].customerId": {"clocks": [{"customerId": "me"}]},
    "clocks[0].offsetInSeconds": {"clocks": [{"offsetInSeconds": 1e300}]},
    "clocks[0]": {"clocks": [{"offsetInSeconds": 2.9e11}]},
    "clocks[1]": {"clocks": [{}, {"offsetInSeconds": -1e11}]},
    "seeds[0].seed": {"seeds": [{"customerId": CUSTOMER}]},
    "seeds[0].number": {"seeds": [{"customerId": CUSTOMER, "seed": "x", "number": -1}]},
    "workflows[0].name": {"workflows": [{"tasks": [{"key": "a"}]}]},
    "workflows[1].tasks[0].after[0]": {
        "workflows": [{"name": "a", "tasks": [{"key": "a"}]}, {"name": "b", "tasks": [{"key": "a", "after": ["b"]}]}]
    },
    "definitions[0].tasksHierarchy[0]": {
        "definitions": [{"name": "a", "tasks": [{"key": "a"}], "tasksHierarchy": [{"parent": "a", "child": "a"}]}]
    },
    "executions[0].definition": {
        "executions": [{"id": FAULT, "customerId": CUSTOMER, "definition": 0, "created": "2030-01-01T00:00:00Z"}]
    },
    "executions[0].created": {
        "executions": [{"id": FAULT, "customerId": CUSTOMER, "definition": 0, "created": "9999-12-31T23:59:59Z"}]
    },
    "requests[0].id": {"requests": [{}]},
    "faults[0].spec.status": {"faults": [{"spec": {"status": 199}}]},
    "faults[0].tallies[0].matched": {
        "faults": [{"spec": {}, "tallies": [{"customerId": "", "matched": "1", "injected": 0}]}]
    },
    "faults[0].tallies[0].injected": {
        "faults": [{"spec": {}, "tallies": [{"customerId": "", "matched": 0, "injected": -1}]}]
    },
    "keys": {"keys": []},
    "faults": {"faults": {}},
    "body": [],
}


@pytest.mark.parametrize("place", WRONG)
def test_a_snapshot_that_cant_be_is_refused_with_the_place_and_changes_nothing(
    started: tuple[Server, dict[str, Any]], place: str
) -> None:
    running, taken = started
    assert place in refused(running, WRONG[place])
    assert snapshot(running) == taken


@pytest.mark.parametrize(
    ("place", "change"),
    [
        ("requests[0].status", {"status": 10**4000}),
        ("requests[0].body", {"body": "x" * 5_000_000}),
        ("requests[0].headers.x", {"headers": {"x": "x" * 5_000_000}}),
        ("requests[0].id", {"id": "x" * 101}),
        ("seeds[0].number", {"customerId": CUSTOMER, "seed": "x", "number": 10**4000}),
        ("seeds[0].seed", {"customerId": CUSTOMER, "seed": "x" * 200_000}),
        ("faults[0].spec.times", {"spec": {"status": 503, "times": 2**53 + 1}}),
        ("faults[0].tallies[0].matched", {"tallies": [{"customerId": "", "matched": 10**4000, "injected": 0}]}),
        (
            "faults[0].tallies[0].used",
            {"tallies": [{"customerId": "", "matched": 0, "injected": 0, "used": 2**53 + 1}]},
        ),
        ("faults[0].tallies", {"tallies": [{"customerId": str(n), "matched": 0, "injected": 0} for n in range(1001)]}),
    ],
)
def test_what_no_server_could_hold_is_refused_in_a_snapshot(
    started: tuple[Server, dict[str, Any]], place: str, change: dict[str, Any]
) -> None:
    running, taken = started
    part = place.partition("[")[0]
    whole = {"requests": taken["requests"][0], "seeds": {}, "faults": {"spec": {"status": 503}}}[part] | change
    assert place in refused(running, {part: [whole]})
    assert snapshot(running) == taken


def test_what_is_secret_in_the_requests_of_a_snapshot_is_not_shown(own: Server, other: Server) -> None:
    own.start(customer=CUSTOMER)
    taken = snapshot(own)
    token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."
    taken["requests"][-1] |= {
        "headers": {"authorization": "Bearer s3cret", "x-more": f"of {token}"},
        "path": f"/api/workflow/{token}/é",
        "query": f"a={token}&client_secret=s3cret",
        "body": json.dumps({"more": token}),
    }
    admin(other, "PUT", "snapshot", taken)
    (entry,) = admin(other, "GET", "requests", customerId=CUSTOMER)["requests"]
    assert "s3cret" not in json.dumps(entry)
    assert "eyJ" not in json.dumps(entry)
    assert entry["headers"]["authorization"] == "[redacted]"


def test_a_snapshot_may_be_larger_than_any_other_body(other: Server) -> None:
    body = b"{}" + b" " * MAX_BODY_BYTES
    answer = other.http.put("/__admin/snapshot", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 204


@pytest.mark.parametrize(
    ("part", "place", "change"),
    [
        ("executions", "executions[0].steps[0]", {"steps": [STEP]}),
        ("executions", "executions[0].steps[0].outcome", {"steps": [STEP | {"outcome": "x"}]}),
        ("executions", "executions[0].definition", {"definition": 1}),
        ("executions", "executions[1].id", {"id": None}),
        ("requests", "requests[1].id", {"id": None}),
        ("workflows", "workflows[1].id", {"id": None}),
    ],
)
def test_a_changed_snapshot_is_refused_where_its_parts_dont_fit(
    started: tuple[Server, dict[str, Any]], part: str, place: str, change: dict[str, Any]
) -> None:
    """An id that is None here is repeated."""
    running, taken = started
    changed = json.loads(json.dumps(taken))
    if "id" in change:
        changed[part][1]["id"] = changed[part][0]["id"]
    else:
        changed[part][0] |= change
    assert refused(running, changed) == [place]
    assert snapshot(running) == taken


def test_a_step_that_was_taken_twice_is_refused(started: tuple[Server, dict[str, Any]]) -> None:
    running, taken = started
    changed = json.loads(json.dumps(taken))
    changed["executions"][0]["steps"] *= 2
    assert refused(running, changed) == ["executions[0].steps[1]"]
    assert snapshot(running) == taken


def test_a_customer_that_is_made_up_costs_nothing_until_used(server: Server) -> None:
    before = snapshot(server)
    assert admin(server, "GET", "clock", customerId=str(uuid4()))["own"] is False
    admin(server, "POST", "reset", customerId=str(uuid4()))
    assert snapshot(server) == before


def test_a_client_that_leaves_in_the_middle_of_a_call_is_no_error(own: Server) -> None:
    head = (
        b"PUT /__admin/seed HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n"
    )
    with own.connect() as connection:
        connection.sendall(head + b"{")
    deadline = time.monotonic() + 10
    while "the client left" not in (said := own.log.read_text()):
        assert time.monotonic() < deadline, said
    assert "Traceback" not in said
