"""The control plane as an application: its routes, its errors, its contract."""

from typing import Any

from anyio import BrokenResourceError
from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from pydantic.alias_generators import to_camel
from starlette.types import ASGIApp, Receive, Scope, Send

from workflow_mock import __version__
from workflow_mock.admin import (
    changes,
    clients,
    clock,
    docs,
    events,
    executions,
    faults,
    health,
    held,
    requests,
    reset,
    snapshot,
    tokens,
    workflows,
)
from workflow_mock.admin.dependencies import check_parameters
from workflow_mock.admin.openapi import for_generators
from workflow_mock.admin.schemas import ErrorResponse
from workflow_mock.admin.ui import pages
from workflow_mock.http.exception_handlers import handle_errors
from workflow_mock.http.head import HeadAsGet
from workflow_mock.http.telemetry import NO_TELEMETRY
from workflow_mock.oauth.token_provider import TokenProvider
from workflow_mock.oauth.verifier import TokenVerifier
from workflow_mock.paths import ADMIN_PATH
from workflow_mock.sandbox import Sandbox
from workflow_mock.settings import Settings

DESCRIPTION = """\
Everything that a test does to the sandbox, over HTTP and JSON. `?customerId=` narrows what is asked for to the state of
one customer; without it, everything is meant. `null` is "not given". Errors have the envelope of the workflow API, and
name each problem by its path in the JSON."""

ERROR: dict[str, Any] = {"model": ErrorResponse, "description": "An error; `errors` and `validation` say why."}


def admin_app(settings: Settings, sandbox: Sandbox, provider: TokenProvider, verifier: TokenVerifier) -> "ControlPlane":
    """Make the control plane's application. That takes as long as making the rest of the server."""
    app = ControlPlane(
        title="workflow-mock control plane",
        version=__version__,
        description=DESCRIPTION,
        servers=[{"url": "/"}],
        contact={"name": "workflow-mock", "url": "https://example.com/workflow-mock"},  # as in the workflow API's
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_url=None,  # see docs
        redirect_slashes=False,
        separate_input_output_schemas=False,  # their names would not be the same each time
        generate_unique_id_function=_operation_id,
        telemetry=NO_TELEMETRY,
    )
    routes = APIRouter(prefix=ADMIN_PATH, dependencies=[Depends(check_parameters)], responses={"default": ERROR})
    for router in (
        health.router(settings, sandbox),
        reset.router(sandbox, provider.issuer),
        snapshot.router(sandbox),
        clock.router(sandbox),
        workflows.router(sandbox),
        executions.router(sandbox),
        requests.router(settings, sandbox),
        faults.router(sandbox),
        held.router(sandbox),
        clients.router(sandbox),
        tokens.router(settings, sandbox, provider, verifier),
        events.router(sandbox),
        changes.router(settings, sandbox, provider.issuer),
        docs.router(app.openapi),
    ):
        routes.include_router(router)
    app.include_router(routes)
    app.include_router(pages.router(settings, sandbox), prefix=ADMIN_PATH, dependencies=[Depends(check_parameters)])
    handle_errors(app, f"{ADMIN_PATH}/docs has those that there are", head=True)
    return app


def _operation_id(route: APIRoute) -> str:
    """The route's function names it: `find_faults` is findFaults."""
    return to_camel(route.name)


class ControlPlane(FastAPI):
    """The control plane's FastAPI application. It answers HEAD wherever it answers GET."""

    def build_middleware_stack(self) -> ASGIApp:
        return HeadAsGet(super().build_middleware_stack())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except* BrokenResourceError:
            pass  # a listener left while events waited for it: FastAPI closes the stream that it writes them to

    def openapi(self) -> dict[str, Any]:
        """The contract, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = for_generators(super().openapi())
        return self.openapi_schema
