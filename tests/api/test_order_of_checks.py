"""The order of checks where rights and strictness come in. `test_checks.py` has the order of the rest."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import WORKFLOW, Server, path, serving

OWN = "aaaaaaaa-0000-4000-8000-000000000000"
RIGHTS = f"""
workflows: [{{id: {WORKFLOW}, name: Any, tasks: [{{key: only}}]}}]
clients:
  - {{id: bound, secret: secret, customers: [{OWN}]}}
  - {{id: scoped, secret: secret, scopes: [other]}}
  - {{id: both, secret: secret, scopes: [other], customers: [{OWN}]}}
"""
CODES = {"bound": "customer_forbidden", "scoped": "insufficient_scope", "both": "insufficient_scope"}


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    file: Path = tmp_path_factory.mktemp("catalogue") / "rights.yaml"
    file.write_text(RIGHTS)
    with serving("--catalogue", str(file)) as running:
        yield running


@pytest.mark.parametrize("client", CODES)
@pytest.mark.parametrize("type", ["application/json", "text/plain"])
@pytest.mark.parametrize("content", [b"{", b" " * 2_000_000])
def test_rights_are_looked_at_before_anything_of_the_body(
    limited: Server, client: str, type: str, content: bytes
) -> None:
    token = limited.token(client, "secret")
    answer = limited.start(token=token, content=content, headers={"Content-Type": type}, customer="nobody")
    assert (answer.status_code, answer.json()["meta"]["errors"][0]["code"]) == (403, CODES[client])
    assert answer.json()["meta"]["validation"] == []


@pytest.mark.parametrize("client", CODES)
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


def test_an_unknown_workflow_is_hidden_from_who_may_not_act_for_the_customer(limited: Server) -> None:
    answer = limited.start(WORKFLOW.replace("3c", "3d"), token=limited.token("bound", "secret"))
    assert answer.status_code == 403


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_an_unknown_route_is_unknown_to_every_method(server: Server, method: str) -> None:
    answer = server.http.request(method, "/api/workflow/v1.0/customer")
    assert answer.status_code == 404
    assert "allow" not in answer.headers


STRICT = [
    (404, {}),
    (401, {}),
    (415, {"Content-Type": "application/json; charset=utf-16"}),
    (406, {"Accept": "text/html"}),
    (413, {}),
    (400, {}),
]
"""What strict refuses, and in between what is always refused, each request having all faults from its own on."""


@pytest.mark.parametrize("first", range(len(STRICT)))
def test_what_strict_refuses_has_its_place_in_the_order(strict_server: Server, first: int) -> None:
    faults = dict(STRICT[first:])
    headers = {"Content-Type": "application/json"}
    for of_fault in faults.values():
        headers |= of_fault
    if 401 not in faults:
        headers["Authorization"] = f"Bearer {strict_server.token()}"
    body = b'\xef\xbb\xbf{"data":{"workflowId":"%s"}}' % WORKFLOW.encode()
    answer = strict_server.http.post(
        path() + ("/" if 404 in faults else ""),
        headers=headers,
        content=body.ljust(2_000_000) if 413 in faults else body,
    )
    assert answer.status_code == STRICT[first][0]
