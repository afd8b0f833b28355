"""What our figures are held against: the least that each layer below us costs, with the same bytes in and out."""

import json
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from workflow_mock.api.wire import start_response
from workflow_mock.catalogue.loader import demo
from workflow_mock.domain.execution import Execution

WORKFLOW = "22222222-2222-4222-8222-222222222222"
"""The diamond of the demo: four tasks, 1.3 kB of answer."""

_DEFINITION = next(each for each in demo().workflows if each.id == WORKFLOW)
ANSWER = start_response(Execution("3c90c3cc-0d44-4b50-8888-8dd25736052a", "", _DEFINITION, datetime.now(UTC))).body


def fixed(answer: bytes) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    return app


raw = fixed(ANSWER)
"""ASGI with nothing on it."""

raw_large = fixed(json.dumps({"tasks": ["x" * 250] * 10_000}).encode())
"""The same, with as many bytes as the answer to the start of 10,000 tasks has."""


# JSON in and out


_record = json.loads(ANSWER)


async def _json(request: Request) -> JSONResponse:
    await request.json()
    return JSONResponse(_record)


starlette = Starlette(routes=[Route("/{path:path}", _json, methods=["POST"])])


# Pydantic models in and out, as FastAPI's documentation writes a route


class Data(BaseModel):
    workflowId: str  # noqa: N815 - as on the wire


class Start(BaseModel):
    data: Data


class QueueEntry(BaseModel):
    taskId: str  # noqa: N815
    jobSubjectId: str  # noqa: N815


class Task(BaseModel):
    id: str
    subjectId: str  # noqa: N815
    name: str
    parameters: dict[str, Any]
    isTrigger: bool  # noqa: N815


class Edge(BaseModel):
    parent: str
    child: str


class Record(BaseModel):
    id: str
    workflowId: str  # noqa: N815
    executionQueue: list[QueueEntry]  # noqa: N815
    created: str
    finished: str | None
    tasks: list[Task]
    tasksHierarchy: list[Edge]  # noqa: N815


class Meta(BaseModel):
    errors: list[dict[str, str]]
    validation: list[dict[str, str]]
    info: dict[str, Any]


class Envelope(BaseModel):
    meta: Meta
    data: Record


_envelope = Envelope.model_validate_json(ANSWER)
empty = FastAPI()


@empty.post("/echo/{path:path}")
async def echo(path: str, start: Start) -> Start:
    return start


@empty.post("/{path:path}")
async def answer(path: str, start: Start) -> Envelope:
    return _envelope
