"""The one place where refusals are rendered."""

import json
from collections.abc import Sequence

from workflow_mock.errors import ApiError, ErrorDetail, ValidationDetail
from workflow_mock.http.messages import Answer

JSON_TYPE = (b"content-type", b"application/json; charset=utf-8")


def render(error: ApiError) -> Answer:
    """A refusal. What it echoes of the request is escaped to ASCII."""
    return Answer(error.status, (JSON_TYPE, *error.headers), render_errors(error.errors, error.validation))


def render_errors(errors: Sequence[ErrorDetail], validation: Sequence[ValidationDetail] = ()) -> bytes:
    meta = {"errors": [error._asdict() for error in errors], "validation": [fault._asdict() for fault in validation]}
    return json.dumps({"meta": {**meta, "info": {}}, "data": None}, separators=(",", ":")).encode("ascii")
