"""The body of a start: its media type, its bytes, its JSON, and what it asks for.

Source: docs/contract.md, 1.2, "Order of checks, and the answers".
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from workflow_mock.api.leniency import Leniencies, Leniency, Note
from workflow_mock.domain.ids import parse_uuid
from workflow_mock.errors import ApiError, ErrorDetail, ValidationDetail
from workflow_mock.remembered import remembered
from workflow_mock.state.journal import Exchange

MAX_DEPTH = 32
"""As deep as the platform reads (System.Text.Json in ASP.NET Core)."""

_BOM = b"\xef\xbb\xbf"
_MEDIA_TYPE = re.compile(r"(application/json|text/json|application/[!#$&^_.+*a-z0-9-]+\+json)")
_CHARSET = re.compile(r';\s*charset\s*=\s*"?([^\s";]*)"?\s*(?:;|$)')
_CHARSETS = {"utf-8": "utf-8", "utf8": "utf-8", "utf-16": "utf-16", "utf-16le": "utf-16-le", "unicode": "utf-16"}
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


@remembered(256)
def charset_of(content_type: bytes) -> str:
    """The codec that a Content-Type stands for. Raises ApiError (415)."""
    if not content_type:
        raise ApiError("unsupported_media_type", "The request has no Content-Type: send application/json")
    text = content_type.decode("latin-1").strip().lower()
    if not _MEDIA_TYPE.fullmatch(text.partition(";")[0].rstrip()):
        message = "The Content-Type must be application/json, text/json or application/*+json"
        raise ApiError("unsupported_media_type", message)
    named = _CHARSET.search(text)
    charset = _CHARSETS.get(named[1] if named else "utf-8")
    if charset is None:
        raise ApiError("unsupported_media_type", "The charset must be utf-8 or utf-16")
    return charset


class JsonObject(list[tuple[str, Any]]):
    """An object's members in the order they came, repeated names and all."""


def _number(text: str) -> float:
    value = float(text)
    if value - value != 0:
        raise ValueError("a number is out of the range of a double")
    return value


def _constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=JsonObject, parse_int=_number, parse_float=_number, parse_constant=_constant
)


def read_json(body: bytes, charset: str, leniencies: Leniencies) -> Any:
    """The body's JSON, with objects as JsonObject. Raises ApiError (400, `malformed_json`)."""
    if body.startswith(_BOM) and charset == "utf-8":
        leniencies.use(Leniency.BYTE_ORDER_MARK)
        body = body[len(_BOM) :]
    text = ""
    try:
        text = body.decode(charset)
        document = _DECODER.decode(text)
        if _SURROGATE.search(text):
            json.dumps(document, ensure_ascii=False).encode()
    except UnicodeDecodeError:
        raise _malformed(f"it can't be decoded as {charset}") from None
    except UnicodeEncodeError:
        raise _malformed("a string in it has half of a surrogate pair") from None
    except json.JSONDecodeError as error:
        reason = f"{error.msg} at line {error.lineno}, column {error.colno}" if text.strip() else "it is empty"
        raise _malformed(reason) from None
    except ValueError as error:
        raise _malformed(str(error)) from None
    except RecursionError:
        raise _too_deep() from None
    if text.count("{") + text.count("[") > MAX_DEPTH and _is_too_deep(document):
        raise _too_deep()
    return document


def _malformed(reason: str) -> ApiError:
    return ApiError("malformed_json", f"The body isn't JSON: {reason}")


def _too_deep() -> ApiError:
    return _malformed(f"it is nested deeper than {MAX_DEPTH}")


def _is_too_deep(document: Any) -> bool:
    level: list[Any] = [document]
    for _ in range(MAX_DEPTH):
        level = [child for value in level for child in _children(value)]
    return any(isinstance(value, list) for value in level)


def _children(value: Any) -> Iterator[Any]:
    if isinstance(value, JsonObject):
        return (member for _, member in value)
    return iter(value if isinstance(value, list) else ())


def check_request(
    exchange: Exchange, faults_of_path: tuple[ValidationDetail, ...], charset: str, leniencies: Leniencies
) -> str:
    """The workflow that a request asks for. Raises ApiError (400) with every fault of path and body together."""
    workflow = exchange.workflow_id
    body = exchange.body or b""
    try:
        faults_of_body, notes = _check_body((body, charset, workflow, leniencies.strict))
    except ApiError as malformed:
        path_too = ErrorDetail("validation_failed", "The path is not valid either: see validation")
        also = [path_too] if faults_of_path else []
        raise ApiError("malformed_json", str(malformed), validation=faults_of_path, also=also) from None
    leniencies.add(notes)
    faults = [*faults_of_path, *faults_of_body, *leniencies.refused()]
    if faults or workflow is None:
        raise ApiError("validation_failed", "The request is not valid: see validation", validation=faults)
    return workflow


@remembered(256)
def _check_body(
    asked: tuple[bytes, str, str | None, bool],
) -> tuple[tuple[ValidationDetail, ...], tuple[Note, ...]]:
    """The faults of a body, and the leniencies it needs: mostly it's one that came before, and 1 µs instead of 10."""
    body, charset, workflow, strict = asked
    leniencies = Leniencies(strict)
    faults = tuple(_body_faults(read_json(body, charset, leniencies), workflow, leniencies))
    return faults, tuple(leniencies.notes)


def _body_faults(document: Any, workflow: str | None, leniencies: Leniencies) -> Iterator[ValidationDetail]:
    if not isinstance(document, JsonObject):
        yield ValidationDetail("data", "The body must be an object with a property data")
        return
    data = _member(document, "data", "", leniencies)
    if not isinstance(data, JsonObject):
        message = "data is required" if data is None else "data must be an object"
        yield ValidationDetail("data", f'{message}: {{"data": {{"workflowId": "<uuid>"}}}}')
        return
    named = _member(data, "workflowId", "data.", leniencies)
    if named is None:
        yield ValidationDetail("data.workflowId", "data.workflowId is required")
    elif not isinstance(named, str) or (parsed := parse_uuid(named)) is None:
        yield ValidationDetail("data.workflowId", "data.workflowId must be a UUID of 36 characters with dashes")
    elif workflow is not None and parsed != workflow:
        yield ValidationDetail("data.workflowId", "data.workflowId must be the workflowId of the path")


def _member(members: JsonObject, name: str, prefix: str, leniencies: Leniencies) -> Any:
    """The value of this property, found as the platform finds it: in any case, the last one wins."""
    found = None
    times = 0
    for key, value in members:
        if key == name or (key.isascii() and key.lower() == name.lower()):
            if key != name:
                leniencies.use(Leniency.PROPERTY_CASE, prefix + name)
            found = value
            times += 1
        else:
            leniencies.use(Leniency.UNKNOWN_PROPERTY, prefix + key)
    if times > 1:
        leniencies.use(Leniency.REPEATED_PROPERTY, prefix + name)
    return found
