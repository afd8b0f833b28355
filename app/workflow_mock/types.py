"""Pydantic types of JSON values in catalogue files and the control plane; pydantic's messages in our words."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from workflow_mock.errors import Path
from workflow_mock.formats import parse_duration, parse_uuid, show_duration, timestamp

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d")


class StrictModel(BaseModel):
    """An object in camelCase without unknown members, and without conversions."""

    model_config = ConfigDict(
        extra="forbid", alias_generator=to_camel, populate_by_name=True, strict=True, frozen=True, allow_inf_nan=False
    )


def explain(message: str) -> str:
    """A message of pydantic's in words for people who don't know it."""
    if message.startswith("Extra inputs"):
        return "is not known here"
    if message.startswith("Input should be a valid dictionary or"):
        return "must be an object"
    return message.removeprefix("Value error, ")


def place_in(document: object, location: Sequence[int | str]) -> Path:
    """The path in a document of a location of pydantic's, without what it puts between: a union's kind, `[key]`."""
    path: list[int | str] = []
    for step in location:
        if step == "[key]" or (isinstance(document, dict) and step not in document and document.get("type") == step):
            continue
        path.append(step)
        try:
            document = document[step]  # type: ignore[index]
        except (LookupError, TypeError):
            document = None
    return tuple(path)


def _uuid(text: str) -> str:
    uuid = parse_uuid(text)
    if uuid is None:
        raise ValueError("must be a UUID of 36 characters with dashes, such as 3c90c3cc-0d44-4b50-8888-8dd25736052a")
    return uuid


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    return parse_duration(value if isinstance(value, str) else "")  # pydantic would take numbers too


ScopeName = Annotated[str, Field(pattern=r"^[!#-\[\]-~]+$")]
Uuid = Annotated[str, AfterValidator(_uuid), Field(json_schema_extra={"format": "uuid"})]


def _utc(moment: datetime) -> datetime:
    if not 1969 <= moment.year <= 9000:
        raise ValueError("must be in the years 1970 to 8999")
    return moment.astimezone(UTC)


def _moment(value: object) -> object:
    if isinstance(value, datetime) or (isinstance(value, str) and _DATE_TIME.match(value)):
        return value
    raise ValueError("must be a time such as 2026-01-31T12:00:00Z")  # pydantic would take numbers too


Moment = Annotated[
    AwareDatetime,
    Field(strict=False),
    BeforeValidator(_moment),
    AfterValidator(_utc),
    PlainSerializer(timestamp),
]
Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(show_duration),
    WithJsonSchema({"type": "string", "format": "duration", "examples": ["90s", "PT1H30M"]}),
]
