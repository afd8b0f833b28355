"""What the server answers: objects whose properties are attributes.

A property that this version of the kit doesn't know is an attribute too, so that an older kit reads a newer server.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, get_type_hints

_WORD = re.compile("_([a-z0-9])")


def camel(name: str) -> str:
    """The name of a property in JSON: `retry_after` is `retryAfter`, `from_` is `from`."""
    return _WORD.sub(lambda match: match[1].upper(), name).removesuffix("_")


class Record:
    """An object of an answer. `data` is its JSON."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data

    def __getattr__(self, name: str) -> Any:
        property = camel(name)
        if name.startswith("_") or property not in self.data:
            raise AttributeError(f"{type(self).__name__} has no {name}: the server sent {', '.join(self.data)}")
        return _read(self.data[property], get_type_hints(type(self)).get(name))

    def __dir__(self) -> Iterator[str]:
        yield from super().__dir__()
        yield from (re.sub("([A-Z])", r"_\1", name).lower() for name in self.data)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and self.data == other.data

    def __hash__(self) -> int:
        return hash(json.dumps(self.data, sort_keys=True))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self.data)!r})"


def _read(value: Any, hint: Any) -> Any:
    """A value of JSON as its attribute is declared: a moment, records in records."""
    if isinstance(value, str) and "datetime" in str(hint):
        return datetime.fromisoformat(value)
    kind = next((each for each in (hint, *getattr(hint, "__args__", ())) if _is_record(each)), Record)
    if isinstance(value, list):
        return [_read(each, kind) for each in value]
    if isinstance(value, dict):
        return value if hint is not None and "Mapping" in str(hint) else kind(value)
    return value


def _is_record(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Record)


class Error(Record):
    """An error of an answer: its code, and what it says."""

    code: str
    message: str


class ValidationError(Record):
    """A member of a request that was wrong."""

    property: str
    message: str


class Token(Record):
    """The token of a request: never itself, but its digest, and its claims where the signature was good."""

    digest: str
    claims: Mapping[str, Any] | None


class Response(Record):
    """An answer as it was sent, without tokens."""

    headers: Mapping[str, str]
    body: str
    """Its first 16 KiB."""


class Request(Record):
    """A request of the client under test, and what it got."""

    id: str
    time: datetime
    method: str
    path: str
    query: str
    operation: str | None
    """`start` or `token`."""
    customer_id: str | None
    workflow_id: str | None
    headers: Mapping[str, str]
    """By names in lower case. Credentials are replaced."""
    body: str
    client_id: str | None
    token: Token | None
    status: int
    """0 where there was no response."""
    errors: Sequence[Error]
    validation: Sequence[ValidationError]
    duration_in_milliseconds: float
    execution_id: str | None
    """The execution that it started."""
    answer_lost: bool
    """Whether it started one, and the client can't know."""
    duplicate_of: str | None
    """The execution that the same client had started before, when the answer was lost."""
    fault_id: str | None
    fault_step: int | None
    """Of the fault's sequence, the first being 1."""
    held_in_milliseconds: float | None
    """For how long a fault held it; None where none did, or still does."""
    client_left: bool
    """Whether the client left before its request was answered."""
    fault_effect: str | None
    """What that fault did, in words: `connection reset, 1 of 2`."""
    notes: Sequence[str]
    """What the API's page doesn't document and the platform lets pass."""
    response: Response | None
    """The answer as it was sent, if the request was refused or a fault was injected."""

    @property
    def code(self) -> str | None:
        """Of the first error."""
        return self.errors[0].code if self.errors else None

    @property
    def json(self) -> Any:
        """The body, read. Raises ValueError."""
        return json.loads(self.body)


class Task(Record):
    """A task of an execution, at the moment of the call."""

    id: str
    subject_id: str
    name: str
    parameters: Mapping[str, Any]
    is_trigger: bool
    state: str
    queued_at: datetime | None
    finished_at: datetime | None


class QueueEntry(Record):
    """A task in the execution queue, and the subject that its job works on."""

    task_id: str
    job_subject_id: str


class Edge(Record):
    """A line of the hierarchy: the child waits for the parent."""

    parent: str
    child: str


