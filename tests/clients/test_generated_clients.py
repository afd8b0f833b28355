"""What clients that generators make of both contracts do with the server: one table of calls, for each generator.

`make test-clients` installs the generators first. What is wrong with the request of a call is refused by the server, so
that it is the client that must make something of the refusal.
"""

import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import yaml

from tests.clients.generators import CONTRACTS, Program
from tests.support import WORKFLOW, Server

WORKFLOW_API = yaml.safe_load(CONTRACTS["workflow"].read_text())
TOKEN_KINDS = yaml.safe_load(CONTRACTS["admin"].read_text())["components"]["schemas"]["TokenKind"]["enum"]
MOMENT = "2045-01-15T12:00:00Z"
NOBODY = "00000000-0000-4000-8000-000000000000"


def errors(operation: str) -> Iterator[Any]:
    """Each error that the contract has an example of: status, code, and a Retry-After where it has that too.

    Of its `default` the status is one that it has nowhere else.
    """
    (responses,) = (
        methods["post"]["responses"]
        for methods in WORKFLOW_API["paths"].values()
        if methods.get("post", {}).get("operationId") == operation
    )
    for status, reference in responses.items():
        response = WORKFLOW_API["components"]["responses"][reference["$ref"].rpartition("/")[2]]
        retry_after = "7" if "Retry-After" in response["headers"] else None
        for code in response["content"]["application/json"]["examples"] if status != "200" else ():
            number = 418 if status == "default" else int(status)
            yield pytest.param(number, code, retry_after, id=f"{status} {code}")


@pytest.fixture
def customer() -> str:
    return str(uuid4())


def start(client: Program, customer: str, token: str, /, **given: str) -> Any:
    """What the client makes of a start of the demo workflow."""
    return client("start", **{"customer": customer, "workflow": WORKFLOW, "body": WORKFLOW, "token": token} | given)


def add_fault(server: Server, customer: str | None, **spec: Any) -> None:
    """Inject a fault into the customer's next start, or into the next request of a token."""
    matcher = {"customerId": customer} if customer else {"operation": "token"}
    answer = server.http.post("/__admin/faults", json={"times": 1, "matcher": matcher} | spec)
    assert answer.status_code == 201, answer.text


def state(server: Server, customer: str) -> Any:
    return server.http.get("/__admin/snapshot", params={"customerId": customer}).json()


# Starts


def test_a_start(client: Program, server: Server, customer: str, token: str) -> None:
    answer = start(client, customer, token)
    data = server.start(token=token).json()["data"]
    assert answer == {
        "status": 200,
        "workflow": WORKFLOW,
        "queued": len(data["executionQueue"]),
        "triggers": len([task for task in data["tasks"] if task["isTrigger"]]),
        "finished": None,
    }


@pytest.mark.parametrize("kind", [kind for kind in TOKEN_KINDS if kind != "good"])
def test_a_bad_token(client: Program, server: Server, customer: str, kind: str) -> None:
    minted = server.http.post("/__admin/tokens", params={"customerId": customer}, json={"kind": kind}).json()
    answer = start(client, customer, minted["accessToken"])
    expected = minted["expected"]
    assert answer == {"status": expected["status"], "code": expected["code"], "properties": [], "retryAfter": None}


@pytest.mark.parametrize(
    ("given", "status", "code", "properties"),
    [
        pytest.param({"token": ""}, 401, "token_missing", [], id="no token"),
        pytest.param({"token": "x" * 40_000}, 431, "headers_too_large", [], id="a token over the limit"),
        pytest.param({"body": NOBODY}, 400, "validation_failed", ["data.workflowId"], id="another in the body"),
        pytest.param({"workflow": NOBODY, "body": NOBODY}, 404, "workflow_not_found", [], id="an unknown workflow"),
    ],
)
def test_a_refused_start(
    client: Program, customer: str, token: str, given: dict[str, str], status: int, code: str, properties: list[str]
) -> None:
    answer = start(client, customer, token, **given)
    assert answer == {"status": status, "code": code, "properties": properties, "retryAfter": None}


@pytest.mark.parametrize(("status", "code", "retry_after"), [*errors("startWorkflowExecution")])
def test_an_injected_error(
    client: Program, server: Server, customer: str, token: str, status: int, code: str, retry_after: str | None
) -> None:
    add_fault(server, customer, status=status, code=code, retryAfter=retry_after and f"{retry_after}s")
    answer = start(client, customer, token)
    assert answer == {"status": status, "code": code, "properties": [], "retryAfter": retry_after}


@pytest.mark.parametrize("status", [429, 503])
def test_an_injected_error_without_a_code(
    client: Program, server: Server, customer: str, token: str, status: int
) -> None:
    add_fault(server, customer, status=status)
    answer = start(client, customer, token)
    assert (answer["status"], answer["code"]) == (status, "injected_fault")
    assert (answer["retryAfter"] is None) == (status == 503)  # what is too much has one of its own


# Tokens


