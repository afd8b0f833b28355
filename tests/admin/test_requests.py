"""The journal: what clients sent, what became of it, and what is never kept."""

import base64
import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

import pytest
from workflow_mock.http.content_type import FORM
from workflow_mock.state.redaction import redact_form

from tests.admin.world import TOKEN_PATH, World, error_of, until
from tests.support import WORKFLOW, Server, path, serving

ONE_TASK = "11111111-1111-4111-8111-111111111111"
CREDENTIALS = {"grant_type": "client_credentials", "client_id": "demo", "client_secret": "demo-secret"}
ENTRY = {
    "id": str,
    "time": str,
    "method": str,
    "path": str,
    "query": str,
    "operation": str,
    "customerId": str,
    "workflowId": str,
    "headers": dict,
    "body": str,
    "clientId": str,
    "token": dict,
    "status": int,
    "errors": list,
    "validation": list,
    "durationInMilliseconds": float,
    "executionId": str,
    "answerLost": bool,
    "duplicateOf": None,
    "faultId": None,
    "faultStep": None,
    "heldInMilliseconds": None,
    "clientLeft": bool,
    "faultEffect": None,
    "notes": list,
    "response": None,
}
"""The members of an entry of a start, and what they are of."""


@pytest.fixture
def world(server: Server, token: str) -> World:
    return World(server, token)


@pytest.fixture(autouse=True)
def _no_traceback_in_the_log(server: Server) -> Iterator[None]:
    yield
    assert "Traceback" not in server.log.read_text()


def ask_for_token(world: World, form: dict[str, str] | None = None, **request: Any) -> None:
    """Send a token request in the customer's world, good or not."""
    params = {"customerId": world.customer} | request.pop("params", {})
    world.server.http.post(TOKEN_PATH, params=params, data=CREDENTIALS if form is None else form, **request)


# What an entry has


def test_an_entry_has_all_of_a_start_and_of_its_answer(world: World) -> None:
    world.freeze()
    answer = world.start(headers={"X-Test": "One"})
    entry = world.entry()
    assert {name: type(value) if value is not None else None for name, value in entry.items()} == ENTRY
    assert entry["id"] == answer.headers["X-Request-Id"]
    assert entry["time"] == world.admin("GET", "clock")["now"]
    assert (entry["method"], entry["path"], entry["query"]) == ("POST", world.path, "")
    assert (entry["customerId"], entry["workflowId"]) == (world.customer, WORKFLOW)
    assert entry["headers"]["x-test"] == "One"
    assert json.loads(entry["body"]) == {"data": {"workflowId": WORKFLOW}}
    assert (entry["status"], entry["errors"], entry["validation"], entry["notes"]) == (200, [], [], [])
    assert entry["executionId"] == answer.json()["data"]["id"]
    assert (entry["answerLost"], entry["duplicateOf"], entry["faultId"]) == (False, None, None)
    assert entry["durationInMilliseconds"] > 0


def test_an_entry_has_the_tokens_digest_and_claims(world: World) -> None:
    world.start()
    entry = world.entry()
    assert entry["clientId"] == entry["token"]["claims"]["client_id"] == "demo"
    assert entry["token"]["claims"]["scope"] == ["workflow_api"]
    assert entry["token"]["digest"] == f"sha256:{sha256(world.token.encode()).hexdigest()[:32]}"


def test_claims_of_a_token_that_is_not_trusted_are_not_shown(world: World) -> None:
    forged = world.admin("POST", "tokens", json={"kind": "bad-signature"})["accessToken"]
    World(world.server, forged, world.customer).start()
    entry = world.entry()
    assert (entry["token"]["claims"], entry["clientId"]) == (None, None)
    assert entry["token"]["digest"] == f"sha256:{sha256(forged.encode()).hexdigest()[:32]}"


def test_the_id_of_an_answer_finds_its_entry_at_once(world: World) -> None:
    for _ in range(20):
        id = world.start().headers["X-Request-Id"]
        assert world.server.http.get(f"/__admin/requests/{id}").json()["id"] == id


def test_an_unknown_id_is_not_found(server: Server) -> None:
    answer = server.http.get("/__admin/requests/" + "x" * 1000)
    assert (answer.status_code, error_of(answer)) == (404, "not_found")
    assert len(answer.content) < 500


def test_ids_in_upper_case_are_shown_in_lower_case(world: World) -> None:
    World(world.server, world.token, world.customer.upper()).start()
    assert (world.entry()["customerId"], world.entry()["path"]) == (
        world.customer,
        path(customer=world.customer.upper()),
    )


def test_an_entry_has_the_query(world: World) -> None:
    world.server.http.post(world.path + "?api-version=1.0", headers={"Authorization": f"Bearer {world.token}"})
    assert world.entry()["query"] == "api-version=1.0"


# Refused requests

REFUSED: list[tuple[int, str, dict[str, Any]]] = [
    (400, "malformed_json", {"content": b"{"}),
    (400, "validation_failed", {"json": {"data": {}}}),
    (401, "token_missing", {"headers": {"Authorization": "Basic x"}}),
    (401, "token_malformed", {"headers": {"Authorization": "Bearer x"}}),
    (404, "workflow_not_found", {"workflow": str(uuid4())}),
    (413, "body_too_large", {"content": b" " * (1024 * 1024 + 1)}),
    (415, "unsupported_media_type", {"content": b"{}", "headers": {"Content-Type": "text/plain"}}),
]


