"""Every answer of contract section 1, on a real socket: what is refused, as what, and in which order."""

from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx2 as httpx
import pytest
from workflow_mock.app import create_app
from workflow_mock.settings import Settings

from tests.in_process import SURFACES
from tests.support import START_BODY, WORKFLOW, Api, chunked, path, raw_start, serving, start_body

GOOD = {"data": {"workflowId": WORKFLOW}}
UNKNOWN = "5f0c1e0a-7d5b-4b5e-9c57-2f1f6c3a9d10"
"""An id that no workflow has."""


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


ORDER: list[tuple[tuple[int, str], dict[str, Any]]] = [
    ((404, "route_not_found"), {"suffix": "/more"}),
    ((405, "method_not_allowed"), {"method": "DELETE"}),
    ((401, "token_missing"), {"authorization": "Basic eA=="}),
    ((415, "unsupported_media_type"), {"type": "text/plain"}),
    ((413, "body_too_large"), {"content": b" " * 2_000_000}),
    ((400, "validation_failed"), {"customer": "nobody"}),
    ((404, "workflow_not_found"), {"workflow": UNKNOWN, "content": start_body(UNKNOWN)}),
]
"""Every kind of fault that a request can have, in the order in which they are looked for, and what makes it so."""


@pytest.mark.parametrize(
    ("expected", "faults"),
    [
        pytest.param(expected, [fault for _, fault in ORDER[place:]], id=expected[1])
        for place, (expected, _) in enumerate(ORDER)
    ],
)
def test_of_several_faults_the_first_in_the_order_is_answered(
    server: Api, token: str, expected: tuple[int, str], faults: list[dict[str, Any]]
) -> None:
    asked: dict[str, Any] = {"method": "POST", "suffix": "", "authorization": f"Bearer {token}"}
    asked |= {"type": "application/json", "content": START_BODY, "customer": None, "workflow": WORKFLOW}
    for fault in reversed(faults):  # of two that change the body, the first
        asked |= fault
    answer = server.http.request(
        asked["method"],
        path(asked["workflow"], customer=asked["customer"]) + asked["suffix"],
        headers={"Content-Type": asked["type"], "Authorization": asked["authorization"]},
        content=asked["content"],
    )
    assert refusal(answer) == expected


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
        ({"data": {"workflowId": UNKNOWN}}, ["data.workflowId"]),
    ],
)
def test_a_body_that_asks_for_something_else_is_told_which_property(
    server: Api, token: str, body: Any, properties: list[str]
) -> None:
    assert invalid(server.start(token=token, json=body)) == properties


def test_null_is_a_body_without_data(server: Api, token: str) -> None:
    assert invalid(server.start(token=token, content=b"null")) == ["data"]


NOT_UUIDS = [
    "urn:uuid:3c90c3cc-0d44-4b50-8888-8dd25736052a",
    "3c90c3cc-0d44-4b50-8888-8dd25736052",
    "3c90c3cc-0d44-4b50-8888-8dd25736052g",
    "３c90c3cc-0d44-4b50-8888-8dd25736052a",
    "3c90c3cc-0d444-b50-8888-8dd25736052a",
    "\x01" * 36,
]
OF_THE_PATH = [
    "3c90c3cc0d444b5088888dd25736052a",
    "3C90C3CC0D444B5088888DD25736052A",
    "{3c90c3cc-0d44-4b50-8888-8dd25736052a}",
    "(3c90c3cc-0d44-4b50-8888-8dd25736052a)",
    "{0x3c90c3cc,0xd44,0x4b50,{0x88,0x88,0x8d,0xd2,0x57,0x36,0x5,0x2a}}",
    " 3c90c3cc-0d44-4b50-8888-8dd25736052a\t\n",
    "\u2003{ 0X3c90c3cc , 0xd44,0x4b50,{0x88,0x88,0x8d,0xd2,0x57,0x36,0x5,0x2a} }\xa0",
]
"""One id as .NET's Guid reads it: N, B, P and X, in either case, with white space around."""


@pytest.mark.parametrize("text", NOT_UUIDS)
def test_what_is_no_uuid_is_refused_in_body_and_path(server: Api, token: str, text: str) -> None:
    assert invalid(server.start(token=token, json={"data": {"workflowId": text}})) == ["data.workflowId"]
    assert "customerId" in invalid(server.start(token=token, customer=quote(text)))


@pytest.mark.parametrize("text", OF_THE_PATH)
def test_an_id_in_the_path_has_any_form_of_a_guid_and_one_in_the_body_has_one(
    server: Api, token: str, text: str
) -> None:
    answer = server.start(quote(text), customer=quote(text), token=token, content=START_BODY)
    assert answer.json()["data"]["workflowId"] == WORKFLOW
    assert invalid(server.start(token=token, json={"data": {"workflowId": text}})) == ["data.workflowId"]


