"""How the server ends: in good order, at once if it is told twice, and never with half an answer."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from uuid import uuid4

import httpx2 as httpx
import pytest
from workflow_mock.server.ready_file import remove_stale

from tests.support import START_BODY, Server, path, raw_start, read_answers, run, serving, until


def slow(server: Server) -> socket.socket:
    """A connection on which a start has come but for the last byte of its body; another was answered before."""
    connection = server.connect()
    head = f"POST {path()} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
    token = f"\r\nAuthorization: Bearer {server.token()}\r\n\r\n"
    connection.sendall(f"{head}1{token}1{head}2{token}1".encode())
    assert [answer.status for answer in read_answers(connection, 1)] == [400]
    return connection


def test_what_is_in_flight_is_answered_and_the_ready_file_removed() -> None:
    with serving() as server:
        with slow(server) as connection:
            server.process.terminate()
            with httpx.Client(base_url=server.url, trust_env=False) as other:
                until(lambda: refuses(other))
            connection.sendall(b"1")
            assert [answer.status for answer in read_answers(connection, 1)] == [400]
        server.http.close()
        assert server.process.wait(20) == 0
        assert not (server.log.parent / "ready.json").exists()


def test_it_ends_in_good_order_once_standard_input_is_closed() -> None:
    with serving("--until-stdin-closes", stdin=PIPE) as server:
        assert server.process.stdin
        server.process.stdin.write("what is written doesn't matter\n")
        server.process.stdin.flush()
        with slow(server) as connection:
            server.process.stdin.close()
            with httpx.Client(base_url=server.url, trust_env=False) as other:
                until(lambda: refuses(other))
            connection.sendall(b"1")
            assert [answer.status for answer in read_answers(connection, 1)] == [400]
        server.http.close()
        assert server.process.wait(20) == 0
        assert not (server.log.parent / "ready.json").exists()
        assert "standard input was closed" in server.log.read_text()


def test_a_signal_and_the_end_of_standard_input_are_one_end() -> None:
    with serving("--until-stdin-closes", stdin=PIPE) as server:
        assert server.process.stdin
        with slow(server) as connection:
            server.process.terminate()
            server.process.stdin.close()
            until(lambda: "standard input was closed" in server.log.read_text())
            connection.sendall(b"1")
            assert [answer.status for answer in read_answers(connection, 1)] == [400]
        server.http.close()
        assert server.process.wait(20) == 0


def test_it_ends_by_a_signal_while_standard_input_is_open() -> None:
    with serving("--until-stdin-closes", stdin=PIPE) as server:
        assert server.stop() == 0
        assert "Fatal" not in server.log.read_text()


def test_it_does_not_outlive_a_program_that_started_it_and_was_killed(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    command = ["-m", "workflow_mock", "serve", "--port", "0", "--until-stdin-closes", "--ready-file", str(ready)]
    script = f"import subprocess, sys; subprocess.Popen([sys.executable, *{command}], stdin=subprocess.PIPE).wait()"
    with Popen([sys.executable, "-c", script], stdout=PIPE) as program:
        until(ready.exists)
        url = json.loads(ready.read_text())["url"]
        program.kill()
    with httpx.Client(base_url=url, trust_env=False) as client:
        until(lambda: refuses(client))
    until(lambda: not ready.exists())


def test_without_the_option_it_goes_on() -> None:
    with serving(stdin=DEVNULL) as server:
        assert server.start().status_code == 200


def test_a_second_signal_ends_it_at_once_with_another_exit_code() -> None:
    with serving() as server, slow(server) as connection:
        server.process.terminate()
        with httpx.Client(base_url=server.url, trust_env=False) as other:
            until(lambda: refuses(other))
        server.process.terminate()
        assert server.process.wait(20) == 1
        assert [answer.status for answer in read_answers(connection, 1)] in ([503], [])


def test_listeners_to_events_are_told_and_hold_nothing_up() -> None:
    with serving() as server:
        with server.http.stream("GET", "/__admin/events") as events:
            server.process.terminate()
            assert "the server is ending" in "".join(events.iter_text())
        assert server.process.wait(20) == 0
        assert "Traceback" not in server.log.read_text()


def refuses(client: httpx.Client) -> bool:
    try:
        client.get("/__admin/health")
    except httpx.TransportError:
        return True
    return False


def test_under_load_each_start_is_answered_whole_or_not_at_all() -> None:
    with serving("--log-level", "warning") as server:
        token, answers = server.token(), []
        enough = threading.Event()

        def start_until_refused() -> None:
            with httpx.Client(base_url=server.url, trust_env=False) as client:
                mine = Server(server.process, server.ready, server.log)
                mine.http = client
                while True:
                    try:
                        answers.append(mine.start(token=token).json()["data"]["id"])
                    except (httpx.ConnectError, httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                        return
                    if len(answers) > 200:
                        enough.set()

        threads = [threading.Thread(target=start_until_refused) for _ in range(8)]
        for thread in threads:
            thread.start()
        assert enough.wait(30)
        server.process.terminate()
        for thread in threads:
            thread.join()
        assert server.process.wait(20) == 0
        assert len(set(answers)) == len(answers)


def test_a_full_disk_is_told_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    command = f'ulimit -f 0; exec "{sys.executable}" -m workflow_mock serve --port 0 --ready-file "{ready}"'
    done = subprocess.run(["sh", "-c", command], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr == f"workflow-mock: the ready file {ready} can't be written: File too large; see --ready-file\n"
    assert list(tmp_path.iterdir()) == []


def test_it_serves_though_nobody_reads_what_it_prints(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ready = tmp_path / "ready.json"
    command = [sys.executable, "-m", "workflow_mock", "serve", "--port", "0", "--ready-file", str(ready)]
    with subprocess.Popen(command, stdout=writing, stderr=subprocess.PIPE) as process:
        os.close(writing)
        until(lambda: ready.exists() or process.poll() is not None)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()


def test_it_serves_and_ends_with_all_standard_streams_closed(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    command = f'exec "{sys.executable}" -m workflow_mock serve --port 0 --ready-file "{ready}" <&- >&- 2>&-'
    with subprocess.Popen(["sh", "-c", command]) as process:
        until(lambda: ready.exists() or process.poll() is not None)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert not ready.exists()


def test_whoever_is_cut_off_when_its_time_is_up_is_refused_and_the_exit_code_says_so() -> None:
    with serving() as server:
        with slow(server) as connection:
            server.process.terminate()
            assert [answer.status for answer in read_answers(connection, 1)] == [503]
        assert server.process.wait(20) == 1
        assert "Traceback" not in server.log.read_text()


def test_a_server_that_fails_leaves_the_ready_file_of_another_alone() -> None:
    with serving() as server:
        ready = server.log.parent / "ready.json"
        done = run("serve", "--port", "0", "--ready-file", str(ready), "--tls-cert", __file__, "--tls-key", __file__)
        assert done.returncode == 2
        assert ready.exists()


def test_a_server_leaves_the_ready_file_of_another_alone_though_both_have_one_process_id() -> None:
    with serving() as server:
        ready = server.log.parent / "ready.json"
        others = ready.read_text().replace("127.0.0.1", "127.0.0.2")
        ready.write_text(others)
        server.stop()
        assert ready.read_text() == others


@pytest.mark.parametrize("end", ["SIGKILL", "SIGQUIT"])
def test_a_server_that_can_not_start_removes_the_ready_file_of_one_that_was_killed(end: str) -> None:
    with serving() as server:
        ready = server.log.parent / "ready.json"
        server.process.send_signal(signal.Signals[end])
        server.process.wait(20)
        assert ready.exists()
        assert run("serve", "--host", "192.0.2.1", "--ready-file", str(ready)).returncode == 2
        assert not ready.exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{",
        "{}",
        '{"pid": null}',
        '{"pid": "1"}',
        f'{{"pid": {10**40}}}',
        '{"pid": 1e400}',
        "[" * 10**5,
    ],
)
def test_a_file_that_no_server_wrote_is_left_for_the_ready_file_to_replace(tmp_path: Path, text: str) -> None:
    file = tmp_path / "ready.json"
    file.write_text(text)
    remove_stale(file)
    assert file.read_text() == text


def test_a_terminal_that_is_closed_ends_the_server_in_good_order() -> None:
    with serving() as server:
        server.process.send_signal(signal.SIGHUP)
        assert server.process.wait(20) == 0
        assert not (server.log.parent / "ready.json").exists()


def test_a_ready_file_that_is_something_else_is_left_alone(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    done = run("serve", "--port", "0", "--ready-file", str(pipe))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert pipe.is_fifo()


def test_severed_connections_that_had_sent_more_leave_nothing_behind() -> None:
    with serving() as server:
        customer = str(uuid4())
        server.http.post(f"/__admin/faults?customerId={customer}", json={"fault": "EMPTY_RESPONSE"})
        start = raw_start(target=path(customer=customer), body=b"")
        for _ in range(20):
            assert server.send(start * 2) == []
        server.process.terminate()
        assert server.process.wait(20) == 0
        assert "Cancel" not in server.log.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_and_what_is_in_flight_is_answered(number: signal.Signals) -> None:
    with serving() as own:
        start = raw_start(own.token(), "Expect: 100-continue")
        with own.connect() as connection:
            connection.sendall(start[: -len(START_BODY)])
            assert b"100 Continue" in connection.recv(1000)  # from here on it is in flight
            os.kill(own.process.pid, number)
            until(lambda: not accepts(own.address), "it goes on accepting connections")
            connection.sendall(START_BODY)
            assert [answer.status for answer in read_answers(connection, 1)] == [200]
        assert own.process.wait(20) == 0
        assert "Traceback" not in own.log.read_text()


def accepts(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=5).close()
    except OSError:
        return False
    return True
