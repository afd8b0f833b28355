"""The control plane's contract: that it is one, that it is up to date, and that the plane keeps it."""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import jsonschema
import pytest
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator
from workflow_mock.admin.app import MAX_BODY_BYTES

from tests.support import ROOT, Server, run, serving

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
def changing() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def own(changing: Server) -> Server:
    """A server that a test may change."""
    assert changing.http.post("/__admin/reset").status_code == 204
    return changing


@pytest.fixture(scope="module")
def page(server: Server) -> str:
    answer = server.http.get("/__admin/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return answer.text


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
    (content,) = responses["4XX"]["content"].values()
    assert resolved(content["schema"])["required"] == ["meta", "data"]


def test_every_operation_has_its_own_id() -> None:
    ids = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(ids)) == len(ids) > 30


@pytest.mark.parametrize("name", BODIES)
def test_each_body_has_an_example_that_is_accepted(own: Server, name: str) -> None:
    method, _, path = name.partition(" ")
    started = own.start().json()["data"]["id"]
    target = path.replace("{executionId}", started).replace("{workflowId}", str(NOBODY))
    assert examples(name)
    for example in examples(name):
        conforms(example, BODIES[name]["content"]["application/json"]["schema"])
        answer = own.http.request(method, target, json=example)
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
    "the plane's root": ("GET", "", {}, 404, "route_not_found"),
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
    "an unknown member": ("PUT", "seed", {"json": {"seed": "1", "more": 1}}, 400, "validation_failed"),
    "an unknown parameter": ("GET", "executions", {"params": {"customer": "x"}}, 400, "validation_failed"),
    "a parameter out of range": ("GET", "requests", {"params": {"limit": "0"}}, 400, "validation_failed"),
    "a header out of range": ("GET", "events", {"headers": {"Last-Event-ID": "-1"}}, 400, "validation_failed"),
    "no such execution": ("GET", f"executions/{NOBODY}", {}, 404, "not_found"),
    "no such workflow": ("DELETE", f"workflows/{NOBODY}", {}, 404, "not_found"),
    "no such fault": ("GET", f"faults/{NOBODY}", {}, 404, "not_found"),
    "no such request": ("GET", "requests/x", {}, 404, "not_found"),
    "another host": ("GET", "health", {"headers": {"Host": "evil.example"}}, 403, "admin_forbidden"),
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
    answer = server.http.patch("/__admin/clock")
    assert answer.headers["allow"] == "GET, PUT"
    answer = server.http.patch("/__admin/requests/%0D%0A%3F")
    assert answer.headers["allow"] == "GET"
    assert server.http.post("/__admin/docs").headers["allow"] == "GET"
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


def test_the_page_has_a_policy_that_allows_its_own_style_alone(server: Server, page: str) -> None:
    policy = server.http.get("/__admin/docs").headers["content-security-policy"]
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
    assert "__admin" not in server.http.get("/openapi.yaml").text
