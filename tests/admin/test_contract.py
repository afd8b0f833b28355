"""The control plane's contract: that it is one, that it is up to date, and that the plane keeps it."""

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import httpx2 as httpx
import jsonschema
import pytest
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic.alias_generators import to_snake
from workflow_mock.admin.dependencies import MAX_BODY_BYTES
from workflow_mock.admin.openapi import TAKEN_NAMES
from workflow_mock.formats import parse_duration
from workflow_mock.state.events import MAX_LISTENERS

from tests.support import ROOT, WORKFLOW, Server, raw_start, run, serving, without_package

TEXT = (ROOT / "openapi" / "admin-api.yaml").read_text("utf-8")
CONTRACT: Mapping[str, Any] = yaml.safe_load(TEXT)
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, operations in CONTRACT["paths"].items()
    for method, operation in operations.items()
}
BODIES = {name: operation["requestBody"] for name, operation in OPERATIONS.items() if "requestBody" in operation}
JSON = {"Content-Type": "application/json"}
NOBODY = UUID(int=7, version=4)


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = CONTRACT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def examples(name: str) -> list[Any]:
    found: list[Any] = resolved(BODIES[name]["content"]["application/json"]["schema"]).get("examples", [])
    return found


def conforms(document: Any, schema: Mapping[str, Any]) -> None:
    whole = dict(schema) | {"components": CONTRACT["components"]}
    jsonschema.Draft202012Validator(whole).validate(document)


