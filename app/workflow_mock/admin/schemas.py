"""JSON models that more than one router uses."""

import json
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Self, cast

from pydantic import Field

import workflow_mock.errors
from workflow_mock.api.wire import WireEdge, WireQueueEntry, WireTask
from workflow_mock.domain.execution import Execution, State
from workflow_mock.faults.fault import Fault
from workflow_mock.faults.spec import FaultSpec
from workflow_mock.paths import TOKEN_PATH
from workflow_mock.state.exchange import (
    REQUEST_TOKEN,
    START_EXECUTION,
    Exchange,
    Facts,
    OperationName,
    Target,
    entry_size,
)
from workflow_mock.state.recorded_request import RecordedResponse, recorded
from workflow_mock.state.redaction import KEPT_BYTES, redact_json, redact_tokens
from workflow_mock.strict_json import NotSerializable, check, sayable
from workflow_mock.types import Moment, StrictModel, Uuid

LONGEST_NAME = 100
"""Characters of an id, a digest or a client's name, which are counted with the entry."""

RequestText = Annotated[str, Field(max_length=10 * KEPT_BYTES)]
"""Of a request: so long can it become where each byte that is no text, or short token, is shown by more than one."""


class JournalToken(StrictModel):
    """The token of a request: its digest, and its claims."""

    digest: RequestText = Field(
        description="Of the token, which is not kept itself.", examples=["sha256:9f86d081884c7d65"]
    )
    claims: dict[str, Any] | None = Field(
        None, description="If it is signed by a key that is trusted, and they can be shown."
    )


class ErrorDetail(StrictModel):
    """An entry of `meta.errors`."""

    code: str = Field(
        description="New ones may come, and a fault names its own.", examples=["validation_failed", "not_found"]
    )
    message: str


class ValidationDetail(StrictModel):
    """An entry of `meta.validation`: a property of the request, and what is wrong with it."""

    property: str
    message: str


class ErrorMeta(StrictModel):
    """The `meta` of an error."""

    errors: list[ErrorDetail]
    validation: list[ValidationDetail]
    info: dict[str, Any]


class ErrorResponse(StrictModel):
    """The envelope of each error."""

    meta: ErrorMeta
    data: dict[str, Any] | None = Field(description="Always null.")


