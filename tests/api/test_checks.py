"""Every answer of contract section 1, on a real socket: what is refused, as what, and in which order."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
from workflow_mock.app import create_app
from workflow_mock.settings import Settings

from tests.in_process import SURFACES
from tests.support import WORKFLOW, Api, path, serving

GOOD = {"data": {"workflowId": WORKFLOW}}


@pytest.fixture(scope="module", params=["a socket", *SURFACES])
def server(request: pytest.FixtureRequest) -> Iterator[Api]:
    """The application: behind our server, and without it."""
    if request.param == "a socket":
        yield request.getfixturevalue("server")
        return
    with SURFACES[request.param](create_app(Settings())) as api:
        yield api


@pytest.fixture(scope="module")
def token(server: Api) -> str:
    return server.token()


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Status and first code of an answer that has the whole envelope."""
    envelope = answer.json()
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert envelope["data"] is None
    assert envelope["meta"].keys() == {"errors", "validation", "info"}
    assert all(error["message"] for error in envelope["meta"]["errors"])
    return answer.status_code, envelope["meta"]["errors"][0]["code"]


def invalid(answer: httpx.Response) -> list[str]:
    assert refusal(answer) == (400, "validation_failed")
    return [entry["property"] for entry in answer.json()["meta"]["validation"]]


# Every kind of fault a request can have, in the order in which they are looked for.
FAULTS: dict[str, tuple[int, str]] = {
    "route": (404, "route_not_found"),
    "method": (405, "method_not_allowed"),
    "token": (401, "token_missing"),
    "type": (415, "unsupported_media_type"),
    "size": (413, "body_too_large"),
    "path": (400, "validation_failed"),
    "workflow": (404, "workflow_not_found"),
}


@pytest.mark.parametrize("first", FAULTS)
def test_of_several_faults_the_first_in_the_order_is_answered(server: Api, token: str, first: str) -> None:
    faults = list(FAULTS)[list(FAULTS).index(first) :]
    workflow = str(uuid4()) if "workflow" in faults else WORKFLOW
    answer = server.http.request(
        "DELETE" if "method" in faults else "POST",
        path(workflow, customer="nobody" if "path" in faults else None) + ("/more" if "route" in faults else ""),
        headers={
            "Content-Type": "text/plain" if "type" in faults else "application/json",
            "Authorization": "Basic eA==" if "token" in faults else f"Bearer {token}",
        },
        content=b" " * 2_000_000 if "size" in faults else b'{"data":{"workflowId":"%s"}}' % workflow.encode(),
    )
    assert refusal(answer) == FAULTS[first]


def test_a_malformed_body_without_a_token_is_unauthorized(server: Api) -> None:
    answer = server.http.post(path(), content=b"{", headers={"Content-Type": "application/json"})
    assert refusal(answer) == (401, "token_missing")


def test_all_faults_of_path_and_body_are_reported_together(server: Api, token: str) -> None:
    answer = server.start("no-workflow", customer="no-customer", token=token, json={"data": {}})
    assert invalid(answer) == ["customerId", "workflowId", "data.workflowId"]


