"""Requests with bytes taken out, put in, doubled and moved, on raw sockets: each is answered, or refused, in HTTP."""

import re
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workflow_mock.paths import HEALTH_PATH, TOKEN_PATH

from tests.support import (
    EXAMPLES,
    JSON_TYPE,
    START_BODY,
    TOKEN_FORM,
    Server,
    chunked,
    raw_request,
    raw_start,
    serving,
)

PIECES = [
    *(b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"%00", b"%", b"\xff", b"\xe2\x82\xac", b"//", b"?", b"#"),
    *(b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"GET ", b"PUT ", b"CONNECT ", b"OPTIONS * ", b"Host: x\r\n"),
    *(
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Length: 0\r\n",
        b"Content-Length: 99999\r\n",
        b"Expect: 100-continue\r\n",
    ),
    *(b"Connection: close\r\n", b"Connection: upgrade\r\nUpgrade: h2c\r\n", b"Content-Length: -1\r\n", b"0\r\n\r\n"),
    *(
        b"ffffffffffffffff\r\n",
        b"Authorization: Bearer x\r\n",
        b"{",
        b"}",
        b"[",
        b'"',
        b"\\ud800",
        b"1e999",
        b"/*",
        b",",
    ),
    b"A" * 70_000,
]
pieces = st.integers(0, len(PIECES) + 1)
STATUS = re.compile(rb"HTTP/1\.1 ([0-9]{3}) ")


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[Server]:
    with serving("--log-level", "warning", "--request-timeout", "5") as running:
        yield running
        log = running.log.read_text()
        assert "Traceback" not in log, log[-5000:]


def whole(server: Server) -> list[bytes]:
    token = server.token()
    return [
        raw_start(token),
        raw_start(token, "Transfer-Encoding: chunked", body=chunked(START_BODY)),
        raw_request("POST", TOKEN_PATH, "Content-Type: application/x-www-form-urlencoded", body=TOKEN_FORM),
        raw_request("GET", HEALTH_PATH, "Host: 127.0.0.1"),
        raw_request("PUT", "/__admin/clock", "Host: [::1]", JSON_TYPE, body=b"{}"),
    ]


@settings(max_examples=10 * EXAMPLES)
@given(data=st.data())
def test_mangled_requests_are_answered_or_refused(fuzzed: Server, data: st.DataObject) -> None:
    message = whole(fuzzed)[data.draw(st.integers(0, 4), label="request")] * data.draw(st.integers(1, 3), label="times")
    for _ in range(data.draw(st.integers(0, 4), label="changes")):
        begin = data.draw(st.integers(0, len(message)))
        end = data.draw(st.integers(begin, min(len(message), begin + 40)))
        message = message[:begin] + [*PIECES, b"", message[begin:end] * 2][data.draw(pieces)] + message[end:]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(message)), max_size=3), label="cuts"))
    answer = b""
    # An OSError: it was refused, and the connection closed, before all of it was sent.
    with socket.create_connection(fuzzed.address, timeout=20) as connection, suppress(OSError):
        for begin, end in zip([0, *cuts], [*cuts, len(message)], strict=True):
            connection.sendall(message[begin:end])
        connection.shutdown(socket.SHUT_WR)
        while part := connection.recv(65536):
            answer += part
    assert b"internal_error" not in answer
    assert b"Internal Server Error" not in answer
    assert not answer or STATUS.match(answer)
    assert fuzzed.http.get("/__admin/health").status_code == 200
