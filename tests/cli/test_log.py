"""The log on standard error: a line for each request, in text and in JSON, for readers of every kind and for none."""

import json
import logging
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from workflow_mock.log import JsonFormatter, PatientHandler, TextFormatter
from workflow_mock.paths import TOKEN_PATH

from tests.support import START_BODY, WAIT_SECONDS, WORKFLOW, Server, path, raw_request, raw_start, serving, until

ENTRY = {"time", "level", "logger", "message"}
REQUEST = {"requestId", "operation", "method", "path", "status", "outcome", "durationInMilliseconds"}


@pytest.fixture(scope="module")
def text() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def logged() -> Iterator[Server]:
    """A server that logs in JSON."""
    with serving("--log-format", "json") as running:
        yield running


def lines(server: Server, ending: str) -> list[str]:
    """The lines of the log so far, as soon as one has this in it."""
    until(lambda: ending in server.log.read_text(), f"no line with {ending}")
    return server.log.read_text().splitlines()


def line(server: Server, ending: str) -> str:
    """The one line that has this in it, without its time."""
    (found,) = [each for each in lines(server, ending) if ending in each]
    assert re.match(r"\d\d:\d\d:\d\d\.\d{3}  ", found)
    return found[14:]


def entry_of(server: Server, request_id: str) -> dict[str, Any]:
    found = [json.loads(each) for each in lines(server, request_id) if request_id in each]
    (entry,) = found
    assert entry["level"] == "info"
    assert entry.keys() >= ENTRY | REQUEST
    return dict(entry)


def admin(server: Server, method: str, target: str, **request: Any) -> httpx2.Response:
    return server.http.request(method, f"/__admin/{target}", **request)


def test_each_request_has_a_line_that_says_what_came_of_it(text: Server) -> None:
    customer = str(uuid4())
    who, mine = f"start  Order fulfilment      customer {customer[:8]}", {"customerId": customer}
    token = text.token()
    faults = [
        {"status": 503, "retryAfter": "5s", "times": 2, "id": "f81a0c3d-0000-4000-8000-000000000000"},
        {"fault": "CONNECTION_RESET_BY_PEER", "when": "afterCommit", "id": "e1080c3d-0000-4000-8000-000000000000"},
    ]
    first = text.start(customer=customer, token=token).json()["data"]["id"]
    admin(text, "POST", "faults", params=mine, json=faults[0])
    assert [text.start(customer=customer, token=token).status_code for _ in range(2)] == [503, 503]
    admin(text, "POST", "faults", params=mine, json=faults[1])
    with pytest.raises(httpx2.TransportError):
        text.start(customer=customer, token=token)
    admin(text, "DELETE", "faults", params=mine)
    again = text.start(customer=customer, token=token).json()["data"]["id"]
    refused = text.start(customer=customer, token=token, json={})
    (problem,) = refused.json()["meta"]["validation"]
    lost = admin(text, "GET", "requests", params=mine).json()["requests"][3]["executionId"]
    request_id = refused.headers["x-request-id"]
    milliseconds = re.compile(r"[\d.]+ ms")
    story = [milliseconds.sub("N ms", each[14:]) for each in lines(text, request_id) if customer[:8] in each]
    assert story == [
        f"{who}  200   execution {first[:8]}  N ms",
        f"admin  POST faults           customer {customer[:8]}  201   N ms",
        f"{who}  503   fault f81a0c3d (status 503, 1 of 2, Retry-After 5)",
        f"{who}  503   fault f81a0c3d (status 503, 2 of 2, Retry-After 5)",
        f"admin  POST faults           customer {customer[:8]}  201   N ms",
        f"{who}  lost  execution {lost[:8]} was started; fault e1080c3d (connection reset)",
        f"admin  DELETE faults         customer {customer[:8]}  204   N ms",
        f"{who}  200   execution {again[:8]}; DUPLICATE of {lost[:8]}",
        f"{who}  400   data: {problem['message']}  ({request_id})",
    ]
    assert any(re.fullmatch(r"\S+  token  demo {35}  200   [\d.]+ ms", each) for each in lines(text, request_id))


