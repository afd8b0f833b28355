"""The one place where answers other than 200 are rendered."""

import json

from workflow_mock.errors import ApiError, Headers

JSON_TYPE = (b"content-type", b"application/json; charset=utf-8")
NOSNIFF = (b"x-content-type-options", b"nosniff")


def render(error: ApiError) -> tuple[int, Headers, bytes]:
    """Status, headers and body of a refusal. What it echoes of the request is escaped to ASCII."""
    document = {
        "meta": {
            "errors": [detail._asdict() for detail in error.errors],
            "validation": [detail._asdict() for detail in error.validation],
            "info": {},
        },
        "data": None,
    }
    return error.status, error.headers, json.dumps(document, separators=(",", ":")).encode("ascii")