@pytest.mark.parametrize(("status", "code", "request_"), REFUSED, ids=[each[1] for each in REFUSED])
def test_a_refused_start_is_in_the_journal_with_its_reason(
    world: World, status: int, code: str, request_: dict[str, Any]
) -> None:
    answer = world.start(**request_)
    (entry,) = world.entries()
    assert entry["status"] == answer.status_code == status
    assert entry["errors"] == answer.json()["meta"]["errors"]
    assert entry["validation"] == answer.json()["meta"]["validation"]
    assert [error["code"] for error in entry["errors"]] == [code]
    assert entry["executionId"] is None


def test_a_start_without_the_right_to_it_is_in_the_journal(world: World) -> None:
    poor = world.admin("POST", "tokens", json={"kind": "missing-scope"})["accessToken"]
    World(world.server, poor, world.customer).start()
    assert (world.entry()["status"], world.entry()["errors"][0]["code"]) == (403, "insufficient_scope")
    assert world.entry()["token"]["claims"]["client_id"] == "demo"


def test_another_method_is_in_the_journal(world: World) -> None:
    world.server.http.delete(world.path)
    entry = world.entry()
    assert (entry["method"], entry["status"], entry["errors"][0]["code"]) == ("DELETE", 405, "method_not_allowed")


def test_a_path_that_is_no_route_is_in_the_journal_without_a_customer(server: Server) -> None:
    id = server.http.get("/api/workflow/v2.0/nothing").headers["X-Request-Id"]
    entry = server.http.get(f"/__admin/requests/{id}").json()
    assert (entry["status"], entry["customerId"], entry["workflowId"]) == (404, None, None)
    assert entry["path"] == "/api/workflow/v2.0/nothing"


def test_a_token_request_is_in_the_journal(world: World) -> None:
    ask_for_token(world)
    entry = world.entry()
    assert (entry["method"], entry["path"], entry["status"]) == ("POST", TOKEN_PATH, 200)
    assert (entry["clientId"], entry["token"], entry["executionId"]) == ("demo", None, None)
    assert "grant_type=client_credentials" in entry["body"]


def test_a_refused_token_request_is_in_the_journal_with_its_reason(world: World) -> None:
    ask_for_token(world, CREDENTIALS | {"client_secret": "wrong"})
    entry = world.entry()
    assert (entry["status"], entry["clientId"]) == (400, None)
    assert entry["errors"] == [{"code": "invalid_client", "message": "wrong secret"}]


def test_the_control_plane_and_the_rest_are_not_in_the_journal() -> None:
    with serving() as running:
        for resource in ("/__admin/health", "/__admin/nothing", "/api/authentication/.well-known/openid-configuration"):
            running.http.get(resource)
        running.http.post("/__admin/faults", json={"status": 503})
        running.http.post("/__admin/requests/count", json={})
        assert running.http.get("/__admin/requests").json() == {
            "requests": [],
            "meta": {"total": 0, "forgotten": 0},
            "next": None,
        }


# What is not kept

SECRET = "hush-hush-hush"


def basic(secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"demo:{secret}".encode()).decode()}


SECRETIVE: list[tuple[str, dict[str, Any]]] = [
    ("in the form", {"data": CREDENTIALS | {"client_secret": SECRET}}),
    ("in the form, in another case", {"data": {"Client_Secret": SECRET}}),
    ("in the form, twice", {"content": f"client_secret={SECRET}&client_secret={SECRET}"}),
    ("in the form, in escapes", {"content": f"client%5Fsecret={SECRET}"}),
    ("in a password", {"data": {"grant_type": "password", "password": SECRET}}),
    ("in an assertion", {"data": {"assertion": SECRET}}),
    ("in Basic", {"headers": basic(SECRET)}),
    ("in the query", {"params": {"client_secret": SECRET}}),
    ("in a form that has JSON", {"content": json.dumps({"client_id": "demo", "client_secret": SECRET})}),
    ("in a form without =", {"content": f"client_secret:{SECRET}"}),
    ("in text", {"content": f"client_secret={SECRET}", "headers": {"Content-Type": "text/plain"}}),
    ("in JSON", {"json": {"client_secret": SECRET}}),
    ("in a cookie", {"headers": {"Cookie": f"session={SECRET}"}}),
    ("in a client's assertion", {"data": {"grant_type": "client_credentials", "client_assertion": SECRET}}),
    ("in a token to exchange", {"data": {"subject_token": SECRET, "id_token_hint": SECRET}}),
    ("in a field with a slip in its name", {"data": {"clientSecret": SECRET, "secert": SECRET}}),
    ("behind a semicolon", {"content": f"client_id=demo;client_secret={SECRET}"}),
    ("behind a line break", {"content": f"client_id=demo\nclient_secret={SECRET}"}),
    ("behind nothing", {"content": f"client_id=democlient_secret={SECRET}"}),
    ("behind a colon", {"content": f"client_id=demo:{SECRET}"}),
    ("alone", {"content": SECRET}),
    ("in a query of another name", {"params": {"token": SECRET, "api_key": SECRET}}),
    ("in the address of the page", {"headers": {"Referer": f"http://x/?client_secret={SECRET}"}}),
    ("in a header of a proxy's", {"headers": {"X-Original-URI": f"/x?client_secret={SECRET}"}}),
    ("in a header of one's own", {"headers": {"X-Client": f"demo:{SECRET}", "X-Note": SECRET}}),
    ("in Basic elsewhere", {"headers": {"X-Original": basic(SECRET)["Authorization"]}}),
]


