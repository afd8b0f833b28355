"""A client that closes its half is answered; one that is gone is noticed."""

import socket
from uuid import uuid4

import pytest
from workflow_mock.paths import HEALTH_PATH

from tests.admin.world import LONG, World
from tests.support import START_BODY, Server, path, raw_request, raw_start, read_answers, serving


def faulty(server: Server, **fault: object) -> str:
    customer = str(uuid4())
    server.http.post(f"/__admin/faults?customerId={customer}", json=fault).raise_for_status()
    return customer


@pytest.mark.parametrize("count", [1, 2, 8, 20, 200])
def test_all_that_came_whole_is_answered(server: Server, token: str, count: int) -> None:
    """RFC 9112, sections 9.3.2 and 9.6; the last one was cut off."""
    data = raw_start(token) * count
    for rest in (b"", raw_start(token)[:-1], b"POST"):
        answers = server.send(data + rest, answers=count + 1, half_close=True)
        assert [answer.status for answer in answers] == [200] * count


@pytest.mark.parametrize("headers", [[], ["Connection: close"]], ids=["stays", "closes"])
def test_an_application_that_is_still_to_be_made_answers_too(headers: list[str]) -> None:
    with serving() as own:
        ask = raw_request("GET", HEALTH_PATH, "Host: localhost", *headers)
        assert [answer.status for answer in own.send(ask, answers=2, half_close=True)] == [200]


@pytest.mark.parametrize("count", [1, 3])
def test_an_answer_that_is_late_comes_too(server: Server, token: str, count: int) -> None:
    world = World(server, token)
    with world.holding(world.raw() * count) as (connection, shown):
        connection.shutdown(socket.SHUT_WR)
        world.release(shown["requestId"])
        assert [answer.status for answer in read_answers(connection, count + 1)] == [200] * count


def test_an_answer_in_drops_comes_whole(server: Server, token: str) -> None:
    customer = faulty(server, chunkedDribbleDelay={"numberOfChunks": 5, "totalDuration": 400})
    (answer,) = server.send(raw_start(token, target=path(customer=customer)), answers=2, half_close=True)
    assert answer.status == 200
    assert answer.json()["data"]["id"]


def test_a_refusal_comes_too(server: Server, token: str) -> None:
    answers = server.send(raw_start(token) + b"junk\r\n\r\n", answers=3, half_close=True)
    assert [answer.status for answer in answers] == [200, 400]


def test_a_large_body_that_came_whole_is_read(server: Server, token: str) -> None:
    data = raw_start(token, body=START_BODY[:-1] + b" " * 900_000 + b"}")
    assert [answer.status for answer in server.send(data, answers=2, half_close=True)] == [200]


def test_a_request_of_http_1_0_is_told_nothing_in_between(server: Server, token: str) -> None:
    world = World(server, token)
    with world.holding(raw_start(token, target=world.path, version="1.0")) as (connection, shown):
        connection.shutdown(socket.SHUT_WR)
        world.release(shown["requestId"])
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_stream_ends(server: Server) -> None:
    """Nobody can tell such a client from one that has left."""
    with server.connect() as connection:
        connection.sendall(raw_request("GET", "/__admin/events", "Host: localhost"))
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    assert "complete response" not in server.log.read_text(), "whoever closes a page sees an error of the server's"


@pytest.mark.parametrize("behind", [0, 1, 9, 100, 1000])
def test_a_client_that_leaves_a_held_request_is_noticed(behind: int) -> None:
    """However much it had sent behind it, and also if the socket isn't read any more."""
    with serving("--request-timeout", "2") as own:
        token = own.token()
        world = World(own, token)
        with world.holding(world.raw() + raw_start(token) * behind, when="afterCommit"):
            pass
        world.admin("POST", "requests/find", json={"clientLeft": True, "within": LONG})
        (entry,) = world.entries()
        assert entry["answerLost"]


def test_a_client_that_left_holds_the_servers_end_not_up() -> None:
    with serving() as own:
        token = own.token()
        world = World(own, token)
        with world.holding(world.raw() + raw_start(token) * 9, when="afterCommit"):
            pass
        own.process.terminate()
        assert own.process.wait(20) == 0
        assert "Traceback" not in own.log.read_text()
