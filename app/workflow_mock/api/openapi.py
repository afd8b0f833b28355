"""The contract's text, and where it is served: `GET /openapi.yaml` and `/openapi.json`."""

import json
from functools import cache
from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import Response

from workflow_mock.catalogue.yaml_reader import parse

_NAME = "workflow-api.yaml"


@cache
def contract() -> str:
    """The text of `openapi/workflow-api.yaml`: from the installed package, or from the source tree beside it."""
    packaged = files("workflow_mock") / "openapi" / _NAME
    source = packaged if packaged.is_file() else Path(__file__).parents[3] / "openapi" / _NAME
    return source.read_text("utf-8")


@cache
def contract_json() -> bytes:
    """The same as JSON; converted once, as it takes 10 ms."""
    return json.dumps(parse(contract(), is_json=False), separators=(",", ":")).encode()


def router() -> APIRouter:
    routes = APIRouter()

    @routes.get("/openapi.yaml", include_in_schema=False)
    async def openapi_yaml() -> Response:
        return Response(contract(), media_type="application/yaml")

    @routes.get("/openapi.json", include_in_schema=False)
    async def openapi_json() -> Response:
        return Response(contract_json(), media_type="application/json")

    return routes