@pytest.mark.parametrize("fault", [False, True], ids=["", "with a fault"])
@pytest.mark.parametrize("target", [TOKEN_PATH, TOKEN_PATH.replace("token", "%74oken")], ids=["plain", "escaped"])
@pytest.mark.parametrize("request_", [each[1] for each in SECRETIVE], ids=[each[0] for each in SECRETIVE])
def test_a_clients_secret_is_not_kept(world: World, request_: dict[str, Any], target: str, fault: bool) -> None:
    if fault:
        world.fault(status=503, matcher={"urlPath": TOKEN_PATH})
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if "json" not in request_ else {}
    params = {"customerId": world.customer} | request_.get("params", {})
    sent = request_ | {"params": params, "headers": headers | request_.get("headers", {})}
    world.server.http.post(target, **sent)
    kept = json.dumps(world.entry())
    assert SECRET not in kept
    assert basic(SECRET)["Authorization"].split()[1] not in kept


def test_what_was_a_secret_says_so(world: World) -> None:
    ask_for_token(world)
    assert "client_secret=%5Bredacted%5D" in world.entry()["body"]
    world.start()
    assert world.entry()["headers"]["authorization"] == "[redacted]"


@pytest.mark.parametrize("status", [200, 401, 404])
def test_a_bearer_token_is_not_kept(world: World, status: int) -> None:
    token = world.token if status != 401 else world.token[:-8] + "AAAAAAAA"
    workflow = WORKFLOW if status != 404 else str(uuid4())
    answer = World(world.server, token, world.customer).start(workflow, headers={"Proxy-Authorization": token})
    assert answer.status_code == status
    assert token not in json.dumps(world.entry())


def test_a_token_in_the_query_is_not_kept(world: World) -> None:
    world.server.http.post(world.path, params={"access_token": world.token, "page": "7"})
    assert world.entry()["query"] == "access_token=%5Bredacted%5D&page=7"


def spaced(token: str) -> str:
    """A token whose header has white space, so that it doesn't begin with `eyJ`."""
    header, claims, signature = token.split(".")
    made = json.dumps(json.loads(base64.urlsafe_b64decode(header + "==")), indent=1).encode()
    return f"{base64.urlsafe_b64encode(made).decode().rstrip('=')}.{claims}.{signature}"


START_SECRETS: list[tuple[str, dict[str, Any]]] = [
    (
        "in headers",
        {"headers": dict.fromkeys(("X-Key", "X-Bearer", "Ocp-Apim-Subscription-Key"), SECRET)},
    ),
    ("in addresses", {"headers": dict.fromkeys(("Referer", "X-Original-URI"), f"http://x/?client_secret={SECRET}")}),
    ("in Basic elsewhere", {"headers": {"X-Original": basic(SECRET)["Authorization"]}}),
    ("in the query", {"params": {"bearer": SECRET, "a": f"b;client_secret={SECRET}"}}),
    ("in a form sent as JSON", {"content": f"grant_type=client_credentials&client_secret={SECRET}"}),
    ("in JSON", {"json": {"data": {"workflowId": WORKFLOW}, "client_secret": SECRET}}),
    (
        "in UTF-16",
        {
            "content": json.dumps({"password": SECRET}).encode("utf-16"),
            "headers": {"Content-Type": "application/json; charset=utf-16"},
        },
    ),
]


@pytest.mark.parametrize("request_", [each[1] for each in START_SECRETS], ids=[each[0] for each in START_SECRETS])
def test_a_secret_sent_with_a_start_is_not_kept(world: World, request_: dict[str, Any]) -> None:
    world.server.start(customer=world.customer, token=world.token, **request_)
    (entry,) = world.server.http.get("/__admin/requests", params={"customerId": world.customer}).json()["requests"]
    snapshot = world.server.http.get("/__admin/snapshot", params={"customerId": world.customer})
    for kept in (json.dumps(entry), snapshot.text, world.server.log.read_text()):
        assert SECRET not in kept.replace("\\u0000", "")
        assert basic(SECRET)["Authorization"].split()[1] not in kept


ELSEWHERE: list[tuple[str, Callable[[str], dict[str, Any]]]] = [
    ("in a header of another name", lambda token: {"headers": {"X-Access-Token": token, "Authentication": token}}),
    ("in a header that is no token's", lambda token: {"headers": {"Referer": f"http://x/?access={token}"}}),
    ("in the query", lambda token: {"params": {"id_token": token, "x": token, "authorization": f"Bearer {token}"}}),
    ("in the body", lambda token: {"json": {"data": {"workflowId": WORKFLOW}, "access_token": token}}),
    ("in a form", lambda token: {"content": f"x={token}", "headers": {"Content-Type": FORM}}),
    (
        "with white space in it",
        lambda token: {"headers": {"X-Note": f"see {spaced(token)}", "X_y": f"_{spaced(token)}"}},
    ),
    ("behind a line break of JSON", lambda token: {"json": {"note": f"\n{spaced(token)}"}}),
    ("as a name", lambda token: {"json": {"data": {"workflowId": WORKFLOW}, token: 2}}),
    ("in the path", lambda token: {"path": f"/api/workflow/v1.0/customer/{token}/workflow/%20{token}/x"}),
]