class JournalResponse(StrictModel):
    """A response as it was sent, without tokens."""

    headers: dict[str, RequestText] = Field(description="But for those that every response has.")
    body: RequestText = Field(description="Its first 16 KiB.")

    @classmethod
    def of(cls, response: RecordedResponse) -> "JournalResponse":
        """Show a response."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in response.headers}
        return cls.model_construct(headers=headers, body=response.text)

    def recorded(self) -> RecordedResponse:
        """The way back, for a snapshot."""
        headers = tuple((_latin_1(name), _latin_1(redact_tokens(value))) for name, value in self.headers.items())
        return RecordedResponse(headers, redact_tokens(self.body).encode())


class JournalEntry(StrictModel):
    """A request of the workflow API or the token endpoint, and what became of it."""

    id: str = Field(max_length=100, description="The X-Request-Id of its response.", examples=["5d0f3a7c-00002a"])
    time: Moment
    method: RequestText
    path: RequestText
    query: RequestText
    operation: OperationName | None = Field(None, description="Null where the path is that of none.")
    customer_id: str | None = None
    workflow_id: str | None = None
    headers: dict[str, RequestText] = Field(description="Names in lower case; what is secret is replaced.")
    body: RequestText
    client_id: RequestText | None = None
    token: JournalToken | None = None
    status: int = Field(ge=0, le=599, description="0 where there was no response, or is none yet.")
    errors: list[ErrorDetail]
    validation: list[ValidationDetail]
    duration_in_milliseconds: float = Field(description="Until the response was ready to be sent.")
    execution_id: str | None = Field(None, description="The execution that it started.")
    answer_lost: bool = Field(description="Whether the client can't know of that execution.")
    duplicate_of: str | None = Field(
        None, description="The execution of the client's first try, whose response was lost."
    )
    fault_id: str | None = Field(None, description="The fault that struck.")
    fault_step: int | None = Field(None, ge=1, description="The step of its sequence that struck, the first being 1.")
    held_in_milliseconds: float | None = Field(
        None, ge=0, description="For how long a fault held it; null where none did, or still does."
    )
    client_left: bool = Field(False, description="Whether the client left before its request was answered.")
    fault_effect: RequestText | None = Field(
        None, description="What it did, in words.", examples=["connection reset, 1 of 2"]
    )
    notes: list[str] = Field(description="What the API's page doesn't document, and was let pass.")
    response: JournalResponse | None = Field(
        None, description="Of a request that was refused, or that a fault was injected into."
    )

    @classmethod
    def of(cls, exchange: Exchange) -> "JournalEntry":
        """Show an exchange."""
        target, facts, request = exchange.target, exchange.facts, exchange.request
        return cls.model_construct(  # the limits are for what a snapshot says, not for what was sent
            id=exchange.id,
            time=exchange.time,
            method=request.method,
            path=request.path,
            query=request.query.decode("latin-1"),
            operation=cast("OperationName | None", target.operation),
            customer_id=target.customer_id,
            workflow_id=target.workflow_id,
            headers={name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers.items()},
            body=request.text,
            client_id=facts.client_id,
            token=None
            if facts.token_digest is None
            else JournalToken.model_construct(digest=facts.token_digest, claims=_shown(facts.claims)),
            status=exchange.status,
            errors=[ErrorDetail.show(error) for error in exchange.errors],
            validation=[ValidationDetail.show(problem) for problem in exchange.validation],
            duration_in_milliseconds=round(exchange.seconds * 1000, 3),
            execution_id=facts.execution_id,
            answer_lost=exchange.answer_lost,
            duplicate_of=exchange.duplicate_of,
            fault_id=facts.fault_id,
            fault_step=facts.fault_step,
            held_in_milliseconds=None if facts.held is None else round(facts.held * 1000, 3),
            client_left=exchange.client_left,
            fault_effect=facts.fault_effect,
            notes=[str(note) for note in facts.notes],
            response=None if exchange.response is None else JournalResponse.of(exchange.response),
        )

    def exchange(self) -> Exchange:
        """The way back, for a snapshot; what is secret in it is replaced again."""
        is_token_request = self.path == TOKEN_PATH or self.operation == REQUEST_TOKEN
        claims = None if self.token is None else self.token.claims
        known = START_EXECUTION if self.workflow_id else None
        operation = REQUEST_TOKEN if is_token_request else self.operation or known
        facts = Facts(
            None if self.token is None else self.token.digest,
            None if claims is None else json.dumps(redact_json(claims)).encode(),
            self.client_id,
            self.execution_id,
            self.fault_id,
            self.fault_step,
            None if self.held_in_milliseconds is None else self.held_in_milliseconds / 1000,
            None if self.fault_effect is None else redact_tokens(self.fault_effect),
            tuple(self.notes),
        )
        request = recorded(
            self.method,
            _latin_1(self.path),
            _latin_1(self.query),
            tuple((_latin_1(name), _latin_1(value)) for name, value in self.headers.items()),
            self.body.encode(),
            is_token_request,
        )
        response = None if self.response is None else self.response.recorded()
        errors = [workflow_mock.errors.ErrorDetail(**dict(error)) for error in self.errors]
        validation = [workflow_mock.errors.ValidationDetail(**dict(problem)) for problem in self.validation]
        named = (self.customer_id, self.workflow_id, self.execution_id, self.fault_id, self.duplicate_of)
        texts = (*named, facts.token_digest, facts.client_id, facts.fault_effect)  # which no request makes so long
        return Exchange(
            id=self.id,
            time=self.time,
            target=Target(operation, self.customer_id, self.workflow_id),
            facts=facts,
            request=request,
            status=self.status,
            errors=errors,
            validation=validation,
            duplicate_of=self.duplicate_of,
            answer_lost=self.answer_lost,
            client_left=self.client_left,
            seconds=self.duration_in_milliseconds / 1000,
            recorded_at=self.time.timestamp(),
            response=response,
            size=entry_size(request, facts, errors, validation)
            + (response.size if response else 0)
            + sum(len(text) - LONGEST_NAME for text in texts if text and len(text) > LONGEST_NAME),
        )


class TaskView(WireTask):
    """A task of the documented record, and how far it is."""

    state: State
    queued_at: Moment | None
    finished_at: Moment | None = Field(description="When it was completed or failed.")


class ExecutionSummary(StrictModel):
    """An execution without its tasks."""

    id: Uuid
    customer_id: Uuid
    workflow_id: Uuid
    state: State
    created: Moment
    finished: Moment | None


class ExecutionView(ExecutionSummary):
    """The documented record, and what only the sandbox knows: the states of the execution and its tasks."""

    execution_queue: list[WireQueueEntry]
    tasks: list[TaskView]
    tasks_hierarchy: list[WireEdge]


def summary(execution: Execution, state: State, finished: datetime | None) -> dict[str, Any]:
    """The members of an ExecutionSummary."""
    return {
        "id": execution.id,
        "customer_id": execution.customer_id,
        "workflow_id": execution.definition.id,
        "state": state,
        "created": execution.created,
        "finished": finished,
    }


class FaultView(FaultSpec, json_schema_extra={}):  # the examples are of what is sent
    """A fault, and what it has done."""

    created: Moment
    is_permanent: bool = Field(description="Whether it is the catalogue's.")
    over: bool = Field(description="Whether its `times` or its `ttl` is over, for the customer or for all.")
    matched: int = Field(description="Requests that its matcher matched.")
    injected: int = Field(description="Requests that it was injected into.")
    warnings: list[str] = Field(description="Why no request that could succeed matches its matcher, as things are.")

    @classmethod
    def of(cls, fault: Fault, customer_id: str | None, *, over: bool, warnings: list[str]) -> Self:
        """The fault as it is for a customer, or for all (None)."""
        matched, injected = fault.counts(customer_id)
        return cls.show(
            fault.spec,
            created=fault.created,
            is_permanent=fault.is_permanent,
            over=over,
            matched=matched,
            injected=injected,
            warnings=warnings,
        )


def _latin_1(text: str) -> bytes:
    return text.encode("latin-1", "replace")


def _shown(claims: bytes | None) -> dict[str, Any] | None:
    """The claims. What JSON can't say again, in a token that another issuer signed, is replaced; too deep, all is."""
    if claims is None:
        return None
    found: dict[str, Any] = json.loads(claims)
    with suppress(NotSerializable):
        check(found)
        return found
    with suppress(NotSerializable, RecursionError):
        check(found := sayable(found))
        return found
    return None
