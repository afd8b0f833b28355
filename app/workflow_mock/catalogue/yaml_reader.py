"""YAML and JSON texts as JSON values, and the line on which each thing in them stands.

YAML is read with the core schema of YAML 1.2 as far as JSON goes: `no` and `2024-01-01` are strings, keys are strings
and don't repeat. An alias stands for a copy; a text that would grow past a million values by its aliases is refused.
"""

import json
import re
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any

import yaml

from workflow_mock.domain.definition import Path, show_path

MAX_VALUES_BY_ALIASES = 1_000_000
MAX_DEPTH = 100

_TAG = "tag:yaml.org,2002:"


class ParseError(ValueError):
    """A text isn't YAML or JSON as it is read here; `line` counts from 1."""

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(message)
        self.line = line


class _Loader(yaml.CSafeLoader):
    """Composes nodes; what a plain scalar is follows from the resolvers below alone."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own type


_PATTERNS: dict[str, re.Pattern[str]] = {}
for _name, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"-?(0|[1-9][0-9]*)", "-0123456789"),
    ("float", r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", "-0123456789"),
):
    _PATTERNS[_name] = re.compile(rf"^(?:{_pattern})$")
    _Loader.add_implicit_resolver(_TAG + _name, _PATTERNS[_name], list(_first))


def parse(text: str, *, is_json: bool) -> Any:
    """The JSON value that a text stands for. Raises ParseError."""
    value = _parse_json(text) if is_json else _value(_compose(text), iter(range(len(text) + MAX_VALUES_BY_ALIASES)))
    try:
        check(value)
    except NotSerializable as error:
        raise ParseError(f"{show_path(error.path)} {error}".strip(), *lines(text, [error.path])) from None
    return value


class NotSerializable(ValueError):
    """A value that JSON readers let pass and no answer of the server's could say again; `path` is its place."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path


def check(value: Any, path: Path = ()) -> None:
    """Raises NotSerializable."""
    if len(path) > MAX_DEPTH:
        raise NotSerializable((), "is nested too deep")
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise NotSerializable(path, "has half of a surrogate pair")
    elif isinstance(value, float):
        if not isfinite(value):
            raise NotSerializable(path, "is not a finite number")
    elif isinstance(value, list):
        for place, item in enumerate(value):
            check(item, (*path, place))
    elif isinstance(value, dict):
        for name, item in value.items():
            check(name, path)
            check(item, (*path, name))


def lines(text: str, paths: Sequence[Path]) -> list[int | None]:
    """The line of each of these places, counted from 1; for one that isn't there, that of what it should be in."""
    if not paths:
        return []
    try:
        # JSON is YAML, but for tabs between its tokens.
        root = _compose(text.replace("\t", " "))
    except ParseError:
        return [None] * len(paths)
    return [_line(root, path) for path in paths]


def _line(root: yaml.Node | None, path: Path) -> int | None:
    if root is None:
        return None
    place, node = root.start_mark.line, root
    for step in path:
        found = None
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == step), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            found = (node.value[step], node.value[step])
        if found is None:
            break
        place, node = found[0].start_mark.line, found[1]
    return place + 1


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ParseError(f"isn't JSON: {error.msg}, column {error.colno}", error.lineno) from None
    except ValueError as error:
        raise ParseError(f"isn't JSON: {error}", None) from None
    except RecursionError:
        raise ParseError("is nested too deep", None) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} is repeated")
    return members


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _compose(text: str) -> yaml.Node | None:
    try:
        # libyaml composes by recursion in C, which ends the process. To look first costs an eighth of the reading.
        depth = 0
        for event in yaml.parse(text, _Loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise ParseError("is nested too deep", event.start_mark.line + 1)  # type: ignore[union-attr]
        node: yaml.Node | None = yaml.compose(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(part for part in (error.context, error.problem) if part)
        raise ParseError(f"isn't YAML: {what}", mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        raise ParseError(f"isn't YAML: {error}", None) from None
    return node


def _value(node: yaml.Node | None, left: Iterator[int], depth: int = 0) -> Any:
    """What a composed node stands for, each alias a copy; `left` counts down the nodes that there may be."""
    if node is None:
        return None
    if depth > MAX_DEPTH or next(left, None) is None:
        raise _fault(node, "is nested too deep, or grows too large by its aliases")
    match node.tag.removeprefix(_TAG), node:
        case "map", yaml.MappingNode():
            members: dict[str, Any] = {}
            for key, value in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    raise _fault(key, "a key must be a string")
                if key.value in members:
                    raise _fault(key, f"the key {key.value!r} is repeated")
                members[key.value] = _value(value, left, depth + 1)
            return members
        case "seq", yaml.SequenceNode():
            return [_value(item, left, depth + 1) for item in node.value]
        case kind, yaml.ScalarNode() if kind in _PATTERNS and not _PATTERNS[kind].fullmatch(node.value):
            raise _fault(node, f"what is tagged {kind} isn't one")
        case "str", yaml.ScalarNode():
            return node.value
        case "bool", yaml.ScalarNode():
            return node.value.lower() == "true"
        case "null", yaml.ScalarNode():
            return None
        case "float", yaml.ScalarNode():
            return float(node.value)
        case "int", yaml.ScalarNode():
            try:
                return int(node.value)
            except ValueError:
                raise _fault(node, "the number is too long") from None
    raise _fault(node, f"the tag {node.tag} isn't known here")


def _fault(node: yaml.Node, message: str) -> ParseError:
    return ParseError(message, node.start_mark.line + 1)
