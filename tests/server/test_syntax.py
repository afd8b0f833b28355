"""What is HTTP/1.1, and what isn't: versions, Host, framing, white space, targets."""

import re
from uuid import uuid4

import pytest
from workflow_mock.paths import OPENID_PATH, TOKEN_PATH

from tests.support import (
    START_BODY,
    TOKEN_FORM,
    Answer,
    Server,
    all_of,
    chunked,
    path,
    raw_request,
    raw_start,
    read_answers,
)


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.code()


CHUNKED = chunked(START_BODY)


@pytest.mark.parametrize("version", ["0.9", "1.2", "2.0", "3.0", "9.9"])
@pytest.mark.parametrize(("method", "has_body"), [("POST", True), ("HEAD", False)])
def test_another_version_of_http_is_refused(
    server: Server, token: str, version: str, method: str, has_body: bool
) -> None:
    """RFC 9110, section 15.6.6."""
    with server.connect() as connection:
        connection.sendall(raw_start(token, method=method, version=version))
        received = all_of(connection)
    assert received.startswith(b"HTTP/1.1 505 ")
    assert (b'"http_version_not_supported"' in received) == has_body


@pytest.mark.parametrize(
    "version", [b"", b" HTTP/1", b" HTTP/1.", b" HTTP/11.1", b" HTTP/x.y", b" http/1.1", b" HTTPS/1.1"]
)
def test_what_names_no_version_is_not_http(server: Server, token: str, version: bytes) -> None:
    (answer,) = server.send(raw_start(token).replace(b" HTTP/1.1", version), answers=2)
    assert code(answer) == (400, "malformed_http")


@pytest.mark.parametrize(
    "host",
    [
        *(b"bad host", b"user@x", b"x/path", b"x, y", b"http://x", b"x:abc", b"[::1", b'a"b', b"<x>", b"\xe9", b"a\\b"),
        *(
            b"x:1:2",
            b"::1",
            b"[::1]x",
            b"[::g]",
            b"[:::1]",
            b"[1.2.3.4]",
            b"[]",
            b"[v1.x",
            b"x?",
            b"x#",
            b"%",
            b"%4",
            b"%zz",
        ),
        *(b"x y:1", b"x:-1", b"x:+1", b"x: 1", b"a\tb", b"{x}", b"a|b", b"a^b", b"a`b", "ü".encode()),
    ],
)
def test_a_host_that_is_none_is_refused(server: Server, token: str, host: bytes) -> None:
    """RFC 9112, section 3.2, and RFC 3986, section 3.2.2."""
    (answer,) = server.send(raw_start(token, b"Host: " + host), answers=2)
    assert code(answer) == (400, "malformed_http")
    if not set(host) & set(b"/?#"):  # which end the authority of a target
        (answer,) = server.send(raw_start(token, target=b"http://" + host + path().encode()), answers=2)
        assert code(answer) == (400, "malformed_http")


@pytest.mark.parametrize(
    "host",
    [
        *(
            b"",
            b"x",
            b"x:",
            b"x:99999",
            b"a.b-c_d~e",
            b"X%41",
            b"x,y",
            b"!$&'()*+;=",
            b"127.0.0.1:80",
            b"1.2.3",
            b" x\t ",
        ),
        *(b"[::1]", b"[::1]:8080", b"[::ffff:1.2.3.4]", b"[2001:DB8::a]:"),
    ],
)
def test_a_host_by_the_grammar_is_taken(server: Server, host: bytes) -> None:
    issuer = token_of(server, host)
    assert [answer.status for answer in server.send(raw_start(issuer, b"Host: " + host))] == [200]


def token_of(server: Server, host: bytes) -> str:
    """A token whose issuer has this name."""
    form = "Content-Type: application/x-www-form-urlencoded"
    (answer,) = server.send(raw_request("POST", TOKEN_PATH, b"Host: " + host, form, body=TOKEN_FORM))
    return str(answer.json()["access_token"])


@pytest.mark.parametrize("end", [b" ", b"\t", b" \t  "])
@pytest.mark.parametrize("name", [b"Host", b"Content-Type", b"Authorization", b"Content-Length"])
def test_white_space_at_a_values_end_is_no_part_of_it(server: Server, token: str, name: bytes, end: bytes) -> None:
    """RFC 9112, section 5."""
    data, changed = re.subn(b"(\r\n%s: .*)(?=\r\n)" % name, rb"\1" + end, raw_start(token))
    assert changed == 1
    (answer,) = server.send(data)
    assert (answer.status, answer.header("connection")) == (200, None)


@pytest.mark.parametrize("end", [b" ", b"\t", b" \t  "])
def test_white_space_behind_close_is_no_part_of_it(server: Server, token: str, end: bytes) -> None:
    (answer,) = server.send(raw_start(token, b"Connection: close" + end))
    assert (answer.status, answer.header("connection")) == (200, "close")


@pytest.mark.parametrize("end", [b" ", b"    "])
def test_white_space_behind_chunked_is_no_part_of_it(server: Server, token: str, end: bytes) -> None:
    (answer,) = server.send(raw_start(token, b"Transfer-Encoding: chunked" + end, body=CHUNKED))
    assert (answer.status, answer.header("connection")) == (200, None)


