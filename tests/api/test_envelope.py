"""The envelope of refusals: its shape, its headers, and what it may show of the request."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx2 as httpx
import pytest
from workflow_mock.paths import TOKEN_PATH

from tests.support import WORKFLOW, Server, path, serving, until

EVIL = '"}<script>alert(1)</script>\\\u2028é'
ESCAPED = "%22%7D%3Cscript%3Ealert(1)%3C%2Fscript%3E%0D%0AX-Evil%3A%201%5C%01%C3%A9"
ESCAPED_ID = ESCAPED.replace("%2F", "")  # a slash would end it

REFUSED: dict[str, tuple[int, str, Callable[[Server, str], httpx.Response]]] = {
    "route": (404, "route_not_found", lambda server, _: server.http.post(f"/api/workflow/{ESCAPED}")),
    "any route": (404, "route_not_found", lambda server, _: server.http.get(f"/{ESCAPED}")),
    "the route's folder": (404, "route_not_found", lambda server, _: server.http.get("/api/workflow")),
    "method": (405, "method_not_allowed", lambda server, _: server.http.request("PROPFIND", path())),
    "any method": (405, "method_not_allowed", lambda server, _: server.http.delete("/openapi.json")),
    "token": (401, "token_missing", lambda server, _: server.http.post(path())),
    "malformed token": (401, "token_malformed", lambda server, _: server.start(token="<script>")),
    "type": (
        415,
        "unsupported_media_type",
        lambda server, token: server.start(token=token, headers={"Content-Type": "<script>"}),
    ),
    "size": (413, "body_too_large", lambda server, token: server.start(token=token, content=b"<script>" * 200_000)),
    "ids": (400, "validation_failed", lambda server, token: server.start(ESCAPED_ID, customer=ESCAPED_ID, token=token)),
    "JSON": (400, "malformed_json", lambda server, token: server.start(token=token, content=EVIL.encode())),
    "body": (
        400,
        "validation_failed",
        lambda server, token: server.start(token=token, json={"data": {"workflowId": EVIL}, EVIL: EVIL}),
    ),
    "workflow": (
        404,
        "workflow_not_found",
        lambda server, token: server.start(WORKFLOW.replace("3c", "3d"), token=token),
    ),
}


@pytest.fixture(scope="module")
def own() -> Iterator[Server]:
    with serving() as running:
        yield running


def assert_envelope(envelope: Any) -> None:
    assert list(envelope) == ["meta", "data"]
    assert envelope["data"] is None
    assert list(envelope["meta"]) == ["errors", "validation", "info"]
    assert envelope["meta"]["info"] == {}
    assert envelope["meta"]["errors"]
    for error in envelope["meta"]["errors"]:
        assert list(error) == ["code", "message"]
        assert all(isinstance(value, str) and value for value in error.values())
    for fault in envelope["meta"]["validation"]:
        assert list(fault) == ["property", "message"]
        assert all(isinstance(value, str) for value in fault.values())


@pytest.mark.parametrize(("status", "code", "ask"), [pytest.param(*case, id=name) for name, case in REFUSED.items()])
def test_each_refusal_has_the_whole_envelope_and_escapes_what_it_echoes(
    server: Server, token: str, status: int, code: str, ask: Callable[[Server, str], httpx.Response]
) -> None:
    answer = ask(server, token)
    assert (answer.status_code, answer.json()["meta"]["errors"][0]["code"]) == (status, code)
    assert_envelope(answer.json())
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "x-evil" not in answer.headers
    assert answer.content.isascii()
    assert all(byte >= 0x20 for byte in answer.content)
    assert "Traceback" not in answer.text


def test_strict_escapes_the_names_that_it_echoes(strict_server: Server) -> None:
    answer = strict_server.start(json={"data": {"workflowId": WORKFLOW}, EVIL: 1})
    assert_envelope(answer.json())
    assert answer.json()["meta"]["validation"][0]["property"] == EVIL
    assert answer.content.isascii()


def test_each_answer_has_an_id_of_its_own_and_the_log_names_it(own: Server) -> None:
    token = own.token()
    answers = [ask(own, token) for _, _, ask in REFUSED.values()] + [own.start(token=token)]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == len(ids)
    refused = [answer.headers["x-request-id"] for answer in answers if answer.status_code != 200]
    until(lambda: all(f"({each})" in own.log.read_text() for each in refused))
    assert "Traceback" not in own.log.read_text()


def test_an_error_links_its_entry_in_the_journal_if_there_is_one(own: Server) -> None:
    token = own.token()
    refused = [own.start(token=token, json={}), own.start(token="x"), own.http.post(TOKEN_PATH)]
    own.http.post("/__admin/faults", json={"status": 503, "times": 1})
    refused.append(own.start(token=token))
    for answer in refused:
        target, _, relation = answer.headers["link"].partition("; ")
        entry = own.http.get(target.strip("<>")).json()
        assert (entry["id"], entry["status"]) == (answer.headers["x-request-id"], answer.status_code)
        assert relation == 'rel="help"'
    assert "link" not in own.start(token=token).headers
    for option in ("--no-journal", "--no-admin"):
        with serving(option) as other:
            assert "link" not in other.start(token="x").headers


def test_the_log_has_one_line_for_each_refusal_whatever_the_path_and_no_token() -> None:
    with serving() as own:
        token = own.token()
        own.banner()
        until(lambda: "  token  demo " in own.log.read_text())
        before = len(own.log.read_text().splitlines())
        own.http.post(f"/api/workflow/{ESCAPED}")
        own.start(ESCAPED, token=token)
        last = own.start(token="secret.secret.secret").headers["x-request-id"]
        until(lambda: last in own.log.read_text())
        log = own.log.read_text()
    assert len(log.splitlines()) == before + 3
    assert all(line.isprintable() for line in log.splitlines())
    assert token not in log
    assert "secret.secret" not in log


def test_every_fault_of_path_and_body_stands_in_one_answer(server: Server, token: str) -> None:
    answer = server.start("{no}", customer="urn:uuid:" + WORKFLOW, token=token, json={"data": {"workflowId": 5}})
    assert [fault["property"] for fault in answer.json()["meta"]["validation"]] == [
        "customerId",
        "workflowId",
        "data.workflowId",
    ]
    both = server.start("{no}", customer="x", token=token, content=b"[")
    assert [error["code"] for error in both.json()["meta"]["errors"]] == ["malformed_json", "validation_failed"]
    assert [fault["property"] for fault in both.json()["meta"]["validation"]] == ["customerId", "workflowId"]
