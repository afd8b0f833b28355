"""A server in this process around any ASGI application, for what HTTP makes of its messages."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.types import ASGIApp
from workflow_mock.server import server
from workflow_mock.settings import Settings

Address = tuple[str, int]


@contextmanager
def serving_app(app: ASGIApp, **settings: Any) -> Iterator[Address]:
    """Serve `app` until the block ends, with these settings."""
    (listening,) = server.bind("127.0.0.1", 0)
    ready = threading.Event()
    running = server.server(app, Settings(port=0, **settings), ready.set, lambda: None)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
    thread.start()
    assert ready.wait(20)
    try:
        yield listening.getsockname()
    finally:
        running.should_exit = True
        thread.join()
