"""The lines of the log on requests: why one was refused, what was injected, what the client can't know.

A line is a sentence for people; what it says is in the record's `extra` too, under the names that the journal has.
"""

import logging
from collections.abc import Iterable, Mapping

from workflow_mock.errors import ApiError, ErrorDetail, ValidationDetail
from workflow_mock.http.messages import Request
from workflow_mock.state.exchange import Result, Target
from workflow_mock.state.redaction import redact_path, redact_tokens

LOGGED_METHOD_CHARACTERS = 40
LOGGED_PATH_BYTES = 300

LOGGED_REASON_CHARACTERS = 1000
"""Of all that is wrong with a request."""

logger = logging.getLogger("workflow_mock.requests")


def log_exchange(request: Request, target: Target, result: Result, seconds: float, duplicate_of: str | None) -> None:
    """Log a request: at `info` if there is more to say than that it was answered, else at `debug`."""
    facts, status = result.facts, result.response.status
    is_plain = not (result.errors or facts.fault_id or result.answer_lost or duplicate_of)
    level = logging.DEBUG if is_plain else logging.INFO
    if not logger.isEnabledFor(level):
        return
    reason, milliseconds = _reason(result.errors, result.validation), round(seconds * 1000, 3)
    text = f"{status} {reason}".strip() if status else "no response"
    held = None if facts.held is None else round(facts.held * 1000, 3)
    if facts.fault_id:
        step = f"step {facts.fault_step} of " if facts.fault_step else ""
        text += f"; by {step}the fault {facts.fault_id}"
    if held is not None:
        text += f"; held for {held:.3f} ms"
    if result.answer_lost:
        text += f"; the client can't know of the execution {facts.execution_id}"
    if duplicate_of:
        text += f"; a second try, as the response of the execution {duplicate_of} was lost"
    details = {
        "customerId": target.customer_id,
        "workflowId": target.workflow_id,
        "clientId": facts.client_id,
        "executionId": facts.execution_id,
        "faultId": facts.fault_id,
        "faultStep": facts.fault_step,
        "heldInMilliseconds": held,
        "answerLost": result.answer_lost or None,
        "clientLeft": result.client_left or None,
        "duplicateOf": duplicate_of,
        "durationInMilliseconds": milliseconds,
    }
    _log(level, request, status, result.errors, reason, f"{text}; in {milliseconds:.3f} ms", details)


def log_refusal(request: Request, error: ApiError) -> None:
    """Log that a request was refused that is none of an operation."""
    reason = _reason(error.errors, error.validation)
    _log(logging.INFO, request, error.status, error.errors, reason, f"{error.status} {reason}", {})


def _log(
    level: int,
    request: Request,
    status: int,
    errors: Iterable[ErrorDetail],
    reason: str,
    text: str,
    details: Mapping[str, object],
) -> None:
    method, path = (
        redact_tokens(request.method[:LOGGED_METHOD_CHARACTERS]),
        redact_path(request.raw_path[:LOGGED_PATH_BYTES]),
    )
    fields: dict[str, object] = {
        "requestId": request.id,
        "method": method,
        "path": path,
        "status": status,
        "code": next((error.code for error in errors), None),
        "reason": reason or None,
    }
    extra = {name: value for name, value in (fields | dict(details)).items() if value is not None}
    # The path is as it was sent, so that a line break in it is still %0A.
    logger.log(level, "%s %s %s: %s", request.id, method, path, text, extra=extra)


def _reason(errors: Iterable[ErrorDetail], validation: Iterable[ValidationDetail]) -> str:
    """What is wrong with a request, on one line and without tokens; what is too long is cut."""
    reason = ""
    for entry in (*errors, *validation):
        reason += f"{'; ' if reason else ''}{_line(redact_tokens(': '.join(entry)))}"
        if len(reason) > LOGGED_REASON_CHARACTERS:
            return f"{reason[: LOGGED_REASON_CHARACTERS - 1]}…"
    return reason


def _line(text: str) -> str:
    """The text with line breaks and what else isn't shown escaped, as the name of a property may have them."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)
