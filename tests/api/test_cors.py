"""Calls from web pages (`--cors-origin`): the Fetch standard's headers, and still the envelope on every answer."""

import re
from collections.abc import Iterator

import pytest
from workflow_mock.paths import OPENAPI_JSON_PATH, TOKEN_PATH

from tests.support import Server, path, serving

ORIGIN = "http://localhost:3000"
ASK = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


@pytest.fixture(scope="module")
def open_server() -> Iterator[Server]:
    with serving("--cors-origin", "http://first.example", "--cors-origin", ORIGIN) as running:
        yield running


@pytest.mark.parametrize("origin", ["http://first.example", ORIGIN])
def test_a_preflight_of_a_named_origin_is_granted_without_a_body(open_server: Server, origin: str) -> None:
    answer = open_server.http.options(path(), headers=ASK | {"Origin": origin})
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-type" not in answer.headers
    assert answer.headers["access-control-allow-origin"] == origin
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == ASK["Access-Control-Request-Headers"]
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize(
    "other",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Access-Control-Request-Method": "DELETE"},
    ],
)
def test_another_preflight_is_answered_as_if_it_were_none(open_server: Server, other: dict[str, str]) -> None:
    answer = open_server.http.options(path(), headers=ASK | other)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["meta"]["errors"][0]["code"] == "method_not_allowed"
    assert "access-control-allow-methods" not in answer.headers
    assert "access-control-allow-origin" not in answer.headers
    asked = ASK | other
    (error,) = answer.json()["meta"]["errors"]
    said = (
        f"a page of {asked['Origin']} may send {asked['Access-Control-Request-Method']}: pages that --cors-origin names"
    )
    assert said in error["message"]


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", path()),
        ("POST", "/api/authentication/connect/token"),
        ("GET", "/api/authentication/.well-known/openid-configuration"),
        ("GET", "/.well-known/oauth-authorization-server/api/authentication"),
        ("GET", "/api/authentication/.well-known/openid-configuration/jwks"),
        ("GET", "/openapi.yaml"),
        ("GET", "/openapi.json"),
    ],
)
@pytest.mark.parametrize("names", ["authorization,x-requested-with", "traceparent, x-correlation-id", "x-anything"])
def test_whatever_header_a_named_origin_asks_for_is_allowed(
    open_server: Server, method: str, target: str, names: str
) -> None:
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": names}
    answer = open_server.http.options(target, headers=ASK | asked)
    assert (answer.status_code, answer.headers["access-control-allow-headers"]) == (204, names)
    assert method in answer.headers["access-control-allow-methods"]
    answer = open_server.http.request(
        method, target, headers={"Origin": ORIGIN} | dict.fromkeys(re.split(", ?", names), "x")
    )
    assert answer.headers["access-control-allow-origin"] == ORIGIN


def test_a_page_can_read_the_refusals_too(open_server: Server) -> None:
    for answer, status in (
        (open_server.http.post(path(), headers={"Origin": ORIGIN}), 401),
        (open_server.http.post("/api/workflow/x", headers={"Origin": ORIGIN}), 404),
        (open_server.http.options(path(), headers={"Origin": ORIGIN}), 405),
        (open_server.start(content=b"{", headers={"Origin": ORIGIN}), 400),
    ):
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "WWW-Authenticate" in answer.headers["access-control-expose-headers"]
        assert answer.json()["data"] is None


def test_a_page_of_another_origin_can_read_nothing(open_server: Server) -> None:
    answer = open_server.start(headers={"Origin": "http://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_without_the_setting_a_preflight_is_a_method_like_any_other(server: Server) -> None:
    answer = server.http.options(path(), headers=ASK)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert "--cors-origin" in answer.json()["meta"]["errors"][0]["message"]
    assert "--cors-origin" not in server.http.options(path()).text
    answer = server.http.options(OPENAPI_JSON_PATH, headers=ASK | {"Access-Control-Request-Method": "GET"})
    assert "--cors-origin" in answer.json()["meta"]["errors"][0]["message"]
    id = server.http.options(TOKEN_PATH, headers=ASK).headers["x-request-id"]
    assert "--cors-origin" in server.http.get(f"/__admin/requests/{id}").json()["errors"][0]["message"]
