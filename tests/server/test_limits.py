"""What a client could make endless has an end, and a clear answer."""

import contextlib
import resource
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.support import (
    LARGE,
    WORKFLOW,
    Answer,
    Server,
    all_of,
    path,
    raw_request,
    raw_start,
    read_answers,
    serving,
    start_body,
    until,
)

HEAD = raw_request("GET", "/api/workflow/x").removesuffix(b"\r\n")
"""The beginning of a request, which other header fields may follow."""
CHUNKED = "Transfer-Encoding: chunked"


@pytest.fixture(scope="module")
def small() -> Iterator[Server]:
    """A server whose limits are soon reached."""
    limits = [
        "--max-headers",
        "10",
        "--max-header-bytes",
        "4096",
        "--request-timeout",
        "0.4",
        "--max-connections",
        "30",
    ]
    with serving(*limits, "--max-body", "4096", "--log-level", "warning") as running:
        yield running


def code(answer: Answer) -> tuple[int, str, str | None]:
    return answer.status, answer.code(), answer.header("connection")


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(HEAD + b"X: " + b"a" * 5000 + b"\r\n\r\n", id="a long header"),
        pytest.param(HEAD + b"X: " + b"a" * 1_000_000, id="a header without an end"),
        pytest.param(HEAD + b"X: a\r\n" * 1000, id="headers without an end"),
        pytest.param(HEAD + b"X: a\r\n" * 10 + b"\r\n", id="many headers"),
    ],
)
def test_a_head_over_the_limit_is_refused(small: Server, head: bytes) -> None:
    (answer,) = small.send(head, answers=2)
    assert code(answer) == (431, "headers_too_large", "close")


def test_a_head_at_the_limit_is_read(small: Server) -> None:
    assert small.send(HEAD + b"X: a\r\n" * 9 + b"\r\n")[0].status == 404


@pytest.mark.parametrize(
    "begun",
    [
        pytest.param(b"G", id="its first byte"),
        pytest.param(HEAD, id="half a head"),
        pytest.param(HEAD + b"Content-Length: 5\r\n\r\n12", id="half a body where nobody reads it"),
    ],
)
def test_a_request_that_does_not_end_is_refused(small: Server, begun: bytes) -> None:
    answers = small.send(begun, answers=2)
    assert code(answers[-1])[1] in ("request_timeout", "route_not_found")
    assert len(answers) == 1 or answers[0].status == 404


def test_a_body_that_does_not_end_is_refused_and_starts_nothing(small: Server) -> None:
    customer = str(uuid4())
    begun = raw_start(small.token(), "Content-Length: 100", target=path(customer=customer), body=b"{")
    (answer,) = small.send(begun, answers=2)
    assert code(answer) == (408, "request_timeout", "close")
    assert small.http.get(f"/__admin/executions?customerId={customer}").json()["executions"] == []


def test_a_connection_on_which_nothing_comes_is_closed_without_a_word(small: Server) -> None:
    with small.connect() as connection:
        assert select.select([connection], [], [], 10)[0]
        assert connection.recv(1) == b""


def test_more_connections_than_allowed_are_told_to_try_again() -> None:
    with serving("--max-connections", "30") as own:
        with contextlib.ExitStack() as stack:
            answers: list[Answer] = []
            for _ in range(40):
                connection = stack.enter_context(own.connect())
                connection.sendall(HEAD + b"\r\n")
                answers += read_answers(connection, 1)
        assert [answer.status for answer in answers] == [404] * 30 + [503] * 10
        busy = {(*code(answer), answer.header("retry-after")) for answer in answers[30:]}
        assert busy == {(503, "too_busy", "close", "1")}
        (after,) = own.send(HEAD + b"\r\n")
        assert after.status == 404


def large_start(token: str) -> bytes:
    """A start whose answer is large."""
    return raw_start(token, target=path(LARGE), body=start_body(LARGE))


def send_for_ever(connection: socket.socket, request: bytes) -> None:
    while True:
        connection.sendall(request)


def test_a_client_that_does_not_take_its_answers_is_dropped(small: Server) -> None:
    request = large_start(small.token())
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(10)
        connection.connect(small.address)
        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            send_for_ever(connection, request)
    assert small.start(WORKFLOW).status_code == 200


