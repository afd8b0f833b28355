"""The one strict JSON decoder, and the check that a value can be written as JSON again.

Source: RFC 8259; I-JSON (RFC 7493), section 2.
"""

import json
from collections.abc import Iterable
from math import isfinite
from typing import Any

from workflow_mock.errors import Path

MAX_DEPTH = 100
"""Levels of lists and objects that `check` lets pass."""


class JsonObject(list[tuple[str, Any]]):
    """An object's members in the order they came, repeated names and all."""


class RepeatedName(ValueError):
    """An object has two members of one name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the name {name!r} is repeated")
        self.name = name


class TooDeep(ValueError):
    """A text is nested deeper than Python's recursion limit."""


class NotSerializable(ValueError):
    """A value that no JSON text could say again; `path` is its place."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path


class StrictDecoder:
    """Decodes JSON without NaN and Infinity. All numbers are doubles if `doubles`, and infinite ones are refused.

    Objects become JsonObject if `pairs`, else dicts whose repeated names are refused.
    """

    def __init__(self, *, pairs: bool = False, doubles: bool = False) -> None:
        self._decode = json.JSONDecoder(
            object_pairs_hook=JsonObject if pairs else _without_repeats,
            parse_int=_double if doubles else None,
            parse_float=_double if doubles else None,
            parse_constant=_refuse_constant,
        ).decode

    def decode(self, text: str) -> Any:
        """The value of a text. Raises ValueError: JSONDecodeError, RepeatedName, TooDeep."""
        try:
            return self._decode(text)
        except RecursionError:
            raise TooDeep("it is nested too deep") from None


def _without_repeats(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Raises RepeatedName."""
    found = dict(members)
    if len(found) != len(members):
        raise RepeatedName(first_repeated(name for name, _ in members) or "")
    return found


def first_repeated(names: Iterable[str]) -> str | None:
    """The first name that has come before."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _double(text: str) -> float:
    value = float(text)
    if value - value != 0:
        raise ValueError("a number is out of the range of a double")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def check(value: Any) -> None:
    """Check that a value of JSON's types is at most 100 levels deep, without infinite numbers and half surrogate pairs.

    Raises NotSerializable; one that is too deep has the path ().
    """
    try:
        _check(value, 0)
    except _TooManyLevels:
        raise NotSerializable((), "is nested too deep") from None


class _TooManyLevels(Exception):
    pass


def _check(value: Any, depth: int) -> None:
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, float):
        if not isfinite(value):
            raise NotSerializable((), "is not a finite number")
    elif isinstance(value, list | dict):
        if depth == MAX_DEPTH:
            raise _TooManyLevels
        members = enumerate(value) if isinstance(value, list) else value.items()
        step: str | int
        for step, member in members:
            if isinstance(step, str):
                _check_text(step)
            try:
                _check(member, depth + 1)
            except NotSerializable as error:
                error.path = (step, *error.path)
                raise


def sayable(value: Any) -> Any:
    """A value of JSON's types with `?` for half a surrogate pair, and None for an infinite number."""
    if isinstance(value, str):
        return whole_text(value)
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, list):
        return [sayable(member) for member in value]
    if isinstance(value, dict):
        return {whole_text(name): sayable(member) for name, member in value.items()}
    return value


def whole_text(text: str) -> str:
    """A text with `?` for half a surrogate pair."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _check_text(text: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise NotSerializable((), "has half of a surrogate pair") from None
