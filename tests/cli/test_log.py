"""The log on standard error: a reader that is slow, gone, or not there."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.support import WAIT_SECONDS, WORKFLOW, Server, raw_request, serving, until

REFUSALS = 4000
"""Each has a line of some 500 bytes or more: more than a pipe, 64 KiB, and what waits, 1 MiB, have room for."""

REFUSED = f"/api/workflow/{'x' * 1000}"

ENTRY = {"time", "level", "logger", "message"}
REQUEST = {"requestId", "method", "path", "status", "code", "reason", "durationInMilliseconds"}


@contextmanager
def unread(folder: Path, form: str) -> Iterator[tuple[subprocess.Popen[bytes], httpx2.Client]]:
    """A server whose standard error is a pipe."""
    ready = folder / "ready.json"
    command = [sys.executable, "-m", "workflow_mock", "serve", "--port", "0", "--ready-file", str(ready)]
    with subprocess.Popen(
        [*command, "--log-format", form], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        try:
            until(ready.exists, "the server isn't ready")
            with httpx2.Client(base_url=json.loads(ready.read_text())["url"], timeout=WAIT_SECONDS) as client:
                yield process, client
        finally:
            process.kill()


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_log_that_nobody_reads_holds_up_nobody_and_says_what_it_lost(tmp_path: Path, form: str) -> None:
    with unread(tmp_path, form) as (process, client):
        for _ in range(REFUSALS):
            assert client.post(REFUSED).status_code == 404
        assert client.get("/__admin/health").status_code == 200
        assert process.stderr is not None
        read = b""
        while b"dropped" not in read:  # the notice comes with the next line once there is room again
            client.post(REFUSED)
            read += os.read(process.stderr.fileno(), 1024 * 1024)
        lines = read.decode().splitlines()
        assert 500 < len(lines) < REFUSALS
        if form == "json":
            assert [line for line in lines[:-1] if json.loads(line).keys() not in (ENTRY, ENTRY | REQUEST)] == []


def test_a_log_that_nobody_reads_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with unread(tmp_path, "text") as (process, client):
        for _ in range(400):
            client.post(REFUSED)
        process.terminate()
        assert process.wait(WAIT_SECONDS) == 0


def test_a_log_whose_reader_is_gone_holds_up_nobody(tmp_path: Path) -> None:
    with unread(tmp_path, "text") as (process, client):
        assert process.stderr is not None
        process.stderr.close()
        for _ in range(10):
            assert client.post(REFUSED).status_code == 404
        process.terminate()
        assert process.wait(WAIT_SECONDS) == 0


@pytest.fixture(scope="module")
def logged() -> Iterator[Server]:
    """A server that logs as it does unless told otherwise, but in JSON; it prints nothing else."""
    with serving("--log-format", "json", "--no-banner") as running:
        yield running


def entries(server: Server, request_id: str) -> list[dict[str, Any]]:
    """What the log has of a request."""
    found = [json.loads(line) for line in server.log.read_text().splitlines()]
    return [entry for entry in found if entry.get("requestId") == request_id]


def entry_of(server: Server, request_id: str) -> dict[str, Any]:
    (entry,) = entries(server, request_id)
    assert entry["level"] == "info"
    assert entry.keys() >= ENTRY | {"requestId", "method", "path", "status"}
    assert entry["message"].startswith(f"{request_id} {entry['method']} {entry['path']}: ")
    return entry


def test_a_refused_start_is_logged_with_its_reason(logged: Server) -> None:
    customer = str(uuid4())
    answer = logged.start(customer=customer, json={})
    (problem,) = answer.json()["meta"]["validation"]
    entry = entry_of(logged, answer.headers["x-request-id"])
    reason = f"validation_failed: {answer.json()['meta']['errors'][0]['message']}; data: {problem['message']}"
    assert (entry["status"], entry["code"], entry["reason"]) == (400, "validation_failed", reason)
    assert (entry["customerId"], entry["workflowId"], entry["clientId"]) == (customer, WORKFLOW, "demo")
    assert reason in entry["message"]


def test_a_refused_token_request_is_logged_with_its_reason(logged: Server) -> None:
    answer = logged.http.post("/api/authentication/connect/token", data={"grant_type": "password"})
    entry = entry_of(logged, answer.headers["x-request-id"])
    assert (entry["status"], entry["code"]) == (answer.status_code, answer.json()["error"])
    assert entry["reason"].startswith(f"{entry['code']}: ")


def test_what_is_injected_and_lost_and_tried_again_is_logged(logged: Server) -> None:
    customer = str(uuid4())
    mine = {"customerId": customer}
    faults = [{"status": 503, "times": 1}, {"fault": "EMPTY_RESPONSE", "when": "afterCommit", "times": 1, "after": 1}]
    ids = [logged.http.post("/__admin/faults", params=mine, json=fault).json()["id"] for fault in faults]
    assert logged.start(customer=customer).status_code == 503
    with pytest.raises(httpx2.RemoteProtocolError):
        logged.start(customer=customer)
    second = logged.start(customer=customer).json()["data"]["id"]
    assert logged.start(customer=customer).status_code == 200  # of which there is nothing to say
    journal = logged.http.get("/__admin/requests", params=mine).json()["requests"]
    of_starts = sorted((each for each in journal if each["customerId"]), key=lambda each: each["id"])
    injected, lost, again, plain = (each["id"] for each in of_starts)
    entry = entry_of(logged, injected)
    assert (entry["status"], entry["code"], entry["faultId"]) == (503, "injected_fault", ids[0])
    entry = entry_of(logged, lost)
    assert (entry["status"], entry["faultId"], entry["answerLost"]) == (0, ids[1], True)
    assert "no response" in entry["message"]
    first = entry["executionId"]
    entry = entry_of(logged, again)
    assert (entry["status"], entry["executionId"], entry["duplicateOf"]) == (200, second, first)
    assert first in entry["message"]
    assert entries(logged, plain) == []


def test_the_step_and_the_hold_are_logged(logged: Server) -> None:
    mine = {"customerId": str(uuid4())}
    fault = {"sequence": [{}, {"hold": "1ms"}]}
    id = logged.http.post("/__admin/faults", params=mine, json=fault).json()["id"]
    for step in (1, 2):
        answer = logged.start(customer=mine["customerId"])
        entry = entry_of(logged, answer.headers["x-request-id"])
        assert (entry["faultId"], entry["faultStep"]) == (id, step)
        assert f"by step {step} of the fault {id}" in entry["message"]
        assert ("heldInMilliseconds" in entry) is ("held for" in entry["message"]) is (step == 2)


@pytest.mark.parametrize("target", ["/__admin/settings", "/__admin/health"])
def test_who_may_not_use_the_control_plane_is_logged(logged: Server, target: str) -> None:
    (answer,) = logged.send(raw_request("GET", target, "Host: localhost", "Origin: http://evil.example"))
    entry = entry_of(logged, str(answer.header("x-request-id")))
    assert (entry["status"], entry["code"], entry["path"]) == (403, "admin_forbidden", target)


def test_a_connection_that_is_refused_is_logged(logged: Server) -> None:
    (answer,) = logged.send(b"junk\r\n\r\n", answers=2)
    (entry,) = entries(logged, str(answer.header("x-request-id")))
    assert (entry["status"], entry["code"]) == (400, "malformed_http")


def test_a_reason_is_one_line_and_cut_and_without_tokens(strict_server: Server) -> None:
    token = strict_server.token()
    names = {"a\nINFO forged\u202e": 1, token: 1} | {"x" * 100 + str(number): 1 for number in range(30)}
    answer = strict_server.start(json={"data": {"workflowId": WORKFLOW}} | names)
    assert answer.status_code == 400
    id = answer.headers["x-request-id"]
    (line,) = [line for line in strict_server.log.read_text().splitlines() if id in line]
    assert "a\\nINFO forged\\u202e" in line
    assert token.rpartition(".")[2] not in line
    assert "…" in line
    assert len(line) < 2000


def test_the_banner_can_be_switched_off(logged: Server) -> None:
    assert logged.http.get("/__admin/health").status_code == 200
    assert "is ready at" not in logged.log.read_text()
