"""A contract as a page: Swagger UI, to try each call, where its files are installed (the extra `docs`); else a list.

The files are those of the package fastapi-swagger; of its code nothing is used, as that writes scripts into the page.
"""

import json
import re
from asyncio import Lock, to_thread
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from starlette.responses import FileResponse, HTMLResponse, Response

from workflow_mock.errors import ApiError

FILES = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>%s</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" href="docs/favicon-32x32.png">
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</html>
"""
_START = """const ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
ui.initOAuth(%s);
"""
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c2024 }
h2 { margin-top: 2.5rem } h3 { font-size: 1rem; margin-bottom: .2rem } code, pre { font: .9rem ui-monospace, monospace }
pre { background: #f3f5f7; padding: .8rem; overflow: auto }
summary { cursor: pointer; color: #44525f } p { margin: .3rem 0 }
"""
_COMMON = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_POLICY = f"{_COMMON}; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'"
_POLICY_OF_LIST = f"{_COMMON}; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'"


class ContractPage:
    """The page at `docs`, beside the contract at `openapi.json`, and its files below it."""

    def __init__(self, contract: Callable[[], Mapping[str, Any]], oauth: Mapping[str, str]) -> None:
        """`oauth` fills in the form behind *Authorize*: clientId, clientSecret, scopes."""
        self._contract = contract
        self._oauth = oauth
        self._making = Lock()
        self._list: str | None = None

    @cached_property
    def _folder(self) -> Path | None:
        """Where the files of Swagger UI are."""
        try:
            return Path(str(files("fastapi_swagger") / "resources"))
        except ModuleNotFoundError:
            return None

    async def page(self) -> Response:
        if self._folder is not None:
            title = escape(self._contract()["info"]["title"])
            return HTMLResponse(_PAGE % title, headers={"Content-Security-Policy": _POLICY})
        async with self._making:
            if self._list is None:  # it never changes
                self._list = await to_thread(lambda: "\n".join(_list(self._contract())))
        return HTMLResponse(self._list, headers={"Content-Security-Policy": _POLICY_OF_LIST})

    def file(self, name: str) -> Response:
        """Raises ApiError (404)."""
        if self._folder is not None and name == "start.js":
            return Response(_START % json.dumps(self._oauth), media_type="text/javascript")
        if self._folder is None or name not in FILES:
            raise ApiError("route_not_found", "The page has no such file")
        return FileResponse(self._folder / name)


def _list(contract: Mapping[str, Any]) -> Iterator[str]:
    title, description = escape(contract["info"]["title"]), _text(contract["info"]["description"])
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    yield f'<main><h1>{title}</h1><p>{description}</p><p><a href="openapi.json">OpenAPI</a></p>'
    tag = ""
    for path, members in contract["paths"].items():
        operations = {method: each for method, each in members.items() if method != "parameters"}
        for method, operation in operations.items():
            if operation["tags"][0] != tag:
                tag = operation["tags"][0]
                yield f"<h2>{escape(tag)}</h2>"
            parameters = [_resolved(each, contract) for each in operation.get("parameters", ())]
            query = "&".join(each["name"] for each in parameters if each["in"] == "query")
            asked = f"?{escape(query)}" if query else ""
            yield f"<h3><code>{method.upper()} {escape(path)}{asked}</code></h3>"
            yield f"<p>{_text(operation.get('description', operation['summary']))}</p>"
            for name, part in {"body": operation.get("requestBody", {}), **operation["responses"]}.items():
                content = _resolved(part, contract).get("content", {})
                if schema := content.get("application/json", {}).get("schema"):
                    yield f"<details><summary>{name}</summary>{_schema(schema, contract)}</details>"
    yield "</main></html>"


def _resolved(part: Mapping[str, Any], contract: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part of the contract, or what it refers to."""
    found: Any = part
    if "$ref" in part:
        found = contract
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
    return dict(found)


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
