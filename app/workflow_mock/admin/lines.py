"""The journal in lines: a request each, made without a model, as a page that is open asks for many."""

from typing import Any

from pydantic import Field

from workflow_mock.sandbox import Sandbox
from workflow_mock.state.exchange import Exchange
from workflow_mock.state.line import Operation, Outcome
from workflow_mock.types import Moment, StrictModel, Uuid

MAX_AGENT = 100
"""Characters of a User-Agent; what is too long is cut."""


class RequestLine(StrictModel):
    """A request, what came of it and why, in a line."""

    id: str
    number: int = Field(description="In the order in which the requests came.")
    time: Moment = Field(description="When it was answered, by the machine's clock.")
    operation: Operation
    name: str = Field(description="The workflow's name or id, the client's id, or method and path.")
    customer_id: Uuid | None
    workflow_id: Uuid | None
    status: int = Field(description="0 where there was no response, or is none yet.")
    outcome: Outcome
    failed: bool = Field(description="Whether it didn't get, in a 2xx, what it asked for.")
    because: str = Field(description="Why it came so.", examples=["token_expired: The token expired 3 s ago"])
    milliseconds: float = Field(description="Until the response was ready to be sent.")
    execution_id: Uuid | None
    retry_after: str | None = Field(description="The Retry-After of the response.")
    user_agent: str | None


def line_members(sandbox: Sandbox, exchange: Exchange) -> dict[str, Any]:
    """The members of a RequestLine in JSON."""
    line, agent = sandbox.line(exchange), exchange.request.header("user-agent")
    response = dict(exchange.response.headers) if exchange.response else {}
    retry_after = response.get(b"retry-after")
    return line.members() | {
        "number": exchange.number,
        "failed": line.failed,
        "workflowId": exchange.target.workflow_id,
        "executionId": exchange.facts.execution_id,
        "retryAfter": None if retry_after is None else retry_after.decode("latin-1"),
        "userAgent": None if agent is None else agent[:MAX_AGENT],
    }