@pytest.mark.parametrize("end", [b"\t", b" \t", b"\t  "])
def test_a_tab_behind_chunked_is_refused_before_anything_is_done(server: Server, end: bytes) -> None:
    """httptools can't read it. The next request isn't one: it may be meant as a part of the body."""
    mine = {"customerId": str(uuid4())}
    fault = server.http.post("/__admin/faults", params=mine, json={"status": 503}).json()["id"]
    target = f"/__admin/faults/{fault}?customerId={mine['customerId']}"
    request = raw_request("DELETE", target, "Host: localhost", b"Transfer-Encoding: chunked" + end, body=chunked(b""))
    (answer,) = server.send(request * 2, answers=2)
    assert (code(answer), answer.header("connection")) == ((400, "malformed_http"), "close")
    assert server.http.get(f"/__admin/faults/{fault}", params=mine).status_code == 200


@pytest.mark.parametrize("line", [b"Expect: 100-continue", b"Expect: 100-Continue \t", b"expect:100-continue "])
def test_a_client_is_told_to_continue_however_it_is_written(server: Server, token: str, line: bytes) -> None:
    with server.connect() as connection:
        connection.sendall(raw_start(token, line)[: -len(START_BODY)])
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(START_BODY)
        assert [answer.status for answer in read_answers(connection, 1)] == [200]


def test_a_client_of_http_1_0_is_not_told_to_continue(server: Server, token: str) -> None:
    """RFC 9110, section 10.1.1."""
    with server.connect() as connection:
        connection.sendall(raw_start(token, b"Expect: 100-continue", version="1.0"))
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "lines",
    [
        [b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked"],
        [b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"],
        [b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"],
        [b"Transfer-Encoding: gzip, chunked"],
        [b"Transfer-Encoding: chunked, chunked"],
        [b"Transfer-Encoding:"],
    ],
)
def test_what_is_not_chunked_once_is_refused(server: Server, token: str, lines: list[bytes]) -> None:
    (answer,) = server.send(raw_start(token, *lines, body=CHUNKED), answers=2)
    assert code(answer) == (400, "malformed_http")


def test_chunks_of_http_1_0_are_faulty_framing(server: Server, token: str) -> None:
    """RFC 9112, section 6.1."""
    data = raw_start(token, "Transfer-Encoding: chunked", version="1.0", body=CHUNKED)
    (answer,) = server.send(data, answers=2)
    assert code(answer) == (400, "malformed_http")


@pytest.mark.parametrize("target", [b"%s#part", b"%s?a=b#part", b"http://x%s#", b"%s#"])
def test_a_target_has_no_fragment(server: Server, token: str, target: bytes) -> None:
    """RFC 9112, section 3.2.1."""
    (answer,) = server.send(raw_start(token, target=target % path().encode()), answers=2)
    assert code(answer) == (400, "malformed_http")


@pytest.mark.parametrize("rest", ["", "/", "?a=b"])
def test_an_empty_path_is_the_root(server: Server, rest: str) -> None:
    """RFC 9112, section 3.2.1."""
    (answer,) = server.send(raw_request("GET", f"http://x{rest}"))
    assert code(answer) == (404, "route_not_found")


def test_the_authority_of_a_target_takes_the_place_of_the_host(server: Server) -> None:
    """RFC 9112, section 3.2.2."""
    for target, host, status in (("evil.example", "localhost", 403), ("localhost", "evil.example", 200)):
        (answer,) = server.send(raw_request("GET", f"http://{target}/__admin/settings", f"Host: {host}"))
        assert answer.status == status
    (answer,) = server.send(raw_request("GET", f"http://one.example{OPENID_PATH}", "Host: two.example"))
    assert answer.json()["issuer"] == "http://one.example/api/authentication"


@pytest.mark.parametrize(
    "rejected",
    [
        pytest.param(b"Transfer-Encoding: gzip\r\n\r\n", id="400"),
        pytest.param(b"X : a\r\n\r\n", id="400 in a header"),
        pytest.param(b"X: a\r\n" * 200 + b"\r\n", id="431"),
        pytest.param(b"X: " + b"a" * 70_000, id="431 without an end"),
    ],
)
def test_a_refused_head_has_no_body(server: Server, rejected: bytes) -> None:
    """RFC 9110, section 9.3.2."""
    with server.connect() as connection:
        connection.sendall(b"HEAD / HTTP/1.1\r\nHost: x\r\n" + rejected)
        received = all_of(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 4")
    assert b"\r\ncontent-length: " in head
    assert body == b""


@pytest.mark.parametrize(
    "refused",
    [
        b"junk\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 200 + b"\r\n",
    ],
)
def test_a_refusal_below_the_application_has_a_request_id(server: Server, refused: bytes) -> None:
    ids = set()
    for _ in range(2):
        (answer,) = server.send(refused, answers=2)
        ids.add(str(answer.header("x-request-id")))
    other = str(server.http.get("/openapi.json").headers["x-request-id"])
    assert {each.partition("-")[0] for each in ids} == {other.partition("-")[0]}
    assert len(ids | {other}) == 3