def test_a_refused_token_request_has_a_line(text: Server) -> None:
    answer = text.http.post(TOKEN_PATH, data={"grant_type": "password", "client_id": "demo", "client_secret": "no"})
    assert line(text, answer.headers["x-request-id"]).startswith("token  demo ")
    assert " 400   invalid_client: " in line(text, answer.headers["x-request-id"])


@pytest.mark.parametrize(
    ("target", "headers", "said"),
    [
        pytest.param(
            "/__admin/settings", ["Host: localhost", "Origin: http://evil.example"], "admin_forbidden: ", id="of a page"
        ),
        pytest.param(
            "/__admin/health", ["Host: localhost", "Origin: http://evil.example"], "admin_forbidden: ", id="health"
        ),
        pytest.param("/__admin/settings", ["Host: mock.example"], "--allowed-host mock.example", id="by a name"),
        pytest.param("/__admin/nowhere", ["Host: localhost"], "route_not_found: ", id="no such call"),
        pytest.param("/WorkflowExecution", ["Host: localhost"], "route_not_found: ", id="a wrong base address"),
    ],
)
def test_a_refused_call_says_why(text: Server, target: str, headers: list[str], said: str) -> None:
    (answer,) = text.send(raw_request("GET", target, *headers))
    found = line(text, str(answer.header("x-request-id")))
    assert found.startswith(("admin  GET ", "other  GET "))
    assert (f"  {answer.status}   " in found, said in found) == (True, True)


def test_who_only_looks_has_a_line_at_debug_alone(text: Server) -> None:
    with serving("--log-level", "debug") as own:
        for server, has_line in ((text, False), (own, True)):
            admin(server, "GET", "faults")
            admin(server, "DELETE", "faults")
            lines(server, "admin  DELETE faults ")
            assert ("admin  GET faults " in server.log.read_text()) is has_line


def test_what_a_client_sends_reaches_no_terminal_as_it_is_and_no_token_is_shown(strict_server: Server) -> None:
    token = strict_server.token()
    names = {"a\nINFO forged\u202e\x1b[31m": 1, token: 1} | {"x" * 100 + str(number): 1 for number in range(30)}
    answer = strict_server.start(json={"data": {"workflowId": WORKFLOW}} | names)
    assert answer.status_code == 400
    found = line(strict_server, "INFO forged")
    assert "a\\nINFO forged\\u202e\\x1b[31m" in found
    assert token.rpartition(".")[2] not in found
    assert "…" in found
    assert len(found) < 1000
    client = "de\x1b[31mmo\nx"
    strict_server.http.post(TOKEN_PATH, data={"grant_type": "client_credentials", "client_id": client})
    strict_server.http.get("/no%1b%5b31mwhere")
    lines(strict_server, "/no%1b%5b31mwhere")
    assert "\x1b" not in strict_server.log.read_text()


def test_in_json_a_refused_start_has_the_fields_of_the_journal(logged: Server) -> None:
    customer = str(uuid4())
    answer = logged.start(customer=customer, json={})
    (problem,) = answer.json()["meta"]["validation"]
    entry = entry_of(logged, answer.headers["x-request-id"])
    reason = f"data: {problem['message']}"
    assert (entry["status"], entry["code"], entry["reason"]) == (400, "validation_failed", reason)
    assert (entry["customerId"], entry["workflowId"], entry["clientId"]) == (customer, WORKFLOW, "demo")
    assert (entry["operation"], entry["workflowName"], entry["outcome"]) == ("start", "Order fulfilment", "refused")
    assert reason in entry["message"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry["time"])


