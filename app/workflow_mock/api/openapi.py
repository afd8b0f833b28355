"""The contract's text, and where it is served: `GET /openapi.yaml` and `/openapi.json`."""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response

from workflow_mock.catalogue.yaml_reader import parse
from workflow_mock.http.contract_page import ContractPage
from workflow_mock.http.hosts import base_url
from workflow_mock.paths import DOCS_PATH, OPENAPI_JSON_PATH, OPENAPI_YAML_PATH, TOKEN_PATH

_NAME = "workflow-api.yaml"
_SERVERS = re.compile(r"^servers:\n(?: .*\n)+", re.MULTILINE)


@cache
def contract() -> str:
    """The text of `openapi/workflow-api.yaml`: from the installed package, or from the source tree beside it."""
    packaged = files("workflow_mock") / "openapi" / _NAME
    source = packaged if packaged.is_file() else Path(__file__).parents[3] / "openapi" / _NAME
    return source.read_text("utf-8")


@cache
def _served() -> tuple[str, str]:
    """The contract as it is served, as YAML and as JSON: its server is the one that it came from."""
    text = _SERVERS.sub("servers:\n  - url: /\n", contract())
    return text, json.dumps(parse(text, is_json=False), separators=(",", ":"))  # converted once, as it takes 10 ms


def router(fixed_issuer: str | None, oauth: Mapping[str, str]) -> APIRouter:
    """The routes of the contract. Its token URL is absolute: of `fixed_issuer`, else of the host that was asked.

    `oauth` fills in the form by which the page gets a token.
    """
    routes = APIRouter()
    page = ContractPage(lambda: json.loads(_served()[1]), oauth)

    @routes.get(DOCS_PATH, include_in_schema=False)
    async def docs() -> Response:
        return await page.page()

    @routes.get(f"{DOCS_PATH}/{{name}}", include_in_schema=False)
    async def docs_file(name: str) -> Response:
        return page.file(name)

    def token_url(request: Request) -> str:
        """Absolute, as clients need it that don't resolve it against the contract's address."""
        return base_url(request.scope, request.headers.get("host", "").encode("latin-1"), fixed_issuer) + TOKEN_PATH

    @routes.get(OPENAPI_YAML_PATH, include_in_schema=False)
    async def openapi_yaml(request: Request) -> Response:
        text = _served()[0].replace(f"tokenUrl: {TOKEN_PATH}", f"tokenUrl: {token_url(request)}")
        return Response(text, media_type="application/yaml")

    @routes.get(OPENAPI_JSON_PATH, include_in_schema=False)
    async def openapi_json(request: Request) -> Response:
        text = _served()[1].replace(f'"tokenUrl":"{TOKEN_PATH}"', f'"tokenUrl":"{token_url(request)}"')
        return Response(text, media_type="application/json")

    return routes