def test_uuids_are_taken_in_either_case_and_answered_in_lower_case(server: Api, token: str) -> None:
    answer = server.start(WORKFLOW.upper(), customer=str(uuid4()).upper(), token=token)
    assert answer.json()["data"]["workflowId"] == WORKFLOW


DEEP = b'{"data":{"workflowId":"%s"},"x":%s}'
WF = WORKFLOW.encode()

MALFORMED = [
    pytest.param(b"", id="empty"),
    pytest.param(b" \n", id="white space"),
    pytest.param(b'{"data":', id="cut off"),
    pytest.param(b'{"data":{"workflowId":"%s"}} // x' % WF, id="a comment"),
    pytest.param(b'{"data":/* x */{"workflowId":"%s"}}' % WF, id="a block comment"),
    pytest.param(b'{"data":{"workflowId":"%s",}}' % WF, id="a trailing comma"),
    pytest.param(b"{'data':{'workflowId':'%s'}}" % WF, id="single quotes"),
    pytest.param(DEEP % (WF, b"NaN"), id="NaN"),
    pytest.param(DEEP % (WF, b"-Infinity"), id="Infinity"),
    pytest.param(DEEP % (WF, b"[" * 32 + b"]" * 32), id="33 levels"),
    pytest.param(b"[" * 100_000, id="100,000 levels"),
    pytest.param(b"[" * 100_000 + b"]" * 100_000, id="100,000 closed levels"),
    pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, id="100,000 objects"),
    pytest.param(DEEP % (WF, rb'"\ud800"'), id="a lone surrogate"),
    pytest.param(DEEP % (WF, rb'"\udc00x"'), id="a lone low surrogate"),
    pytest.param(rb'{"\ud800":1}', id="a lone surrogate for a name"),
    pytest.param(DEEP % (WF, b"1e999"), id="1e999"),
    pytest.param(DEEP % (WF, b"9" * 10_000), id="a 10,000-digit integer"),
    pytest.param(b'{"data":{"workflowId":"%s"}\x00}' % WF, id="a raw NUL"),
    pytest.param(b'{"data":{"workflowId":"%s\x00"}}' % WF, id="a NUL in a string"),
    pytest.param(b'{"data":{"workflowId":"\xff"}}', id="bytes that are not utf-8"),
    pytest.param(b'{"x":"\xed\xa0\x80"}', id="a surrogate in utf-8"),
    pytest.param(b"{}{}", id="two documents"),
    pytest.param(DEEP % (WF, b"01"), id="a leading zero"),
    pytest.param(DEEP % (WF, b"+1"), id="a plus"),
    pytest.param(DEEP % (WF, b'"\t"'), id="a tab in a string"),
    pytest.param('{"data":{}}'.encode("utf-16"), id="utf-16 without a charset"),
]


@pytest.mark.parametrize("content", MALFORMED)
def test_what_is_not_json_is_refused_as_such(server: Api, token: str, content: bytes) -> None:
    assert refusal(server.start(token=token, content=content)) == (400, "malformed_json")


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
        'application/json; x="; charset=latin-1"; charset=utf-8',
        "application/json; odata=verbose; charset=utf-8",
        f"application/json; x={'a' * 5000}",
        "application / json;;; charset=latin-1",
        "application/json, text/plain",
        'application/json; charset="utf-8',
        "application/json charset=latin-1",
        "application/json; charset=x-unicode-2-0-utf-8; charset=latin-1",
        "text/x+json",
        "application/+json",
    ],
)
def test_a_type_of_json_is_read_up_to_what_is_no_parameter(server: Api, token: str, media_type: str) -> None:
    assert server.start(token=token, headers={"Content-Type": media_type}).status_code == 200


