"""The log on standard error: a reader that is slow, gone, or not there."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.support import WAIT_SECONDS, until

REFUSALS = 4000
"""Each has a line of some 350 bytes: more than a pipe, 64 KiB, and what waits, 1 MiB, have room for."""

REFUSED = f"/api/workflow/{'x' * 1000}"

ENTRY = {"time", "level", "logger", "message"}


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
        assert 1000 < len(lines) < REFUSALS
        if form == "json":
            assert [
                line for line in lines[:-1] if json.loads(line).keys() != {"time", "level", "logger", "message"}
            ] == []


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
