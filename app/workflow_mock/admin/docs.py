"""The control plane's contract as a page to read: no script, nothing from elsewhere."""

import json
import re
from asyncio import Lock, to_thread
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from html import escape
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c2024 }
h2 { margin-top: 2.5rem } h3 { font-size: 1rem; margin-bottom: .2rem } code, pre { font: .9rem ui-monospace, monospace }
pre { background: #f3f5f7; padding: .8rem; overflow: auto }
summary { cursor: pointer; color: #44525f } p { margin: .3rem 0 }
"""
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def router(contract: Callable[[], Mapping[str, Any]]) -> APIRouter:
    """The page and the document that it is of; both never change, and are made once."""
    routes = APIRouter()

    made: dict[Callable[[], bytes], bytes] = {}
    making = Lock()

    async def once(make: Callable[[], bytes]) -> bytes:
        async with making:
            if make not in made:
                made[make] = await to_thread(make)
        return made[make]

    def page() -> bytes:
        return "\n".join(_page(contract())).encode()

    def document() -> bytes:
        return json.dumps(contract(), ensure_ascii=False, separators=(",", ":")).encode()

    @routes.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return HTMLResponse(await once(page), headers={"Content-Security-Policy": _POLICY})

    @routes.get("/openapi.json", include_in_schema=False)
    async def openapi_json() -> Response:
        return Response(await once(document), media_type="application/json")

    return routes


def _page(contract: Mapping[str, Any]) -> Iterator[str]:
    title, description = escape(contract["info"]["title"]), _text(contract["info"]["description"])
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    yield f'<main><h1>{title}</h1><p>{description}</p><p><a href="openapi.json">OpenAPI</a></p>'
    tag = ""
    for path, operations in contract["paths"].items():
        for method, operation in operations.items():
            if operation["tags"][0] != tag:
                tag = operation["tags"][0]
                yield f"<h2>{escape(tag)}</h2>"
            query = "&".join(each["name"] for each in operation.get("parameters", ()) if each["in"] == "query")
            asked = f"?{escape(query)}" if query else ""
            yield f"<h3><code>{method.upper()} {escape(path)}{asked}</code></h3>"
            yield f"<p>{_text(operation.get('description', operation['summary']))}</p>"
            for name, part in {"body": operation.get("requestBody", {}), **operation["responses"]}.items():
                if schema := part.get("content", {}).get("application/json", {}).get("schema"):
                    yield f"<details><summary>{name}</summary>{_schema(schema, contract)}</details>"
    yield "</main></html>"


def _text(markdown: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(markdown))


def _schema(schema: Mapping[str, Any], contract: Mapping[str, Any]) -> str:
    """A schema, and those that it refers to directly or not, each once."""
    shown, todo, parts = set(), [schema], []
    while todo:
        text = json.dumps(todo.pop(0), indent=1)
        parts.append(f"<pre>{escape(text)}</pre>")
        for name, other in contract["components"]["schemas"].items():
            if f'"#/components/schemas/{name}"' in text and name not in shown:
                shown.add(name)
                todo.append({name: other})
    return "".join(parts)
