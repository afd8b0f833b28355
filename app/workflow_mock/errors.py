"""The one kind of refusal on the documented plane: raised where the fault is found, rendered in `api.envelope`."""

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
    "invalid_transition": 409,
    "journal_disabled": 409,
    "body_too_large": 413,
    "unsupported_media_type": 415,
    "headers_too_large": 431,
    "internal_error": 500,
    "limit_reached": 503,
    "too_busy": 503,
}
"""Every `errors[].code` and its HTTP status (contract, section 1, "Order of checks, and the answers")."""


class ErrorDetail(NamedTuple):
    code: str
    message: str


class ValidationDetail(NamedTuple):
    property: str
    message: str


class ApiError(Exception):
    """An answer other than 200, in the envelope.

    The status is that of the first error's code. `headers` go onto the answer as they are.
    """

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
