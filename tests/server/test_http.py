"""HTTP as clients really speak it: chunks, pipelines, half requests, and the next request after an error."""

import pytest
from workflow_mock.paths import JWKS_PATH, TOKEN_PATH

from tests.support import (
    START_BODY,
    WORKFLOW,
    Server,
    chunked,
    path,
    raw_request,
    raw_start,
    read_answers,
    serving,
    start_body,
    until,
)


def test_a_chunked_body_without_a_length_is_read(server: Server, token: str) -> None:
    body = chunked(START_BODY[:5], START_BODY[5:])
    (answer,) = server.send(raw_start(token, "Transfer-Encoding: chunked", body=body))
    assert answer.status == 200


def test_a_chunked_body_is_limited_too(server: Server, token: str) -> None:
    large = raw_start(token, "Transfer-Encoding: chunked", body=chunked(*[b" " * 65536] * 20))
    first, second = server.send(large + raw_start(token), answers=2)
    assert (first.status, second.status) == (413, 200)


def test_a_connection_goes_on_after_each_error(server: Server, token: str) -> None:
    unknown = WORKFLOW.replace("3c90", "3c91")
    wrong = [
        (404, raw_start(token, target="/api/workflow/other")),
        (405, raw_start(token, method="PUT")),
        (401, raw_start()),
        (415, raw_start(token).replace(b"application/json", b"text/plainxxxxxx")),
        (413, raw_start(token, body=b" " * 1_100_000)),
        (400, raw_start(token, body=b"{")),
        (404, raw_start(token, target=path(unknown), body=start_body(unknown))),
    ]
    with server.connect() as connection:
        for status, bad in wrong:
            connection.sendall(bad)
            connection.sendall(raw_start(token))
            assert [answer.status for answer in read_answers(connection, 2)] == [status, 200]


def test_pipelined_requests_are_answered_in_their_order(server: Server, token: str) -> None:
    statuses = [a.status for a in server.send(raw_start(token) + raw_start() + raw_start(token, body=b"["), answers=3)]
    assert statuses == [200, 401, 400]


@pytest.mark.parametrize("half_close", [True, False])
def test_a_body_cut_off_half_way_harms_nobody(half_close: bool) -> None:
    with serving() as own:
        token = own.token()
        answers = own.send(raw_start(token)[:-20], answers=1 if half_close else 0, half_close=half_close)
        assert answers == []
        assert own.start(token=token).status_code == 200
        assert "Traceback" not in own.log.read_text()


def test_a_client_that_expects_100_is_told_to_continue(server: Server, token: str) -> None:
    head, _, body = raw_start(token, "Expect: 100-continue").partition(b"\r\n\r\n")
    with server.connect() as connection:
        connection.sendall(head + b"\r\n\r\n")
        told = connection.recv(1000)
        assert told == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        (answer,) = read_answers(connection, 1)
    assert answer.status == 200


def test_a_client_that_expects_100_is_refused_before_it_sends_its_body(server: Server) -> None:
    head, _, _ = raw_start(None, "Expect: 100-continue").partition(b"\r\n\r\n")
    with server.connect() as connection:
        connection.sendall(head + b"\r\n\r\n")
        (answer,) = read_answers(connection, 1)
        assert (answer.status, answer.header("connection")) == (401, "close")
        assert connection.recv(1) == b""


@pytest.mark.parametrize(
    ("method", "target"),
    [
        pytest.param("POST", TOKEN_PATH, id="no form"),
        pytest.param("GET", TOKEN_PATH, id="no GET of tokens"),
        pytest.param("POST", JWKS_PATH, id="no POST of keys"),
        pytest.param("POST", "/nope", id="no route"),
        pytest.param("POST", "/__admin/nope", id="no route of the control plane"),
    ],
)
def test_whoever_expects_100_and_is_answered_without_needs_a_new_connection(
    server: Server, method: str, target: str
) -> None:
    """Else the next request would be read as the body that the client never sent."""
    expecting = ("Content-Type: text/plain", "Host: localhost", "Expect: 100-continue", "Content-Length: 40")
    with server.connect() as connection:
        connection.sendall(raw_request(method, target, *expecting))
        (answer,) = read_answers(connection, 1)
        assert 400 <= answer.status < 500
        assert answer.header("connection") == "close"
        assert connection.recv(1) == b""


@pytest.mark.parametrize("hosts", ["", "Host: x\r\nHost: y\r\n", "Host: x\r\nhost: x\r\n"])
def test_a_request_has_one_host(server: Server, hosts: str) -> None:
    """RFC 9112, section 3.2; two would be two names of the issuer."""
    (answer,) = server.send(f"GET /openapi.json HTTP/1.1\r\n{hosts}\r\n".encode())
    assert (answer.status, answer.code()) == (400, "malformed_http")


def test_a_request_of_http_1_0_needs_no_host(server: Server) -> None:
    assert server.send(b"GET /__admin/nope HTTP/1.0\r\nHost: localhost\r\n\r\n")[0].status == 404
    assert server.send(b"GET /openapi.json HTTP/1.0\r\n\r\n")[0].status == 200


def test_two_authorization_headers_are_no_token(server: Server, token: str) -> None:
    (answer,) = server.send(raw_start(token, f"Authorization: Bearer {token}"))
    assert (answer.status, answer.code()) == (401, "token_malformed")


@pytest.mark.parametrize(
    "junk",
    [
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST " + b"/api/workflow/\xc3\xa9" + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /api/workflow/x HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /api/workflow/x HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/workflow/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_not_http_is_refused_in_the_envelope(server: Server, junk: bytes) -> None:
    *_, answer = server.send(junk, answers=2)
    envelope = answer.json()
    assert answer.status in (400, 401, 404)
    assert envelope["data"] is None


def test_http_1_0_is_answered_and_closed(server: Server, token: str) -> None:
    answers = server.send(raw_start(token, version="1.0"), answers=2)
    assert [answer.status for answer in answers] == [200]


def test_a_web_page_of_a_named_origin_may_call() -> None:
    with serving("--cors-origin", "http://localhost:3000") as own:
        ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
        allowed = own.http.options(path(), headers=ask | {"Origin": "http://localhost:3000"})
        assert allowed.headers["access-control-allow-origin"] == "http://localhost:3000"
        refused = own.http.options(path(), headers=ask | {"Origin": "http://evil.example"})
        assert "access-control-allow-origin" not in refused.headers
        started = own.start(headers={"Origin": "http://localhost:3000"})
        assert started.headers["access-control-allow-origin"] == "http://localhost:3000"


def test_no_page_may_call_without_the_setting(server: Server) -> None:
    assert "access-control-allow-origin" not in server.start(headers={"Origin": "http://localhost:3000"}).headers


def test_a_path_can_forge_no_line_of_the_log() -> None:
    with serving() as own:
        own.http.post("/api/workflow/%0aINFO%20forged")
        until(lambda: "forged" in own.log.read_text())
        assert not any(line.startswith("INFO") for line in own.log.read_text().splitlines())