@pytest.mark.parametrize("fault", [False, True], ids=["", "with a fault"])
@pytest.mark.parametrize("request_", [each[1] for each in ELSEWHERE], ids=[each[0] for each in ELSEWHERE])
def test_a_token_elsewhere_is_not_kept(world: World, request_: Callable[[str], dict[str, Any]], fault: bool) -> None:
    if fault:
        world.fault(status=503)
    sent = {"path": world.path, "params": {}} | request_(world.token)
    sent["headers"] = {"Authorization": f"Bearer {world.token}"} | sent.get("headers", {})
    id = world.server.http.post(sent.pop("path"), **sent).headers["X-Request-Id"]
    kept = world.server.http.get(f"/__admin/requests/{id}").text
    for text in (kept, world.server.log.read_text()):
        assert world.token not in text
        assert world.token.rpartition(".")[2] not in text


@pytest.mark.parametrize("fault", [False, True], ids=["", "with a fault"])
def test_a_token_request_at_the_wrong_path_keeps_no_secret(world: World, fault: bool) -> None:
    if fault:
        world.fault(status=503)
        world.server.http.post(
            "/__admin/faults", json={"matcher": {"urlPath": "/api/workflow/connect/token"}, "status": 503}
        )
    for target in ("/api/workflow/connect/token", world.path):
        id = world.server.http.post(target, data=CREDENTIALS | {"client_secret": SECRET}).headers["X-Request-Id"]
        assert SECRET not in world.server.http.get(f"/__admin/requests/{id}").text


def test_what_is_no_secret_of_a_token_request_is_kept(world: World) -> None:
    form = {"grant_type": "urn:x:y", "client_id": "my.client@x", "scope": "api:read https://x/.default"}
    ask_for_token(world, form)
    assert dict(parse_qsl(world.entry()["body"])) == form


@pytest.mark.parametrize("form", [b"a&" * 100_000, b"eyJ" * 30_000, b"eyJ." * 30_000], ids=["fields", "e", "e."])
def test_a_large_form_costs_little(form: bytes) -> None:
    """In one process: a quadratic one would take many minutes."""
    assert len(redact_form(form * 10, only_plain=False)) <= len(form) * 10
    assert redact_form(b"x=" + form, only_plain=True) == b"x=%5Bredacted%5D" or b"&" in form


def test_two_authorization_headers_are_not_kept(world: World) -> None:
    twice = world.raw().replace(b"Host: x", b"Host: x\r\nAuthorization: Bearer " + SECRET.encode())
    assert [answer.status for answer in world.server.send(twice)] == [401]
    assert SECRET not in json.dumps(world.entry())


def test_a_long_body_is_kept_up_to_16_kib(world: World) -> None:
    body = b'{"data":{"workflowId":"%s","more":"%s"}}' % (WORKFLOW.encode(), b"x" * 20_000)
    assert world.start(content=body).status_code == 200
    assert world.entry()["body"] == body[: 16 * 1024].decode()


def test_a_body_that_is_no_text_is_shown_with_replacements(world: World) -> None:
    world.start(content=b"\xff\xfe{")
    assert world.entry()["body"] == "\ufffd\ufffd{"


# Notes

BODY = {"data": {"workflowId": WORKFLOW}}
BOM = b"\xef\xbb\xbf"
LENIENT: list[tuple[str, dict[str, Any]]] = [
    ("the documented types are", {"json": BODY, "headers": {"Content-Type": "text/x+json"}}),
    ("more: the property is not documented", {"json": BODY | {"more": 1}}),
    ("data.more: the property is not documented", {"json": {"data": BODY["data"] | {"more": 1}}}),
    ("data: the property's name differs", {"json": {"DATA": BODY["data"]}}),
    ("data.workflowId: the property's name differs", {"json": {"data": {"WorkflowId": WORKFLOW}}}),
    ("data: the property is repeated", {"content": b'{"data":null,' + json.dumps(BODY).encode()[1:]}),
    ("the body begins with a byte order mark", {"content": BOM + json.dumps(BODY).encode()}),
    ("the Accept header excludes application/json", {"json": BODY, "headers": {"Accept": "text/html"}}),
    (
        "a charset other than utf-8",
        {
            "content": json.dumps(BODY).encode("utf-16-le"),
            "headers": {"Content-Type": "application/json; charset=utf-16"},
        },
    ),
]


@pytest.mark.parametrize(("note", "request_"), LENIENT, ids=[each[0] for each in LENIENT])
def test_what_is_let_pass_without_being_documented_is_noted(world: World, note: str, request_: dict[str, Any]) -> None:
    assert world.start(**request_).status_code == 200
    (found,) = world.entry()["notes"]
    assert found.startswith(note)


@pytest.mark.parametrize(
    ("change", "note"),
    [(str.lower, "the path differs"), (lambda text: text + "/", "the documented path has no slash")],
)
def test_a_lenient_path_is_noted(world: World, change: Any, note: str) -> None:
    world.server.http.post(change(world.path), json=BODY, headers={"Authorization": f"Bearer {world.token}"})
    assert world.entry()["status"] == 200
    assert world.entry()["notes"][0].startswith(note)


