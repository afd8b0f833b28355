"""What a connection may do between and around requests: offers to upgrade, junk, early refusals, odd forms."""

import socket
import struct

import pytest

from tests.support import START_BODY, Server, all_of, chunked, path, raw_request, raw_start, read_answers

H2C = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEA")


def test_a_request_may_come_byte_by_byte(server: Server, token: str) -> None:
    data = raw_start(token)
    assert [answer.status for answer in server.send(*(bytes([byte]) for byte in data))] == [200]


@pytest.mark.parametrize(
    "target",
    [
        path().replace("workflow", "work%66low", 1),
        path() + "?api-version=1.0&x=%00",
        "http://elsewhere.example" + path(),
    ],
)
def test_a_target_in_another_form_is_the_same_target(server: Server, token: str, target: str) -> None:
    assert [answer.status for answer in server.send(raw_start(token, target=target))] == [200]


@pytest.mark.parametrize("customer", ["%C3%A9", "%ff", "%zz", "%01", "...", "%0d%0aX: y".replace(" ", "%20")])
def test_what_is_escaped_in_a_path_is_an_id_like_any_other(server: Server, token: str, customer: str) -> None:
    (answer,) = server.send(raw_start(token, target=path(customer=customer)))
    envelope = answer.json()
    assert answer.status == 400
    assert [fault["property"] for fault in envelope["meta"]["validation"]] == ["customerId"]


@pytest.mark.parametrize("slash", ["%2F", "%2f"])
def test_an_escaped_slash_separates_nothing(server: Server, token: str, slash: str) -> None:
    (answer,) = server.send(raw_start(token, target=path().replace("/workflow/", f"{slash}workflow{slash}")))
    assert answer.code() == "route_not_found"


def test_chunks_may_have_extensions_and_trailers(server: Server, token: str) -> None:
    body = b"%x;name=value\r\n%s\r\n0\r\nX-Trailer: 1\r\n\r\n" % (len(START_BODY), START_BODY)
    two = raw_start(token, "Transfer-Encoding: chunked", body=body) * 2
    assert [answer.status for answer in server.send(two, answers=2)] == [200, 200]


def test_a_refusal_may_come_before_the_body_and_the_connection_goes_on(server: Server, token: str) -> None:
    with server.connect() as connection:
        refused = raw_start(None, body=b" " * 100_000)
        head = refused.index(b"\r\n\r\n") + 4
        connection.sendall(refused[:head])
        assert [answer.status for answer in read_answers(connection, 1)] == [401]
        connection.sendall(refused[head:] + raw_start(token))
        assert [answer.status for answer in read_answers(connection, 1)] == [200]


def test_an_announced_body_over_the_limit_is_refused_before_it_comes(server: Server, token: str) -> None:
    (answer,) = server.send(raw_start(token, "Content-Length: 9223372036854775807", body=b""))
    assert (answer.status, answer.code()) == (413, "body_too_large")


def test_a_chunked_body_over_the_limit_is_refused_before_its_end(server: Server, token: str) -> None:
    endless = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    (answer,) = server.send(raw_start(token, "Transfer-Encoding: chunked", body=endless * 17))
    assert (answer.status, answer.code()) == (413, "body_too_large")


@pytest.mark.parametrize(
    "started",
    [
        b"",
        b"POST",
        b"POST /api/workflow/x HTTP/1.1\r\nHost",
        raw_start(None, "Transfer-Encoding: chunked", body=b"5\r\nab"),
        raw_start("x.y.z")[:-5],
    ],
)
def test_a_client_may_go_away_at_any_moment(server: Server, token: str, started: bytes) -> None:
    for linger in (None, struct.pack("ii", 1, 0)):
        with server.connect() as connection:
            if linger:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)  # closes with a reset
            connection.sendall(started)
    assert server.start(token=token).status_code == 200


def test_a_client_that_closes_its_half_is_still_answered(server: Server, token: str) -> None:
    assert [answer.status for answer in server.send(raw_start(token), half_close=True)] == [200]


def test_the_answer_to_head_has_no_body(server: Server, token: str) -> None:
    with server.connect() as connection:
        connection.sendall(raw_start(method="HEAD", body=b"") + raw_start(token, "Connection: close"))
        received = all_of(connection)
    first, _, rest = received.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 405 ")
    assert b"\r\nallow: POST" in first
    assert rest.startswith(b"HTTP/1.1 200 ")


