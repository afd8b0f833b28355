"""What the server says of itself: the metadata of the authorization server, its keys, and the contract."""

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response

from workflow_mock import __version__
from workflow_mock.api.openapi import contract
from workflow_mock.catalogue.yaml_reader import parse
from workflow_mock.http.exception_handlers import handle_errors
from workflow_mock.oauth import discovery as metadata
from workflow_mock.oauth.issuers import OwnIssuer
from workflow_mock.oauth.token_endpoint import TokenEndpoint
from workflow_mock.paths import DOCUMENTED_PATH, OPENAPI_JSON_PATH, OPENAPI_YAML_PATH


def pages_app(issuer: OwnIssuer, token: TokenEndpoint) -> FastAPI:
    app = FastAPI(
        title="workflow-mock",
        version=__version__,
        openapi_url=None,  # the contract is written by hand: see `contract`
        redirect_slashes=False,
        # It calls nobody, whatever the environment says.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.include_router(metadata.router(issuer, lambda: token.scopes))

    @app.get(OPENAPI_YAML_PATH)
    async def openapi_yaml() -> Response:
        return Response(contract(), media_type="application/yaml")

    @app.get(OPENAPI_JSON_PATH)
    async def openapi_json() -> Response:
        return JSONResponse(parse(contract(), is_json=False))

    handle_errors(app, f"a workflow is started by POST {DOCUMENTED_PATH}")
    return app
