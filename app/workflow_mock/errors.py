"""Errors and problems: what is wrong with a request, a document or a setting.

ApiError is raised where the error is found and rendered by `http.envelope` alone.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

Headers = tuple[tuple[bytes, bytes], ...]

STATUS_OF_CODE = {
    "malformed_http": 400,
    "malformed_json": 400,
    "validation_failed": 400,
    "token_missing": 401,
    "token_malformed": 401,
    "token_algorithm": 401,
    "token_signature": 401,
    "token_key_unknown": 401,
    "token_expired": 401,
    "token_not_yet_valid": 401,
    "token_issuer": 401,
    "token_audience": 401,
    "token_claims": 401,
    "admin_token_required": 401,
    "insufficient_scope": 403,
    "customer_forbidden": 403,
    "admin_forbidden": 403,
    "route_not_found": 404,
    "workflow_not_found": 404,
    "not_found": 404,
    "method_not_allowed": 405,
    "not_acceptable": 406,
    "request_timeout": 408,
    "graph_too_large": 409,
    "invalid_transition": 409,
    "journal_disabled": 409,
    "body_too_large": 413,
    "uri_too_long": 414,
    "unsupported_media_type": 415,
    "headers_too_large": 431,
    "internal_error": 500,
    "limit_reached": 503,
    "too_busy": 503,
    "world_reset": 503,
    "http_version_not_supported": 505,
}
"""Every `errors[].code` and its HTTP status; docs/errors.md lists them.

The rules of those of the workflow API are in docs/contract.md, 1.2, "Order of checks, and the responses".
"""


Path = tuple[str | int, ...]
"""Where something stands in a document: `("tasks", 3, "id")`."""

MAX_PROBLEMS = 100
"""Problems of one document that are listed; the rest is counted."""

MAX_PROBLEM_CHARACTERS = 1000
"""Of a problem's message, and of each name in its path: both quote the document, in a cycle of thousands of tasks."""


class Problem(NamedTuple):
    """What is wrong with a document, and where."""

    path: Path
    message: str

    def __str__(self) -> str:
        return f"{show_path(self.path)}: {self.message}" if self.path else self.message


def show_path(path: Path) -> str:
    """`("workflows", 0, "tasks", 3)` as people write it: `workflows[0].tasks[3]`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def first_problems(problems: Sequence[Problem]) -> list[Problem]:
    """At most 100 of these problems; where there are more, one at the end says how many. What is too long is cut."""
    left_out = len(problems) - MAX_PROBLEMS
    first = [
        Problem(tuple(_cut(step) if isinstance(step, str) else step for step in path), _cut(message))
        for path, message in problems[:MAX_PROBLEMS]
    ]
    return [*first, *([Problem((), f"… and {left_out} more")] if left_out > 0 else [])]


def _cut(text: str) -> str:
    return text if len(text) <= MAX_PROBLEM_CHARACTERS else f"{text[: MAX_PROBLEM_CHARACTERS - 1]}…"


class ConfigError(ValueError):
    """A setting, or a file that one names, can't be used; the message says which, and why."""


class ErrorDetail(NamedTuple):
    """One entry of `meta.errors` in the envelope (docs/contract.md, 1)."""

    code: str
    message: str


class ValidationDetail(NamedTuple):
    """One entry of `meta.validation` in the envelope: a property of the request, and what is wrong with it."""

    property: str
    message: str


class ApiError(Exception):
    """A response other than 200, in the envelope. `errors[0].code` gives the status; `headers` are sent unchanged."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        validation: Sequence[ValidationDetail] = (),
        also: Iterable[ErrorDetail] = (),
        headers: Headers = (),
    ) -> None:
        super().__init__(message)
        self.errors = (ErrorDetail(code, message), *also)
        self.validation = tuple(validation)
        self.headers = headers

    @property
    def code(self) -> str:
        return self.errors[0].code

    @property
    def status(self) -> int:
        return STATUS_OF_CODE[self.code]


def validation_failed(details: Sequence[ValidationDetail]) -> ApiError:
    """The error of a request that isn't valid (400); `details` name what is wrong with it, one by one."""
    return ApiError("validation_failed", "The request is not valid: see validation", validation=details)


def invalid_request(problems: Sequence[Problem], part: str) -> ApiError:
    """The same for these problems; of many, it has the first. `part` of the request stands for an empty path."""
    details = [ValidationDetail(show_path(path) or part, message) for path, message in first_problems(problems)]
    return validation_failed(details)


class BodyTooLarge(ApiError):
    """The request's body is over `limit` bytes (413)."""

    def __init__(self, limit: int) -> None:
        super().__init__("body_too_large", f"The body is over {limit} bytes")


class OAuthError(ApiError):
    """An error of the token endpoint (RFC 6749, section 5.2), 400 or 401.

    The response carries the code alone; `reason` is for the log and the journal.
    """

    def __init__(self, code: str, reason: str, *, status: int = 400, headers: Headers = ()) -> None:
        super().__init__(code, reason, headers=headers)
        self._status = status

    @property
    def status(self) -> int:
        return self._status


def internal_error(request_id: str) -> ApiError:
    """What a client is told of an error of ours (500): where the log has more, and nothing else."""
    return ApiError(
        "internal_error", f"An error of the server's own; its log has more under the request id {request_id}"
    )


def server_ending() -> ApiError:
    """What a client is told whose request is in flight when the server ends (503)."""
    return ApiError("too_busy", "The server is ending")
