"""The contract as a file, and the routes that serve it."""

from functools import cache
from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from workflow_mock.documents import parse

_NAME = "workflow-api.yaml"


@cache
def contract() -> str:
    """The text of `openapi/workflow-api.yaml`: from the installed package, or from the source tree beside it."""
    packaged = files("workflow_mock") / "openapi" / _NAME
    if packaged.is_file():
        return packaged.read_text("utf-8")
    return (Path(__file__).parents[2] / "openapi" / _NAME).read_text("utf-8")


@cache
def _contract_as_json() -> JSONResponse:

    return JSONResponse(parse(contract(), is_json=False))


def router() -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/openapi.yaml")
    async def openapi_yaml() -> Response:
        return Response(contract(), media_type="application/yaml")

    @routes.get("/openapi.json")
    async def openapi_json() -> Response:
        return _contract_as_json()

    return routes