class ExecutionState(Record):
    """An execution at the moment of the call."""

    id: str
    customer_id: str
    workflow_id: str
    state: str
    """`running`, `completed` or `failed`."""
    created: datetime
    finished: datetime | None
    execution_queue: Sequence[QueueEntry]
    tasks: Sequence[Task]
    tasks_hierarchy: Sequence[Edge]


class Fault(Record):
    """A fault, and how often it was met."""

    id: str
    matcher: Record
    when: str
    created: datetime
    is_permanent: bool
    """Whether it is the catalogue's."""
    over: bool
    matched: int
    injected: int
    times: int | None
    after: int | None
    probability: float | None
    seed: int | None
    from_: str | None
    ttl: str | None
    hold: str | None
    sequence: Sequence[Record] | None
    sequence_end: str | None
    status: int | None
    body: str | None
    json_body: Mapping[str, Any] | None
    content_type: str | None
    code: str | None
    message: str | None
    headers: Mapping[str, str] | None
    retry_after: str | None
    quota: Record | None
    fault: str | None
    truncate_body_at: int | None
    chunked_dribble_delay: Record | None
    fixed_delay_milliseconds: float | None
    delay_distribution: Record | None
    warnings: Sequence[str]
    """Why no request can match, as things are."""


class HeldRequest(Record):
    """A request that a fault holds."""

    request_id: str
    time: datetime
    operation: str | None
    customer_id: str | None
    workflow_id: str | None
    fault_id: str
    fault_step: int | None
    execution_id: str | None
    """The execution that it has started, if it is held after the commit."""
    left: str
    """Real time until it goes on by itself."""


class ClockState(Record):
    """A clock, and whether it is the customer's own."""

    now: datetime
    frozen: bool
    own: bool


class Expected(Record):
    """What presenting a token gets."""

    status: int
    code: str | None
    www_authenticate: str | None


class MintedToken(Record):
    """A token made to order."""

    access_token: str | None
    """None where it will be a client's next one."""
    expected: Expected


class WorkflowSummary(Record):
    """A workflow that may be started."""

    id: str
    name: str
    customers: Sequence[str] | None
    tasks: int


class Workflow(Record):
    """The definition of a workflow."""

    id: str
    name: str
    customers: Sequence[str] | None
    tasks: Sequence[Mapping[str, Any]]
    tasks_hierarchy: Sequence[Edge]


class OAuthClient(Record):
    """A client of the token endpoint, without its secret."""

    id: str
    customer_id: str | None
    """Of the world that has added it; None for everybody's."""
    scopes: Sequence[str] | None
    customers: Sequence[str] | None
    """Whom its tokens are for; None for everybody."""


class Nearest(Record):
    """What a request was probably meant for, and what is different."""

    method: str
    path: str
    differences: Sequence[str]


class Line(Record):
    """A request in one line: what came of it, and why."""

    id: str
    number: int
    time: datetime
    """When it was answered, by the machine's clock."""
    operation: str
    name: str
    customer_id: str | None
    workflow_id: str | None
    status: int
    outcome: str
    failed: bool
    because: str
    milliseconds: float
    execution_id: str | None
    retry_after: str | None
    user_agent: str | None


class Change(Record):
    """Something that isn't as it comes."""

    kind: str
    summary: str
    undone_by_reset: bool


class Unmatched(Record):
    """A request that met no route or no workflow."""

    request: Request
    nearest: Nearest


class NearMiss(Record):
    """A request that almost matched, and what was different."""

    request: Request
    differences: Sequence[str]


class Verdict(Record):
    """Whether the requests are those that a test wants."""

    verified: bool
    count: int
    forgotten: int
    requests: Sequence[Request]
    nearest: Sequence[NearMiss]


class Counts(Record):
    """How much of each the server holds."""

    workflows: int
    executions: int
    requests: int
    faults: int
    held: int


class Health(Record):
    """The server's state."""

    status: str
    version: str
    uptime_in_seconds: float
    store: Counts
    catalogue_error: str | None


class RotatedKeys(Record):
    """The key that signs now, and those whose tokens are accepted."""

    kid: str
    valid_kids: Sequence[str]
