"""The server is held to `openapi/workflow-api.yaml`, in both directions."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest
import yaml
from openapi_schema_validator import OAS30Validator
from workflow_mock import app as server
from workflow_mock.paths import JWKS_PATH, METADATA_PATH, OPENID_PATH, START_PATH, TOKEN_PATH
from workflow_mock.settings import Settings
from workflow_mock.state.exchange import REQUEST_TOKEN, START_EXECUTION

from tests.support import ROOT, WORKFLOW, Server, path, serving

DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "openapi" / "workflow-api.yaml").read_text())
METADATA = (OPENID_PATH, JWKS_PATH, METADATA_PATH)
OPERATIONS = {START_PATH: START_EXECUTION, TOKEN_PATH: REQUEST_TOKEN}
INJECTED = (400, 401, 403, 404, 405, 406, 408, 409, 413, 415, 418, 429, 431, 500, 502, 503, 504)
BOUND = """
workflows: [{name: Any, tasks: [{key: only}]}]
clients:
  - {id: bound, secret: bound-secret, customers: [aaaaaaaa-0000-4000-8000-000000000000]}
  - {id: scoped, secret: scoped-secret, scopes: [other]}
"""

Ask = Callable[[Server], httpx.Response]


def start(**request: Any) -> Ask:
    return lambda server: server.start(**request)


def ask(method: str, url: str, **request: Any) -> Ask:
    return lambda server: server.http.request(method, url, **request)


def asked_for_a_token(**form: str) -> Ask:
    return ask("POST", TOKEN_PATH, data={"grant_type": "client_credentials"} | form)


ANSWERS: Mapping[str, tuple[str, str, int, Ask]] = {
    "started": (START_PATH, "post", 200, start()),
    "not JSON": (START_PATH, "post", 400, start(content=b"{")),
    "faults": (START_PATH, "post", 400, start(json={"data": {}}, customer="nobody")),
    "no token": (START_PATH, "post", 401, ask("POST", path())),
    "a bad token": (START_PATH, "post", 401, start(token="a.b.c")),
    "no such workflow": (START_PATH, "post", 404, start(workflow=WORKFLOW.replace("3c", "3d"))),
    "another method": (START_PATH, "post", 405, ask("GET", path())),
    "too large": (START_PATH, "post", 413, start(content=b" " * 2_000_000)),
    "another type": (START_PATH, "post", 415, start(content=b"{}", headers={"Content-Type": "text/plain"})),
    "a token": (TOKEN_PATH, "post", 200, asked_for_a_token(client_id="demo", client_secret="demo-secret")),
    "no token for a wrong secret": (TOKEN_PATH, "post", 400, asked_for_a_token(client_id="demo", client_secret="no")),
    "no token for no form": (TOKEN_PATH, "post", 400, ask("POST", TOKEN_PATH, json={})),
    **{f"metadata {number}": (url, "get", 200, ask("GET", url)) for number, url in enumerate(METADATA)},
    **{f"no POST of metadata {number}": (url, "get", 405, ask("POST", url)) for number, url in enumerate(METADATA)},
}

STRICT_ANSWERS: Mapping[str, tuple[str, str, int, Ask]] = {
    "another Accept": (START_PATH, "post", 406, start(headers={"Accept": "text/html"})),
    "failed Basic authentication": (
        TOKEN_PATH,
        "post",
        401,
        ask("POST", TOKEN_PATH, data={"grant_type": "client_credentials"}, auth=("demo", "no")),
    ),
}


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        found: Any = DOCUMENT
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        node = found
    return node


def assert_documented(route: str, method: str, answer: httpx.Response) -> None:
    """The answer's status, headers and body are those that the contract gives this operation."""
    responses = DOCUMENT["paths"][route][method]["responses"]
    response = responses.get(str(answer.status_code), responses.get("default"))
    assert response is not None, f"{answer.status_code} is not in the contract of {route}"
    response = resolved(response)
    for name, reference in response.get("headers", {}).items():
        header = resolved(reference)
        if header.get("required"):
            assert name in answer.headers, f"the header {name} is missing"
        if name in answer.headers:
            validate(header["schema"], answer.headers[name])
    media_types = response.get("content", {})
    assert answer.headers["content-type"].partition(";")[0] in media_types
    (media_type,) = media_types.values()
    validate(media_type["schema"], answer.json())


