"""A TLS connection counts, and its time runs, from the moment that it is accepted."""

import contextlib
import re
import select
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.support import Server, all_of, raw_start, serving, until, unverified_tls


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("tls")
    cert, key = str(folder / "cert.pem"), str(folder / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    subprocess.run([*command, "-out", cert, "-keyout", key], check=True, capture_output=True)
    return cert, key


@pytest.fixture(scope="module")
def secure(certificate: tuple[str, str]) -> Iterator[Server]:
    cert, key = certificate
    limits = ("--max-connections", "20", "--request-timeout", "0.5", "--idle-timeout", "2")
    with serving("--tls-cert", cert, "--tls-key", key, *limits) as running:
        yield running
        assert "Traceback" not in (log := Path(running.log).read_text()), log


def wrap(connection: socket.socket) -> ssl.SSLSocket:
    return unverified_tls().wrap_socket(connection)


def is_closed(connection: socket.socket) -> bool:
    readable, _, _ = select.select([connection], [], [], 10)
    with contextlib.suppress(ConnectionResetError):
        return bool(readable) and connection.recv(1) == b""
    return True


@pytest.mark.parametrize(
    "sent", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET / HTTP/1.1\r\n\r\n"]
)
def test_a_handshake_that_does_not_end_is_closed_after_the_request_timeout(secure: Server, sent: bytes) -> None:
    with secure.connect() as connection:
        connection.sendall(sent)
        with contextlib.suppress(ConnectionResetError):
            all_of(connection)  # an alert may come first


def test_connections_over_the_limit_are_closed_before_the_handshake(secure: Server) -> None:
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(secure.connect()) for _ in range(60)]
        assert all(is_closed(connection) for connection in connections)
    assert until(lambda: status_of_a_start(secure)) == 200


def status_of_a_start(server: Server) -> int | None:
    """None while it is closed, as it is over the limit."""
    try:
        return server.start().status_code
    except httpx.TransportError:
        return None


def test_those_who_left_count_no_more(secure: Server) -> None:
    for _ in range(100):
        secure.connect().close()
    assert until(lambda: status_of_a_start(secure)) == 200


def test_requests_are_answered_as_without(secure: Server) -> None:
    until(lambda: status_of_a_start(secure))
    token = secure.token()
    with wrap(secure.connect()) as connection:
        connection.sendall(raw_start(token) * 30)
        assert read_tls(connection, 30) == [200] * 30
        connection.sendall(b"junk\r\n\r\n")
        assert read_tls(connection, 1) == [400]
        assert connection.recv(1) == b""


def read_tls(connection: ssl.SSLSocket, count: int) -> list[int]:
    """The statuses of so many answers."""
    received = b""
    statuses: list[int] = []
    while len(statuses) < count:
        received += connection.recv(65536)
        statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", received)]
    return statuses


def test_what_comes_along_with_the_end_of_the_handshake_is_read(secure: Server) -> None:
    """In one packet, as TLS 1.3 lets a client do."""
    until(lambda: status_of_a_start(secure))
    token = secure.token()
    context = unverified_tls()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing)
    with secure.connect() as connection:
        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                connection.sendall(outgoing.read())
                incoming.write(connection.recv(65536))
        client.write(raw_start(token))
        connection.sendall(outgoing.read())
        received = b""
        while b"HTTP/1.1 200 " not in received:
            incoming.write(connection.recv(65536))
            with contextlib.suppress(ssl.SSLWantReadError):
                received += client.read(65536)


def test_the_end_waits_for_no_handshake(certificate: tuple[str, str]) -> None:
    cert, key = certificate
    with serving("--tls-cert", cert, "--tls-key", key) as own, own.connect(), own.connect():
        own.process.terminate()
        assert own.process.wait(20) == 0
        assert "Traceback" not in own.log.read_text()