def test_strict_refuses_what_is_else_noted_and_keeps_the_refusal(strict_server: Server) -> None:
    world = World(strict_server, strict_server.token())
    answer = world.start(json=BODY | {"more": 1})
    assert answer.status_code == 400
    assert world.entry()["validation"] == answer.json()["meta"]["validation"]
    assert [fault["property"] for fault in world.entry()["validation"]] == ["more"]
    assert world.start(headers={"Accept": "text/html"}).status_code == 406
    assert world.entry()["errors"][0]["code"] == "not_acceptable"


def test_strict_and_a_fault_work_together(strict_server: Server) -> None:
    world = World(strict_server, strict_server.token())
    fault = world.fault(status=503, times=1)
    assert world.statuses(2) == [503, 200]
    assert [entry["faultId"] for entry in world.entries()] == [fault, None]


# Order, pages, bounds


def test_the_oldest_comes_first(world: World) -> None:
    ids = [world.start().headers["X-Request-Id"] for _ in range(5)]
    assert [entry["id"] for entry in world.entries()] == ids


def test_pages_follow_each_other_without_gap_or_overlap(world: World) -> None:
    ids = [world.start().headers["X-Request-Id"] for _ in range(5)]
    found: list[str] = []
    cursor: int | None = 0
    while cursor is not None:
        page = world.admin("GET", "requests", params={"limit": 2, "cursor": cursor})
        found += [entry["id"] for entry in page["requests"]]
        assert page["meta"] == {"total": 5, "forgotten": 0}
        cursor = page["next"]
    assert found == ids


def test_a_page_goes_on_after_what_came_meanwhile(world: World) -> None:
    first = [world.start().headers["X-Request-Id"] for _ in range(2)]
    page = world.admin("GET", "requests", params={"limit": 2})
    later = world.start().headers["X-Request-Id"]
    assert [entry["id"] for entry in page["requests"]] == first
    assert [entry["id"] for entry in world.entries(cursor=page["next"])] == [later]


def test_find_has_pages_too(world: World) -> None:
    for workflow in (WORKFLOW, ONE_TASK, WORKFLOW, ONE_TASK, WORKFLOW):
        world.start(workflow)
    wanted = {"workflowId": WORKFLOW}
    first = world.admin("POST", "requests/find", json=wanted, params={"limit": 2})
    second = world.admin("POST", "requests/find", json=wanted, params={"limit": 2, "cursor": first["next"]})
    assert [len(first["requests"]), len(second["requests"]), second["next"]] == [2, 1, None]
    assert {entry["workflowId"] for entry in first["requests"] + second["requests"]} == {WORKFLOW}


@pytest.mark.parametrize(
    "params",
    [
        {"limit": 0},
        {"limit": 1001},
        {"limit": "x"},
        {"cursor": -1},
        {"customerid": "x"},
        {"customerId": "x"},
        {"order": "up"},
        {"since": "yesterday"},
        {"since": "2030-01-01T00:00:00"},
    ],
)
def test_a_bad_query_is_refused_by_name(server: Server, params: dict[str, Any]) -> None:
    answer = server.http.get("/__admin/requests", params=params)
    assert (answer.status_code, error_of(answer)) == (400, "validation_failed")
    assert [fault["property"] for fault in answer.json()["meta"]["validation"]] == [*params]


def test_a_customer_sees_their_own_requests_alone(world: World) -> None:
    other = World(world.server, world.token)
    world.start()
    other.start()
    assert [entry["customerId"] for entry in world.entries()] == [world.customer]
    for each in (world, other):
        counted = world.server.http.post("/__admin/requests/count", json={"customerId": each.customer}).json()
        assert counted == {"count": 1, "forgotten": 0}, "without a customer, everybody's are seen"


def test_the_journal_is_bounded_and_the_oldest_go_first() -> None:
    with serving("--max-requests", "3") as running:
        one, other = World(running, running.token()), World(running, running.token())
        ids = [world.start().headers["X-Request-Id"] for world in (one, other, one, other)]
        kept = running.http.get("/__admin/requests").json()
        assert [entry["id"] for entry in kept["requests"]] == ids[1:]
        assert kept["meta"] == {"total": 3, "forgotten": 3}, "with the requests for two tokens"
        assert [entry["id"] for entry in one.entries()] == [ids[2]]
        assert running.http.get(f"/__admin/requests/{ids[0]}").status_code == 404


def test_without_a_journal_nothing_is_kept_and_the_rest_works() -> None:
    with serving("--no-journal") as running:
        world = World(running, running.token())
        world.fault(status=503, times=1)
        assert world.statuses(2) == [503, 200]
        assert len(world.executions()) == 1


@pytest.fixture(scope="module")
def unjournalled() -> Iterator[Server]:
    with serving("--no-journal") as running:
        yield running


@pytest.mark.parametrize(
    ("method", "resource", "body"),
    [
        ("GET", "requests", None),
        ("DELETE", "requests", None),
        ("GET", "requests/unmatched", None),
        ("POST", "requests/find", {}),
        ("POST", "requests/count", {}),
        ("POST", "requests/remove", {}),
        ("POST", "requests/verify", {"count": {"exactly": 0}}),
        ("GET", "requests/x", None),
    ],
)
def test_without_a_journal_nothing_is_said_of_requests(
    unjournalled: Server, method: str, resource: str, body: Any
) -> None:
    answer = unjournalled.http.request(method, f"/__admin/{resource}", json=body)
    assert (answer.status_code, error_of(answer)) == (409, "journal_disabled")
    assert "--no-journal" in answer.json()["meta"]["errors"][0]["message"]


