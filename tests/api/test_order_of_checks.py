"""The order of checks where rights and strictness come in. `test_checks.py` has the order of the rest."""

from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import START_BODY, WORKFLOW, Server, path, serving

OWN = "aaaaaaaa-0000-4000-8000-000000000000"
RIGHTS = f"""
workflows: [{{id: {WORKFLOW}, name: Any, tasks: [{{key: only}}]}}]
clients:
  - {{id: bound, secret: secret, customers: [{OWN}]}}
  - {{id: scoped, secret: secret, scopes: [other]}}
  - {{id: both, secret: secret, scopes: [other], customers: [{OWN}]}}
  - {{id: nobodys, secret: secret, customers: []}}
"""
CLIENTS = ["bound", "scoped", "both"]


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    file: Path = tmp_path_factory.mktemp("catalogue") / "rights.yaml"
    file.write_text(RIGHTS)
    with serving("--catalogue", str(file)) as running:
        yield running


@pytest.mark.parametrize(
    ("client", "code"),
    [("bound", "customer_forbidden"), ("scoped", "insufficient_scope"), ("both", "insufficient_scope")],
)
@pytest.mark.parametrize("type", ["application/json", "text/plain"])
@pytest.mark.parametrize("content", [b"{", b" " * 2_000_000])
def test_rights_are_looked_at_before_anything_of_the_body(
    limited: Server, client: str, code: str, type: str, content: bytes
) -> None:
    token = limited.token(client, "secret")
    answer = limited.start(token=token, content=content, headers={"Content-Type": type}, customer="nobody")
    assert (answer.status_code, answer.json()["meta"]["errors"][0]["code"]) == (403, code)
    assert answer.json()["meta"]["validation"] == []


@pytest.mark.parametrize("client", CLIENTS)
def test_rights_are_looked_at_after_the_token_and_the_route(limited: Server, client: str) -> None:
    token = limited.token(client, "secret")
    assert limited.start(token=token[:-4] + "AAAA").status_code == 401
    headers = {"Authorization": f"Bearer {token}"}
    assert limited.http.get(path(), headers=headers).status_code == 405
    assert limited.http.post(path() + "/x", headers=headers).status_code == 404


def test_a_bound_token_may_act_for_its_customer_in_either_case(limited: Server) -> None:
    token = limited.token("bound", "secret")
    for customer in (OWN, OWN.upper()):
        assert limited.start(token=token, customer=customer).status_code == 200


def test_a_client_of_no_customer_may_act_for_none(limited: Server) -> None:
    token = limited.token("nobodys", "secret")
    for customer in (OWN, None):
        answer = limited.start(token=token, customer=customer)
        assert (answer.status_code, answer.json()["meta"]["errors"][0]["code"]) == (403, "customer_forbidden")


def test_an_unknown_workflow_is_hidden_from_who_may_not_act_for_the_customer(limited: Server) -> None:
    answer = limited.start(WORKFLOW.replace("3c", "3d"), token=limited.token("bound", "secret"))
    assert answer.status_code == 403


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_an_unknown_route_is_unknown_to_every_method(server: Server, method: str) -> None:
    answer = server.http.request(method, "/api/workflow/v1.0/customer")
    assert answer.status_code == 404
    assert "allow" not in answer.headers


STRICT: list[tuple[int, dict[str, Any]]] = [
    (404, {"url": path() + "/"}),
    (401, {"headers": {"Authorization": ""}}),
    (415, {"headers": {"Content-Type": "application/json; charset=utf-16"}}),
    (406, {"headers": {"Accept": "text/html"}}),
    (413, {"content": (BOM_UTF8 + START_BODY).ljust(2_000_000)}),
    (400, {}),
]
"""What strict refuses, a byte order mark last, and in between what is always refused."""


@pytest.mark.parametrize(
    ("status", "faults"),
    [
        pytest.param(status, [fault for _, fault in STRICT[place:]], id=str(status))
        for place, (status, _) in enumerate(STRICT)
    ],
)
def test_what_strict_refuses_has_its_place_in_the_order(
    strict_server: Server, status: int, faults: list[dict[str, Any]]
) -> None:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {strict_server.token()}"}
    asked: dict[str, Any] = {"url": path(), "content": BOM_UTF8 + START_BODY}
    for fault in faults:
        headers |= fault.get("headers", {})
        asked |= fault
    assert strict_server.http.post(**asked | {"headers": headers}).status_code == status
