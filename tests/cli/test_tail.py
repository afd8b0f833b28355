"""`workflow-mock tail`: what a server elsewhere is asked, as it happens."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support import WAIT_SECONDS, Server, run, serving, until

Tail = Callable[..., "Running"]


class Running:
    """A `workflow-mock tail`; what it has printed is in files."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.out, self.err = folder / f"{uuid4()}.out", folder / f"{uuid4()}.err"
        command = [sys.executable, "-m", "workflow_mock", "tail", *arguments]
        with self.out.open("w") as out, self.err.open("w") as err:
            self.process = subprocess.Popen(command, stdout=out, stderr=err)

    def lines(self, count: int) -> list[str]:
        """The first lines, as soon as there are so many."""
        return until(lambda: found if len(found := self.out.read_text().splitlines()) >= count else None) or []

    def said(self, words: str) -> str:
        until(lambda: words in self.err.read_text(), words)
        return self.err.read_text()


@pytest.fixture
def tail(tmp_path: Path) -> Iterator[Tail]:
    """Starts one that is listening when it returns."""
    started: list[Running] = []

    def start(server: Server, *arguments: str) -> Running:
        started.append(Running(tmp_path, "--url", server.url, *arguments))
        started[-1].said(f"watching {server.url}; Ctrl-C ends it\n")
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.wait()


def test_it_prints_the_lines_of_requests_and_ends_at_ctrl_c(server: Server, tail: Tail) -> None:
    customer = str(uuid4())
    running = tail(server, "--customer", customer)
    server.start()
    started = server.start(customer=customer).json()["data"]["id"]
    refused = server.start(customer=customer, json={}).headers["x-request-id"]
    good, bad = running.lines(2)
    assert f"  start  Order fulfilment      customer {customer[:8]}  200   execution {started[:8]}" in good
    assert bad.endswith(f"({refused})")
    assert "\x1b" not in good
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(WAIT_SECONDS) == 130
    assert running.err.read_text().split("\n", 1) == [f"workflow-mock: watching {server.url}; Ctrl-C ends it", "\n"]


def test_it_prints_those_that_failed_alone_as_the_journal_has_them(server: Server, tail: Tail) -> None:
    customer = str(uuid4())
    running = tail(server, "--customer", customer, "--failed", "--format", "json")
    server.start(customer=customer)
    id = server.start(customer=customer, json={}).headers["x-request-id"]
    (line,) = running.lines(1)
    assert json.loads(line) == server.http.get(f"/__admin/requests/{id}").json()


def test_a_server_that_comes_back_is_watched_again(tail: Tail) -> None:
    with serving() as own:
        running = tail(own)
        port = own.address[1]
        own.start()
        assert len(running.lines(2)) == 2
        own.stop()
        running.said("; trying again\n")
    with serving("--port", str(port)) as back:
        running.said(f"watching {back.url} again\n")
        assert "requests may be missing: " in running.err.read_text()
        back.start()
        token, start = running.lines(4)[2:]
        assert ("  token  " in token, "  start  " in start) == (True, True)


def test_the_admin_token_is_needed(tail: Tail) -> None:
    with serving("--admin-token", "a-long-secret") as own:
        for token in ([], ["--admin-token", "another-secret"]):
            done = run("tail", "--url", own.url, *token)
            assert (done.returncode, done.stdout) == (2, "")
            assert done.stderr.startswith("workflow-mock: the server refused: 401 admin_token_required: Send ")
        running = tail(own, "--admin-token", "a-long-secret")
        own.start()
        assert len(running.lines(2)) == 2


def test_what_it_cannot_watch_is_told() -> None:
    with serving("--no-journal") as own:
        done = run("tail", "--url", own.url)
        assert (done.returncode, done.stderr.count("--no-journal")) == (2, 1)
        done = run("tail", "--url", own.url, "--customer", "nobody")
        assert done.returncode == 2
    gone = run("tail", "--url", own.url)
    assert gone.returncode == 2
    assert "is the server running? workflow-mock serve starts it" in gone.stderr


def test_open_opens_the_page(tmp_path: Path) -> None:
    asked, browser = tmp_path / "asked", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {asked}\n')
    browser.chmod(0o755)
    with serving("--open", environment={"BROWSER": f"{browser} %s"}) as own:
        until(lambda: asked.exists() and asked.read_text() == f"{own.url}/__admin/\n")


def test_without_a_display_open_says_what_to_open() -> None:
    without = {"DISPLAY": "", "WAYLAND_DISPLAY": "", "BROWSER": "", "WSL_DISTRO_NAME": ""}
    with serving("--open", environment=without) as own:
        until(lambda: f"there is no display here; open {own.url}/__admin/ yourself" in own.log.read_text())
    refused = run("serve", "--open", "--no-admin", "--port", "0")
    assert (refused.returncode, "--no-admin" in refused.stderr) == (2, True)
