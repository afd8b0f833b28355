"""Every error code: a request that is refused with it, and its status."""

from collections.abc import Callable
from contextlib import ExitStack
from uuid import uuid4

import httpx2 as httpx
import pytest
from workflow_mock.app import create_app
from workflow_mock.errors import STATUS_OF_CODE
from workflow_mock.oauth.bad_tokens import TokenKind
from workflow_mock.paths import ADMIN_PATH
from workflow_mock.sandbox import Sandbox
from workflow_mock.settings import Settings
from workflow_mock.state.events import MAX_LISTENERS

from tests.admin.world import World
from tests.in_process import SURFACES, InProcess
from tests.server.apps import serving_app
from tests.support import Answer, Server, path, raw_request, raw_start, read_answers, serving

Refusal = httpx.Response | Answer
EVENTS = raw_request("GET", f"{ADMIN_PATH}/events", "Host: localhost")


def with_token(kind: TokenKind) -> Callable[[Server], Refusal]:
    """A start with a token that is wrong in one way."""

    def ask(server: Server) -> Refusal:
        made = server.http.post(f"{ADMIN_PATH}/tokens", json={"kind": kind})
        return server.start(token=made.json()["accessToken"])

    return ask


def sent(*data: bytes) -> Callable[[Server], Refusal]:
    return lambda server: server.send(*data)[0]


def ends_twice(server: Server) -> Refusal:
    advance = f"{ADMIN_PATH}/executions/{server.start().json()['data']['id']}/advance"
    server.http.post(advance, json={"to": "end"})
    return server.http.post(advance, json={"to": "end"})


def is_too_large_to_draw(server: Server) -> Refusal:
    many = {"name": "Many", "tasks": [{"key": str(n), "after": [str(k) for k in range(n)]} for n in range(60)]}
    target = f"{ADMIN_PATH}/workflows/{uuid4()}"
    assert server.http.put(target, json=many, params={"customerId": str(uuid4())}).status_code == 200
    return server.http.get(f"{target}/graph.svg")


def fails(_: Server) -> Refusal:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sandbox, "start", lambda *_: 1 / 0)
        with serving_app(create_app(Settings())) as (host, port), httpx.Client(trust_env=False) as http:
            http.base_url = f"http://{host}:{port}"
            return InProcess(http).start()


def is_one_listener_too_many(_: Server) -> Refusal:
    with serving() as own, ExitStack() as stack:
        for _number in range(MAX_LISTENERS):
            connection = stack.enter_context(own.connect())
            connection.sendall(EVENTS)
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        return own.http.get(f"{ADMIN_PATH}/events")


def is_one_connection_too_many(_: Server) -> Refusal:
    with serving("--max-connections", "1") as own, own.connect() as first:
        first.sendall(raw_start())
        assert [answer.status for answer in read_answers(first, 1)] == [401]
        return own.send(raw_start())[0]


def is_of_a_world_that_is_reset(server: Server) -> Refusal:
    world = World(server, server.token())
    with world.holding() as (connection, _):
        world.admin("POST", "reset")
        return next(read_answers(connection, 1))


def is_never_whole(_: Server) -> Refusal:
    with serving("--request-timeout", "0.2") as own:
        return own.send(b"POST")[0]


def is_strict(_: Server) -> Refusal:
    with SURFACES["TestClient"](create_app(Settings(strict=True))) as strict:
        return strict.start(headers={"Accept": "text/html"})


def has_no_admin_token(_: Server) -> Refusal:
    with SURFACES["TestClient"](create_app(Settings(admin_token="a-token-of-its-own"))) as guarded:
        return guarded.http.get(f"{ADMIN_PATH}/faults")


def has_no_journal(_: Server) -> Refusal:
    with SURFACES["TestClient"](create_app(Settings(journal=False))) as forgetful:
        return forgetful.http.get(f"{ADMIN_PATH}/requests")


REFUSED: dict[str, Callable[[Server], Refusal]] = {
    "malformed_http": sent(b"junk\r\n\r\n"),
    "malformed_json": lambda server: server.start(content=b"{"),
    "validation_failed": lambda server: server.start(json={}),
    "token_missing": lambda server: server.http.post(path()),
    "token_malformed": with_token(TokenKind.MALFORMED),
    "token_algorithm": with_token(TokenKind.ALGORITHM_NONE),
    "token_signature": with_token(TokenKind.BAD_SIGNATURE),
    "token_key_unknown": with_token(TokenKind.UNKNOWN_KEY),
    "token_expired": with_token(TokenKind.EXPIRED),
    "token_not_yet_valid": with_token(TokenKind.NOT_YET_VALID),
    "token_issuer": with_token(TokenKind.WRONG_ISSUER),
    "token_audience": with_token(TokenKind.WRONG_AUDIENCE),
    "token_claims": with_token(TokenKind.NO_EXPIRY),
    "admin_token_required": has_no_admin_token,
    "insufficient_scope": with_token(TokenKind.MISSING_SCOPE),
    "customer_forbidden": with_token(TokenKind.OTHER_CUSTOMER),
    "admin_forbidden": lambda server: server.http.get(
        f"{ADMIN_PATH}/faults", headers={"Origin": "http://evil.example"}
    ),
    "route_not_found": lambda server: server.http.post("/api/workflow/nothing"),
    "workflow_not_found": lambda server: server.start(str(uuid4())),
    "not_found": lambda server: server.http.get(f"{ADMIN_PATH}/executions/{uuid4()}"),
    "method_not_allowed": lambda server: server.http.get(path()),
    "not_acceptable": is_strict,
    "request_timeout": is_never_whole,
    "graph_too_large": is_too_large_to_draw,
    "invalid_transition": ends_twice,
    "journal_disabled": has_no_journal,
    "body_too_large": lambda server: server.start(content=b" " * 2_000_000),
    "uri_too_long": sent(raw_request("GET", f"/{'a' * 8192}")),
    "unsupported_media_type": lambda server: server.start(content=b"{}", headers={"Content-Type": "text/plain"}),
    "headers_too_large": sent(raw_request("GET", "/", *["X: a"] * 200)),
    "internal_error": fails,
    "limit_reached": is_one_listener_too_many,
    "too_busy": is_one_connection_too_many,
    "world_reset": is_of_a_world_that_is_reset,
    "http_version_not_supported": sent(raw_start(version="2.0")),
}


@pytest.mark.parametrize(("code", "ask"), [pytest.param(code, ask, id=code) for code, ask in REFUSED.items()])
def test_a_refusal_has_the_code_and_its_status(server: Server, code: str, ask: Callable[[Server], Refusal]) -> None:
    refusal = ask(server)
    status = refusal.status if isinstance(refusal, Answer) else refusal.status_code
    (error,) = refusal.json()["meta"]["errors"]
    assert (status, error["code"]) == (STATUS_OF_CODE[code], code)


def test_each_code_is_among_them() -> None:
    assert list(REFUSED) == list(STATUS_OF_CODE)
