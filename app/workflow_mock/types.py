"""Pydantic types of JSON values in catalogue files and the control plane; pydantic's messages in our words."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated, Any, Self, cast

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel

from workflow_mock.errors import Path
from workflow_mock.formats import parse_duration, parse_uuid, show_duration, timestamp

_SECONDS = r"[0-9]{1,12}(\.[0-9]{1,9})?"
_TIME = rf"T([0-9]{{1,9}}H([0-9]{{1,9}}M)?({_SECONDS}S)?|[0-9]{{1,9}}M({_SECONDS}S)?|{_SECONDS}S)"
_SHORT = "".join(f"({_SECONDS}{unit})?" for unit in ("d", "h", "m", "s", "ms"))
DURATION_PATTERN = rf"^({_SHORT}|P([0-9]{{1,6}}D({_TIME})?|{_TIME}))$"
"""What `parse_duration` takes, as a schema says it: without lookahead, which Go's regular expressions don't have.

It lets the empty text pass, which the schema's `minLength` does not.
"""

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d")


NOT_KNOWN = "is not known here"
"""Of a member that an object doesn't have."""

_SHOULD = re.compile(r"^(Input|String|List|Dictionary|Value) should ")


class StrictModel(BaseModel):
    """An object in camelCase without unknown members, and without conversions.

    In JSON a member has its camelCase name alone; in Python a field is given by its own. `null` is "not given": of a
    member that may be left out, it counts as left out, and isn't in `model_fields_set`.
    """

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, strict=True, frozen=True, allow_inf_nan=False)

    def __init__(self, /, **fields: Any) -> None:
        self.__pydantic_validator__.validate_python(fields, self_instance=self, by_alias=False, by_name=True)

    # Else pydantic would validate JSON by calling __init__, and take the names of Python in it (RootModel has it too).
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @model_validator(mode="before")
    @classmethod
    def _drop_null(cls, data: Any) -> Any:
        if isinstance(data, dict) and None in data.values():
            optional = _optional_members(cls)
            return {name: value for name, value in data.items() if value is not None or name not in optional}
        return data

    @classmethod
    def show(cls, source: object, **fields: Any) -> Self:
        """Make the model of attributes of `source` that are named as its fields; `fields` go before them.

        Nothing is validated: state that can't be sent to the server can still be shown.
        """
        rest = {name: getattr(source, name) for name in cls.model_fields if name not in fields}
        return cast("Self", cls.model_construct(**rest, **fields))


@cache
def _optional_members(model: type[StrictModel]) -> frozenset[str]:
    """Names, in JSON, of the fields that may be left out."""
    return frozenset(field.alias or name for name, field in model.model_fields.items() if not field.is_required())


def explain(message: str) -> str:
    """A message of pydantic's in words for people who don't know it."""
    if message.startswith("Extra inputs"):
        return NOT_KNOWN
    if message.startswith(("Input should be a valid dictionary", "Input should be an object")):
        return "must be an object"
    if message == "Input should be a valid string":
        return "must be a string: put it in quotes"
    if message == "Field required":
        return "is missing"
    message = message.removeprefix("Value error, ").partition(" after validation, not ")[0]
    message = _SHOULD.sub("must ", message)
    return message.replace("must be a valid integer", "must be an integer").replace("must be a valid ", "must be a ")


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
    WithJsonSchema(
        {"type": "string", "minLength": 2, "pattern": DURATION_PATTERN, "examples": ["90s", "1m30s", "PT1H30M"]}
    ),
]