def validate(schema: dict[str, Any], value: Any) -> None:
    OAS30Validator({**schema, "components": DOCUMENT["components"]}).validate(value)


each_of = partial(pytest.mark.parametrize, ("route", "method", "status", "send"))


@each_of([pytest.param(*case, id=name) for name, case in ANSWERS.items()])
def test_each_answer_is_as_the_contract_says(server: Server, route: str, method: str, status: int, send: Ask) -> None:
    answer = send(server)
    assert answer.status_code == status
    assert_documented(route, method, answer)


@each_of([pytest.param(*case, id=name) for name, case in STRICT_ANSWERS.items()])
def test_each_answer_of_strict_mode_is_as_the_contract_says(
    strict_server: Server, route: str, method: str, status: int, send: Ask
) -> None:
    answer = send(strict_server)
    assert answer.status_code == status
    assert_documented(route, method, answer)


@pytest.mark.parametrize(("client", "code"), [("bound", "customer_forbidden"), ("scoped", "insufficient_scope")])
def test_each_refusal_of_a_right_is_as_the_contract_says(bound_server: Server, client: str, code: str) -> None:
    answer = bound_server.start(token=bound_server.token(client, f"{client}-secret"))
    assert answer.status_code == 403
    assert answer.json()["meta"]["errors"][0]["code"] == code
    assert_documented(START_PATH, "post", answer)


@pytest.fixture(scope="module")
def bound_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    file: Path = tmp_path_factory.mktemp("catalogue") / "bound.yaml"
    file.write_text(BOUND)
    with serving("--catalogue", str(file)) as running:
        yield running


@pytest.mark.parametrize("members", [{}, {"code": "brand_new", "message": "as the fault says"}, {"retryAfter": "2s"}])
@pytest.mark.parametrize("status", INJECTED)
@pytest.mark.parametrize(
    ("route", "send"),
    [pytest.param(START_PATH, start(), id="start"), pytest.param(TOKEN_PATH, ask("POST", TOKEN_PATH), id="token")],
)
def test_each_injected_error_is_as_the_contract_says(
    faulty_server: Server, route: str, send: Ask, status: int, members: dict[str, str]
) -> None:
    faulty_server.token()  # before there is a fault
    fault = {"status": status, "times": 1, "matcher": {"operation": OPERATIONS[route]}} | members
    assert faulty_server.http.post("/__admin/faults", json=fault).status_code == 201
    answer = send(faulty_server)
    assert answer.status_code == status
    assert_documented(route, "post", answer)


@pytest.fixture(scope="module")
def faulty_server() -> Iterator[Server]:
    with serving() as running:
        yield running


def test_every_answer_in_the_contract_is_one_that_these_tests_have_seen() -> None:
    seen = {(route, method, status) for route, method, status, _ in (*ANSWERS.values(), *STRICT_ANSWERS.values())}
    seen |= {(route, "post", status) for route in OPERATIONS for status in INJECTED}
    promised = {
        (route, method, int(status))
        for route, item in DOCUMENT["paths"].items()
        for method, operation in item.items()
        if method in ("get", "post")
        for status in operation["responses"]
        if status != "default"  # which several of the injected ones are
    }
    assert promised <= seen


def test_every_route_of_the_documented_plane_is_in_the_contract() -> None:
    served = server.create_app(Settings()).openapi()["paths"]
    documented = {route for route in served if re.match(r"/(api|\.well-known)/", route)}
    assert documented | {START_PATH, TOKEN_PATH} == set(DOCUMENT["paths"])


def test_the_server_of_the_contract_is_where_the_server_is_without_options() -> None:
    parts = urlsplit(DOCUMENT["servers"][0]["url"])
    assert (parts.hostname, parts.port) == (Settings().host, Settings().port)
