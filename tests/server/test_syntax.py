"""What is HTTP/1.1, and what isn't: versions, Host, framing, white space, targets."""

import pytest

from tests.support import WORKFLOW, Answer, Server, path, read_answers

BODY = b'{"data":{"workflowId":"%s"}}' % WORKFLOW.encode()


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json()["meta"]["errors"][0]["code"]


def request(
    token: str,
    *extra: bytes,
    host: bytes = b"x",
    target: bytes = b"",
    version: bytes = b" HTTP/1.1",
    body: bytes = BODY,
) -> bytes:
    """A start. With an `extra` that frames the body there is no Content-Length."""
    head = [b"POST " + (target or path().encode()) + version, b"Host: " + host]
    head += [b"Content-Type: application/json", b"Authorization: Bearer " + token.encode(), *extra]
    if not any(line.startswith(b"Transfer-Encoding") for line in extra):
        head.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*head, b"", b""]) + body


CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)


@pytest.mark.parametrize("version", [b"0.9", b"1.2", b"2.0", b"3.0", b"9.9"])
@pytest.mark.parametrize("method", [b"POST", b"HEAD"])
def test_another_version_of_http_is_refused(server: Server, token: str, version: bytes, method: bytes) -> None:
    """RFC 9110, section 15.6.6."""
    data = request(token, version=b" HTTP/" + version).replace(b"POST", method, 1)
    with server.connect() as connection:
        connection.sendall(data)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert received.startswith(b"HTTP/1.1 505 ")
    assert (b'"http_version_not_supported"' in received) == (method == b"POST")


@pytest.mark.parametrize(
    "version", [b"", b" HTTP/1", b" HTTP/1.", b" HTTP/11.1", b" HTTP/x.y", b" http/1.1", b" HTTPS/1.1"]
)
def test_what_names_no_version_is_not_http(server: Server, token: str, version: bytes) -> None:
    (answer,) = server.send(request(token, version=version), answers=2)
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
    (answer,) = server.send(request(token, host=host), answers=2)
    assert code(answer) == (400, "malformed_http")
    if not set(host) & set(b"/?#"):  # which end the authority of a target
        (answer,) = server.send(request(token, target=b"http://" + host + path().encode()), answers=2)
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
    assert [answer.status for answer in server.send(request(issuer, host=host))] == [200]


def token_of(server: Server, host: bytes) -> str:
    """A token whose issuer has this name."""
    form = b"grant_type=client_credentials&client_id=demo&client_secret=demo-secret"
    head = b"POST /api/authentication/connect/token HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n" % (host, len(form))
    (answer,) = server.send(head + b"Content-Type: application/x-www-form-urlencoded\r\n\r\n" + form)
    return str(answer.json()["access_token"])


@pytest.mark.parametrize("end", [b" ", b"\t", b" \t  "])
@pytest.mark.parametrize("name", ["host", "authorization", "type", "length", "coding", "connection"])
def test_white_space_at_a_values_end_is_no_part_of_it(server: Server, token: str, name: str, end: bytes) -> None:
    """RFC 9112, section 5. A tab behind `chunked` is refused by httptools, which is safe too."""
    data = request(token)
    if name == "coding":
        end = end.replace(b"\t", b" ")
        data = request(token, b"Transfer-Encoding: chunked", body=CHUNKED)
    lines = {
        "host": b"Host: x",
        "authorization": b"Authorization: Bearer " + token.encode(),
        "type": b"Content-Type: application/json",
        "length": b"Content-Length: %d" % len(BODY),
        "coding": b"Transfer-Encoding: chunked",
        "connection": b"Connection: close",
    }
    if name == "connection":
        data = data.replace(b"Host: x", b"Connection: close\r\nHost: x")
    assert lines[name] + b"\r\n" in data
    (answer,) = server.send(data.replace(lines[name], lines[name] + end))
    assert answer.status == 200
    assert answer.header("connection") == ("close" if name == "connection" else None)


@pytest.mark.parametrize("line", [b"Expect: 100-continue", b"Expect: 100-Continue \t", b"expect:100-continue "])
def test_a_client_is_told_to_continue_however_it_is_written(server: Server, token: str, line: bytes) -> None:
    with server.connect() as connection:
        connection.sendall(request(token, line)[: -len(BODY)])
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(BODY)
        assert [answer.status for answer in read_answers(connection, 1)] == [200]


def test_a_client_of_http_1_0_is_not_told_to_continue(server: Server, token: str) -> None:
    """RFC 9110, section 10.1.1."""
    with server.connect() as connection:
        connection.sendall(request(token, b"Expect: 100-continue", version=b" HTTP/1.0"))
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
    (answer,) = server.send(request(token, *lines, body=CHUNKED), answers=2)
    assert code(answer) == (400, "malformed_http")


def test_chunks_of_http_1_0_are_faulty_framing(server: Server, token: str) -> None:
    """RFC 9112, section 6.1."""
    data = request(token, b"Transfer-Encoding: chunked", version=b" HTTP/1.0", body=CHUNKED)
    (answer,) = server.send(data, answers=2)
    assert code(answer) == (400, "malformed_http")


@pytest.mark.parametrize("target", [b"%s#part", b"%s?a=b#part", b"http://x%s#", b"%s#"])
def test_a_target_has_no_fragment(server: Server, token: str, target: bytes) -> None:
    """RFC 9112, section 3.2.1."""
    (answer,) = server.send(request(token, target=target % path().encode()), answers=2)
    assert code(answer) == (400, "malformed_http")


@pytest.mark.parametrize("rest", [b"", b"/", b"?a=b"])
def test_an_empty_path_is_the_root(server: Server, rest: bytes) -> None:
    """RFC 9112, section 3.2.1."""
    (answer,) = server.send(b"GET http://x%s HTTP/1.1\r\nHost: x\r\n\r\n" % rest)
    assert code(answer) == (404, "route_not_found")


def test_the_authority_of_a_target_takes_the_place_of_the_host(server: Server) -> None:
    """RFC 9112, section 3.2.2."""
    for target, host, status in ((b"evil.example", b"localhost", 403), (b"localhost", b"evil.example", 200)):
        (answer,) = server.send(b"GET http://%s/__admin/settings HTTP/1.1\r\nHost: %s\r\n\r\n" % (target, host))
        assert answer.status == status
    discovery = b"/api/authentication/.well-known/openid-configuration"
    (answer,) = server.send(b"GET http://one.example%s HTTP/1.1\r\nHost: two.example\r\n\r\n" % discovery)
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
        received = b"".join(iter(lambda: connection.recv(65536), b""))
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
