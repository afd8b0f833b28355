"""A customer's own world on a shared server: what a client does in it, and what a test does to it."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import uuid4

import httpx2 as httpx

from tests.support import WORKFLOW, Server, path

TOKEN_PATH = "/api/authentication/connect/token"
BODY = b'{"data":{"workflowId":"%s"}}'
FAR = 600_000
"""Milliseconds that no test waits for."""
LONG = "10m"
"""The same as the control plane reads it."""

T = TypeVar("T")


@dataclass
class World:
    server: Server
    token: str
    customer: str = field(default_factory=lambda: str(uuid4()))

    @property
    def path(self) -> str:
        return path(customer=self.customer)

    def start(self, workflow: str = WORKFLOW, **request: Any) -> httpx.Response:
        return self.server.start(workflow, customer=self.customer, token=self.token, **request)

    def statuses(self, count: int) -> list[int]:
        """What so many starts are answered."""
        return [self.start().status_code for _ in range(count)]

    def raw(self, workflow: str = WORKFLOW) -> bytes:
        """A start as bytes for a socket."""
        body = BODY % workflow.encode()
        head = (
            f"POST {path(workflow, customer=self.customer)} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        )
        return f"{head}Authorization: Bearer {self.token}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body

    def admin(self, method: str, resource: str, **request: Any) -> Any:
        """What the control plane answers for this customer."""
        params = {"customerId": self.customer} | request.pop("params", {})
        answer = self.server.http.request(method, f"/__admin/{resource}", params=params, timeout=30, **request)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def fault(self, **spec: Any) -> str:
        return str(self.admin("POST", "faults", json=spec)["id"])

    def wait(self, fault: str, **body: Any) -> list[dict[str, Any]]:
        """The requests that a fault holds, as soon as there is one, or so many."""
        wanted = {"within": LONG, **body}
        found: list[dict[str, Any]] = self.admin("POST", f"faults/{fault}/wait", json=wanted)["held"]
        return found

    def release(self, request_id: str, **body: Any) -> None:
        self.admin("POST", f"held/{request_id}/release", json=body)

    @contextmanager
    def holding(self, raw: bytes = b"", **spec: Any) -> Iterator[tuple[socket.socket, dict[str, Any]]]:
        """The connection of a start, or of other bytes, that is held, and what the control plane says of it."""
        fault = self.fault(**{"hold": LONG, "times": 1, **spec})
        with self.server.connect() as connection:
            connection.sendall(raw or self.raw())
            (shown,) = self.wait(fault)
            yield connection, shown

    def injected(self, fault: str) -> int:
        found: int = self.server.http.get(f"/__admin/faults/{fault}").json()["injected"]
        return found

    def freeze(self) -> None:
        self.admin("PUT", "clock", json={"action": "freeze"})

    def advance(self, by: str) -> None:
        self.admin("PUT", "clock", json={"action": "advance", "by": by})

    def entries(self, **params: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.admin("GET", "requests", params=params)["requests"]
        return found

    def entry(self) -> dict[str, Any]:
        """The newest of the journal."""
        return self.entries()[-1]

    def executions(self) -> list[str]:
        return [each["id"] for each in self.admin("GET", "executions")["executions"]]


def until(look: Callable[[], T]) -> T:
    """What it sees as soon as that is something."""
    deadline = time.monotonic() + 10
    while not (found := look()):
        assert time.monotonic() < deadline, "it never came"
    return found


def error_of(answer: httpx.Response) -> str:
    """The code of the only error in an envelope."""
    (error,) = answer.json()["meta"]["errors"]
    return str(error["code"])
