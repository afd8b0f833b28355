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
    serving,
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


@pytest.mark.parametrize("version", ["0.9", "2.0"])
def test_another_version_is_refused_wherever_its_head_is_cut(server: Server, version: str) -> None:
    data = raw_request("GET", "/", "X: a", "Y: b", version=version)
    for cut in range(1, len(data), 3):
        with server.connect() as connection:
            connection.sendall(data[:cut])
            connection.sendall(data[cut:])
            assert [answer.status for answer in read_answers(connection, 1)] == [505]


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
            b"x:",
            b"[::1]:",
            b":80",
            b"X%41",
            b"x,y",
            b"a*b",
            b"a+b",
            b"a;b",
            b"a=b",
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
    """RFC 9112, section 3.2, and RFC 3986, section 3.2.2; the platform takes no escapes, and none of `*+,;=`."""
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
            b"x:99999",
            b"a.b-c_d~e",
            b"!$&'()",
            b"127.0.0.1:80",
            b"1.2.3",
            b" x\t ",
        ),
        *(b"[::1]", b"[::1]:8080", b"[::ffff:1.2.3.4]", b"[2001:DB8::a]"),
    ],
)
def test_a_host_is_a_name_or_an_address_with_a_port_or_without(server: Server, host: bytes) -> None:
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


METHODS = [
    "post",
    "pOST",
    "get",
    "FOO",
    "GET_IT",
    "P",
    "POSTS",
    "M!#$%&'*+-.^`|~",
    "a" * 7000,
    "DESCRIBE",
    "SOURCE",
    "PRI",
]


@pytest.mark.parametrize("method", METHODS)
def test_any_token_is_a_method_wherever_the_request_is_cut(server: Server, token: str, method: str) -> None:
    """RFC 9110, section 9.1; the platform's routes look for it without regard to case."""
    data = raw_start(token, method=method)
    expected = (200, None) if method.upper() == "POST" else (405, "POST")
    for cut in {0, 1, 2, len(method) // 2, len(method), len(method) + 1, len(method) + 3}:
        with server.connect() as connection:
            connection.sendall(data[:cut])
            connection.sendall(data[cut:])
            (answer,) = read_answers(connection, 1)
        assert (answer.status, answer.header("allow")) == expected


@pytest.mark.parametrize("method", METHODS)
def test_a_method_of_ones_own_is_in_the_journal_as_it_was_sent(server: Server, token: str, method: str) -> None:
    (answer,) = server.send(raw_start(token, method=method))
    entry = server.http.get(f"/__admin/requests/{answer.header('x-request-id')}").json()
    assert entry["method"] == method


def test_an_upgrade_that_is_offered_with_a_method_of_ones_own_changes_no_method(server: Server, token: str) -> None:
    (answer,) = server.send(raw_start(token, "Connection: upgrade", "Upgrade: h2c", method="FOO"))
    assert code(answer) == (405, "method_not_allowed")


def test_a_body_is_framed_as_ever_behind_a_method_of_ones_own(server: Server, token: str) -> None:
    own = raw_start(token, "Transfer-Encoding: chunked", method="post", body=CHUNKED)
    with server.connect() as connection:
        for data in (own, raw_start(token, method="FOO"), own):
            connection.sendall(data)
            assert [answer.status for answer in read_answers(connection, 1)] == [405 if b"FOO" in data else 200]


@pytest.mark.parametrize("begun", [b"foo", b"post", b"post /", b"f" * 5000])
def test_a_method_of_ones_own_is_waited_for_no_longer_than_another(begun: bytes) -> None:
    with serving("--request-timeout", "0.3") as own, own.connect() as connection:
        connection.sendall(begun)
        assert [code(answer) for answer in read_answers(connection, 1)] == [(408, "request_timeout")]


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = bytes.fromhex("000000040000000000")


@pytest.mark.parametrize("cut", [0, 1, 3, 16, 18, len(PREFACE)])
def test_a_client_of_http_2_is_told_to_use_http_1(server: Server, cut: int) -> None:
    """RFC 9113, section 3.3: a GOAWAY frame (section 6.8) of the error HTTP_1_1_REQUIRED."""
    data = PREFACE + SETTINGS
    with server.connect() as connection:
        connection.sendall(data[:cut])
        connection.sendall(data[cut:])
        assert all_of(connection) == bytes.fromhex("000008070000000000000000000000000d")


@pytest.mark.parametrize(("size", "status"), [(8192, 200), (8193, 414)])
@pytest.mark.parametrize("is_cut", [False, True])
def test_a_first_line_has_8_192_bytes_at_most(server: Server, token: str, size: int, status: int, is_cut: bool) -> None:
    target = path() + "?" + "a" * (size - len("POST  HTTP/1.1\r\n") - len(path()) - 1)
    data = raw_start(token, target=target)
    assert data.index(b"\r\n") + 2 == size
    cut = 8000 if is_cut else 0
    assert [answer.status for answer in server.send(data[:cut], data[cut:])] == [status]


@pytest.mark.parametrize(
    "begun", [b"GET /" + b"a" * 9000, b"a" * 9000, b"a" * 9000 + b" / HTTP/1.1\r\n", b"P(ST /" + b"a" * 9000]
)
def test_a_first_line_that_is_too_long_is_refused_before_its_end(server: Server, begun: bytes) -> None:
    (answer,) = server.send(begun, answers=2)
    assert code(answer) == (414, "uri_too_long")


@pytest.mark.parametrize(("size", "status"), [(32768, 200), (32769, 431)])
@pytest.mark.parametrize("is_cut", [False, True])
def test_headers_have_32_kib_together_at_most_besides_the_first_line(
    server: Server, token: str, size: int, status: int, is_cut: bool
) -> None:
    target = path() + "?" + "a" * 8000
    lines = raw_start(token, target=target).partition(b"\r\n")[2].index(b"\r\n\r\n") + 2
    data = raw_start(token, "X: " + "a" * (size - lines - len("X: \r\n")), target=target)
    cut = 20_000 if is_cut else 0
    assert [answer.status for answer in server.send(data[:cut], data[cut:])] == [status]


@pytest.mark.parametrize("value", ["café", "\ufeff", "漢字", "\U0001f600"])
def test_a_value_of_a_header_is_utf_8(server: Server, token: str, value: str) -> None:
    assert [answer.status for answer in server.send(raw_start(token, f"X: {value}"))] == [200]
    for broken in (value.encode()[:-1], value.encode() + b"\xe9", value.encode("utf-16-be") + b"\xff"):
        if b"\0" not in broken:
            (answer,) = server.send(raw_start(token, b"X: " + broken))
            assert code(answer) == (400, "malformed_http")
