"""The body of a start: its media type, its bytes, its JSON, and what it asks for.

Source: docs/contract.md, 1.2, "Order of checks, and the responses".
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from workflow_mock.api.leniency import Leniency, LeniencyLog, Note
from workflow_mock.caching import fifo_cache
from workflow_mock.errors import ApiError, ErrorDetail, ValidationDetail, validation_failed
from workflow_mock.formats import parse_uuid
from workflow_mock.http.content_type import CHARSETS, UTF_8, media_type, read_content_type
from workflow_mock.operation import Matched
from workflow_mock.strict_json import JsonObject, StrictDecoder, TooDeep

MAX_BODY_DEPTH = 32
"""As deep as the platform reads (System.Text.Json in ASP.NET Core)."""

_BOM = "\ufeff"
_COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
"""What gzip, zstd and deflate begin with."""
_JSON_TYPE = re.compile(r"(application/json|text/json|application/[!#$&^_.+*a-z0-9-]+\+json)")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


@fifo_cache(256)
def charset_of(content_type: bytes) -> tuple[str, tuple[Leniency, ...]]:
    """The codec that a Content-Type stands for, and what of it isn't documented. Raises ApiError (415).

    Source: docs/contract.md, 1.2, "Order of checks, and the responses".
    """
    if not content_type:
        raise ApiError("unsupported_media_type", "The request has no Content-Type: send application/json")
    type, subtype, charset = read_content_type(content_type)
    if type not in ("application", "text") or "json" not in (subtype, subtype.rpartition("+")[2]):
        message = "The Content-Type must be application/json, text/json or application/*+json"
        raise ApiError("unsupported_media_type", message)
    codec = CHARSETS.get(charset)
    if codec is None:
        hint = ": utf8 is no name of utf-8" if charset == "utf8" else ""
        raise ApiError("unsupported_media_type", f"The charset must be utf-8 or utf-16{hint}")
    leniencies = [] if _JSON_TYPE.fullmatch(media_type(content_type)) else [Leniency.MEDIA_TYPE]
    if charset != UTF_8:
        leniencies.append(Leniency.CHARSET)
    return codec, tuple(leniencies)


_DECODER = StrictDecoder(pairs=True, doubles=True)


def read_json(body: bytes, charset: str, leniencies: LeniencyLog) -> Any:
    """The body's JSON, with objects as JsonObject. Raises ApiError (400, `malformed_json`)."""
    text = ""
    try:
        text = body.decode(charset)
        if text.startswith(_BOM):
            leniencies.use(Leniency.BYTE_ORDER_MARK)
            text = text[len(_BOM) :]
        document = _DECODER.decode(text)
        if _SURROGATE.search(text):
            json.dumps(document, ensure_ascii=False).encode()
    except UnicodeDecodeError:
        is_compressed = body.startswith(_COMPRESSED)
        how = (
            "it is compressed, and no Content-Encoding is taken"
            if is_compressed
            else f"it can't be decoded as {charset}"
        )
        raise _malformed(how) from None
    except UnicodeEncodeError:
        raise _malformed("a string in it has half of a surrogate pair") from None
    except json.JSONDecodeError as error:
        reason = f"{error.msg} at line {error.lineno}, column {error.colno}" if text.strip() else "it is empty"
        raise _malformed(reason) from None
    except TooDeep:
        raise _too_deep() from None
    except ValueError as error:
        raise _malformed(str(error)) from None
    if text.count("{") + text.count("[") > MAX_BODY_DEPTH and _is_too_deep(document):
        raise _too_deep()
    return document


def _malformed(reason: str) -> ApiError:
    return ApiError("malformed_json", f"The body isn't JSON: {reason}")


def _too_deep() -> ApiError:
    return _malformed(f"it is nested deeper than {MAX_BODY_DEPTH}")


def _is_too_deep(document: Any) -> bool:
    level: list[Any] = [document]
    for _ in range(MAX_BODY_DEPTH):
        level = [child for value in level for child in _children(value)]
    return any(isinstance(value, list) for value in level)


def _children(value: Any) -> Iterator[Any]:
    if isinstance(value, JsonObject):
        return (member for _, member in value)
    return iter(value if isinstance(value, list) else ())


def check_request(body: bytes, charset: str, matched: Matched, log: LeniencyLog) -> tuple[str, str]:
    """The customer and the workflow that a request names. Raises ApiError (400) with all problems of path and body."""
    _, customer, workflow = matched.target
    try:
        problems_of_body, notes = _check_body((body, charset, workflow, log.strict))
    except ApiError as malformed:
        path_too = ErrorDetail("validation_failed", "The path is not valid either: see validation")
        also = [path_too] if matched.problems else []
        raise ApiError("malformed_json", str(malformed), validation=matched.problems, also=also) from None
    if notes:
        log.add(notes)
    refused = log.refused() if log.strict else ()
    if customer is None or workflow is None or problems_of_body or refused or matched.problems:
        raise validation_failed([*matched.problems, *problems_of_body, *refused])
    return customer, workflow


@fifo_cache(256)
def _check_body(
    asked: tuple[bytes, str, str | None, bool],
) -> tuple[tuple[ValidationDetail, ...], tuple[Note, ...]]:
    """The problems of a body, and its leniencies: mostly it is one that came before, and 1 µs instead of 10."""
    body, charset, workflow, strict = asked
    log = LeniencyLog(strict)
    problems = tuple(_body_problems(read_json(body, charset, log), workflow, log))
    return problems, tuple(log.notes)


def _body_problems(document: Any, workflow: str | None, leniencies: LeniencyLog) -> Iterator[ValidationDetail]:
    if not isinstance(document, JsonObject):
        yield ValidationDetail("data", "The body must be an object with a property data")
        return
    *earlier, data = _values(document, "data", "", leniencies) or [None]
    if not isinstance(data, JsonObject) or not all(isinstance(each, JsonObject | None) for each in earlier):
        message = "data is required" if data is None else "data must be an object"
        yield ValidationDetail("data", f'{message}: {{"data": {{"workflowId": "<uuid>"}}}}')
        return
    replaced = [id for each in earlier if each for id in _values(each, "workflowId", "data.", leniencies)]
    *repeated, named = _values(data, "workflowId", "data.", leniencies) or [None]
    ids = [_parse_id(id) for id in (*replaced, *repeated, named)]
    if named is None:
        yield ValidationDetail("data.workflowId", "data.workflowId is required")
    elif None in ids:
        yield ValidationDetail("data.workflowId", "data.workflowId must be a UUID of 36 characters with dashes")
    elif workflow is not None and ids[-1] != workflow:
        yield ValidationDetail("data.workflowId", "data.workflowId must be the workflowId of the path")


def _parse_id(value: Any) -> str | None:
    return parse_uuid(value) if isinstance(value, str) else None


def _values(members: JsonObject, name: str, prefix: str, leniencies: LeniencyLog) -> list[Any]:
    """The values of this property, found as the platform finds it: in any case.

    The last one counts. Those before it are converted too: each must be of the property's type.
    """
    found = []
    for key, value in members:
        if key == name or (key.isascii() and key.lower() == name.lower()):
            if key != name:
                leniencies.use(Leniency.PROPERTY_CASE, prefix + name)
            found.append(value)
        else:
            leniencies.use(Leniency.UNKNOWN_PROPERTY, prefix + key)
    if len(found) > 1:
        leniencies.use(Leniency.REPEATED_PROPERTY, prefix + name)
    return found
