"""The server: its socket, its limits, its signals, its start and its end."""

import gc
import logging
import os
import signal
import socket
import ssl
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import timedelta
from errno import EACCES, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT
from functools import partial
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from workflow_mock.errors import ConfigError
from workflow_mock.server.limits import Budget, Limits
from workflow_mock.server.protocol import HTTPProtocol
from workflow_mock.server.tls import TLSHTTPProtocol, protocol_class
from workflow_mock.settings import Settings

GRACEFUL_SHUTDOWN_TIMEOUT = timedelta(seconds=8)
"""How long requests in flight may take to be answered once the server is told to end; Docker kills it after 10 s."""

BACKLOG = 2048

PORT_ATTEMPTS = 10
"""At a free port that is free at each address of a name."""

RESERVED_FILES = 64
"""Files that the server may have open besides its connections; a few of them are rejected connections."""

logger = logging.getLogger("workflow_mock.requests")


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

    def end(self) -> None:
        """End the server in good order, as the first signal does; from any thread."""
        self.should_exit = True

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


def bind(host: str, port: int) -> list[socket.socket]:
    """Bound sockets, one for each address of a name: localhost is 127.0.0.1 and ::1. Port 0 is one free port for all.

    Addresses that this machine doesn't have are left out, but for the last. Raises ConfigError.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ConfigError(f"can't listen on {host}: {error.strerror}; see --host") from None
    addresses = dict.fromkeys((family, address) for family, _, _, _, address in found)
    for _ in range(PORT_ATTEMPTS if port == 0 and len(addresses) > 1 else 0):
        with suppress(OSError):  # what is free at one address may be taken at another
            return _bind_all(addresses, port)
    try:
        return _bind_all(addresses, port)
    except OSError as error:
        hints = {EADDRINUSE: "end what listens there, or let --port 0 find a free one", EACCES: "take a port over 1023"}
        hint = hints.get(error.errno or 0, "is it an address of this machine? See --host")
        raise ConfigError(f"can't listen on {host} port {port}: {error.strerror}; {hint}") from None


def _bind_all(addresses: Collection[tuple[int, Any]], port: int) -> list[socket.socket]:
    """Raises OSError where an address can't be bound, or the machine has none of them; then nothing is bound."""
    bound: list[socket.socket] = []
    missing: OSError | None = None
    for family, (name, _, *scope) in addresses:
        try:
            one = _bind_one(family, (name, bound[0].getsockname()[1] if bound else port, *scope), len(addresses) > 1)
        except OSError as error:
            if error.errno in (EADDRNOTAVAIL, EAFNOSUPPORT):
                missing = error
                continue
            for each in bound:
                each.close()
            raise
        bound.append(one)
    if missing is not None and not bound:
        raise missing
    return bound


def _bind_one(family: int, address: Any, is_one_of_many: bool) -> socket.socket:
    # With the protocol named, asyncio switches Nagle's algorithm off on what it accepts; without, p99 is 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6 and is_one_of_many:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(address)
    except OSError:
        listening.close()
        raise
    return listening


def server(app: ASGIApp, settings: Settings, on_ready: Callable[[], None], on_end: Callable[[], None]) -> Server:
    """The server of this application; `on_ready` is called once it accepts connections. Raises ConfigError."""
    limits = Limits(
        connections=_allow_files(settings.max_connections),
        headers=settings.max_headers,
        head_bytes=settings.max_header_bytes,
        request_timeout=settings.request_timeout.total_seconds(),
        idle_timeout=settings.idle_timeout.total_seconds(),
    )
    shared: dict[str, Any] = {"limits": limits, "budget": Budget()}
    protocol: Any = partial(HTTPProtocol, **shared)
    if settings.tls_cert:
        # Not uvicorn's: with it, asyncio would make a connection known only after its handshake.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(settings.tls_cert, settings.tls_key)
        except OSError as error:  # which ssl.SSLError is
            raise ConfigError(f"--tls-cert and --tls-key can't be used: {error.strerror or error}") from None
        protocol = protocol_class(context, limits, partial(TLSHTTPProtocol, **shared))
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
        timeout_graceful_shutdown=int(GRACEFUL_SHUTDOWN_TIMEOUT.total_seconds()),
    )
    config.load()
    return Server(config, on_ready, on_end)


def _allow_files(connections: int) -> int:
    """Raise the soft limit of open files, often 1,024, so that there is one for each connection; POSIX alone has it.

    Returns how many connections there may be: fewer where the hard limit is too low for all.
    """
    with suppress(ImportError):
        import resource  # noqa: PLC0415

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = connections + RESERVED_FILES
        if resource.RLIM_INFINITY != soft < wanted:
            allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
            except (OSError, ValueError):  # macOS: over kern.maxfilesperproc, though the hard limit is infinite
                allowed = soft
            if allowed < wanted:
                fewer = max(1, allowed - RESERVED_FILES)
                logger.warning(
                    "only %d connections at once, not --max-connections: %d open files are allowed", fewer, allowed
                )
                return fewer
    return connections


def serve(server: Server, listening: list[socket.socket]) -> bool:
    """Serve until SIGINT, SIGTERM or SIGHUP, then answer what is in flight, and return whether all was.

    A second signal ends it at once. Raises ConfigError from `on_ready`.
    """
    # uvicorn hands a signal that ended it on to whoever had it before: nobody, so that this returns as it should.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:  # and not under nohup
        signal.signal(signal.SIGHUP, server.handle_exit)
    # What lives long here is kept on purpose, tens of thousands of executions: to look through all of it for garbage
    # stops the server for 150 ms. The young are looked through as ever, and hold nearly all the garbage.
    gc.freeze()
    gc.enable()
    gc.set_threshold(2000, 5, 1000)
    server.run(sockets=listening)
    if server.failure is not None:
        raise server.failure
    return not server.was_cut_off
