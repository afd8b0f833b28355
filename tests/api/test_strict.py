"""The edges of what the default mode lets pass and `--strict` refuses. `test_checks.py` has one case of each."""

import json
from typing import Any

import pytest
from workflow_mock.api.leniency import MAX_NOTES

from tests.support import WORKFLOW, Server, path, raw_start

GOOD = {"data": {"workflowId": WORKFLOW}}
IN_ANY_CASE = "upper and lower case"


def refused(server: Server, token: str, body: Any, **request: Any) -> dict[str, list[str]]:
    """For each property that is refused, the messages."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = server.start(token=token, content=content, **request)
    assert answer.status_code == 400
    assert answer.json()["meta"]["errors"][0]["code"] == "validation_failed"
    found: dict[str, list[str]] = {}
    for fault in answer.json()["meta"]["validation"]:
        found.setdefault(fault["property"], []).append(fault["message"])
    return found


ACCEPTED = [
    "",
    "*/*",
    "application/*",
    "application/json",
    "APPLICATION/Json",
    "application/json; charset=utf-8",
    "application/json;q=0.001",
    "text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8",
    "application/*;q=0, application/json",
    "*/*;q=0, application/*;q=0.1",
]
EXCLUDING = [
    "text/json",
    "text/*",
    "application/xml",
    "application/problem+json",
    "application/json;q=0",
    "application/json ; Q = 0.000",
    "application/json;q=0, */*",
    "application/*;q=0, */*",
    "*/*;q=0",
]


@pytest.mark.parametrize("accept", ACCEPTED)
def test_strict_takes_an_accept_header_with_room_for_json(
    strict_server: Server, strict_token: str, accept: str
) -> None:
    assert strict_server.start(token=strict_token, headers={"Accept": accept}).status_code == 200


@pytest.mark.parametrize("accept", EXCLUDING)
def test_strict_refuses_an_accept_header_without(strict_server: Server, strict_token: str, accept: str) -> None:
    assert strict_server.start(token=strict_token, headers={"Accept": accept}).status_code == 406


@pytest.mark.parametrize("accept", [*ACCEPTED, *EXCLUDING, ";;,,;q=;q="])
def test_by_default_no_accept_header_is_refused(server: Server, token: str, accept: str) -> None:
    assert server.start(token=token, headers={"Accept": accept}).status_code == 200


@pytest.mark.parametrize(
    ("accepts", "status"),
    [
        pytest.param(["application/json", "text/html"], 200, id="one of them is JSON"),
        pytest.param(["*/*", "application/json;q=0"], 406, id="one of them excludes it"),
    ],
)
def test_several_accept_headers_are_one_list(
    strict_server: Server, strict_token: str, accepts: list[str], status: int
) -> None:
    request = raw_start(strict_token, *(f"Accept: {accept}" for accept in accepts))
    assert [answer.status for answer in strict_server.send(request)] == [status]


SEGMENTS = ["API/workflow", "workflow/V1.0", "/Customer/", "/WORKFLOW/3c", "/workflowexecution"]


@pytest.mark.parametrize("segment", SEGMENTS)
def test_each_part_of_the_path_is_taken_in_any_case_unless_strict(
    server: Server, strict_server: Server, token: str, strict_token: str, segment: str
) -> None:
    target = path()
    start = target.lower().index(segment.lower())
    other = target[:start] + segment + target[start + len(segment) :]
    headers = {"Authorization": f"Bearer {token}"}
    assert server.http.post(other, json=GOOD, headers=headers).status_code == 200
    answer = strict_server.http.post(other, json=GOOD, headers={"Authorization": f"Bearer {strict_token}"})
    (error,) = answer.json()["meta"]["errors"]
    assert (answer.status_code, error["code"]) == (404, "route_not_found")
    assert IN_ANY_CASE in error["message"]


def test_strict_takes_ids_in_upper_case(strict_server: Server, strict_token: str) -> None:
    customer = "ABCDEFAB-CDEF-4BCD-8FAB-CDEFABCDEFAB"
    answer = strict_server.start(WORKFLOW.upper(), customer=customer, token=strict_token)
    assert answer.json()["data"]["workflowId"] == WORKFLOW


def test_another_method_is_refused_on_a_lenient_path_too(server: Server, strict_server: Server) -> None:
    for other in (path().lower(), path() + "/"):
        assert server.http.get(other).status_code == 405
        assert strict_server.http.get(other).status_code == 404


def test_more_than_one_slash_is_another_route(server: Server, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    assert server.http.post(path() + "//", json=GOOD, headers=headers).status_code == 404


def test_no_lenient_path_is_a_redirect(server: Server, strict_server: Server) -> None:
    for running in (server, strict_server):
        for other in (path() + "/", path().upper()):
            assert running.http.post(other, json=GOOD).status_code in (401, 404)


@pytest.mark.parametrize(
    ("name", "like_it"), [("workflow", "wor\u212aflow"), ("customer", "cu\u017ftomer"), ("workflow", "W\u00f6rkflow")]
)
def test_a_letter_that_only_looks_like_another_case_is_another_letter(
    server: Server, token: str, name: str, like_it: str
) -> None:
    """The Kelvin sign and the long s are k and s in another case to Unicode, but not to the platform."""
    answer = server.http.post(path().replace(name, like_it, 1), json=GOOD, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 404


@pytest.mark.parametrize("name", ["wor\u212aflowId", "workflow\u0130d", "workflowId ", "workflow_id", ""])
def test_a_property_that_is_only_like_the_documented_one_is_unknown(server: Server, token: str, name: str) -> None:
    assert list(refused(server, token, {"data": {name: WORKFLOW}})) == ["data.workflowId"]


def test_the_last_of_repeated_properties_wins(server: Server, token: str) -> None:
    other = "5f0c1e0a-7d5b-4b5e-9c57-2f1f6c3a9d10"
    for before in ("null", "{}", f'{{"workflowId":"{other}"}}'):
        wins = f'{{"data":{before},"DATA":{{"workflowId":"{other}","WorkflowId":"{WORKFLOW}"}}}}'
        assert server.start(token=token, content=wins.encode()).status_code == 200
    loses = b'{"data":{"workflowId":"%s","workflowID":null}}' % WORKFLOW.encode()
    assert refused(server, token, loses) == {"data.workflowId": ["data.workflowId is required"]}


@pytest.mark.parametrize(
    ("before", "property"),
    [
        ('"data":7', "data"),
        ('"DATA":[]', "data"),
        ('"data":{"workflowId":"x"}', "data.workflowId"),
        ('"data":{"workflowId":null}', "data.workflowId"),
        ('"data":{"workflowID":7}', "data.workflowId"),
    ],
)
def test_each_of_repeated_properties_is_of_its_type(server: Server, token: str, before: str, property: str) -> None:
    body = f'{{{before},"data":{{"workflowId":"{WORKFLOW}"}}}}'
    assert list(refused(server, token, body.encode())) == [property]


def test_a_method_is_taken_in_any_case_unless_strict(
    server: Server, strict_server: Server, token: str, strict_token: str
) -> None:
    assert [answer.status for answer in server.send(raw_start(token, method="post"))] == [200]
    (answer,) = strict_server.send(raw_start(strict_token, method="Post"))
    (error,) = answer.json()["meta"]["errors"]
    assert (answer.status, error["code"]) == (405, "method_not_allowed")
    assert IN_ANY_CASE in error["message"]
    assert answer.header("allow") == "POST"


def test_strict_says_all_that_it_refuses_at_once(strict_server: Server, strict_token: str) -> None:
    body = b'{"more":1,"data":{"workflowId":"%s","extra":{},"WorkflowID":"%s","":0}}' % ((WORKFLOW.encode(),) * 2)
    found = refused(strict_server, strict_token, body, customer="nobody")
    assert list(found) == ["customerId", "more", "data.extra", "data.workflowId", "data."]
    assert any(IN_ANY_CASE in message for message in found["data.workflowId"])
    assert any("repeated" in message for message in found["data.workflowId"])
    assert all("--strict" in message for name in list(found)[1:] for message in found[name])


def test_what_strict_says_has_a_bound(strict_server: Server, strict_token: str) -> None:
    body = GOOD | {f"{number:04}" + "é" * 200: number for number in range(500)}
    found = refused(strict_server, strict_token, body)
    assert len(found) == MAX_NOTES
    assert max(map(len, found)) == 100


@pytest.mark.parametrize("body", [b"{", b'\xef\xbb\xbf{"data":', b"null"])
def test_strict_still_says_first_that_a_body_is_none(strict_server: Server, strict_token: str, body: bytes) -> None:
    answer = strict_server.start(token=strict_token, content=body, customer="nobody")
    assert answer.status_code == 400
    assert "customerId" in [fault["property"] for fault in answer.json()["meta"]["validation"]]
