"""Calls become HTTP requests, and responses become replies, whoever sends them."""

import json
import os
import warnings
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from workflow_mock_kit import __version__
from workflow_mock_kit.calls import TOKEN_PATH, Call, Reply
from workflow_mock_kit.errors import WorkflowMockError, WorkflowMockWarning

__tracebackhide__ = True

ADMIN_TOKEN = "WORKFLOW_MOCK_ADMIN_TOKEN"  # noqa: S105 - a name


class Target:
    """A server as the calls see it: its address, and what is checked once."""

    def __init__(self, url: str, admin_token: str | None = None) -> None:
        """`admin_token` is that of the variable WORKFLOW_MOCK_ADMIN_TOKEN if it isn't given. Raises ValueError."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError(f"the URL of the server must be like http://127.0.0.1:8080, not {url!r}")
        self.url = urlunsplit(parts._replace(path=parts.path.rstrip("/"), query="", fragment=""))
        self._admin_token = admin_token or os.environ.get(ADMIN_TOKEN)
        self._is_compared = False

    def token_url(self, customer_id: str) -> str:
        """Where the client of a world gets its tokens, which are of the world's time."""
        return f"{self.url}{TOKEN_PATH}?customerId={quote(customer_id)}"

    def request(self, call: Call) -> dict[str, Any]:
        """The arguments of httpx2's `request`."""
        headers = {"Accept": "application/json"}
        if self._admin_token is not None:
            headers["Authorization"] = f"Bearer {self._admin_token}"
        content = None
        if call.body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(call.body).encode()
        return {
            "method": call.method,
            "url": f"{self.url}/__admin/{call.path}",
            "params": dict(call.query),
            "headers": headers,
            "content": content,
            "timeout": call.seconds,
        }

    def reply(self, call: Call, status: int, body: bytes) -> Reply:
        """Raises WorkflowMockError."""
        data = _read(body)
        # A mapping without `meta.errors` is an answer; with it, the envelope of a refusal.
        errors = data.get("meta", {}).get("errors") if isinstance(data, dict) else None
        if status < 400 or (status in call.accepts and not errors):
            return Reply(status, data)
        if errors and errors[0]["code"] in call.forgives:
            return Reply(status, None)
        code, message = "unknown", body.decode("utf-8", "replace")[:200]
        if errors:
            code, message = errors[0]["code"], errors[0]["message"]
            details = data["meta"].get("validation", ())
            message = "; ".join([message, *(f"{each['property']}: {each['message']}" for each in details)])
        raise WorkflowMockError(status, code, message, f"{call.method} {self.url}/__admin/{call.path}")

    def compare_versions(self, health: Mapping[str, Any]) -> None:
        """Warn, once, where the server is of another version than the kit."""
        theirs = str(health.get("version"))
        if not self._is_compared and theirs.split(".")[:2] != __version__.split(".")[:2]:
            message = f"workflow-mock is {theirs}, workflow-mock-kit is {__version__}: install the same version of both"
            warnings.warn(message, WorkflowMockWarning, stacklevel=2)
        self._is_compared = True


def _read(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None


def verify_of(url: str) -> bool:
    """httpx2's `verify`: certificates count where there is TLS; without, none are read, which takes 20 ms a client."""
    return url.startswith("https:")