def test_in_json_what_is_injected_and_lost_and_tried_again_has_the_fields_of_the_journal(logged: Server) -> None:
    customer = str(uuid4())
    mine = {"customerId": customer}
    faults = [{"status": 503, "times": 1}, {"fault": "EMPTY_RESPONSE", "when": "afterCommit", "times": 1, "after": 1}]
    ids = [admin(logged, "POST", "faults", params=mine, json=fault).json()["id"] for fault in faults]
    assert logged.start(customer=customer).status_code == 503
    with pytest.raises(httpx2.RemoteProtocolError):
        logged.start(customer=customer)
    second = logged.start(customer=customer).json()["data"]["id"]
    plain = logged.start(customer=customer).json()["data"]["id"]
    journal = admin(logged, "GET", "requests", params=mine).json()["requests"]
    kept = [each for each in journal if each["customerId"]]
    entries = [entry_of(logged, each["id"]) for each in kept]
    assert [(each["status"], each["outcome"]) for each in entries] == [
        (503, "fault"),
        (0, "lost"),
        (200, "duplicate"),
        (200, "ok"),
    ]
    assert [each.get("faultId") for each in entries] == [*ids, None, None]
    assert [each.get("faultEffect") for each in entries] == [each["faultEffect"] for each in kept]
    assert [each.get("executionId") for each in entries[2:]] == [second, plain]
    assert entries[2]["duplicateOf"] == entries[1]["executionId"]
    assert [each.get("answerLost") for each in entries] == [None, True, None, None]


def test_in_json_the_step_and_the_hold_have_the_fields_of_the_journal(logged: Server) -> None:
    mine = {"customerId": str(uuid4())}
    fault = {"sequence": [{}, {"hold": "1ms"}]}
    id = logged.http.post("/__admin/faults", params=mine, json=fault).json()["id"]
    for step, effect in (1, "step 1 of 2"), (2, "held, step 2 of 2"):
        answer = logged.start(customer=mine["customerId"])
        entry = entry_of(logged, answer.headers["x-request-id"])
        assert (entry["faultId"], entry["faultStep"], entry["faultEffect"]) == (id, step, effect)
        assert ("heldInMilliseconds" in entry) is (step == 2)


def test_a_connection_that_is_refused_is_logged(logged: Server) -> None:
    (answer,) = logged.send(b"junk\r\n\r\n", answers=2)
    (entry,) = [json.loads(each) for each in lines(logged, str(answer.header("x-request-id")))[-1:]]
    assert (entry["status"], entry["code"]) == (400, "malformed_http")


def test_in_json_the_log_says_that_the_server_is_ready_and_nothing_else_is_printed(logged: Server) -> None:
    entries = [json.loads(each) for each in lines(logged, "ready at")]
    assert entries[0]["url"] == logged.url
    assert entries[0]["tokenUrl"] == logged.ready["tokenUrl"]


def test_quiet_leaves_the_errors_alone(tmp_path: Path) -> None:
    catalogue = tmp_path / "c.yaml"
    catalogue.write_text(f"workflows: [{{id: {WORKFLOW}, name: A, tasks: [{{key: a}}]}}]")
    with serving("--quiet", "--catalogue", str(catalogue), "--watch") as own:
        own.http.post(path(), content=START_BODY)
        catalogue.write_text("workflows: [{}]")
        lines(own, "the changed catalogue has problems")
        assert re.match(r"\d\d:\d\d:\d\d\.\d{3}  ERROR ", own.log.read_text())
        assert own.log.read_text().count(" the changed catalogue ") == 1


def test_what_comes_faster_than_anybody_reads_is_counted_but_for_what_is_notable() -> None:
    with serving() as own:
        token = own.token()
        good = raw_start(token)
        many = 2000
        answers = own.send(good * many, raw_start(token, body=b"{}"), good, answers=many + 2)
        assert sorted({answer.status for answer in answers}) == [200, 400]
        lines(own, "more requests in")
        assert own.stop() == 0
        said = own.log.read_text()
        assert said.count(" 400   data: ") == 1
        counted = sum(int(each) for each in re.findall(r"(\d+) start 200", said))
        assert said.count("  start  ") + counted == many + 2
        assert counted > said.count("  start  ")


