"""What our figures are held against: the least that each layer below us costs."""

import json
from typing import Any

from fastapi import FastAPI
from jose import jwt  # noqa: F401 - a bare application of the kind that ours is imports it too
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

fixed = b'{"ok":true}'


async def raw(scope: Scope, receive: Receive, send: Send) -> None:
    """ASGI with nothing on it: a fixed answer."""
    await receive()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(fixed))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": fixed})


LARGE = json.dumps({"tasks": ["x" * 250] * 10_000}).encode()


async def raw_large(scope: Scope, receive: Receive, send: Send) -> None:
    """The same, with as many bytes as the answer to the start of 10,000 tasks has."""
    await receive()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(LARGE))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": LARGE})


async def _echo(request: Request) -> JSONResponse:
    return JSONResponse(await request.json())


starlette = Starlette(routes=[Route("/{path:path}", _echo, methods=["POST"])])


class Data(BaseModel):
    workflowId: str  # noqa: N815 - as on the wire


class Start(BaseModel):
    data: Data


empty = FastAPI()


@empty.post("/{path:path}")
async def echo(path: str, start: Start) -> Start:
    return start


bare: Any = empty
"""The bare application of the cold start: FastAPI, uvicorn and python-jose, imported and ready."""