@pytest.fixture(scope="module")
def page_and_policy(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The list of calls, as it is without the files of Swagger UI."""
    with serving(environment=without_package(tmp_path_factory.mktemp("without"), "fastapi_swagger")) as own:
        answer = own.http.get("/__admin/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return answer.text, answer.headers["content-security-policy"]


@pytest.fixture
def page(page_and_policy: tuple[str, str]) -> str:
    return page_and_policy[0]


# The document


def test_the_file_is_what_the_command_prints() -> None:
    """If not: workflow-mock openapi --admin > openapi/admin-api.yaml"""
    assert run("openapi", "--admin").stdout == TEXT


def test_the_server_has_the_same_document(server: Server) -> None:
    assert server.http.get("/__admin/openapi.json").json() == CONTRACT


def test_it_is_openapi_3_1() -> None:
    assert CONTRACT["openapi"].startswith("3.1.")
    assert [error.message for error in OpenAPIV31SpecValidator(dict(CONTRACT)).iter_errors()] == []


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_says_what_it_is(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation["summary"]
    assert len(operation["tags"]) == 1
    assert any(status.startswith("2") for status in operation["responses"])


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_names_its_refusals_as_they_are(name: str) -> None:
    responses = OPERATIONS[name]["responses"]
    assert "422" not in responses
    (content,) = responses["default"]["content"].values()
    assert resolved(content["schema"])["required"] == ["meta", "data"]


IDS = """
getHealth getSettings resetSandbox getSnapshot putSnapshot getClock changeClock setSeed findWorkflows getWorkflow
getWorkflowGraph putWorkflow deleteWorkflow findExecutions getExecution getExecutionGraph
completeTask failTask advanceExecution getAllRequests getLines getNearest findChanges
removeAllRequests getUnmatchedRequests findRequests countRequests removeRequests verifyRequests getRequest findFaults
addFault removeAllFaults getFault removeFault
waitForHeldRequests findHeldRequests releaseHeldRequest
findClients getClient putClient deleteClient mintToken rotateKey
getEvents
"""


def test_the_operation_ids_are_those_that_clients_have_as_methods() -> None:
    assert sorted(operation["operationId"] for operation in OPERATIONS.values()) == sorted(IDS.split())


VERBS = "add advance change complete count delete fail find get mint put release remove reset rotate set verify wait"


def test_an_operation_id_is_a_verb_and_a_noun_in_camel_case_and_one_operations_alone() -> None:
    ids = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(ids)) == len(ids)
    for id in ids:
        assert re.fullmatch(rf"({VERBS.replace(' ', '|')})([A-Z][a-z]+)+", id), id


# Forms that generators of clients take; tests/contract/test_forms.py has those that both contracts have


def nodes(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Each object in the document, with its path; examples are data."""
    if isinstance(node, dict):
        yield path, node
        for key, value in node.items():
            if key not in ("example", "examples"):
                yield from nodes(value, f"{path}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from nodes(value, f"{path}/{index}")


NODES = dict(nodes(CONTRACT))
NULL = {"type": "null"}
NOWHERE = "nowhere"


def is_name(path: str) -> bool:
    """Whether what an object has for keys are names of members, of paths or of components."""
    return path.rpartition("/")[2] in ("properties", "schemas", "paths")


def test_no_form_is_one_that_generators_break_on() -> None:
    for path, node in NODES.items():
        if is_name(path):
            continue
        assert not {"discriminator", "itemSchema"} & node.keys(), path
        assert "title" not in node or path == "/info", path
        assert "anyOf" not in node or path.endswith("/if"), path
        assert "not" not in node or "/not/" in path or node["not"].keys() == {"if", "else"}, path
        assert "if" not in node or path.endswith("/not"), path
        assert not any(isinstance(value, bool) for key, value in node.items() if key in ("not", "if", "else")), path


def test_numbers_have_a_format_where_they_need_one() -> None:
    for path, node in NODES.items():
        if node.get("type") in ("number", ["number", "null"]):
            assert node["format"] == "double", path
        if node.get("type") in ("integer", ["integer", "null"]):
            is_status = path.endswith("/properties/status")
            assert node.get("format") == "int64" or is_status or node["maximum"] < 2**31, path


def test_parameters_are_plain() -> None:
    parameters = [parameter for operation in OPERATIONS.values() for parameter in operation.get("parameters", ())]
    assert {parameter["name"] for parameter in parameters} >= {"customerId", "last-event-id", "state"}
    for parameter in parameters:
        schema = parameter["schema"]
        assert "enum" not in schema, "an enum has a name, so that generators keep it"
        named = CONTRACT["components"]["schemas"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        assert isinstance(named["type"], str)
        assert not {"anyOf", "oneOf"} & named.keys()
        assert not parameter["name"].endswith("Id") or parameter["example"]
    assert {p["schema"]["type"] for p in parameters if p["name"] == "last-event-id"} == {"string"}


def test_it_says_where_the_server_is_and_what_token_it_takes() -> None:
    assert CONTRACT["servers"] == [{"url": "/"}]
    assert CONTRACT["security"] == [{}, {"adminToken": []}]
    scheme = CONTRACT["components"]["securitySchemes"]["adminToken"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")


def test_the_data_of_an_error_is_a_form_that_every_generator_takes() -> None:
    data = CONTRACT["components"]["schemas"]["ErrorResponse"]["properties"]["data"]
    assert (data["type"], data["additionalProperties"]) == (["object", "null"], True)


def test_no_component_is_named_as_what_a_language_brings() -> None:
    """Generators give it another name at one place, and forget it at the next."""
    assert not TAKEN_NAMES & CONTRACT["components"]["schemas"].keys()


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_error_is_json(name: str) -> None:
    assert list(OPERATIONS[name]["responses"]["default"]["content"]) == ["application/json"]


DURATIONS = """
90s 200ms 2h 1.5s 0s 7d 10m PT1H30M P1D P1DT1S PT0.2S PT5400S PT1H2S PT1M PT0S 1.123456789s P1DT1H1M1.5S
1m30s 1h0m0s 1d2h3m4.5s6ms 30s1m 1s1s P1W P1Y P1M PT P 5 -5s 1h30 s ms .5s 1.s P1DT
PT1S1M PT1M1H 1.1234567890s PT1.5H 1S pt1s
"""


@pytest.mark.parametrize("text", [*DURATIONS.split(), "", " 1s", "1s\n", "1 s"])
def test_the_pattern_of_a_duration_is_what_the_server_reads(text: str) -> None:
    try:
        parse_duration(text)
    except ValueError:
        is_one = False
    else:
        is_one = True
    schema = CONTRACT["components"]["schemas"]["ClockChange"]["properties"]["by"]
    is_match = re.fullmatch(schema["pattern"].removeprefix("^").removesuffix("$"), text) is not None
    assert (is_match and len(text) >= schema["minLength"]) is is_one


# null, and names


def variants(document: Any, schema: Mapping[str, Any], change: Callable[[str], tuple[str, Any]]) -> Iterator[Any]:
    """The document with each optional member, at each place, changed."""
    schema = next((each for each in schema.get("oneOf", ()) if each != NULL), schema)
    if "$ref" in schema:
        schema = resolved(schema)
    if isinstance(document, list):
        for index, value in enumerate(document):
            for variant in variants(value, schema.get("items", {}), change):
                yield [*document[:index], variant, *document[index + 1 :]]
    elif isinstance(document, dict):
        for name, member in schema.get("properties", {}).items():
            if name not in document and name not in schema.get("required", ()):
                changed, value = change(name)
                yield document | {changed: value}
            if name in document:
                for variant in variants(document[name], member, change):
                    yield document | {name: variant}
        if isinstance(values := schema.get("additionalProperties"), dict):
            for name in document:
                for variant in variants(document[name], values, change):
                    yield document | {name: variant}


DEEP: dict[str, list[dict[str, Any]]] = {
    "POST /__admin/faults": [
        {
            "matcher": {"headers": {"a": {"equalTo": "x"}}, "bodyPatterns": [{"contains": "x"}]},
            "quota": {"limit": 1, "window": "1m"},
            "chunkedDribbleDelay": {"numberOfChunks": 1, "totalDuration": 1},
        }
    ],
    "POST /__admin/requests/verify": [{"matcher": {"headers": {"a": {"absent": True}}}, "count": {"atMost": 9}}],
    "POST /__admin/requests/find": [{"status": 0, "within": "1ms"}],
    "PUT /__admin/snapshot": [
        {
            "clocks": [{}],
            "seeds": [{"seed": "x"}],
            "definitions": [{"name": "x", "tasks": [{"key": "a"}], "tasksHierarchy": []}],
            "faults": [{"spec": {"status": 503}, "tallies": [{"customerId": "", "matched": 1, "injected": 1}]}],
            "requests": [],
        }
    ],
}


def send(server: Server, name: str, document: Any) -> httpx.Response:
    method, _, path = name.partition(" ")
    target = path.replace("{workflowId}", str(NOBODY))
    if "{executionId}" in path:
        target = path.replace("{executionId}", server.start().json()["data"]["id"])
    if not {"{faultId}", "{requestId}"} & {*path.split("/")}:
        return server.http.request(method, target, json=document)
    fault = server.http.post("/__admin/faults", json={"hold": "1m", "times": 1}).json()["id"]
    with server.connect() as connection:
        connection.sendall(raw_start(server.token()))
        waited = server.http.post(f"/__admin/faults/{fault}/wait", json={"within": "10s"})
        (held,) = waited.json()["held"]
        target = path.replace("{faultId}", fault).replace("{requestId}", held["requestId"])
        return server.http.request(method, target, json=document)


@pytest.mark.parametrize("name", BODIES)
def test_null_is_not_given(own: Server, name: str) -> None:
    schema = BODIES[name]["content"]["application/json"]["schema"]
    for document in [*examples(name), *DEEP.get(name, ())]:
        expected = send(own, name, document).status_code
        for variant in variants(document, schema, lambda member: (member, None)):
            conforms(variant, schema)
            answer = send(own, name, variant)
            assert answer.status_code == expected, (variant, answer.text)


@pytest.mark.parametrize("name", BODIES)
def test_a_member_has_one_name(own: Server, name: str) -> None:
    schema = BODIES[name]["content"]["application/json"]["schema"]
    for document in [*examples(name), *DEEP.get(name, ())]:
        for variant in variants(document, schema, lambda member: (to_snake(member), NOWHERE)):
            if (found := re.search(r"'(\w*_\w*)': 'nowhere'", str(variant))) is not None:
                answer = send(own, name, variant)
                assert answer.status_code == 400
                (problem,) = answer.json()["meta"]["validation"]
                assert problem["property"].endswith(found[1])
                assert problem["message"] == "is not known here"


RULES: list[tuple[str, dict[str, Any], bool]] = [
    ("POST /__admin/requests/count", {"bodyPatterns": [{}]}, False),
    ("POST /__admin/requests/count", {"bodyPatterns": [{"contains": None}]}, False),
    ("POST /__admin/requests/count", {"bodyPatterns": [{"contains": "x", "equalTo": "y"}]}, False),
    ("POST /__admin/requests/count", {"bodyPatterns": [{"contains": "x", "equalTo": None}]}, True),
    ("POST /__admin/requests/verify", {"count": {"exactly": 0, "atLeast": 1}}, False),
    ("POST /__admin/requests/verify", {"count": {"exactly": None, "atMost": 9}}, True),
    ("POST /__admin/requests/verify", {"sequence": [{}], "count": {"atMost": 9}}, False),
    ("POST /__admin/requests/verify", {"sequence": [{}], "matcher": {}}, False),
    ("POST /__admin/requests/verify", {"sequence": None, "matcher": {}, "count": {"atMost": 9}}, True),
    ("POST /__admin/tokens", {"issueNext": 1, "claims": {}}, False),
    ("POST /__admin/tokens", {"issueNext": None, "claims": {}, "scopes": [], "customers": []}, True),
    ("PUT /__admin/clock", {"action": "set"}, False),
    ("PUT /__admin/clock", {"action": "set", "to": None}, False),
    ("PUT /__admin/clock", {"action": "advance"}, False),
    ("PUT /__admin/clock", {"action": "resume", "by": "1s"}, False),
    ("PUT /__admin/clock", {"action": "resume", "to": "2030-01-01T00:00:00Z"}, False),
    ("PUT /__admin/clock", {"action": "freeze", "to": None, "by": None}, True),
    ("POST /__admin/faults", {}, False),
    ("POST /__admin/faults", {"times": 1, "fixedDelayMilliseconds": 0}, False),
    ("POST /__admin/faults", {"status": 503, "fault": "EMPTY_RESPONSE"}, False),
    ("POST /__admin/faults", {"body": "", "fault": "EMPTY_RESPONSE"}, False),
    ("POST /__admin/faults", {"body": "", "jsonBody": {}}, False),
    ("POST /__admin/faults", {"body": "", "jsonBody": None}, True),
    ("POST /__admin/faults", {"jsonBody": {}}, True),
    ("POST /__admin/faults", {"status": 503, "matcher": {"clientId": "demo"}}, False),
    ("POST /__admin/faults", {"status": 503, "when": "before", "matcher": {"clientId": "demo"}}, False),
    ("POST /__admin/faults", {"status": 503, "when": "afterToken", "matcher": {"clientId": "demo"}}, True),
    ("POST /__admin/faults", {"status": 503, "matcher": {"claims": {"a": {"absent": True}}}}, False),
    ("POST /__admin/faults", {"status": 503, "matcher": {"claims": {}}}, True),
    ("POST /__admin/faults", {"status": 503, "matcher": {"clientLeft": False}}, False),
    ("POST /__admin/faults", {"status": 503, "matcher": {"clientId": None}, "fault": None}, True),
    ("POST /__admin/faults", {"hold": "1s"}, True),
    ("POST /__admin/faults", {"sequence": [{}, {"status": 503}], "sequenceEnd": None, "times": None}, True),
    ("POST /__admin/faults", {"sequence": [{}], "times": 1}, False),
    ("POST /__admin/faults", {"sequence": [{}], "hold": "1s"}, False),
    ("POST /__admin/faults", {"sequence": [{}], "retryAfter": "1s"}, False),
    ("POST /__admin/faults", {"sequence": [{"fault": "EMPTY_RESPONSE", "status": 503}]}, False),
    ("POST /__admin/faults", {"sequence": [{"quota": {"limit": 1, "window": "1m"}}]}, False),
    ("POST /__admin/faults", {"status": 503, "sequenceEnd": "stop"}, False),
    ("POST /__admin/held/{requestId}/release", {}, True),
    ("POST /__admin/held/{requestId}/release", {"status": None, "fault": "EMPTY_RESPONSE"}, True),
    ("POST /__admin/held/{requestId}/release", {"status": 503, "fault": "EMPTY_RESPONSE"}, False),
    ("POST /__admin/held/{requestId}/release", {"body": "", "jsonBody": {}}, False),
    ("POST /__admin/held/{requestId}/release", {"retryAfter": "2s"}, False),
    ("POST /__admin/faults", {"delayDistribution": {"type": "uniform", "lower": 0, "upper": 1}}, True),
    ("POST /__admin/faults", {"delayDistribution": {"type": "lognormal", "median": 0, "sigma": 1}}, True),
    ("POST /__admin/faults", {"delayDistribution": {"type": "uniform", "median": 0, "sigma": 1}}, False),
    ("POST /__admin/faults", {"delayDistribution": {"type": "uniform", "lower": 0}}, False),
    ("PUT /__admin/workflows/{workflowId}", {"name": "x", "tasks": [{}]}, False),
    ("PUT /__admin/workflows/{workflowId}", {"name": "x", "tasks": [{"key": "a", "progression": "timed"}]}, False),
    ("PUT /__admin/workflows/{workflowId}", {"name": "x", "tasks": [{"key": "a", "outcome": "fail"}]}, False),
    (
        "PUT /__admin/workflows/{workflowId}",
        {"name": "x", "tasks": [{"key": "a", "progression": "manual", "duration": "1s"}]},
        False,
    ),
    ("PUT /__admin/workflows/{workflowId}", {"name": "x", "tasks": [{"key": "a", "duration": "1s"}]}, True),
]


@pytest.mark.parametrize(("name", "document", "is_right"), RULES, ids=[f"{name} {body}" for name, body, _ in RULES])
def test_the_schema_has_the_rules_between_members(
    own: Server, name: str, document: dict[str, Any], is_right: bool
) -> None:
    schema = dict(BODIES[name]["content"]["application/json"]["schema"]) | {"components": CONTRACT["components"]}
    assert jsonschema.Draft202012Validator(schema).is_valid(document) is is_right
    assert send(own, name, document).is_success is is_right


# HEAD, and bodies that no route takes


GETS = [name.partition(" ")[2] for name in OPERATIONS if name.startswith("GET ")]
GETS += ["/__admin/docs", "/__admin/openapi.json"]


@pytest.mark.parametrize("path", GETS)
def test_head_has_the_fields_of_get_and_no_body(own: Server, path: str) -> None:
    started = own.start()
    own.http.put("/__admin/clock", json={"action": "freeze"})
    target = path.replace("{executionId}", started.json()["data"]["id"]).replace("{workflowId}", WORKFLOW)
    target = target.replace("{requestId}", started.headers["x-request-id"]).replace("{clientId}", "demo")
    if "{faultId}" in target:
        fault = own.http.post("/__admin/faults", json={"status": 503, "after": 9}).json()["id"]
        target = target.replace("{faultId}", fault)
    head = own.http.head(target)
    assert (head.status_code, head.content) == (200, b"")
    with own.http.stream("GET", target) as got:
        assert got.status_code == 200
        # The uptime may have a digit more; chunks are the connection's, and no field of the resource.
        own_fields = {"date", "x-request-id", "transfer-encoding"} | (
            {"content-length"} if path.endswith("health") else set()
        )
        assert {n: v for n, v in head.headers.items() if n not in own_fields} == {
            n: v for n, v in got.headers.items() if n not in own_fields
        }
    assert own.http.head(target).status_code == 200, "the connection goes on"


def test_a_head_of_the_events_leaves_no_listener() -> None:
    with serving("--log-level", "warning") as server:
        for _ in range(MAX_LISTENERS + 1):
            assert server.http.head("/__admin/events").status_code == 200
        assert "Traceback" not in server.log.read_text()


def test_head_of_what_has_no_get_is_refused(own: Server) -> None:
    assert own.http.head("/__admin/reset").status_code == 405
    assert own.http.head("/__admin/nothing").status_code == 404


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in BODIES and "events" not in name])
def test_a_body_that_no_route_takes_is_not_read(own: Server, name: str) -> None:
    method, _, path = name.partition(" ")
    target = re.sub(r"\{\w+\}", str(NOBODY), path)
    bare = own.http.request(method, target)
    for content in (b"{", b'"\xff"', b"[0," * 100_000):
        answer = own.http.request(method, target, content=content)
        assert answer.status_code == bare.status_code


@pytest.mark.parametrize("length", [2, 100_000], ids=["short", "long"])
@pytest.mark.parametrize(
    ("content", "code"),
    [
        ('{{"seed": "x"{}}}', None),
        ('{{"seed": "x"{}', "malformed_json"),
        ('{{"seed": "x", "more": NaN{}}}', "validation_failed"),
        ('{{"seed": "\\ud800"{}}}', "validation_failed"),
    ],
)
def test_a_long_body_is_read_as_a_short_one(own: Server, length: int, content: str, code: str | None) -> None:
    answer = own.http.put("/__admin/seed", content=content.format(" " * length), headers=JSON)
    assert answer.status_code == (400 if code else 204)
    assert code is None or answer.json()["meta"]["errors"][0]["code"] == code


@pytest.mark.parametrize("name", BODIES)
def test_each_body_has_an_example_that_is_accepted(own: Server, name: str) -> None:
    own.start()
    assert examples(name)
    for example in examples(name):
        conforms(example, BODIES[name]["content"]["application/json"]["schema"])
        answer = send(own, name, example)
        assert answer.is_success, answer.text


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name.startswith("GET ") and "{" not in name])
def test_each_answer_is_as_the_contract_has_it(own: Server, name: str) -> None:
    own.http.post("/__admin/faults", json={"status": 503, "times": 1})
    assert [own.start(customer=str(NOBODY)).status_code for _ in range(2)] == [503, 200]
    own.start(content="{")
    content = OPERATIONS[name]["responses"]["200"]["content"]
    if "application/json" in content:
        conforms(own.http.get(name.partition(" ")[2]).json(), content["application/json"]["schema"])
    else:
        assert list(content) == ["text/event-stream"]