def test_a_token(client: Program, customer: str) -> None:
    answer = client("token", client="demo", secret="demo-secret", scope="workflow_api")
    assert (answer["status"], answer["scope"]) == (200, "workflow_api")
    assert start(client, customer, answer["token"])["status"] == 200


@pytest.mark.parametrize(
    ("given", "code"),
    [
        pytest.param({"secret": "wrong"}, "invalid_client", id="a wrong secret"),
        pytest.param({"client": "unknown"}, "invalid_client", id="an unknown client"),
        pytest.param({"scope": "unknown"}, "invalid_scope", id="an unknown scope"),
    ],
)
def test_a_refused_token(client: Program, given: dict[str, str], code: str) -> None:
    answer = client("token", **{"client": "demo", "secret": "demo-secret", "scope": None} | given)
    assert answer == {"status": 400, "code": code, "description": None, "retryAfter": None}


@pytest.mark.parametrize(("status", "code", "retry_after"), [*errors("requestToken")])
def test_an_injected_error_at_the_token_endpoint(
    client: Program, server: Server, status: int, code: str, retry_after: str | None
) -> None:
    again = retry_after and f"{retry_after}s"
    add_fault(server, None, status=status, code=code, message="Come again", retryAfter=again)
    answer = client("token", client="demo", secret="demo-secret", scope=None)
    assert answer == {"status": status, "code": code, "description": "Come again", "retryAfter": retry_after}


# The control plane


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"status": 503, "code": "too_busy", "times": 3, "retryAfter": "PT7S"}, id="an error"),
        pytest.param({"status": 500, "seed": 5_000_000_000}, id="a seed over 32 bits"),
        pytest.param({"status": 500, "probability": 1.0}, id="a probability"),
        pytest.param({"delay": {"type": "uniform", "lower": 0, "upper": 1.5}}, id="a uniform delay"),
        pytest.param({"delay": {"type": "lognormal", "median": 1, "sigma": 0.25}}, id="a lognormal delay"),
    ],
)
def test_a_fault(client: Program, server: Server, customer: str, token: str, fault: dict[str, Any]) -> None:
    """It is put, read back one by one and in the list, and injected."""
    added = client("add_fault", customer=customer, fault=fault)
    assert added["status"] == 201
    found = client("get_fault", id=added["id"])
    assert found["status"] == 200
    shown = without_nulls(found["fault"])
    assert shown == shown | fault
    assert client("find_faults", customer=customer) == {"status": 200, "ids": [added["id"]]}
    assert start(client, customer, token)["status"] == fault.get("status", 200)
    assert server.http.get(f"/__admin/faults/{added['id']}").json()["injected"] == 1


def without_nulls(value: Any) -> Any:
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    if isinstance(value, dict):
        return {name: without_nulls(member) for name, member in value.items() if member is not None}
    return value


def test_a_fault_that_does_nothing_is_refused(client: Program, customer: str) -> None:
    answer = client("add_fault", customer=customer, fault={"times": 1})
    assert (answer["status"], answer["code"], answer["properties"]) == (400, "validation_failed", ["body"])


def test_an_unknown_fault_is_refused(client: Program) -> None:
    answer = client("get_fault", id=NOBODY)
    assert (answer["status"], answer["code"], answer["properties"]) == (404, "not_found", [])


def comparable(state: Any) -> Any:
    """Without null members and fractions of a second, which some clients leave out: docs/generated-clients.md."""
    return without_nulls(json.loads(re.sub(r"(:\d\d)\.\d+Z", r"\1Z", json.dumps(state))))


def test_a_snapshot_that_is_put_back_changes_nothing(client: Program, server: Server, customer: str) -> None:
    """Not the customer's clock, nor its executions, its journal and its faults."""
    moved = client("set_clock", customer=customer, to=MOMENT)
    assert (moved["status"], moved["now"][:19], moved["own"], moved["frozen"]) == (200, MOMENT[:19], True, False)
    token = server.http.post("/__admin/tokens", params={"customerId": customer}, json={}).json()["accessToken"]
    for spec in (
        {"seed": 5_000_000_000, "status": 500, "probability": 0.1},
        {"delayDistribution": {"type": "lognormal", "median": 1, "sigma": 0.25}},
        {"status": 503, "code": "brand_new", "retryAfter": "1m30s", "headers": {"X-Fault": "1"}},
    ):
        add_fault(server, customer, **spec)
    assert {start(client, customer, token)["status"] for _ in range(4)} >= {200, 503}
    before = state(server, customer)
    assert client("restore", customer=customer) == {"status": 204}
    after = state(server, customer)
    assert after["clocks"] == before["clocks"]
    assert comparable(after) == comparable(before)


def test_verify(client: Program, customer: str, token: str) -> None:
    assert start(client, customer, token)["status"] == 200
    answer = client("verify", customer=customer, status=200, exactly=1)
    assert answer == {"status": 200, "verified": True, "count": 1}
    answer = client("verify", customer=customer, status=200, exactly=2)
    assert answer == {"status": 409, "verified": False, "count": 1}