def test_a_malformed_body_hides_no_fault_of_the_path(server: Api, token: str) -> None:
    answer = server.start(customer="no-customer", token=token, content=b"{")
    assert refusal(answer) == (400, "malformed_json")
    assert [entry["property"] for entry in answer.json()["meta"]["validation"]] == ["customerId"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_another_method_is_told_what_is_allowed(server: Api, method: str) -> None:
    answer = server.http.request(method, path())
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("wrong", ["/api/workflow/", "/api/workflow/v1/x", "/API/workflow/v2.0", path() + "//"])
def test_an_unknown_route_is_told_the_right_one(server: Api, wrong: str) -> None:
    answer = server.http.post(wrong)
    assert refusal(answer) == (404, "route_not_found")
    assert "POST /api/workflow/v1.0/customer/{customerId}/workflow/{workflowId}" in answer.text


def test_a_wrong_base_url_is_told_the_right_one_too(server: Api) -> None:
    assert "POST /api/workflow/v1.0/customer/" in server.http.post("/v1.0/customer").text


@pytest.mark.parametrize(
    ("body", "properties"),
    [
        ({}, ["data"]),
        ([], ["data"]),
        ("text", ["data"]),
        (1, ["data"]),
        ({"data": None}, ["data"]),
        ({"data": []}, ["data"]),
        ({"data": {}}, ["data.workflowId"]),
        ({"data": {"workflowId": None}}, ["data.workflowId"]),
        ({"data": {"workflowId": 1}}, ["data.workflowId"]),
        ({"data": {"workflowId": ["x"]}}, ["data.workflowId"]),
        ({"data": {"workflowId": "5f0c1e0a-7d5b-4b5e-9c57-2f1f6c3a9d10"}}, ["data.workflowId"]),
    ],
)
def test_a_body_that_asks_for_something_else_is_told_which_property(
    server: Api, token: str, body: Any, properties: list[str]
) -> None:
    assert invalid(server.start(token=token, json=body)) == properties


def test_null_is_a_body_without_data(server: Api, token: str) -> None:
    assert invalid(server.start(token=token, content=b"null")) == ["data"]


NOT_UUIDS = [
    "3c90c3cc0d444b5088888dd25736052a",
    "{3c90c3cc-0d44-4b50-8888-8dd25736052a}",
    "urn:uuid:3c90c3cc-0d44-4b50-8888-8dd25736052a",
    "3c90c3cc-0d44-4b50-8888-8dd25736052",
    "3c90c3cc-0d44-4b50-8888-8dd25736052a ",
    "3c90c3cc-0d44-4b50-8888-8dd25736052g",
    "３c90c3cc-0d44-4b50-8888-8dd25736052a",
    "3c90c3cc-0d444-b50-8888-8dd25736052a",
    "\x00" * 36,
]


@pytest.mark.parametrize("text", NOT_UUIDS)
def test_only_the_form_of_36_characters_is_a_uuid(server: Api, token: str, text: str) -> None:
    assert invalid(server.start(token=token, json={"data": {"workflowId": text}})) == ["data.workflowId"]
    quoted = text.replace(" ", "%20").replace("\x00", "%00")
    assert "customerId" in invalid(server.start(token=token, customer=quoted))


def test_uuids_are_taken_in_either_case_and_answered_in_lower_case(server: Api, token: str) -> None:
    answer = server.start(WORKFLOW.upper(), customer=str(uuid4()).upper(), token=token)
    assert answer.json()["data"]["workflowId"] == WORKFLOW


DEEP = b'{"data":{"workflowId":"%s"},"x":%s}'
WF = WORKFLOW.encode()

MALFORMED = {
    "empty": b"",
    "white space": b" \n",
    "cut off": b'{"data":',
    "a comment": b'{"data":{"workflowId":"%s"}} // x' % WF,
    "a block comment": b'{"data":/* x */{"workflowId":"%s"}}' % WF,
    "a trailing comma": b'{"data":{"workflowId":"%s",}}' % WF,
    "single quotes": b"{'data':{'workflowId':'%s'}}" % WF,
    "NaN": DEEP % (WF, b"NaN"),
    "Infinity": DEEP % (WF, b"-Infinity"),
    "33 levels": DEEP % (WF, b"[" * 32 + b"]" * 32),
    "100,000 levels": b"[" * 100_000,
    "100,000 closed levels": b"[" * 100_000 + b"]" * 100_000,
    "100,000 objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a lone surrogate": DEEP % (WF, rb'"\ud800"'),
    "a lone low surrogate": DEEP % (WF, rb'"\udc00x"'),
    "a lone surrogate for a name": rb'{"\ud800":1}',
    "1e999": DEEP % (WF, b"1e999"),
    "a 10,000-digit integer": DEEP % (WF, b"9" * 10_000),
    "a raw NUL": b'{"data":{"workflowId":"%s"}\x00}' % WF,
    "a NUL in a string": b'{"data":{"workflowId":"%s\x00"}}' % WF,
    "bytes that are not utf-8": b'{"data":{"workflowId":"\xff"}}',
    "a surrogate in utf-8": b'{"x":"\xed\xa0\x80"}',
    "two documents": b"{}{}",
    "a leading zero": DEEP % (WF, b"01"),
    "a plus": DEEP % (WF, b"+1"),
    "a tab in a string": DEEP % (WF, b'"\t"'),
    "utf-16 without a charset": '{"data":{}}'.encode("utf-16"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_not_json_is_refused_as_such(server: Api, token: str, name: str) -> None:
    assert refusal(server.start(token=token, content=MALFORMED[name])) == (400, "malformed_json")


@pytest.mark.parametrize(
    "body",
    [
        DEEP % (WF, b"[" * 31 + b"]" * 31),
        DEEP % (WF, rb'"\ud83d\ude00 \u0000"'),
        DEEP % (WF, b"-0.5e-300"),
        b'\n {"data" : {"workflowId" : "%s"} }\r\n\t' % WF,
        rb'{"data":{"workflow\u0049d":"%s"}}' % WF,
    ],
)
def test_odd_but_right_json_is_accepted(server: Api, token: str, body: bytes) -> None:
    assert server.start(token=token, content=body).status_code == 200


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "text/json",
        "application/problem+json",
        "application/*+json",
        "APPLICATION/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        'application/json; charset="ut\\f-8"',
        'application/json; x="; charset=latin-1"; charset=utf-8',
        "application/json; odata=verbose; charset=utf8",
    ],
)
def test_the_documented_types_are_read(server: Api, token: str, media_type: str) -> None:
    assert server.start(token=token, headers={"Content-Type": media_type}).status_code == 200


@pytest.mark.parametrize(
    "media_type",
    [
        "",
        "text/plain",
        "application/xml",
        "json",
        "application/jsonp",
        "text/x+json",
        "application/+json",
        "multipart/form-data",
        "application/json; charset=latin-1",
        "application/json; charset=",
    ],
)
def test_other_types_are_not(server: Api, token: str, media_type: str) -> None:
    answer = server.start(token=token, content=b"{}", headers={"Content-Type": media_type})
    assert refusal(answer) == (415, "unsupported_media_type")


def test_a_request_without_a_type_is_not_read(server: Api, token: str) -> None:
    answer = server.http.post(path(), content=b"{}", headers={"Authorization": f"Bearer {token}"})
    assert "content-type" not in answer.request.headers
    assert refusal(answer) == (415, "unsupported_media_type")


@pytest.mark.parametrize("charset", ["utf-16", "utf-16le"])
def test_a_body_in_utf_16_is_read_where_the_charset_says_so(server: Api, token: str, charset: str) -> None:
    text = f'{{"data": {{"workflowId": "{WORKFLOW}"}}}}'
    headers = {"Content-Type": f"application/json; charset={charset}"}
    assert server.start(token=token, content=text.encode(charset), headers=headers).status_code == 200


def test_the_limit_of_the_body_is_a_setting_and_counts_bytes(token: str) -> None:
    with serving("--max-body", "100") as small:
        token = small.token()
        body = b'{"data":{"workflowId":"%s"}}' % WF
        assert small.start(token=token, content=body.ljust(100)).status_code == 200
        assert refusal(small.start(token=token, content=body.ljust(101))) == (413, "body_too_large")


def test_a_message_shows_what_it_echoes_escaped(server: Api, token: str) -> None:
    answer = server.start(token=token, content=rb'{"data":{"workflowId":"<script>\u0007\u2028"}}')
    assert answer.content.isascii()


LENIENCIES: dict[str, tuple[dict[str, Any], tuple[int, str], str]] = {
    "path case": ({"url": path().replace("customer", "CUSTOMER")}, (404, "route_not_found"), "upper and lower case"),
    "trailing slash": ({"url": path() + "/"}, (404, "route_not_found"), "slash at its end"),
    "Accept": ({"headers": {"Accept": "text/html"}}, (406, "not_acceptable"), "Accept"),
    "Accept with q=0": ({"headers": {"Accept": "*/*, application/json;q=0"}}, (406, "not_acceptable"), "Accept"),
    "byte order mark": ({"content": b'\xef\xbb\xbf{"data":{"workflowId":"%s"}}' % WF}, (400, "malformed_json"), "byte"),
    "property case": ({"json": {"Data": {"WORKFLOWID": WORKFLOW}}}, (400, "validation_failed"), "upper and lower"),
    "unknown property": ({"json": GOOD | {"extra": 1}}, (400, "validation_failed"), "not documented"),
    "repeated property": (
        {"content": b'{"data":{"workflowId":"x","workflowId":"%s"}}' % WF},
        (400, "validation_failed"),
        "repeated",
    ),
    "utf-16": (
        {
            "content": f'{{"data":{{"workflowId":"{WORKFLOW}"}}}}'.encode("utf-16"),
            "headers": {"Content-Type": "application/json; charset=utf-16"},
        },
        (415, "unsupported_media_type"),
        "charset",
    ),
}


def send(server: Api, request: dict[str, Any]) -> httpx.Response:
    request = {"url": path(), **request}
    if not {"json", "content"} & request.keys():
        request["json"] = GOOD
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {server.token()}"}
    return server.http.post(**{**request, "headers": headers | request.get("headers", {})})


@pytest.mark.parametrize("name", LENIENCIES)
def test_what_the_platform_lets_pass_is_let_pass(server: Api, name: str) -> None:
    assert send(server, LENIENCIES[name][0]).status_code == 200


@pytest.mark.parametrize("name", LENIENCIES)
def test_strict_refuses_each_of_it_and_says_which(strict_server: Api, name: str) -> None:
    request, expected, word = LENIENCIES[name]
    answer = send(strict_server, request)
    assert refusal(answer) == expected
    assert word in answer.text
    assert "--strict" in answer.text


def test_strict_accepts_the_request_of_the_page(strict_server: Api) -> None:
    assert strict_server.start().status_code == 200


def test_an_unknown_workflow_is_told_the_nearest_one(server: Api, token: str) -> None:
    answer = server.start(WORKFLOW.replace("3c90", "3c91"), token=token)
    assert refusal(answer) == (404, "workflow_not_found")
    assert WORKFLOW in answer.json()["meta"]["errors"][0]["message"]