# What was forgotten


@pytest.fixture(scope="module")
def forgetful() -> Iterator[World]:
    """Of three starts, the first was forgotten for those of another customer."""
    with serving("--max-requests", "5") as running:
        world, other = World(running, running.token()), World(running, running.token())
        world.statuses(3)
        other.statuses(3)
        yield world


@pytest.mark.parametrize(
    ("count", "verified"),
    [
        ({"exactly": 0}, False),
        ({"exactly": 2}, False),
        ({"exactly": 3}, False),
        ({"atMost": 2}, False),
        ({"atMost": 3}, True),
        ({"atLeast": 2}, True),
        ({"atLeast": 2, "atMost": 3}, True),
        ({"atLeast": 3}, False),
        ({}, True),
    ],
    ids=str,
)
def test_a_verdict_that_hangs_on_what_was_forgotten_is_no(
    forgetful: World, count: dict[str, int], verified: bool
) -> None:
    answer = forgetful.server.http.post(
        "/__admin/requests/verify", params={"customerId": forgetful.customer}, json={"count": count}
    )
    assert answer.status_code == (200 if verified else 409)
    verdict = answer.json()
    assert (verdict["verified"], verdict["count"], verdict["forgotten"]) == (verified, 2, 1)


def test_pages_and_counts_say_how_many_were_forgotten(forgetful: World) -> None:
    assert forgetful.admin("POST", "requests/count", json={}) == {"count": 2, "forgotten": 1}
    for page in (forgetful.admin("GET", "requests"), forgetful.admin("POST", "requests/find", json={})):
        assert page["meta"] == {"total": 2, "forgotten": 1}
    assert World(forgetful.server, forgetful.token).admin("GET", "requests")["meta"]["forgotten"] == 0
    assert forgetful.server.http.get("/__admin/requests").json()["meta"] == {"total": 5, "forgotten": 3}


def test_what_was_forgotten_is_forgotten_with_a_reset() -> None:
    with serving("--max-requests", "1") as running:
        one, other = World(running, running.token()), World(running, running.token())
        for world in (one, other):
            world.statuses(2)
        assert [world.admin("GET", "requests")["meta"]["forgotten"] for world in (one, other)] == [2, 1]
        one.admin("POST", "reset")
        assert [world.admin("GET", "requests")["meta"]["forgotten"] for world in (one, other)] == [0, 1]
        assert running.http.get("/__admin/requests").json()["meta"]["forgotten"] == 3
        running.http.post("/__admin/reset")
        assert running.http.get("/__admin/requests").json()["meta"]["forgotten"] == 0


# The newest first


def test_pages_can_begin_with_the_newest(world: World) -> None:
    world.statuses(5)
    oldest_first = [entry["id"] for entry in world.entries(order="asc")]
    assert [entry["id"] for entry in world.entries(order="desc")] == oldest_first[::-1]
    found: list[str] = []
    cursor: int | None = 0
    while cursor is not None:
        page = world.admin("GET", "requests", params={"order": "desc", "limit": 2, "cursor": cursor})
        found += [entry["id"] for entry in page["requests"]]
        cursor = page["next"]
    assert found == oldest_first[::-1]


def test_requests_can_be_those_since_a_moment(world: World) -> None:
    world.admin("PUT", "clock", json={"action": "freeze", "to": "2030-01-01T00:00:00Z"})
    world.start()
    world.advance("1h")
    later = world.start().headers["X-Request-Id"]
    assert [entry["id"] for entry in world.entries(since="2030-01-01T01:00:00Z")] == [later]
    assert len(world.entries(since="2030-01-01T00:00:00Z")) == 2
    assert world.entries(since="2030-01-01T01:00:00.001Z", order="desc") == []


# Matchers

MATCHERS: list[tuple[str, dict[str, Any], int]] = [
    ("everything", {}, 3),
    ("the method", {"method": "POST"}, 2),
    ("the workflow", {"workflowId": ONE_TASK}, 1),
    ("the status", {"status": 405}, 1),
    ("the error's code", {"errorCode": "validation_failed"}, 1),
    ("the client", {"clientId": "demo"}, 2),
    ("a header", {"headers": {"x-test": {"equalTo": "One"}}}, 1),
    ("a header that is missing", {"headers": {"X-Test": {"absent": True}}}, 2),
    ("the body", {"bodyPatterns": [{"contains": '"data"'}]}, 2),
    ("no body", {"bodyPatterns": [{"absent": True}]}, 1),
    ("two things", {"method": "POST", "status": 200}, 1),
    ("another customer", {"customerId": str(uuid4())}, 0),
    ("another execution", {"executionId": str(uuid4())}, 0),
]
matchers = pytest.mark.parametrize(
    ("matcher", "count"), [each[1:] for each in MATCHERS], ids=[each[0] for each in MATCHERS]
)


@pytest.fixture
def three(world: World) -> World:
    """A good start, a refused one of another workflow, and one by another method."""
    world.start(headers={"X-Test": "One"})
    world.start(ONE_TASK, json={"data": {}})
    world.server.http.get(world.path)
    return world