def test_what_waits_for_its_line_gets_it_at_the_end() -> None:
    with serving() as own:
        token = own.token()
        own.send(raw_start(token) * 50, answers=50)
        assert own.stop() == 0
        assert own.log.read_text().count("  start  Order fulfilment ") == 50


@pytest.mark.parametrize(
    ("environment", "has_colours"),
    [
        pytest.param({"TERM": "xterm"}, True, id="a terminal"),
        pytest.param({"TERM": "xterm", "NO_COLOR": "1"}, False, id="NO_COLOR"),
        pytest.param({"TERM": "dumb"}, False, id="a dumb terminal"),
    ],
)
def test_a_terminal_has_colours_unless_they_are_not_wanted(
    tmp_path: Path, environment: dict[str, str], has_colours: bool
) -> None:
    ready = tmp_path / "ready.json"
    reading, terminal = pty.openpty()
    command = [sys.executable, "-m", "workflow_mock", "serve", "--port", "0", "--ready-file", str(ready)]
    inherited = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=terminal, env=inherited | environment) as process:
        os.close(terminal)
        until(ready.exists, "the server isn't ready")
        with httpx2.Client(base_url=json.loads(ready.read_text())["url"]) as client:
            client.post("/nowhere")
        process.terminate()
        said = b""
        with suppress(OSError):  # EIO is the end of a terminal
            while part := os.read(reading, 65536):
                said += part
        os.close(reading)
    assert b"POST /nowhere" in said
    assert (b"\x1b[31m  404 \x1b[0m" in said) is has_colours
    assert (b"\x1b" in said) is has_colours


@contextmanager
def unread(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], httpx2.Client]]:
    """A server whose standard error is a pipe."""
    ready = folder / "ready.json"
    command = [sys.executable, "-m", "workflow_mock", "serve", "--port", "0", "--ready-file", str(ready)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            until(ready.exists, "the server isn't ready")
            with httpx2.Client(base_url=json.loads(ready.read_text())["url"], timeout=WAIT_SECONDS) as client:
                yield process, client
        finally:
            process.kill()


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()], ids=["text", "json"])
def test_a_log_that_nobody_reads_says_what_it_lost(formatter: logging.Formatter) -> None:
    reading, writing = os.pipe()
    logger = logging.getLogger(f"unread.{type(formatter).__name__}")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    logger.addHandler(handler := PatientHandler(writing))
    handler.setFormatter(formatter)
    for _ in range(4000):  # of 500 bytes or more: beyond a pipe, 64 KiB, and what waits, 1 MiB
        logger.info("x" * 500)
    read = b""
    while b"dropped" not in read:  # the notice comes with the next line once there is room again
        logger.info("one more")
        read += os.read(reading, 1024 * 1024)
    assert 500 < len(read.splitlines()) < 4000
    os.close(reading)
    logger.removeHandler(handler)
    handler.close()
    os.close(writing)


def test_a_log_that_nobody_reads_holds_up_neither_a_request_nor_the_end(tmp_path: Path) -> None:
    with unread(tmp_path) as (process, client):
        for _ in range(400):
            assert client.post(f"/api/workflow/{'x' * 1000}").status_code == 404
        process.terminate()
        assert process.wait(WAIT_SECONDS) == 0


def test_a_log_whose_reader_is_gone_holds_up_nobody(tmp_path: Path) -> None:
    with unread(tmp_path) as (process, client):
        assert process.stderr is not None
        process.stderr.close()
        for _ in range(10):
            assert client.post("/api/workflow/x").status_code == 404
        process.terminate()
        assert process.wait(WAIT_SECONDS) == 0