def test_after_connection_close_no_more_is_answered(server: Server, token: str) -> None:
    data = raw_start(token, "Connection: close") + raw_start(token)
    answers = server.send(data, answers=2)
    assert [(answer.status, answer.header("connection")) for answer in answers] == [(200, "close")]


NOT_HTTP = {
    "words": b"hello there\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "bytes over ASCII in the path": "POST /api/workflow/é HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
    "a NUL in the path": b"POST /api/workflow/%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a header that is not UTF-8": b"GET /api/workflow/ HTTP/1.1\r\nHost: x\r\nX: caf\xe9\r\n\r\n",
    "a method that is no token": b"PO(ST /api/workflow/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "a tab behind the method": b"post\t/api/workflow/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "a NUL in a header": b"GET /api/workflow/ HTTP/1.1\r\nX: a\x00b\r\n\r\n",
    "a folded header": b"GET /api/workflow/ HTTP/1.1\r\nX: a\r\n b\r\n\r\n",
    "a space before the colon": b"GET /api/workflow/ HTTP/1.1\r\nX : a\r\n\r\n",
    "bare line feeds": b"GET /api/workflow/ HTTP/1.1\nHost: x\n\n",
    "two lengths": b"POST /api/workflow/x HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "a length and chunks": b"POST /api/workflow/ HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a negative length": b"POST /api/workflow/x HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    "a length over 64 bits": b"POST /api/workflow/x HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "an unknown coding": b"POST /api/workflow/x HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
    "a tunnel": b"CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("junk", [pytest.param(junk, id=name) for name, junk in NOT_HTTP.items()])
def test_what_is_not_http_gets_the_envelope_and_the_connection_ends(server: Server, junk: bytes) -> None:
    (answer,) = server.send(junk, answers=2)
    assert (answer.status, answer.header("connection")) == (400, "close")
    assert answer.header("content-type") == "application/json; charset=utf-8"
    (error,) = answer.json()["meta"]["errors"]
    assert error["code"] == "malformed_http"
    assert answer.json()["data"] is None


@pytest.mark.parametrize("junk", [pytest.param(junk, id=name) for name, junk in NOT_HTTP.items()])
def test_requests_before_what_is_not_http_are_answered_first(server: Server, token: str, junk: bytes) -> None:
    answers = server.send(raw_start(token) + raw_start() + junk, answers=4)
    assert [answer.status for answer in answers] == [200, 401, 400]
    assert answers[-1].code() == "malformed_http"


def test_a_broken_chunk_ends_its_request_in_the_envelope(server: Server, token: str) -> None:
    answers = server.send(raw_start(token, "Transfer-Encoding: chunked", body=b"zz\r\n"), answers=2)
    assert [answer.code() for answer in answers] == ["malformed_http"]


@pytest.mark.parametrize(
    "extra",
    [
        ("Expect: 100-continue", *H2C),
        (*H2C, "Upgrade: websocket"),
        ("connection: upgrade", "UPGRADE: TLS/1.0"),
    ],
)
def test_every_offer_to_upgrade_is_ignored(server: Server, token: str, extra: tuple[str, ...]) -> None:
    assert [answer.status for answer in server.send(raw_start(token, *extra))] == [200]


def test_a_chunked_body_after_an_offer_to_upgrade_is_read(server: Server, token: str) -> None:
    two = raw_start(token, *H2C, "Transfer-Encoding: chunked", body=chunked(START_BODY)) * 2
    assert [answer.status for answer in server.send(two, answers=2)] == [200, 200]


def test_an_offer_to_upgrade_changes_nothing_about_closing(server: Server, token: str) -> None:
    for closing in (
        raw_start(token, *H2C, version="1.0"),
        raw_start(token, "Connection: close, upgrade", "Upgrade: h2c"),
        raw_start(token, *H2C) + raw_start(token, "Connection: close") + b"junk",
    ):
        *_, last = answers = server.send(closing, answers=3)
        assert {answer.status for answer in answers} == {200}
        assert last.header("connection") == "close"


def test_a_web_socket_is_not_opened(server: Server) -> None:
    offer = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    (answer,) = server.send(raw_request("GET", path(), *offer, key))
    assert (answer.status, answer.header("allow")) == (405, "POST")


def test_thousands_of_offers_in_one_packet_are_all_answered(server: Server) -> None:
    count = 2000
    offer = raw_request("GET", "/api/workflow/", "Connection: upgrade", "Upgrade: x")
    answers = server.send(offer * count, answers=count)
    assert [answer.status for answer in answers] == [404] * count