@matchers
def test_requests_are_counted_and_found_by_a_matcher(three: World, matcher: dict[str, Any], count: int) -> None:
    assert three.admin("POST", "requests/count", json=matcher) == {"count": count, "forgotten": 0}
    assert len(three.admin("POST", "requests/find", json=matcher)["requests"]) == count


@matchers
def test_requests_are_removed_by_a_matcher(three: World, matcher: dict[str, Any], count: int) -> None:
    assert three.admin("POST", "requests/remove", json=matcher) == {"count": count}
    assert len(three.entries()) == 3 - count
    assert three.admin("POST", "requests/count", json=matcher) == {"count": 0, "forgotten": 0}


def test_a_request_is_found_by_what_came_of_it(world: World) -> None:
    fault = world.fault(when="afterCommit", status=504, times=1)
    world.statuses(2)
    lost, _ = world.executions()
    for matcher in ({"faultId": fault}, {"executionId": lost}, {"status": 504}, {"errorCode": "injected_fault"}):
        assert [e["status"] for e in world.admin("POST", "requests/find", json=matcher)["requests"]] == [504]


def test_a_customers_journal_is_cleared_without_anothers(world: World) -> None:
    other = World(world.server, world.token)
    world.start()
    other.start()
    world.admin("DELETE", "requests")
    assert [len(world.entries()), len(other.entries())] == [0, 1]


def test_removing_everything_of_a_customer_leaves_anothers(world: World) -> None:
    other = World(world.server, world.token)
    world.start()
    other.start()
    assert world.admin("POST", "requests/remove", json={}) == {"count": 1}
    assert [len(world.entries()), len(other.entries())] == [0, 1]


@pytest.mark.parametrize("resource", ["find", "count", "remove"])
@pytest.mark.parametrize(
    ("matcher", "place"),
    [
        ({"urlPattern": "(a+)+$"}, "urlPattern"),
        ({"bodyPatterns": [{"matches": "(a+)+$"}]}, "bodyPatterns[0].matches"),
        ({"headers": {"X-A": {"contains": None}}}, "headers.X-A"),
        ({"status": "200"}, "status"),
        ({"customerId": "nobody"}, "customerId"),
    ],
)
def test_a_bad_matcher_is_refused_with_its_path_and_nothing_is_removed(
    world: World, resource: str, matcher: dict[str, Any], place: str
) -> None:
    world.start()
    answer = world.server.http.post(
        f"/__admin/requests/{resource}", params={"customerId": world.customer}, json=matcher
    )
    assert (answer.status_code, error_of(answer)) == (400, "validation_failed")
    assert [fault["property"] for fault in answer.json()["meta"]["validation"]] == [place]
    assert len(world.entries()) == 1


# Verify


def verify(world: World, **wanted: Any) -> tuple[int, Any]:
    answer = world.server.http.post("/__admin/requests/verify", params={"customerId": world.customer}, json=wanted)
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    ("count", "status"),
    [
        ({}, 200),
        ({"exactly": 2}, 200),
        ({"exactly": 1}, 409),
        ({"exactly": 0}, 409),
        ({"atLeast": 2}, 200),
        ({"atLeast": 3}, 409),
        ({"atMost": 2}, 200),
        ({"atMost": 1}, 409),
        ({"atLeast": 1, "atMost": 3}, 200),
        ({"atLeast": 3, "atMost": 9}, 409),
    ],
    ids=str,
)
def test_how_many_requests_there_must_be_can_be_verified(world: World, count: dict[str, int], status: int) -> None:
    world.statuses(2)
    answered, verdict = verify(world, matcher={"status": 200}, count=count)
    assert (answered, verdict["verified"], verdict["count"]) == (status, status == 200, 2)


@pytest.mark.parametrize("count", [{}, {"exactly": None}, {"atLeast": None, "atMost": None}], ids=str)
def test_without_a_number_at_least_one_is_meant(world: World, count: dict[str, None]) -> None:
    assert verify(world, count=count)[0] == 409
    world.start()
    assert verify(world, count=count)[0] == 200


def test_where_too_many_came_they_are_shown(world: World) -> None:
    ids = [world.start().headers["X-Request-Id"] for _ in range(2)]
    _, verdict = verify(world, matcher={"workflowId": WORKFLOW}, count={"exactly": 1})
    assert [entry["id"] for entry in verdict["requests"]] == ids


def test_where_too_few_came_the_nearest_are_shown_with_what_differs_in_them(three: World) -> None:
    matcher = {"status": 200, "workflowId": ONE_TASK, "headers": {"X-Test": {"equalTo": "Two"}}}
    status, verdict = verify(three, matcher=matcher)
    assert (status, verdict["count"], verdict["requests"]) == (409, 0, [])
    assert [near["request"]["status"] for near in verdict["nearest"]] == [200, 400, 405]
    assert verdict["nearest"][0]["differences"] == [
        f"workflowId is not {ONE_TASK}",
        'header X-Test is not {"equalTo":"Two"}',
    ]
    assert len(verdict["nearest"][2]["differences"]) == 3


def test_a_verdict_is_about_the_customer_alone(world: World) -> None:
    World(world.server, world.token).start()
    assert verify(world, count={"exactly": 0})[0] == 200


