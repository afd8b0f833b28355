"""Finds a server, or runs one in a child process."""

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from threading import Event
from urllib.request import ProxyHandler, build_opener

from workflow_mock_kit.errors import NoServer

URL = "WORKFLOW_MOCK_URL"
START_SECONDS = 30
END_SECONDS = 10
_TURN_SECONDS = 0.01
_KEPT_CHARACTERS = 2000


class Process:
    """A server in a child process. It ends when this process does, as its input is then closed; unless it is kept."""

    def __init__(self, child: subprocess.Popen[bytes], url: str, folder: Path, *, keep: bool) -> None:
        self.url = url
        self._child = child
        self._folder = folder
        self._is_kept = keep

    @property
    def id(self) -> int:
        return self._child.pid

    @property
    def log(self) -> str:
        """What it has written."""
        return (self._folder / "log").read_text(errors="replace")

    def end(self) -> None:
        """End it in good order, and by force if it doesn't; unless it is kept."""
        if self._is_kept:
            return
        end(self._child)
        shutil.rmtree(self._folder, ignore_errors=True)


def end(child: subprocess.Popen[bytes]) -> None:
    """End a child process: by closing its input, then by SIGTERM, then by SIGKILL."""
    if child.stdin is not None:
        with suppress(OSError):
            child.stdin.close()
    child.terminate()
    try:
        child.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait(END_SECONDS)


def find(url: str | None) -> str | None:
    """The address of a server that runs already: the one given, or that of the environment."""
    return url or os.environ.get(URL) or None


def start(options: Sequence[str], command: str | Sequence[str] | None, *, keep: bool = False) -> Process:
    """Start a server on a free port of this machine, and wait until it answers. One to `keep` outlives this process.

    Raises NoServer.
    """
    words = _command(command)
    folder = Path(tempfile.mkdtemp(prefix="workflow-mock-"))
    try:
        return _start(words, options, folder, keep=keep)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _start(words: Sequence[str], options: Sequence[str], folder: Path, *, keep: bool) -> Process:
    ready = folder / "ready.json"
    port = _free_port() if any("{port}" in word for word in words) else None
    if port is None:
        own = ["--port", "0", "--ready-file", str(ready), "--log-level", "warning"]
        if not keep:
            own.append("--until-stdin-closes")
        line = [*words, "serve", *own, *options]
    else:
        line = [word.replace("{port}", str(port)) for word in words] + list(options)
    log = folder / "log"
    with log.open("wb") as output:
        # Settings of the environment are meant for another server than this one.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("WORKFLOW_MOCK_")}
        try:
            child = subprocess.Popen(  # noqa: S603 - the user's own command
                line,
                stdin=subprocess.DEVNULL if keep else subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=keep,
            )
        except OSError as error:
            raise NoServer(f"{shlex.join(line)} can't be run: {error.strerror}") from None
    try:
        url = _wait(child, ready, port)
    except BaseException:
        end(child)
        raise
    if url is None:
        status = "has ended" if child.poll() is not None else f"did not answer within {START_SECONDS} s"
        end(child)
        written = log.read_text(errors="replace").strip()[-_KEPT_CHARACTERS:]
        raise NoServer(f"{shlex.join(line)} {status}:\n{written}")
    return Process(child, url, folder, keep=keep)


def _wait(child: subprocess.Popen[bytes], ready: Path, port: int | None) -> str | None:
    """The address once the server answers; None where it doesn't."""
    turn = Event()
    for _ in range(int(START_SECONDS / _TURN_SECONDS)):  # and no clock: a test may have frozen it
        if port is None:
            if ready.is_file():
                return str(json.loads(ready.read_text())["url"])
        elif _is_healthy(f"http://127.0.0.1:{port}"):
            return f"http://127.0.0.1:{port}"
        if child.poll() is not None:
            return None
        turn.wait(_TURN_SECONDS)
    return None


def _is_healthy(url: str) -> bool:
    opener = build_opener(ProxyHandler({}))  # the server is here, whatever proxy the environment names
    with suppress(OSError, ValueError), opener.open(f"{url}/__admin/health", timeout=1) as response:
        return bool(json.load(response)["status"] == "healthy")
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _command(command: str | Sequence[str] | None) -> list[str]:
    """How to run `workflow-mock` here. Raises NoServer."""
    if command:
        return shlex.split(command) if isinstance(command, str) else list(command)
    if find_spec("workflow_mock") is not None:
        return [sys.executable, "-m", "workflow_mock"]
    if (found := shutil.which("workflow-mock")) is not None:
        return [found]
    raise NoServer(
        f"there is no workflow-mock: set {URL} to the address of one that runs; or install it here"
        " (pip install workflow-mock), or anywhere on PATH (pipx install workflow-mock); or say how to run it, in"
        " pytest's setting workflow_mock_command (uvx workflow-mock)"
    )