@pytest.mark.parametrize(
    "media_type",
    [
        "",
        "text/plain",
        "application/xml",
        "json",
        "application/jsonp",
        "image/x+json",
        "application/json+xml",
        "text/plain, application/json",
        "multipart/form-data",
        "application/json; charset=latin-1",
        "application/json; charset=utf8",
        'application/json; charset="ut\\f-8"',
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


@pytest.mark.parametrize("charset", ["utf-16", "utf-16le", "ucs-2", "iso-10646-ucs-2", "unicode"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_body_in_utf_16_is_little_endian_where_the_charset_says_so(
    server: Api, token: str, charset: str, mark: str
) -> None:
    text = f'{mark}{{"data": {{"workflowId": "{WORKFLOW}"}}}}'
    headers = {"Content-Type": f"application/json; charset={charset}"}
    assert server.start(token=token, content=text.encode("utf-16-le"), headers=headers).status_code == 200
    answer = server.start(token=token, content=text.encode("utf-16-be"), headers=headers)
    assert refusal(answer) == (400, "malformed_json")


def test_who_writes_utf8_is_told_the_name_of_utf_8(server: Api, token: str) -> None:
    answer = server.start(token=token, headers={"Content-Type": "application/json; charset=utf8"})
    assert "utf8 is no name of utf-8" in answer.json()["meta"]["errors"][0]["message"]


def test_the_limit_of_the_body_is_a_setting_and_counts_bytes() -> None:
    with serving("--max-body", "100") as small:
        token = small.token()
        assert small.start(token=token, content=START_BODY.ljust(100)).status_code == 200
        assert refusal(small.start(token=token, content=START_BODY.ljust(101))) == (413, "body_too_large")
        for size, status in ((100, 200), (101, 413)):
            body = START_BODY.ljust(size)
            request = raw_start(token, "Transfer-Encoding: chunked", body=chunked(body[:50], body[50:]))
            assert [answer.status for answer in small.send(request)] == [status]


def test_a_message_shows_what_it_echoes_escaped(server: Api, token: str) -> None:
    answer = server.start(token=token, content=rb'{"data":{"workflowId":"<script>\u0007\u2028"}}')
    assert answer.content.isascii()


LENIENCIES: dict[str, tuple[dict[str, Any], tuple[int, str], str]] = {
    "path case": ({"url": path().replace("customer", "CUSTOMER")}, (404, "route_not_found"), "upper and lower case"),
    "trailing slash": ({"url": path() + "/"}, (404, "route_not_found"), "slash at its end"),
    "dot segments": (
        {"url": path().replace("/v1.0/", "/x/%2e%2e/%2e/v1.0/")},
        (404, "route_not_found"),
        "dot segments",
    ),
    "another form of an id": (
        {"url": path(customer="{5f0c1e0a-7d5b-4b5e-9c57-2f1f6c3a9d10}")},
        (400, "validation_failed"),
        "36 characters",
    ),
    "another type of JSON": (
        {"headers": {"Content-Type": "text/x+json"}},
        (415, "unsupported_media_type"),
        "documented types",
    ),
    "another name of utf-8": (
        {"headers": {"Content-Type": "application/json; charset=unicode-1-1-utf-8"}},
        (415, "unsupported_media_type"),
        "charset",
    ),
    "Accept": ({"headers": {"Accept": "text/html"}}, (406, "not_acceptable"), "Accept"),
    "Accept with q=0": ({"headers": {"Accept": "*/*, application/json;q=0"}}, (406, "not_acceptable"), "Accept"),
    "byte order mark": ({"content": BOM_UTF8 + START_BODY}, (400, "malformed_json"), "byte"),
    "property case": ({"json": {"Data": {"WORKFLOWID": WORKFLOW}}}, (400, "validation_failed"), "upper and lower"),
    "unknown property": ({"json": GOOD | {"extra": 1}}, (400, "validation_failed"), "not documented"),
    "repeated property": (
        {"content": b'{"data":{"workflowId":"%s","workflowId":"%s"}}' % (UNKNOWN.encode(), WF)},
        (400, "validation_failed"),
        "repeated",
    ),
    "utf-16": (
        {
            "content": f'{{"data":{{"workflowId":"{WORKFLOW}"}}}}'.encode("utf-16-le"),
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


@pytest.mark.parametrize("asked", [pytest.param(asked, id=name) for name, (asked, _, _) in LENIENCIES.items()])
def test_what_the_platform_lets_pass_is_let_pass(server: Api, asked: dict[str, Any]) -> None:
    assert send(server, asked).status_code == 200


@pytest.mark.parametrize(
    ("asked", "expected", "word"), [pytest.param(*case, id=name) for name, case in LENIENCIES.items()]
)
def test_strict_refuses_each_of_it_and_says_which(
    strict_server: Api, asked: dict[str, Any], expected: tuple[int, str], word: str
) -> None:
    answer = send(strict_server, asked)
    assert refusal(answer) == expected
    assert word in answer.text
    assert "--strict" in answer.text


def test_strict_accepts_the_request_of_the_page(strict_server: Api) -> None:
    assert strict_server.start().status_code == 200


def test_an_unknown_workflow_is_told_the_nearest_one(server: Api, token: str) -> None:
    answer = server.start(WORKFLOW.replace("3c90", "3c91"), token=token)
    assert refusal(answer) == (404, "workflow_not_found")
    assert WORKFLOW in answer.json()["meta"]["errors"][0]["message"]