def test_idle_slow_and_unreading_clients_do_not_keep_others_from_their_answers() -> None:
    """2,000 are idle, 500 send a byte now and then, 500 take no answer; the server raises its own limit of files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
        server = stack.enter_context(serving("--log-level", "warning"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4000), hard))
        token = server.token()
        request = large_start(token)
        slow = []
        for number in range(3000):
            connection = stack.enter_context(server.connect())
            if number % 6 == 1:
                slow.append((connection, iter(request)))
            elif number % 6 == 2:
                connection.sendall(request * 3)  # and it never reads
        for _ in range(20):
            assert server.start(token=token).status_code == 200
            for connection, rest in slow:
                connection.sendall(bytes([next(rest)]))
        assert server.http.get("/__admin/health").status_code == 200


def test_what_came_whole_is_answered_before_what_came_after_is_refused(small: Server) -> None:
    good = raw_start(body=b"")
    for junk, status in ((b"GET /x HTTP/1.1\r\nX : a\r\n\r\n", 400), (HEAD + b"X: a\r\n" * 20 + b"\r\n", 431)):
        assert [answer.status for answer in small.send(good + good + junk, answers=4)] == [401, 401, status]


def test_trailers_without_an_end_are_refused(small: Server) -> None:
    for trailers in (b"A: b\r\n" * 5000, b"A: " + b"b" * 50_000):
        answers = small.send(raw_start(None, CHUNKED, body=b"0\r\n" + trailers), answers=2)
        assert answers[-1].status == 431


def test_chunk_extensions_without_an_end_are_refused(small: Server) -> None:
    assert small.send(raw_start(None, CHUNKED, body=b"1;" + b"a" * 50_000), answers=2)[-1].status == 431


@pytest.mark.parametrize("parts", [1, 2])
def test_a_trailer_is_no_header(small: Server, parts: int) -> None:
    trailer = f"Authorization: Bearer {small.token()}\r\nContent-Type: text/plain\r\n\r\n".encode()
    head = raw_start(None, CHUNKED, body=b"0\r\n")
    (answer,) = small.send(*([head + trailer] if parts == 1 else [head, trailer]))
    assert code(answer)[:2] == (401, "token_missing")


def test_a_pipeline_without_an_end_takes_little_memory() -> None:
    with serving("--log-level", "warning", "--request-timeout", "1") as own:
        request = raw_request("GET", "/api/workflow/x") * 1000
        before = own.memory()
        with contextlib.ExitStack() as stack:
            for _ in range(3):
                connection = stack.enter_context(own.connect())
                with pytest.raises(OSError, match=r"reset|Broken pipe|timed out"):
                    send_for_ever(connection, request)
            assert own.memory() < before + 20
        assert own.start().status_code == 200


def test_a_long_pipeline_is_answered_to_its_end(small: Server) -> None:
    request = raw_start(body=b"x" * 100)
    assert [answer.status for answer in small.send(request * 3000, answers=3000)] == [401] * 3000


LATE_BODY = raw_start(None, "Content-Length: 4", body=b"")


ANSWERED = [
    pytest.param(LATE_BODY + b"1234", b"", id="after an answer"),
    pytest.param(LATE_BODY + b"1234", b"\r\n", id="after a line break"),
    pytest.param(LATE_BODY, b"1234", id="body after its answer"),
]


@pytest.mark.parametrize("idle", ["0.5", "1"])
def test_a_connection_on_which_only_a_line_break_comes_is_closed(idle: str) -> None:
    with serving("--request-timeout", "0.5", "--idle-timeout", idle) as own, own.connect() as connection:
        connection.sendall(b"\r\n")
        assert connection.recv(1) == b""


@pytest.mark.parametrize("idle", ["0.5", "1"])
@pytest.mark.parametrize(("request_sent", "sent_after"), ANSWERED)
def test_a_connection_on_which_nothing_more_comes_is_closed(request_sent: bytes, sent_after: bytes, idle: str) -> None:
    with serving("--request-timeout", "0.5", "--idle-timeout", idle) as own, own.connect() as connection:
        connection.sendall(request_sent)
        (answer,) = read_answers(connection, 1)
        assert (answer.status, answer.header("connection")) == (401, None)
        connection.sendall(sent_after)
        assert connection.recv(1) == b""


@pytest.mark.parametrize(("request_sent", "sent_after"), ANSWERED)
def test_an_idle_connection_outlives_one_that_has_sent_no_request(request_sent: bytes, sent_after: bytes) -> None:
    with (
        serving("--request-timeout", "0.5", "--idle-timeout", "1.5") as own,
        own.connect() as idle,
        own.connect() as silent,
    ):
        idle.sendall(request_sent)
        assert [answer.status for answer in read_answers(idle, 1)] == [401]
        idle.sendall(sent_after)
        first_closed, _, _ = select.select([idle, silent], [], [], 10)
        assert first_closed == [silent]


def test_each_request_has_the_time_to_be_sent_anew(small: Server) -> None:
    """A packet has the end of one and the beginning of the next, for longer than one request may take."""
    request = HEAD + b"\r\n"

    def next_is_answered(connection: socket.socket) -> bool:
        connection.sendall(request[-3:] + request[:-3])
        return next(read_answers(connection, 1)).status == 404

    with small.connect() as connection, small.connect() as other:
        for each in (connection, other):
            each.sendall(request[:-3])
        while not select.select([other], [], [], 0)[0]:
            assert next_is_answered(connection)
        assert [answer.status for answer in read_answers(other, 1)] == [408]
        assert next_is_answered(connection)


@pytest.mark.parametrize("more", [HEAD[:10], HEAD + b"X: " + b"x" * 3000], ids=["a beginning", "a head"])
def test_a_whole_request_is_answered_whatever_waits_behind_it(small: Server, more: bytes) -> None:
    customer = str(uuid4())
    small.http.post(f"/__admin/faults?customerId={customer}", json={"fixedDelayMilliseconds": 1200})
    start = raw_start(target=path(customer=customer), body=b"")
    assert [answer.status for answer in small.send(start + more, answers=2)] == [401, 408]
    assert [answer.status for answer in small.send(start + more + start, answers=1)] == [401]


def test_a_refusal_of_a_large_body_reaches_who_still_sends_it(small: Server) -> None:
    body = b"x" * 8_000_000
    head = raw_start(small.token(), "Connection: close", f"Content-Length: {len(body)}", body=b"")
    with small.connect() as connection:
        connection.sendall(head)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(body)
        assert next(read_answers(connection, 1)).status == 413


def test_who_reads_slowly_but_reads_is_not_idle() -> None:
    """Each part is read only when a connection that is idle has been closed."""
    with serving("--idle-timeout", "0.3", "--log-level", "warning") as own, socket.socket() as connection:
        request = large_start(own.token())
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(10)
        connection.connect(own.address)
        connection.sendall(request * 4)
        received = b""
        for _ in range(3):
            with own.connect() as idle:
                idle.sendall(HEAD + b"\r\n")
                assert next(read_answers(idle, 1)).status == 404
                assert idle.recv(1) == b""
            received += connection.recv(2048)
        assert (received + all_of(connection)).count(b"HTTP/1.1 200") == 4


def test_what_the_connection_refuses_has_the_headers_of_every_answer(small: Server) -> None:
    (answer,) = small.send(b"junk\r\n\r\n", answers=2)
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.header("date")


def test_a_head_request_over_the_limit_is_refused_without_a_body(small: Server) -> None:
    with contextlib.ExitStack() as stack:
        received = []
        for _ in range(40):
            connection = stack.enter_context(small.connect())
            connection.sendall(HEAD.replace(b"GET", b"HEAD") + b"Connection: close\r\n\r\n")
            received.append(all_of(connection))
        idle = [stack.enter_context(small.connect()) for _ in range(32)]
        connection = stack.enter_context(small.connect())
        connection.sendall(HEAD.replace(b"GET", b"HEAD") + b"\r\n")
        received.append(all_of(connection))
        assert len(idle) == 32
    assert received[-1].startswith(b"HTTP/1.1 503 ")
    assert all(each.endswith(b"\r\n\r\n") for each in received)


def test_those_over_the_limit_who_say_nothing_are_told_too_or_closed(small: Server) -> None:
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(small.connect()) for _ in range(120)]
        received = all_of(connections[-1])
        assert received == b""  # as those beyond a number are
    assert small.start(WORKFLOW).status_code == 200


def answer_or_none(connection: socket.socket) -> Answer | None:
    """The one answer on a connection, whole; None where it was closed without a word."""
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        connection.sendall(HEAD + b"\r\n")
        return next(read_answers(connection, 1), None)
    return None


def test_of_many_over_the_limit_at_once_some_are_told_all_and_the_rest_closed() -> None:
    with serving("--max-connections", "30") as own:
        with contextlib.ExitStack() as stack:
            inside = [stack.enter_context(own.connect()) for _ in range(30)]
            first = [answer_or_none(each) for each in inside]
            assert [each and each.status for each in first] == [404] * 30
            over = [stack.enter_context(own.connect()) for _ in range(300)]
            answers = [answer_or_none(each) for each in over]
            told = [(*code(each), each.header("retry-after")) for each in answers if each is not None]
            assert set(told) == {(503, "too_busy", "close", "1")}
            assert 0 < len(told) < 300
            for each in over:
                with contextlib.suppress(ConnectionResetError):
                    assert all_of(each) == b""
            inside.pop().close()

            def gets_in() -> bool:
                with own.connect() as waiting:
                    answer = answer_or_none(waiting)
                    return answer is not None and answer.status == 404

            assert until(gets_in)
        assert own.start().status_code == 200


def test_fewer_files_are_fewer_connections_and_the_log_says_so() -> None:
    command = ["sh", "-c", f'ulimit -n 150; exec "{sys.executable}" -m workflow_mock serve --port 0']
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        said = ""
        while "is ready at" not in said:
            said = process.stdout.readline() + said
        process.terminate()
        rest = process.stdout.read()
    assert "only 86 connections at once, not --max-connections: 150 open files are allowed" in said + rest
