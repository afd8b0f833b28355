"""Health and settings. Health is answered without the rest of the control plane, which takes long to build."""

import json
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any, Literal, NotRequired
from urllib.parse import parse_qsl

from fastapi import APIRouter
from pydantic import Field
from pydantic.alias_generators import to_camel
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send
from typing_extensions import TypedDict

from workflow_mock import __version__
from workflow_mock.admin.guard import check_caller, check_origin
from workflow_mock.errors import ApiError, Problem, invalid_request
from workflow_mock.formats import show_duration
from workflow_mock.http.envelope import JSON_TYPE, refuse
from workflow_mock.http.head import HeadAsGet
from workflow_mock.http.messages import Response
from workflow_mock.http.request_id import request_id_of
from workflow_mock.paths import HEALTH_PATH
from workflow_mock.sandbox import Sandbox
from workflow_mock.settings import Settings, without_password
from workflow_mock.state.clock import uptime


class Counts(TypedDict):
    """How many of each there are."""

    workflows: int
    executions: int
    requests: int
    faults: int
    held: int


class Health(TypedDict):
    """Who may not use the control plane is told `status` and `version` alone."""

    status: Literal["healthy"]
    version: str
    uptimeInSeconds: NotRequired[float]
    store: NotRequired[Counts]
    catalogueError: NotRequired[
        Annotated[str | None, Field(description="Why a changed catalogue file isn't in force (--watch).")]
    ]


def health_of(sandbox: Sandbox) -> Health:
    """The whole health, for those who may use the control plane."""
    return Health(
        status="healthy",
        version=__version__,
        uptimeInSeconds=round(uptime().total_seconds(), 3),
        store=Counts(
            workflows=sum(1 for _ in sandbox.workflows),
            executions=len(sandbox.executions),
            requests=len(sandbox.journal),
            faults=len(sandbox.faults.in_force),
            held=len(sandbox.in_flight.held),
        ),
        catalogueError=sandbox.catalogue_error,
    )


def health_route(settings: Settings, sandbox: Sandbox) -> BaseRoute:
    """Make the route of `GET /__admin/health`. It goes before the guarded control plane, and guards itself."""
    return Route(HEALTH_PATH, HeadAsGet(HealthEndpoint(settings, sandbox)))


class HealthEndpoint:
    """ASGI application: health by any name and without the token, as what asks for it often can't send either."""

    def __init__(self, settings: Settings, sandbox: Sandbox) -> None:
        self._settings = settings
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = Response(200, (JSON_TYPE,), json.dumps(self._health(scope)).encode())
        except ApiError as error:
            response = refuse(scope, error)
        await response.send(send, request_id_of(scope))

    def _health(self, scope: Scope) -> Health:
        """Raises ApiError (400, 403, 405)."""
        check_origin(scope)
        if scope["method"] != "GET":
            message = f"{HEALTH_PATH} doesn't take {scope['method']}"
            raise ApiError("method_not_allowed", message, headers=((b"allow", b"GET, HEAD"),))
        if names := parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True):
            raise invalid_request([Problem((name,), "is not known here") for name, _ in names], "query")
        health = health_of(self._sandbox)
        try:
            check_caller(scope, self._settings)
        except ApiError:
            return Health(status=health["status"], version=health["version"])
        return health


def router(settings: Settings, sandbox: Sandbox) -> APIRouter:
    routes = APIRouter(tags=["Sandbox"])

    @routes.get("/health")
    async def get_health() -> Health:
        """Whether the server is there, and how much is in it. It is answered by any host name and without the token."""
        return health_of(sandbox)

    @routes.get("/settings")
    async def get_settings() -> dict[str, Any]:
        """The settings in force, without secrets."""
        shown = asdict(settings) | {"admin_token": settings.admin_token and "[redacted]"}
        return {to_camel(name): _shown(value) for name, value in shown.items()}

    return routes


def _shown(value: object) -> object:
    if isinstance(value, timedelta):
        return show_duration(value)
    if isinstance(value, tuple):
        return [str(each) for each in value]
    return value if value is None or isinstance(value, bool | int) else without_password(str(value))
