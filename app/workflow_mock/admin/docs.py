"""The control plane's contract, as a document and as a page."""

import json
from asyncio import Lock, to_thread
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, Response

from workflow_mock.http.contract_page import ContractPage


def router(contract: Callable[[], Mapping[str, Any]]) -> APIRouter:
    """The page and the document that it is of, which never changes and is made once."""
    routes = APIRouter()
    page = ContractPage(contract, {})
    making = Lock()
    made: list[bytes] = []

    def document() -> bytes:
        return json.dumps(contract(), ensure_ascii=False, separators=(",", ":")).encode()

    async def once() -> bytes:
        async with making:
            if not made:
                made.append(await to_thread(document))
        return made[0]

    @routes.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        await once()  # the contract is made off the loop
        return await page.page()

    @routes.get("/docs/{name}", include_in_schema=False)
    async def docs_file(name: str) -> Response:
        return page.file(name)

    @routes.get("/openapi.json", include_in_schema=False)
    async def openapi_json() -> Response:
        return Response(await once(), media_type="application/json")

    return routes
