"""The control plane as an application: its routes, its errors, its contract."""

import re
from typing import Any

from anyio import BrokenResourceError
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.dependencies.utils import get_flat_params
from starlette.types import Receive, Scope, Send

from workflow_mock import __version__
from workflow_mock.admin import docs, events, executions, faults, requests, tokens, workflows
from workflow_mock.admin import health as control
from workflow_mock.admin.dependencies import validation_error
from workflow_mock.admin.schemas import ErrorResponse
from workflow_mock.errors import ApiError, Problem
from workflow_mock.http.exception_handlers import handle_errors
from workflow_mock.oauth.token_provider import TokenProvider
from workflow_mock.oauth.verifier import TokenVerifier
from workflow_mock.paths import ADMIN_PATH
from workflow_mock.sandbox import Sandbox
from workflow_mock.settings import Settings
from workflow_mock.strict_json import NotSerializable, check

DESCRIPTION = """\
Everything that a test does to the sandbox, over HTTP and JSON. `?customerId=` narrows what is asked for to the world of
one customer; without it, everything is meant. What is refused has the envelope of the documented plane, and names each
fault by its path in the JSON."""

MAX_BODY_BYTES = 64 * 1024 * 1024
"""Of any call but to put a snapshot back."""

_JSON_TYPE = re.compile(r"application/([^/;]+\+)?json\s*(;.*)?", re.IGNORECASE)

REFUSED: dict[str, Any] = {"model": ErrorResponse, "description": "Refused; `errors` and `validation` say why."}


def admin_app(settings: Settings, sandbox: Sandbox, minter: TokenProvider, verifier: TokenVerifier) -> FastAPI:
    app = _Plane(
        title="workflow-mock control plane",
        version=__version__,
        description=DESCRIPTION,
        openapi_url=f"{ADMIN_PATH}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        max_body_size=MAX_BODY_BYTES,
        separate_input_output_schemas=False,  # their names would not be the same each time
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    routes = APIRouter(
        prefix=ADMIN_PATH, dependencies=[Depends(_known_parameters), Depends(_sound_json)], responses={"4XX": REFUSED}
    )
    for part in (
        control.router(settings, sandbox, minter.issuer),
        workflows.router(sandbox),
        executions.router(sandbox),
        requests.router(sandbox),
        faults.router(sandbox),
        tokens.router(settings, sandbox.clock, minter, verifier),
        events.router(sandbox),
        docs.router(app.openapi),
    ):
        routes.include_router(part)
    app.include_router(routes)
    handle_errors(app, f"{ADMIN_PATH}/docs has those that there are")
    return app


class _Plane(FastAPI):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Where it knows the length, Starlette's limiter refuses in its own words; where it counts, we can in ours.
        scope["headers"] = [header for header in scope["headers"] if header[0] != b"content-length"]
        try:
            await super().__call__(scope, receive, send)
        except* BrokenResourceError:
            pass  # a listener left while events waited for it: FastAPI closes the stream that it writes them to

    def openapi(self) -> dict[str, Any]:
        """The contract; FastAPI describes events by an itemSchema, which OpenAPI 3.1 doesn't know."""
        contract = super().openapi()
        events = contract["paths"][f"{ADMIN_PATH}/events"]["get"]["responses"]["200"]["content"]
        events["text/event-stream"] = {"schema": {"type": "string"}}
        return contract


async def _known_parameters(request: Request) -> None:
    """Raises ApiError (400): a misspelt customerId must not mean all customers."""
    known = {parameter.alias for parameter in get_flat_params(request.scope["route"].dependant)}
    given = request.query_params
    problems = [Problem((name,), "is not known here") for name in given if name not in known]
    problems += [Problem((name,), "is given more than once") for name in known if len(given.getlist(name)) > 1]
    if problems:
        raise validation_error(*problems)


async def _sound_json(request: Request) -> None:
    """Raises ApiError (400) for a body with what an answer couldn't say again; (415) for one that isn't called JSON."""
    if not await request.body():
        return
    if request.scope["route"].body_field and not _JSON_TYPE.fullmatch(request.headers.get("content-type", "")):
        raise ApiError("unsupported_media_type", "Send Content-Type: application/json")
    try:
        document = await request.json()
    except (ValueError, RecursionError):
        return  # whatever reads the body refuses it
    try:
        check(document)
    except NotSerializable as error:
        raise validation_error(Problem(error.path or ("body",), str(error))) from None
