"""The listening side: the socket, the HTTP protocol, the signals, and the word that the server is ready."""

import gc
import json
import os
import signal
import socket
import tempfile
from collections.abc import Callable
from datetime import timedelta
from errno import EACCES, EADDRINUSE
from pathlib import Path
from typing import Any

import httptools
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from workflow_mock.api.envelope import render
from workflow_mock.errors import ApiError
from workflow_mock.settings import ISSUER_PATH, TOKEN_PATH, Settings, Unusable
from workflow_mock.web import TRANSPORT

GRACE = timedelta(seconds=10)
"""How long requests in flight may take to be answered once the server is told to end."""

BACKLOG = 2048


class _Protocol(HttpToolsProtocol):
    """uvicorn's, but an offer to upgrade is declined, and what isn't HTTP is refused in the envelope too.

    httptools skips the body of a request that offers an upgrade, as Java's HttpClient does by default with h2c. Such a
    request is read again without the offer (RFC 9110, section 7.8: a server may ignore it).
    """

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        while data:
            rest = b""
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                method, version = self.parser.get_method(), self.parser.get_http_version().encode()
                if method == b"CONNECT":
                    self.send_400_response("")
                else:
                    head = [b"%s %s HTTP/%s" % (method, self.url, version)]
                    head += [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
                    rest = b"\r\n".join([*head, b"", data[offer.args[0] :]])
                    self.parser = httptools.HttpRequestParser(self)
                    self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
            except httptools.HttpParserError:
                self.send_400_response("")
            data = rest

    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions: dict[str, Any] = {TRANSPORT: self.transport}
        self.scope["extensions"] = extensions

    def on_headers_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        cycle = vars(self)["cycle"]  # None before the first request, whatever its type says
        if cycle is not None and not cycle.more_body and not cycle.response_complete:
            # The requests before it are answered first.
            cycle.on_response = lambda: self.send_400_response(msg)
            return
        body = render(ApiError("malformed_http", "This isn't HTTP/1.1 that can be read")).body
        head = (
            f"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json; charset=utf-8\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


class Server(uvicorn.Server):
    """uvicorn's, with a hook for the moment when connections are accepted."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self.failure: Unusable | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        try:
            self._on_ready()
        except Unusable as error:
            self.failure = error
            self.should_exit = True


def bind(host: str, port: int) -> socket.socket:
    """A bound socket. Raises Unusable."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        # With the protocol named, asyncio switches Nagle's algorithm off on what it accepts; without, p99 is 40 ms.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as error:
        raise Unusable(f"can't listen on {host}: {error.strerror}; see --host") from None
    if os.name == "posix":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
    except OSError as error:
        listening.close()
        hints = {EADDRINUSE: "end what listens there, or let --port 0 find a free one", EACCES: "take a port over 1023"}
        hint = hints.get(error.errno or 0, "is it an address of this machine? See --host")
        raise Unusable(f"can't listen on {host} port {port}: {error.strerror}; {hint}") from None
    return listening


def server(app: ASGIApp, settings: Settings, on_ready: Callable[[], None]) -> Server:
    """The server of this application; `on_ready` is called once it accepts connections. Raises Unusable."""
    config = uvicorn.Config(
        app,
        http=_Protocol,
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
        raise Unusable(f"--tls-cert and --tls-key can't be used: {error.strerror or error}") from None
    return Server(config, on_ready)


def serve(server: Server, listening: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM, then answer what is in flight and return. Raises Unusable from `on_ready`."""
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


def write_ready_file(path: Path, url: str, issuer: str | None) -> None:
    """Write where the server is, whole or not at all. Raises Unusable."""
    document = {
        "url": url,
        "tokenUrl": url + TOKEN_PATH,
        "issuer": issuer or url + ISSUER_PATH,
        "pid": os.getpid(),
    }
    try:
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=path.name, delete=False) as file:
            json.dump(document, file)
        Path(file.name).chmod(0o644)
        Path(file.name).replace(path)
    except OSError as error:
        raise Unusable(f"the ready file {path} can't be written: {error.strerror}; see --ready-file") from None
