"""What waits on connections is bounded: by requests, by bytes, and by all connections together."""

import asyncio
import contextlib
import gc
import select
import socket
import threading
from uuid import uuid4

import pytest
from starlette.types import Receive, Scope, Send
from workflow_mock.server.cycle import RequestResponseCycle
from workflow_mock.server.limits import MAX_COUNTED_BYTES, MAX_HELD_BYTES, UNCOUNTED_BYTES, Budget
from workflow_mock.server.protocol import MAX_PIPELINED

from tests.server.apps import serving_app
from tests.support import chunked, path, raw_request, raw_start, read_answers, serving, until

GET = raw_request("GET", "/")
OLD = b"GET / HTTP/1.1\r\nHost:\r\n\r\n"
CHUNKS = raw_request("POST", "/", "Transfer-Encoding: chunked", body=chunked(b"\r\n\r\n"))
SIZED = raw_request("POST", "/", body=b"\r\n\r\n\r\n\r\n")
OFFER = raw_request("GET", "/", "Connection: upgrade", "Upgrade: h2c")


@pytest.mark.parametrize("cut", [None, 1, 7, 8192], ids=["at once", "by bytes", "by sevens", "by 8 KiB"])
@pytest.mark.parametrize(
    "kinds",
    [[GET], [OLD], [CHUNKS], [SIZED], [OFFER], [GET, CHUNKS, SIZED, OFFER]],
    ids=["GET", "short", "chunks", "sized", "upgrade", "mixed"],
)
def test_so_many_requests_wait_and_no_more_however_they_come(kinds: list[bytes], cut: int | None) -> None:
    data = b"".join(kinds) * (600 // len(kinds))
    count = 600 // len(kinds) * len(kinds)
    may_go_on = threading.Event()
    alive: list[int] = []
    answered = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal answered
        if not answered:
            await asyncio.to_thread(may_go_on.wait)
        if answered % 100 == 0:
            alive.append(sum(isinstance(each, RequestResponseCycle) for each in gc.get_objects()))
        answered += 1
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    gc.collect()
    with serving_app(app) as address, socket.create_connection(address, timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        step = cut or len(data)
        for at in range(0, len(data), step):
            connection.sendall(data[at : at + step])
        may_go_on.set()
        assert [answer.status for answer in read_answers(connection, count)] == [200] * count
    # Besides those that wait there are the one that is answered, and the one before, whose task is ending.
    assert max(alive) <= MAX_PIPELINED + 2


def test_what_waits_behind_a_held_request_takes_little_memory() -> None:
    with serving("--log-level", "warning") as own, contextlib.ExitStack() as stack:
        customer = str(uuid4())
        own.http.post(f"/__admin/faults?customerId={customer}", json={"fixedDelayMilliseconds": 60_000})
        before = own.memory()
        start = raw_start(target=path(customer=customer), body=b"")
        for _ in range(100):
            connection = stack.enter_context(own.connect())
            connection.sendall(start + GET * 560)
        assert own.start().status_code == 200  # which was accepted, and read, after them
        assert own.memory() < before + 20


def test_many_who_read_nothing_take_little_memory_and_hold_nobody_up() -> None:
    """600 connections without a budget: over a gigabyte."""
    with serving("--log-level", "warning") as own, contextlib.ExitStack() as stack:
        token = own.token()
        assert own.start(token=token, timeout=60).status_code == 200
        before = own.memory()
        connections = []
        for _ in range(600):
            connection = stack.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(own.address)
            connection.setblocking(False)
            connections.append(connection)
        waiting = set(connections)
        while waiting:
            _, writable, _ = select.select([], list(waiting), [], 0.5)
            if not writable:
                break  # nobody can send any more
            for connection in writable:
                try:
                    connection.send(GET * 2000)
                except BlockingIOError:
                    pass
                except OSError:
                    waiting.discard(connection)  # dropped
        assert own.start(token=token, timeout=60).status_code == 200
        assert own.memory() < before + 100


def test_who_reads_too_slowly_is_dropped() -> None:
    """2 KB a second, as `until` looks each 10 ms, with half a second to take a part."""
    with serving("--log-level", "info", "--request-timeout", "0.5") as own, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(own.address)
        connection.setblocking(False)
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            until(lambda: read_slowly(connection))
        assert "too slowly" in own.log.read_text()


def read_slowly(connection: socket.socket) -> None:
    with contextlib.suppress(BlockingIOError):
        connection.send(GET * 100)
    with contextlib.suppress(BlockingIOError):
        connection.recv(20)


class Connection:
    dropped = 0

    def drop(self) -> None:
        self.dropped += 1


def test_the_one_that_holds_most_is_dropped() -> None:
    budget = Budget()
    many = [Connection() for _ in range(MAX_HELD_BYTES // 500_000)]
    large = Connection()
    for each in many:
        budget.hold(each, 500_000)
    budget.hold(large, 800_000)
    assert (large.dropped, sum(each.dropped for each in many)) == (1, 0)
    budget.hold(many[0], 0)
    budget.hold(large, 400_000)
    assert (large.dropped, sum(each.dropped for each in many)) == (1, 0)


def test_ordinary_connections_and_one_large_download_drop_nobody() -> None:
    budget = Budget()
    many = [Connection() for _ in range(10_000)]
    for each in many:
        budget.hold(each, UNCOUNTED_BYTES)
    budget.hold(large := Connection(), 1024 * MAX_COUNTED_BYTES)
    assert sum(each.dropped for each in [*many, large]) == 0
