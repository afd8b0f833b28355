"""What people are told: a request in a line, and why a verdict isn't the one that was wanted."""

from collections.abc import Mapping
from typing import Any

from workflow_mock_kit.records import Request, Verdict


def named(conditions: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value!r}" for name, value in conditions.items()) or "any start"


def explain(verdict: Verdict, wanted: Mapping[str, int], conditions: Mapping[str, Any]) -> str:
    """Why a verdict isn't the one that was wanted, and what there was instead."""
    counts = " and ".join(f"{_COUNTS[name]} {number}" for name, number in wanted.items())
    there = f"there {'was' if verdict.count == 1 else 'were'} {verdict.count}"
    lines = [f"wanted {counts} with {named(conditions)}, but {there}"]
    if verdict.forgotten:
        lines.append(f"{verdict.forgotten} requests are no longer in the journal: see --max-requests")
    return "\n".join([*lines, *seen(verdict)])


_COUNTS = {"exactly": "exactly", "atLeast": "at least", "atMost": "at most"}


def seen(verdict: Verdict) -> list[str]:
    matched = [f"  matched: {line(request)}" for request in verdict.requests[:5]]
    # A request for a token is nearly no start.
    near = [miss for miss in verdict.nearest if not any(each.startswith("operation ") for each in miss.differences)]
    fewest = min((len(miss.differences) for miss in near), default=0)
    nearest = [
        f"  almost: {line(miss.request)}\n    {'; '.join(miss.differences)}"
        for miss in near[:5]
        if len(miss.differences) == fewest
    ]
    return [*matched, *nearest]


def line(request: Request) -> str:
    """A request in a line: when, what, and what came of it."""
    what = {"start": "start", "token": "token"}.get(request.operation or "", f"{request.method} {request.path}")
    status = str(request.status) if request.status else "no response"
    notes = [
        _error(request),
        request.fault_id and f"fault {request.fault_id[:8]}",
        request.data.get("faultStep") and f"step {request.fault_step}",
        request.data.get("heldInMilliseconds") and f"held for {request.held_in_milliseconds:.0f} ms",
        request.data.get("clientLeft") and "the client left",
        request.answer_lost and f"answer lost: {request.execution_id} was started",
        request.duplicate_of and f"DUPLICATE of {request.duplicate_of}",
        *(f"{each.property}: {each.message}" for each in request.validation[:2]),
    ]
    return "  ".join([f"{request.time:%H:%M:%S.%f}"[:-3], what, status, *(note for note in notes if note)])


def _error(request: Request) -> str | None:
    """The first error of the answer, with what it says unless the rest of the line does."""
    if not request.errors:
        return None
    code, message = request.errors[0].code, request.errors[0].message
    is_said = request.fault_id is not None or bool(request.validation)
    return code if is_said else f"{code}: {message}"
