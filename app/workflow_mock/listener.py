"""The listening side: the socket, the signals, and the word that the server is ready."""

import gc
import json
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from errno import EACCES, EADDRINUSE
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from workflow_mock.errors import ConfigError
from workflow_mock.paths import ISSUER_PATH, TOKEN_PATH
from workflow_mock.protocol import Limits, Protocol
from workflow_mock.settings import Settings

GRACE = timedelta(seconds=8)
"""How long requests in flight may take to be answered once the server is told to end; Docker kills it after 10 s."""

BACKLOG = 2048

OTHER_FILES = 64
"""What the server may have open besides its connections."""


class Server(uvicorn.Server):
    """uvicorn's, with hooks for the moment when connections are accepted, and for the end."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None], on_end: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._on_end = on_end
        self.failure: ConfigError | None = None
        self.was_cut_off = False
        """Whether a request was still in flight at the end."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal ends the server in good order, the second at once."""
        self.force_exit = self.should_exit
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        try:
            self._on_ready()
        except ConfigError as error:
            self.failure = error
            self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_end()
        await super().shutdown(sockets)
        self.was_cut_off = bool(self.server_state.tasks or self.server_state.connections)


def bind(host: str, port: int) -> socket.socket:
    """A bound socket. Raises ConfigError."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        # With the protocol named, asyncio switches Nagle's algorithm off on what it accepts; without, p99 is 40 ms.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as error:
        raise ConfigError(f"can't listen on {host}: {error.strerror}; see --host") from None
    if os.name == "posix":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
    except OSError as error:
        listening.close()
        hints = {EADDRINUSE: "end what listens there, or let --port 0 find a free one", EACCES: "take a port over 1023"}
        hint = hints.get(error.errno or 0, "is it an address of this machine? See --host")
        raise ConfigError(f"can't listen on {host} port {port}: {error.strerror}; {hint}") from None
    return listening


def server(app: ASGIApp, settings: Settings, on_ready: Callable[[], None], on_end: Callable[[], None]) -> Server:
    """The server of this application; `on_ready` is called once it accepts connections. Raises ConfigError."""
    limits = Limits(
        connections=settings.max_connections,
        headers=settings.max_headers,
        head_bytes=settings.max_header_bytes,
        seconds_to_send=settings.request_timeout.total_seconds(),
        seconds_idle=settings.idle_timeout.total_seconds(),
    )
    _allow_files(settings.max_connections)
    protocol: Any = partial(Protocol, limits=limits)
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        loop="auto",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=int(GRACE.total_seconds()),
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
    )
    try:
        config.load()
    except OSError as error:  # which ssl.SSLError is
        raise ConfigError(f"--tls-cert and --tls-key can't be used: {error.strerror or error}") from None
    return Server(config, on_ready, on_end)


def _allow_files(connections: int) -> None:
    """Raise the soft limit of open files, often 1,024, so that there is one for each connection; POSIX alone has it."""
    with suppress(ImportError):
        import resource  # noqa: PLC0415

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = connections + OTHER_FILES
        if resource.RLIM_INFINITY != soft < wanted:
            wanted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def serve(server: Server, listening: socket.socket) -> bool:
    """Serve until SIGINT or SIGTERM, then answer what is in flight, and return whether all was.

    A second signal ends it at once. Raises ConfigError from `on_ready`.
    """
    # uvicorn hands a signal that ended it on to whoever had it before: nobody, so that this returns as it should.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    # What lives long here is kept on purpose, tens of thousands of executions: to look through all of it for garbage
    # stops the server for 150 ms. The young are looked through as ever, and hold nearly all the garbage.
    gc.freeze()
    gc.set_threshold(2000, 5, 1000)
    server.run(sockets=[listening])
    if server.failure is not None:
        raise server.failure
    return not server.was_cut_off


def write_ready_file(path: Path, url: str, issuer: str | None) -> None:
    """Write where the server is, whole or not at all. Raises ConfigError."""
    document = {
        "url": url,
        "tokenUrl": url + TOKEN_PATH,
        "issuer": issuer or url + ISSUER_PATH,
        "pid": os.getpid(),
    }
    if path.exists() and not path.is_file():
        raise ConfigError(f"the ready file {path} can't be written: it is something else already; see --ready-file")
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        beside.write_text(json.dumps(document))
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise ConfigError(f"the ready file {path} can't be written: {error.strerror}; see --ready-file") from None


def remove_ready_file(path: Path) -> None:
    """Remove what this process has written, and nothing else."""
    with suppress(OSError, ValueError, LookupError, TypeError):
        if path.is_file() and json.loads(path.read_text())["pid"] == os.getpid():
            path.unlink()