@pytest.mark.parametrize(
    ("wanted", "place"),
    [
        ({"count": {"exactly": -1}}, "count.exactly"),
        ({"count": {"atLeast": "1"}}, "count.atLeast"),
        ({"count": {"exactly": 1, "atLeast": 1}}, "count"),
        ({"count": {"atLeast": 2, "atMost": 1}}, "count"),
        ({"count": 1}, "count"),
        ({"matcher": {"regex": "x"}}, "matcher.regex"),
        ({"macher": {}}, "macher"),
        ({"sequence": []}, "sequence"),
        ({"sequence": [{"stats": 1}]}, "sequence[0].stats"),
        ({"sequence": [{}], "count": {"exactly": 1}}, "body"),
        ({"sequence": [{}], "matcher": {}}, "body"),
    ],
    ids=str,
)
def test_a_verification_that_makes_no_sense_is_refused(world: World, wanted: dict[str, Any], place: str) -> None:
    status, refusal = verify(world, **wanted)
    assert status == 400
    assert [fault["property"] for fault in refusal["meta"]["validation"]] == [place]


# In which order they came


def test_requests_came_in_an_order_with_others_in_between(world: World) -> None:
    ask_for_token(world)
    world.start(json={})
    world.start()
    assert verify(world, sequence=[{"operation": "token"}, {"status": 200, "workflowId": WORKFLOW}])[0] == 200
    assert verify(world, sequence=[{"status": 400}, {"status": 200}])[0] == 200


def test_one_request_is_not_two_of_a_sequence(world: World) -> None:
    world.start()
    assert verify(world, sequence=[{"status": 200}, {"status": 200}])[0] == 409
    world.start()
    assert verify(world, sequence=[{"status": 200}, {"status": 200}])[0] == 200


def test_where_the_order_was_another_it_is_shown_how_far_it_held_and_what_came_then(world: World) -> None:
    late = world.start().headers["X-Request-Id"]
    first = world.start(json={}).headers["X-Request-Id"]
    then = world.start(content=b"{").headers["X-Request-Id"]
    status, verdict = verify(world, sequence=[{"status": 400}, {"status": 200}])
    assert (status, verdict["count"]) == (409, 1)
    assert [entry["id"] for entry in verdict["requests"]] == [first]
    (near,) = verdict["nearest"]
    assert (near["request"]["id"], near["differences"]) == (then, ["status is not 200"])
    assert late not in str(verdict)


def test_a_sequence_holds_whatever_was_forgotten(forgetful: World) -> None:
    assert verify(forgetful, sequence=[{"status": 200}, {"status": 200}])[0] == 200


# Unmatched


def unmatched(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.admin("GET", "requests/unmatched")["requests"]
    return found


def test_only_refused_requests_are_unmatched(world: World) -> None:
    world.fault(status=503, times=1)
    world.statuses(2)
    world.start(json={})
    assert [each["request"]["status"] for each in unmatched(world)] == [400]


def test_an_unknown_workflow_is_shown_with_the_nearest_one(world: World) -> None:
    world.start(WORKFLOW[:-1] + "b")
    (found,) = unmatched(world)
    assert (found["nearest"]["method"], found["nearest"]["path"]) == ("POST", world.path)
    assert found["nearest"]["differences"][-1] == f"path is {path(WORKFLOW[:-1] + 'b', customer=world.customer)}"


def test_what_is_wrong_in_a_body_is_said_by_its_place(world: World) -> None:
    world.start(json={"data": {"workflowId": ONE_TASK}})
    (found,) = unmatched(world)
    assert found["nearest"]["path"] == world.path
    assert "data.workflowId: data.workflowId must be the workflowId of the path" in found["nearest"]["differences"]


def test_another_method_is_said(world: World) -> None:
    world.server.http.get(world.path)
    assert unmatched(world)[0]["nearest"]["differences"][-1] == "method is GET"


def test_a_missing_token_is_said(world: World) -> None:
    world.server.http.post(world.path, json=BODY)
    (found,) = unmatched(world)
    assert found["nearest"]["differences"] == ["There is no Authorization header: send Authorization: Bearer <token>"]


def test_a_refused_token_request_is_shown_with_the_token_url(world: World) -> None:
    ask_for_token(world, {"grant_type": "client_credentials"})
    (found,) = unmatched(world)
    assert found["nearest"] == {"method": "POST", "path": TOKEN_PATH, "differences": ["unknown client id"]}


def test_a_path_that_is_no_route_is_shown_with_the_documented_one(server: Server) -> None:
    id = server.http.post("/api/workflow/v1.0/nothing").headers["X-Request-Id"]
    found = server.http.get("/__admin/requests/unmatched", params={"limit": 1000}).json()["requests"]
    (nearest,) = [each["nearest"] for each in found if each["request"]["id"] == id]
    assert nearest["path"].startswith("/api/workflow/v1.0/customer/{customerId}/workflow/")
    assert nearest["differences"][-1] == "path is /api/workflow/v1.0/nothing"


def test_the_newest_unmatched_are_shown_up_to_the_limit(world: World) -> None:
    ids = [world.start(json={}).headers["X-Request-Id"] for _ in range(3)]
    page = world.admin("GET", "requests/unmatched", params={"limit": 2})
    assert [each["request"]["id"] for each in page["requests"]] == ids[1:]


# A client that goes away


def test_a_request_that_was_never_sent_whole_has_no_status(world: World) -> None:
    with world.server.connect() as connection:
        connection.sendall(world.raw()[:-5])
        world.server.token()
    entry = until(world.entries)[0]
    assert (entry["status"], entry["executionId"], entry["answerLost"]) == (0, None, False)
