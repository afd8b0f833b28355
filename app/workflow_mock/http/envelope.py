"""The one renderer of errors: ApiError → Response.

Source: docs/contract.md, 1 (the envelope); RFC 6749, section 5.2 (the token endpoint's errors).
"""

import json
import re
from collections.abc import Sequence

from starlette.types import Scope

from workflow_mock.errors import ApiError, ErrorDetail, OAuthError, ValidationDetail
from workflow_mock.http.messages import Response

JSON_TYPE = (b"content-type", b"application/json; charset=utf-8")
TOKEN_HEADERS = (
    (b"cache-control", b"no-store, no-cache, max-age=0"),
    (b"pragma", b"no-cache"),
    (b"content-type", b"application/json; charset=UTF-8"),
)
"""Of each response of the token endpoint."""
BASIC_CHALLENGE = (b"www-authenticate", b'Basic realm="token", charset="UTF-8"')
"""Of its 401 (RFC 6749, section 5.2)."""

_ERROR = "workflow_mock.error"
"""The member of the ASGI scope's state in which `refuse` keeps the error."""

_NOT_OF_DESCRIPTIONS = re.compile(r"[^ !#-\[\]-~]")
"""What RFC 6749, section 5.2, doesn't allow in an `error_description`."""


def render(error: ApiError) -> Response:
    """The response to a request that is refused. What it echoes of the request is escaped to ASCII."""
    if isinstance(error, OAuthError):
        return Response(error.status, (*TOKEN_HEADERS, *error.headers), oauth_body(error.code))
    return Response(error.status, (JSON_TYPE, *error.headers), envelope_body(error.errors, error.validation))


def refuse(scope: Scope, error: ApiError) -> Response:
    """The response to a request that is refused before an operation has it; the error is kept for the log."""
    scope.setdefault("state", {})[_ERROR] = error
    return render(error)


def error_of(scope: Scope) -> ApiError | None:
    """Why such a request was refused."""
    error: ApiError | None = scope.get("state", {}).get(_ERROR)
    return error


def envelope_body(errors: Sequence[ErrorDetail], validation: Sequence[ValidationDetail] = ()) -> bytes:
    """The body of an error in the envelope (docs/contract.md, 1), in ASCII."""
    meta = {"errors": [error._asdict() for error in errors], "validation": [each._asdict() for each in validation]}
    return json.dumps({"meta": {**meta, "info": {}}, "data": None}, separators=(",", ":")).encode("ascii")


def oauth_body(code: str, description: str | None = None) -> bytes:
    """The body of RFC 6749: the code, and a description if one is given, with `?` for characters it doesn't allow."""
    body = {"error": code}
    if description is not None:
        body["error_description"] = _NOT_OF_DESCRIPTIONS.sub("?", description)
    return json.dumps(body, separators=(",", ":")).encode("ascii")
