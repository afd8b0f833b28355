"""Types of JSON values that catalogue files and the control plane have in common."""

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

from workflow_mock.formats import parse_uuid, timestamp

MAX_DURATION = timedelta(days=3650)

_NUMBER = r"\d{1,12}(?:\.\d{1,9})?"
_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_SHORT = re.compile("|".join(f"(?P<{name}>{_NUMBER}){unit}" for unit, name in _UNITS.items()), re.ASCII)
_ISO = re.compile(
    r"P(?=[\dT])(?:(?P<days>\d{1,6})D)?"
    rf"(?:T(?=\d)(?:(?P<hours>\d{{1,9}})H)?(?:(?P<minutes>\d{{1,9}})M)?(?:(?P<seconds>{_NUMBER})S)?)?",
    re.ASCII,
)
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d")


class StrictModel(BaseModel):
    """An object in camelCase without unknown members, and without conversions."""

    model_config = ConfigDict(
        extra="forbid", alias_generator=to_camel, populate_by_name=True, strict=True, frozen=True, allow_inf_nan=False
    )


def explain(message: str) -> str:
    """What pydantic says of a value, in words for people who don't know it."""
    if message.startswith("Extra inputs"):
        return "is not known here"
    if message.startswith("Input should be a valid dictionary or"):
        return "must be an object"
    return message.removeprefix("Value error, ")


def place_in(document: object, location: Sequence[int | str]) -> tuple[int | str, ...]:
    """Where in a document a fault is, without what pydantic puts between: the kind in a union, `[key]` for a name."""
    place: list[int | str] = []
    for step in location:
        if step == "[key]" or (isinstance(document, dict) and step not in document and document.get("type") == step):
            continue
        place.append(step)
        try:
            document = document[step]  # type: ignore[index]
        except (LookupError, TypeError):
            document = None
    return tuple(place)


def _uuid(text: str) -> str:
    uuid = parse_uuid(text)
    if uuid is None:
        raise ValueError("must be a UUID of 36 characters with dashes, such as 3c90c3cc-0d44-4b50-8888-8dd25736052a")
    return uuid


def parse_duration(text: object) -> timedelta:
    """ISO 8601 without years, months and weeks (`PT1H30M`), or short (`90s`, `200ms`). Raises ValueError."""
    if isinstance(text, timedelta):
        return text
    found = isinstance(text, str) and (_SHORT.fullmatch(text) or _ISO.fullmatch(text))
    if not found:
        raise ValueError("must be a duration such as 90s, 200ms, 2h, PT1H30M or P1D")
    try:
        duration = timedelta(**{unit: float(number) for unit, number in found.groupdict().items() if number})
    except OverflowError:
        duration = timedelta.max
    if duration > MAX_DURATION:
        raise ValueError(f"must be at most {MAX_DURATION.days} days")
    return duration


def show_duration(duration: timedelta) -> str:
    """ISO 8601, in seconds: `PT5400S`."""
    return f"PT{duration.total_seconds():.6f}".rstrip("0").rstrip(".") + "S"


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
    BeforeValidator(parse_duration),
    PlainSerializer(show_duration),
    WithJsonSchema({"type": "string", "format": "duration", "examples": ["90s", "PT1H30M"]}),
]
