"""A request in one line, as the terminal, `workflow-mock tail` and the page show it: when, what, whose, and why so."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qs

from workflow_mock.errors import ErrorDetail, ValidationDetail
from workflow_mock.formats import iso_milliseconds, parse_uuid
from workflow_mock.paths import ADMIN_PATH
from workflow_mock.state.exchange import REQUEST_TOKEN, START_EXECUTION, Exchange
from workflow_mock.state.redaction import redact_tokens

Operation = Literal["token", "start", "admin", "other"]
"""What a request was: for a token, for an execution, a call of the control plane, or none of these."""

Outcome = Literal["ok", "duplicate", "fault", "refused", "lost", "none"]
"""What came of it; `none` is no response, though nothing is lost."""

MAX_NAME = 100
MAX_BECAUSE = 500
"""Characters of a name and of a reason; what is too long is cut."""

INJECTED = "injected_fault"
"""The code of a fault that names no other: the fault's id says as much."""

_NAME_WIDTH = 20
_COLOURS = {
    **dict.fromkeys(("time", "customer", "duration", "id"), "\x1b[2m"),
    "ok": "\x1b[32m",
    "duplicate": "\x1b[35m",
    "fault": "\x1b[33m",
    **dict.fromkeys(("refused", "lost", "none"), "\x1b[31m"),
}
"""Of parts of a line: faint, green, magenta, yellow, red."""
_CUSTOMER_WIDTH = len("customer 5f0c1e0a")


class Line(NamedTuple):
    """What a line says. All of it can be shown: no secrets, no control characters."""

    id: str
    """Of the request."""
    time: str
    """When it was answered by the machine's clock, in UTC: `2026-11-28T11:52:01.131Z`."""
    operation: Operation
    name: str
    """The workflow's name or id, the client's id, or method and path."""
    customer_id: str | None
    status: int
    """0 where there was no response."""
    outcome: Outcome
    because: str
    """Why it came so, and what else is to be said: `execution 02f2b6a1`, `token_expired: …`, `fault f81a0c3d (…)`."""
    milliseconds: float

    @property
    def failed(self) -> bool:
        """Whether the client hasn't got, in a 2xx, what it asked for."""
        return self.outcome in ("lost", "none") or not 200 <= self.status < 300

    def members(self) -> dict[str, object]:
        """As JSON."""
        return {"customerId" if name == "customer_id" else name: value for name, value in self._asdict().items()}

    @classmethod
    def of_members(cls, members: Mapping[str, Any]) -> "Line":
        """The way back, of another server's line, which may have more members. Raises ValueError, KeyError."""
        values: list[Any] = [members["customerId" if name == "customer_id" else name] for name in cls._fields]
        line = cls._make(_shown(each, MAX_BECAUSE) if isinstance(each, str) else each for each in values)
        datetime.fromisoformat(line.time)
        return line

    def __str__(self) -> str:
        return "".join(text for _, text in columns(self))

    def coloured(self) -> str:
        """With colours for a terminal (ECMA-48, 8.3.117)."""
        return "".join(f"{_COLOURS[part]}{text}\x1b[0m" if part in _COLOURS else text for part, text in columns(self))


def line_of(exchange: Exchange, workflow_name: str | None) -> Line:
    """The line of an entry: one of the journal's, or of another request. It has the workflow's id, but not its name."""
    operation, name = _operation_and_name(exchange, workflow_name)
    return Line(
        exchange.id,
        iso_milliseconds(exchange.recorded_at),
        operation,
        _shown(name, MAX_NAME),
        exchange.customer_id,
        exchange.status,
        _outcome(exchange),
        _shown(_because(exchange), MAX_BECAUSE),
        round(exchange.seconds * 1000, 3),
    )


def reasons(errors: Sequence[ErrorDetail], validation: Sequence[ValidationDetail]) -> Iterator[str]:
    """What is wrong with a request, part by part without tokens; problems stand for `validation_failed`."""
    for error in errors:
        if not (validation and error.code == "validation_failed"):
            yield redact_tokens(": ".join(error))
    for problem in validation:
        yield redact_tokens(": ".join(problem))


def columns(line: Line) -> Iterator[tuple[str, str]]:
    """A line's text in parts, each with the name of what it shows; joined, they are the line."""
    yield "time", f"{_local_time(line.time[:19])}{line.time[19:23]}"
    yield "operation", f"  {line.operation:5}"
    if line.customer_id is None:
        yield "name", f"  {_cut(line.name, _NAME_WIDTH + 2 + _CUSTOMER_WIDTH):{_NAME_WIDTH + 2 + _CUSTOMER_WIDTH}}"
    else:
        yield "name", f"  {_cut(line.name, _NAME_WIDTH):{_NAME_WIDTH}}"
        yield "customer", f"  customer {short(line.customer_id)}".ljust(_CUSTOMER_WIDTH + 2)
    status = line.outcome if line.outcome in ("lost", "none") else str(line.status)
    yield line.outcome, f"  {status:4}"
    if line.because:
        yield "because", f"  {line.because}"
    if line.outcome == "ok":
        yield "duration", f"  {line.milliseconds:.1f} ms"
    if line.outcome == "refused":
        yield "id", f"  ({line.id})"


@lru_cache(maxsize=8)
def _local_time(second: str) -> str:
    """The local time of a second in UTC."""
    return datetime.fromisoformat(f"{second}+00:00").astimezone().strftime("%H:%M:%S")


def short(id: str) -> str:
    """The first eight digits of a UUID; any other text as it is."""
    return id[:8] if parse_uuid(id) else id


def _operation_and_name(exchange: Exchange, workflow_name: str | None) -> tuple[Operation, str]:
    target, request = exchange.target, exchange.request
    if target.operation == START_EXECUTION:
        return "start", workflow_name or target.workflow_id or request.path
    if target.operation == REQUEST_TOKEN:
        claimed = exchange.facts.client_id or parse_qs(request.text).get("client_id", ["no client"])[0]
        return "token", claimed
    if request.path.startswith(f"{ADMIN_PATH}/"):
        return "admin", f"{request.method} {request.path.removeprefix(f'{ADMIN_PATH}/')}"
    return "other", f"{request.method} {request.path}"


def _because(exchange: Exchange) -> str:
    facts = exchange.facts
    parts = []
    if facts.execution_id:
        was = " was started" if exchange.answer_lost or not 200 <= exchange.status < 300 else ""
        parts.append(f"execution {short(facts.execution_id)}{was}")
    if exchange.duplicate_of:
        parts.append(f"DUPLICATE of {short(exchange.duplicate_of)}")
    if facts.fault_id:
        effect = f" ({facts.fault_effect})" if facts.fault_effect else ""
        parts.append(f"fault {short(facts.fault_id)}{effect}")
    if exchange.client_left or not (exchange.status or facts.fault_id):
        parts.append("the client left before it was answered")
    parts += reasons([each for each in exchange.errors if each.code != INJECTED], exchange.validation)
    return "; ".join(parts)


def _outcome(exchange: Exchange) -> Outcome:
    if exchange.answer_lost and exchange.status in (0, 200):
        return "lost"
    if not exchange.status:
        return "none"
    if exchange.facts.fault_id:
        return "fault"
    if exchange.duplicate_of:
        return "duplicate"
    return "ok" if exchange.status < 400 else "refused"


def _shown(text: str, length: int) -> str:
    """The text with line breaks, escapes and what else isn't shown written as `\\n`, `\\x1b`; cut to a length."""
    if not text.isprintable():
        first = text[: length + 1]
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in first)
    return _cut(text, length)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
