"""The application without our server: in this process, and behind another ASGI server."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2 as httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypercorn.asyncio import serve
from hypercorn.config import Config
from starlette.testclient import TestClient
from workflow_mock.app import Application

from tests.support import Api


class InProcess(Api):
    """An application that is called without a server."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http


class SyncTransport(httpx.BaseTransport):
    """httpx2's ASGITransport for its synchronous client."""

    def __init__(self, app: Application, portal: BlockingPortal) -> None:
        self._transport = httpx.ASGITransport(app)
        self._portal = portal

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._portal.call(self._answer, request)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        answer = await self._transport.handle_async_request(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())


class PatientTransport(httpx.HTTPTransport):
    """Sends a request again whose answer was lost: hypercorn resets the connection of who still sends a body."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for _ in range(20):
            try:
                return super().handle_request(request)
            except httpx.TransportError:
                continue
        return super().handle_request(request)


@contextmanager
def asgi_transport(app: Application) -> Iterator[InProcess]:
    with (
        start_blocking_portal() as portal,
        httpx.Client(transport=SyncTransport(app, portal), base_url="http://127.0.0.1") as client,
    ):
        yield InProcess(client)


@contextmanager
def test_client(app: Application) -> Iterator[InProcess]:
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield InProcess(client)


@contextmanager
def hypercorn(app: Application) -> Iterator[InProcess]:
    """Behind hypercorn, on a free port, in a thread."""
    config = Config()
    config.bind = ["127.0.0.1:0"]
    sockets = config.create_sockets()
    config.bind = [f"fd://{sockets.insecure_sockets[0].fileno()}"]
    port = sockets.insecure_sockets[0].getsockname()[1]
    loop = asyncio.new_event_loop()
    end = asyncio.Event()

    async def run() -> None:
        await serve(app, config, shutdown_trigger=end.wait)  # type: ignore[arg-type]

    thread = threading.Thread(target=loop.run_until_complete, args=[run()])
    thread.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", transport=PatientTransport()) as client:
            yield InProcess(client)
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()
        loop.close()
        sockets.insecure_sockets[0].detach()


SURFACES = {"ASGITransport": asgi_transport, "TestClient": test_client, "hypercorn": hypercorn}
