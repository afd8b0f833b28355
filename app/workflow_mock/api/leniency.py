"""What the default mode accepts though the API's page doesn't document it, because the platform behind it does.

Each use is noted on the request; `--strict` refuses it with the same words. Source: docs/contract.md, 1.4,
"The default mode".
"""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from workflow_mock.errors import ApiError, Headers, ValidationDetail


class Leniency(Enum):
    """A deviation that is let pass: the code of the error that strict mode refuses it with, and its message."""

    PATH_CASE = ("route_not_found", "the path differs from the documented one in upper and lower case")
    TRAILING_SLASH = ("route_not_found", "the documented path has no slash at its end")
    DOT_SEGMENTS = ("route_not_found", "the documented path has no dot segments")
    METHOD_CASE = ("method_not_allowed", "the method differs from POST in upper and lower case")
    ID_FORM = ("validation_failed", "the id isn't in the documented form, 36 characters with dashes")
    ACCEPT = ("not_acceptable", "the Accept header excludes application/json, the only type of the responses")
    MEDIA_TYPE = (
        "unsupported_media_type",
        "the documented types are application/json, text/json and application/*+json",
    )
    CHARSET = ("unsupported_media_type", "a charset other than utf-8 is not documented")
    BYTE_ORDER_MARK = ("malformed_json", "the body begins with a byte order mark")
    PROPERTY_CASE = (
        "validation_failed",
        "the property's name differs from the documented one in upper and lower case",
    )
    UNKNOWN_PROPERTY = ("validation_failed", "the property is not documented")
    REPEATED_PROPERTY = ("validation_failed", "the property is repeated")


class Note(NamedTuple):
    """A leniency that a request made use of, and the property where it's about one."""

    leniency: Leniency
    property: str | None = None

    def __str__(self) -> str:
        message: str = self.leniency.value[1]
        return f"{self.property}: {message}" if self.property else message


MAX_NOTES = 20
"""Of each request; a body may have thousands of unknown properties."""


class LeniencyLog:
    """The leniencies that one request used; `strict` allows none."""

    __slots__ = ("notes", "strict")

    def __init__(self, strict: bool) -> None:
        self.strict = strict
        self.notes: list[Note] = []

    def use(self, leniency: Leniency, property: str | None = None, headers: Headers = ()) -> None:
        """Note a leniency. In strict mode one that isn't about a property raises ApiError; see `refused` for those."""
        if self.strict and property is None:
            code, message = leniency.value
            raise ApiError(code, f"Refused by --strict: {message}", headers=headers)
        if len(self.notes) < MAX_NOTES:
            self.notes.append(Note(leniency, property and property[:100]))

    def add(self, notes: Sequence[Note]) -> None:
        """Note what a part of the request was found to use."""
        self.notes += notes[: MAX_NOTES - len(self.notes)]

    def refused(self) -> list[ValidationDetail]:
        """For strict mode, an entry of `validation` for each noted property."""
        return [ValidationDetail(n.property or "", f"Refused by --strict: {n.leniency.value[1]}") for n in self.notes]