# The refusals


REFUSED: dict[str, tuple[str, str, dict[str, Any], int, str]] = {
    "no such route": ("GET", "nothing", {}, 404, "route_not_found"),
    "a slash at the end": ("GET", "health/", {}, 404, "route_not_found"),
    "another method": ("PATCH", "clock", {}, 405, "method_not_allowed"),
    "the options of a route": ("OPTIONS", "health", {}, 405, "method_not_allowed"),
    "another method of the page": ("POST", "docs", {}, 405, "method_not_allowed"),
    "another method of the contract": ("DELETE", "openapi.json", {}, 405, "method_not_allowed"),
    "another method of a line break": ("PUT", "executions/%0A", {}, 405, "method_not_allowed"),
    "a body of another type": ("POST", "faults", {"data": {"status": 503}}, 415, "unsupported_media_type"),
    "a parameter given twice": ("GET", "requests?limit=1&limit=2", {}, 400, "validation_failed"),
    "no JSON": ("PUT", "clock", {"content": b"{", "headers": JSON}, 400, "malformed_json"),
    "no UTF-8": ("PUT", "clock", {"content": b'"\xff"', "headers": JSON}, 400, "malformed_json"),
    "no body": ("PUT", "clock", {}, 400, "validation_failed"),
    "an unknown parameter of health": ("GET", "health?x=1", {}, 400, "validation_failed"),
    "an unknown member": ("PUT", "seed", {"json": {"seed": "1", "more": 1}}, 400, "validation_failed"),
    "an unknown parameter": ("GET", "executions", {"params": {"customer": "x"}}, 400, "validation_failed"),
    "a parameter out of range": ("GET", "requests", {"params": {"limit": "0"}}, 400, "validation_failed"),
    "a header out of range": ("GET", "events", {"headers": {"Last-Event-ID": "-1"}}, 400, "validation_failed"),
    "no such execution": ("GET", f"executions/{NOBODY}", {}, 404, "not_found"),
    "no such workflow": ("DELETE", f"workflows/{NOBODY}", {}, 404, "not_found"),
    "no such fault": ("GET", f"faults/{NOBODY}", {}, 404, "not_found"),
    "no such request": ("GET", "requests/x", {}, 404, "not_found"),
    "another host": ("GET", "settings", {"headers": {"Host": "evil.example"}}, 403, "admin_forbidden"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_each_refusal_has_the_envelope(server: Server, what: str) -> None:
    method, path, request, status, code = REFUSED[what]
    answer = server.http.request(method, f"/__admin/{path}", **request)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json; charset=utf-8")
    conforms(answer.json(), {"$ref": "#/components/schemas/ErrorResponse"})
    meta = answer.json()["meta"]
    assert meta["errors"][0]["code"] == code
    assert bool(meta["validation"]) is (code == "validation_failed")
    assert answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_wrong_step_has_the_envelope_too(server: Server) -> None:
    started = server.start("11111111-1111-4111-8111-111111111111", customer=str(NOBODY)).json()["data"]["id"]
    first, second = (server.http.post(f"/__admin/executions/{started}/advance", json={"to": "end"}) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 409)
    conforms(second.json(), {"$ref": "#/components/schemas/ErrorResponse"})
    assert second.json()["meta"]["errors"][0]["code"] == "invalid_transition"


def test_another_method_says_which_there_are(server: Server) -> None:
    assert server.http.post("/__admin/health").headers["allow"] == "GET, HEAD"
    answer = server.http.patch("/__admin/clock")
    assert answer.headers["allow"] == "GET, HEAD, PUT"
    answer = server.http.patch("/__admin/requests/%0D%0A%3F")
    assert answer.headers["allow"] == "GET, HEAD"
    assert server.http.post("/__admin/docs").headers["allow"] == "GET, HEAD"
    assert server.http.patch("/__admin/requests/count").headers["allow"] == "POST"


@pytest.mark.parametrize("framing", ["with its length", "in chunks"])
def test_a_body_that_is_too_large_is_refused_in_the_envelope(server: Server, framing: str) -> None:
    body = b"{}" + b" " * MAX_BODY_BYTES
    answer = server.http.put("/__admin/clock", content=body if framing == "with its length" else iter([body]))
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/json; charset=utf-8")
    assert answer.json()["meta"]["errors"][0]["code"] == "body_too_large"


@pytest.mark.parametrize("query", ["state=x", "limit=x", "customerId=x"])
def test_a_refusal_says_nothing_in_the_words_of_python(server: Server, query: str) -> None:
    (fault,) = server.http.get(f"/__admin/executions?{query}").json()["meta"]["validation"]
    assert not re.search(r"[<>]|State", fault["message"])


# The page


class Page(HTMLParser):
    """Tags and addresses of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs


def test_the_page_names_every_operation(page: str) -> None:
    shown = re.findall(r"<h3><code>([A-Z]+ [^?<]+)", page)
    assert shown == list(OPERATIONS)


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing(page: str) -> None:
    found = Page(page)
    assert not found.tags & {"script", "link", "img", "iframe", "object", "embed", "form", "base", "svg"}
    assert [value for name, value in found.attributes if name in ("href", "src", "action")] == ["openapi.json"]
    assert not any(name.startswith("on") or name == "style" for name, _ in found.attributes)
    assert not re.search(r"https?://(?!issuer\.invalid)|url\(|@import", page)


def test_the_page_has_a_policy_that_allows_its_own_style_alone(page_and_policy: tuple[str, str]) -> None:
    page, policy = page_and_policy
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    style = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    assert len(style) == 1
    assert rules == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


def test_the_control_plane_is_not_in_the_documented_contract(server: Server) -> None:
    assert not [path for path in server.http.get("/openapi.json").json()["paths"] if "__admin" in path]
