"""A client that closes its half is answered; one that is gone is noticed."""

import json
import socket
import time
from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.support import WORKFLOW, Server, path, serving

BODY = json.dumps({"data": {"workflowId": WORKFLOW}}).encode()


def request(token: str, customer: str | None = None, *extra: str) -> bytes:
    head = [f"POST {path(customer=customer)} HTTP/1.1", "Host: x", "Content-Type: application/json"]
    head += [f"Authorization: Bearer {token}", f"Content-Length: {len(BODY)}", *extra, "", ""]
    return "\r\n".join(head).encode() + BODY


def faulty(server: Server, **fault: object) -> str:
    customer = str(uuid4())
    server.http.post(f"/__admin/faults?customerId={customer}", json=fault).raise_for_status()
    return customer


def wait_for(condition: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline


@pytest.mark.parametrize("count", [1, 2, 8, 20, 200])
def test_all_that_came_whole_is_answered(server: Server, token: str, count: int) -> None:
    """RFC 9112, sections 9.3.2 and 9.6; the last one was cut off."""
    data = request(token) * count
    for rest in (b"", request(token)[:-1], b"POST"):
        answers = server.send(data + rest, answers=count + 1, half_close=True)
        assert [answer.status for answer in answers] == [200] * count


@pytest.mark.parametrize("close", [False, True])
def test_an_application_that_is_still_to_be_made_answers_too(close: bool) -> None:
    with serving() as own:
        ask = b"GET /__admin/health HTTP/1.1\r\nHost: localhost\r\n%s\r\n" % (
            b"Connection: close\r\n" if close else b""
        )
        assert [answer.status for answer in own.send(ask, answers=2, half_close=True)] == [200]


@pytest.mark.parametrize("count", [1, 3])
def test_a_delayed_answer_comes_too(server: Server, token: str, count: int) -> None:
    customer = faulty(server, fixedDelayMilliseconds=300)
    answers = server.send(request(token, customer) * count, answers=count + 1, half_close=True)
    assert [answer.status for answer in answers] == [200] * count


def test_an_answer_in_drops_comes_whole(server: Server, token: str) -> None:
    customer = faulty(server, chunkedDribbleDelay={"numberOfChunks": 5, "totalDuration": 400})
    (answer,) = server.send(request(token, customer), answers=2, half_close=True)
    assert answer.status == 200
    assert answer.json()["data"]["id"]


def test_a_refusal_comes_too(server: Server, token: str) -> None:
    answers = server.send(request(token) + b"junk\r\n\r\n", answers=3, half_close=True)
    assert [answer.status for answer in answers] == [200, 400]


def test_a_large_body_that_came_whole_is_read(server: Server, token: str) -> None:
    body = BODY[:-1] + b" " * 900_000 + b"}"
    data = request(token).replace(BODY, body).replace(b"Length: %d" % len(BODY), b"Length: %d" % len(body))
    assert [answer.status for answer in server.send(data, answers=2, half_close=True)] == [200]


def test_a_request_of_http_1_0_is_told_nothing_in_between(server: Server, token: str) -> None:
    customer = faulty(server, fixedDelayMilliseconds=300)
    with server.connect() as connection:
        connection.sendall(request(token, customer).replace(b"HTTP/1.1", b"HTTP/1.0"))
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_stream_ends(server: Server) -> None:
    """Nobody can tell such a client from one that has left."""
    with server.connect() as connection:
        connection.sendall(b"GET /__admin/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass


@pytest.mark.parametrize("behind", [0, 1, 9, 100, 1000])
def test_a_client_that_leaves_a_held_request_is_noticed(behind: int) -> None:
    """However much it had sent behind it, and also if the socket isn't read any more."""
    with serving("--request-timeout", "2") as own:
        token = own.token()
        customer = faulty(own, fixedDelayMilliseconds=60_000, when="afterCommit")
        with own.connect() as connection:
            connection.sendall(request(token, customer) + request(token) * behind)
            wait_for(lambda: own.http.get(f"/__admin/executions?customerId={customer}").json()["executions"])
        wait_for(lambda: own.http.get(f"/__admin/requests?customerId={customer}").json()["requests"])
        (entry,) = own.http.get(f"/__admin/requests?customerId={customer}").json()["requests"]
        assert entry["answerLost"]


def test_a_client_that_left_holds_the_servers_end_not_up() -> None:
    with serving() as own:
        token = own.token()
        customer = faulty(own, fixedDelayMilliseconds=60_000, when="afterCommit")
        with own.connect() as connection:
            connection.sendall(request(token, customer) + request(token) * 9)
            wait_for(lambda: own.http.get(f"/__admin/executions?customerId={customer}").json()["executions"])
        own.process.terminate()
        assert own.process.wait(5) == 0
        assert "Traceback" not in own.log.read_text()
