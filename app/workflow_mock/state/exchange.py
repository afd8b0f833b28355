"""One request and its response, as the journal keeps them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from time import time as wall_time
from types import TracebackType
from typing import Literal, NamedTuple

from workflow_mock.errors import ErrorDetail, ValidationDetail
from workflow_mock.http.messages import Request, Response
from workflow_mock.state.recorded_request import RecordedRequest, RecordedResponse, record_request, record_response
from workflow_mock.state.redaction import redact_tokens

REQUEST_TOKEN = "token"  # noqa: S105 - an operation's name
START_EXECUTION = "start"
OperationName = Literal["start", "token"]


class Target(NamedTuple):
    """What a request's path names: the operation of the contract, the customer, the workflow; `None` where nothing."""

    operation: str | None
    customer_id: str | None = None
    workflow_id: str | None = None


@dataclass(slots=True)
class Facts:
    """What was learnt on a request's way."""

    token_digest: str | None = None
    claims: bytes | None = None
    """Of its token, as JSON and without what is secret in them, once the signature was verified."""
    client_id: str | None = None
    execution_id: str | None = None
    """The execution that it started."""
    fault_id: str | None = None
    """The fault that was injected."""
    fault_step: int | None = None
    """Of the fault's sequence, the first being 1."""
    held: float | None = None
    """Seconds for which a fault held it, until it was released, its time was over, or the client left."""
    fault_effect: str | None = None
    """What it did, in words: `connection reset, 1 of 2`."""
    notes: tuple[object, ...] = ()
    """What the vendor's page doesn't document and was let pass."""

    def merge(self, other: "Facts") -> "Facts":
        """These facts, and those of `other` where these have none."""
        return Facts(
            self.token_digest or other.token_digest,
            self.claims or other.claims,
            self.client_id or other.client_id,
            self.execution_id or other.execution_id,
            self.fault_id or other.fault_id,
            self.fault_step or other.fault_step,
            self.held if other.held is None else other.held,
            self.fault_effect or other.fault_effect,
            self.notes or other.notes,
        )


NO_FACTS = Facts()


def _without_secrets(facts: Facts) -> Facts:
    """The facts; a note names a property of the body, whose name may be a token."""
    if not any("." in str(note) for note in facts.notes):
        return facts
    return replace(facts, notes=tuple(redact_tokens(str(note)) for note in facts.notes))


class attach:  # noqa: N801 - used as a statement, as contextlib's own are
    """A context manager: an exception that leaves the block takes these facts along, in the manner of `add_note`."""

    __slots__ = ("_facts",)

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            add_facts(error, self._facts)


def add_facts(error: BaseException, facts: Facts) -> None:
    error.facts = facts_of(error).merge(facts)  # type: ignore[attr-defined]


def facts_of(error: BaseException) -> Facts:
    """The facts that an exception took along."""
    found: Facts = getattr(error, "facts", NO_FACTS)
    return found


@dataclass(slots=True)
class Result:
    """What became of a request: the response, of status 0 if there is none, and what the journal notes of it."""

    response: Response
    facts: Facts
    time: datetime
    """When the request came. Token and record share it, but where a fault delayed them: those have the delay's end."""
    errors: Sequence[ErrorDetail] = ()
    validation: Sequence[ValidationDetail] = ()
    answer_lost: bool = False
    """Whether an execution was started and the client can't know of it."""
    client_left: bool = False
    """Whether the client left before its request was answered."""


NO_RESPONSE = Response(0, (), b"")


def _kept_response(target: Target, result: Result) -> RecordedResponse | None:
    """The response, unless it has a token in it or there is none."""
    is_token = target.operation == REQUEST_TOKEN and result.response.status == 200
    return None if is_token or not result.response.status else record_response(result.response)


ENTRY_BYTES = 1024
"""What an entry of the journal takes beside the texts that were sent."""

TEXT_BYTES = 128
"""What each problem and each note takes beside its texts."""


def entry_size(
    request: RecordedRequest, facts: Facts, errors: Sequence[ErrorDetail], validation: Sequence[ValidationDetail]
) -> int:
    """Bytes that an entry of the journal takes, about."""
    size = ENTRY_BYTES + request.size
    if facts.claims:
        size += len(facts.claims)
    if errors or validation or facts.notes:
        size += sum(TEXT_BYTES + len(name) + len(message) for name, message in (*errors, *validation))
        size += sum(TEXT_BYTES + len(str(note)) for note in facts.notes)
    return size


@dataclass(slots=True)
class Exchange:
    """A request and its response, without their secrets."""

    id: str
    """Of the request."""
    time: datetime
    target: Target
    facts: Facts
    request: RecordedRequest
    status: int
    errors: Sequence[ErrorDetail] = ()
    validation: Sequence[ValidationDetail] = ()
    duplicate_of: str | None = None
    """The execution of the client's first try, whose answer was lost."""
    answer_lost: bool = False
    client_left: bool = False
    seconds: float = 0.0
    """Until the response was ready to be sent."""
    recorded_at: float = 0.0
    """When it was answered by the machine's clock, in seconds since 1970, whatever the customer's clock says."""
    response: RecordedResponse | None = None
    """Where the request was refused or a fault was injected."""
    size: int = 0
    """Bytes that it takes, about."""
    number: int = 0
    """In the journal."""

    @classmethod
    def of(
        cls, request: Request, target: Target, result: Result, duplicate_of: str | None = None, seconds: float = 0.0
    ) -> "Exchange":
        recorded = record_request(request, is_token_request=target.operation == REQUEST_TOKEN)
        response = _kept_response(target, result) if result.errors or result.facts.fault_id else None
        return cls(
            request.id,
            result.time,
            target,
            _without_secrets(result.facts) if result.facts.notes else result.facts,
            recorded,
            result.response.status,
            result.errors and [ErrorDetail(*map(redact_tokens, error)) for error in result.errors],
            result.validation and [ValidationDetail(*map(redact_tokens, problem)) for problem in result.validation],
            duplicate_of,
            result.answer_lost,
            result.client_left,
            seconds,
            wall_time(),
            response,
            entry_size(recorded, result.facts, result.errors, result.validation) + (response.size if response else 0),
        )

    @property
    def customer_id(self) -> str | None:
        return self.target.customer_id
