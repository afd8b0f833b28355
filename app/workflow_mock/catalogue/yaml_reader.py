"""YAML and JSON texts as JSON values, and the line on which each thing in them stands.

YAML is read with the core schema (YAML 1.2.2, section 10.3) as far as JSON goes: `no` and `2024-01-01` are strings,
keys are strings and don't repeat, `.inf` and `.nan` are refused. An alias stands for a copy; a text that would grow
past a million values by its aliases is refused. Messages name no key and no tag of a client's part.
"""

import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile
from typing import Any

import yaml

from workflow_mock.errors import Path, show_path
from workflow_mock.strict_json import (
    MAX_DEPTH,
    JsonObject,
    NotSerializable,
    RepeatedName,
    StrictDecoder,
    TooDeep,
    check,
    first_repeated,
)

MAX_VALUES_BY_ALIASES = 1_000_000

_TAG = "tag:yaml.org,2002:"
_GROWS = "is nested too deep, or grows too large by its aliases"
_UNIQUE, _PAIRS = StrictDecoder(), StrictDecoder(pairs=True)

RESOLVERS: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
"""For each first character of a plain scalar, the tags it may have and their patterns, in the form of PyYAML's own."""

_PATTERNS: dict[str, re.Pattern[str]] = {}
for _name, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
):
    _PATTERNS[_name] = re.compile(rf"^(?:{_pattern})$")
    for _character in _first:
        RESOLVERS.setdefault(_character, []).append((_TAG + _name, _PATTERNS[_name]))


class ParseError(ValueError):
    """A text isn't YAML or JSON as it is read here; `line` counts from 1."""

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(message)
        self.line = line


Lines = dict[int, dict[str, int] | list[int]]
"""For each list or object, by its `id()`, the line of each of its members."""


@dataclass(frozen=True)
class Document:
    """The value of a text, and the lines of its parts."""

    value: Any
    text: str = field(repr=False)
    is_json: bool
    root: tuple[int, Lines] | None = field(repr=False)
    """Line of the whole and lines of all in it; None for JSON."""

    def line(self, path: Path) -> int | None:
        """The line of a path, counted from 1; where nothing has that path, the line of the nearest thing around it."""
        value, root = self._lined
        if root is None:
            return None
        line, lines = root
        for step in path:
            members = lines.get(id(value))
            try:
                line, value = members[step], value[step]  # type: ignore[index]
            except (LookupError, TypeError):
                break
        return line

    @cached_property
    def _lined(self) -> tuple[Any, tuple[int, Lines] | None]:
        if not self.is_json:
            return self.value, self.root
        try:
            # JSON is YAML, but for tabs between its tokens; it is read as such only if a line is asked for.
            reader = _YamlReader(self.text.replace("\t", " "))
        except ParseError:
            return None, None
        return reader.value, (reader.line, reader.lines)


def read_document(text: str, *, is_json: bool) -> Document:
    """Raises ParseError."""
    if is_json:
        document = Document(_parse_json(text), text, is_json, None)
    else:
        reader = _YamlReader(text)
        document = Document(reader.value, text, is_json, (reader.line, reader.lines))
    try:
        check(document.value)
    except NotSerializable as error:
        raise ParseError(
            f"{show_path(_without_secret(error.path))} {error}".strip(), document.line(error.path)
        ) from None
    return document


def parse(text: str, *, is_json: bool) -> Any:
    """The JSON value that a text stands for. Raises ParseError."""
    return read_document(text, is_json=is_json).value


def _is_secret(path: Path) -> bool:
    """Whether keys and tags under this path of a catalogue may be part of a secret, by a slip."""
    return path[:1] == ("clients",) or "secret" in path


def _without_secret(path: Path) -> Path:
    """The path, without keys outside the workflows: they may be a client's."""
    if path[:1] == ("workflows",):
        return path
    indexes = takewhile(lambda step: isinstance(step, int), path[1:])
    return (*path[:1], *indexes)


def _parse_json(text: str) -> Any:
    try:
        return _UNIQUE.decode(text)
    except json.JSONDecodeError as error:
        raise ParseError(f"isn't JSON: {error.msg}, column {error.colno}", error.lineno) from None
    except TooDeep:
        raise ParseError("is nested too deep", None) from None
    except RepeatedName:
        name = _repeated_name(_PAIRS.decode(text), ())
        shown = "a key" if name is None else f"the key {name!r}"
        raise ParseError(f"isn't JSON: {shown} is repeated", None) from None
    except ValueError as error:
        raise ParseError(f"isn't JSON: {error}", None) from None


def _repeated_name(value: Any, path: Path) -> str | None:
    """The first name that repeats, unless it could be secret."""
    if isinstance(value, JsonObject) and not _is_secret(path):
        if (name := first_repeated(name for name, _ in value)) is not None:
            return name
        members: list[tuple[str | int, Any]] = [*value]
    elif isinstance(value, list) and not isinstance(value, JsonObject):
        members = list(enumerate(value))
    else:
        return None
    found = (_repeated_name(member, (*path, step)) for step, member in members)
    return next((name for name in found if name is not None), None)


@dataclass(slots=True)
class _Frame:
    """A list or object that is being read."""

    container: Any
    lines: Any
    is_anchored: bool
    key: str = ""
    """Of an object, the member that is being read."""
    expects_value: bool = False
    """Whether an object's next event is the value of `key`."""


class _YamlReader:
    """Reads the one document of a text in one pass. Raises ParseError."""

    def __init__(self, text: str) -> None:
        self.value: Any = None
        self.line = 1
        self.lines: Lines = {}
        self._left = len(text) + MAX_VALUES_BY_ALIASES
        self._anchors: dict[str, Any] = {}
        self._frames: list[_Frame] = []
        self._documents = 0
        self._read(text)

    def _read(self, text: str) -> None:
        depth = 0
        error: ParseError | None = None
        try:
            for event in yaml.parse(text, yaml.CSafeLoader):
                depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
                if depth > MAX_DEPTH:
                    raise _error(event, "is nested too deep")
                if error is None:  # after the first, only to see whether the rest is YAML
                    try:
                        self._take(event)
                    except ParseError as found:
                        error = found
        except yaml.MarkedYAMLError as found:
            mark = found.problem_mark or found.context_mark
            what = " ".join(part for part in (found.context, found.problem) if part)
            # PyYAML 6.0.4 brings a libyaml with a limit of its own.
            told = "is nested too deep" if "maximum nesting" in what else f"isn't YAML: {what}"
            raise ParseError(told, mark.line + 1 if mark else None) from None
        except yaml.YAMLError as found:
            raise ParseError(f"isn't YAML: {str(found).partition(chr(10))[0]}", None) from None
        if error is not None:
            raise error

    def _take(self, event: Any) -> None:
        match event:
            case yaml.ScalarEvent():
                if event.anchor is not None:
                    self._anchors[event.anchor] = event
                self._put(event, event)
            case yaml.AliasEvent():
                if event.anchor not in self._anchors:
                    raise _error(event, "isn't YAML: found undefined alias")
                self._put(event, self._anchors[event.anchor])
            case yaml.CollectionStartEvent():
                self._open(event)
            case yaml.CollectionEndEvent():
                self._frames.pop()
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise _error(event, "isn't YAML: expected a single document in the stream but found another")

    def _open(self, event: Any) -> None:
        is_list = isinstance(event, yaml.SequenceStartEvent)
        if event.tag not in (None, "!", _TAG + ("seq" if is_list else "map")):
            raise self._unknown_tag(event)
        container: Any = [] if is_list else {}
        lines: Any = [] if is_list else {}
        self.lines[id(container)] = lines
        if event.anchor is not None:
            self._anchors[event.anchor] = container
        self._put(event, container)
        self._frames.append(_Frame(container, lines, event.anchor is not None))

    def _put(self, event: Any, found: Any) -> None:
        """Put a scalar's event, an anchored container or a new one in its place."""
        line = event.start_mark.line + 1
        frame = self._frames[-1] if self._frames else None
        if frame is not None and isinstance(frame.container, dict) and not frame.expects_value:
            if not isinstance(found, yaml.ScalarEvent):
                raise _error(event, "a key must be a string")
            if found.value in frame.container:
                is_shown = not (self._hides(event) or _is_secret(self._path()[:-1]))
                raise _error(event, f"{f'the key {found.value!r}' if is_shown else 'a key'} is repeated")
            frame.key, frame.expects_value = found.value, True
            frame.lines[frame.key] = line
            return
        self._count(event)
        if isinstance(found, yaml.ScalarEvent):
            value = self._scalar(found)
        elif isinstance(event, yaml.AliasEvent):
            value = self._copy(event, found, len(self._frames))
        else:
            value = found
        if frame is None:
            self.value, self.line = value, line
        elif isinstance(frame.container, list):
            frame.container.append(value)
            frame.lines.append(line)
        else:
            frame.container[frame.key] = value
            frame.expects_value = False

    def _copy(self, event: Any, value: Any, depth: int) -> Any:
        """A copy of an anchored value that is complete; its parts keep their lines."""
        if not isinstance(value, list | dict):
            return value
        if depth > MAX_DEPTH or any(frame.container is value for frame in self._frames):
            raise _error(event, _GROWS)
        self._count(event, len(value))
        copy: Any
        if isinstance(value, list):
            copy = [self._copy(event, item, depth + 1) for item in value]
        else:
            copy = {key: self._copy(event, item, depth + 1) for key, item in value.items()}
        self.lines[id(copy)] = self.lines[id(value)]
        return copy

    def _count(self, event: Any, values: int = 1) -> None:
        self._left -= values
        if self._left < 0:
            raise _error(event, _GROWS)

    def _path(self) -> Path:
        """The path of the value or key that is being read."""
        return tuple(len(f.container) if isinstance(f.container, list) else f.key for f in self._frames)

    def _hides(self, event: Any) -> bool:
        """Whether an anchor is on the event or around it: an alias may put that into a client."""
        return event.anchor is not None or any(frame.is_anchored for frame in self._frames)

    def _unknown_tag(self, event: Any) -> ParseError:
        is_shown = not (self._hides(event) or _is_secret(self._path()))
        return _error(event, f"{f'the tag {event.tag}' if is_shown else 'a tag'} isn't known here")

    def _scalar(self, event: Any) -> Any:
        text = event.value
        tag = event.tag
        if tag in (None, "!"):
            candidates = RESOLVERS.get(text[:1], ()) if event.implicit[0] else ()
            tag = next((tag for tag, pattern in candidates if pattern.match(text)), _TAG + "str")
        kind = tag.removeprefix(_TAG)
        if kind in _PATTERNS and not _PATTERNS[kind].fullmatch(text):
            raise _error(event, f"what is tagged {kind} isn't one")
        match kind:
            case "str":
                return text
            case "bool":
                return text.lower() == "true"
            case "null":
                return None
            case "float":
                return float(text.replace(".", "") if text[-1:].isalpha() else text)
            case "int":
                try:
                    number = int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
                    str(number)  # which JSON will need
                except ValueError:
                    raise _error(event, "the number is too long") from None
                return number
        raise self._unknown_tag(event)


def _error(event: Any, message: str) -> ParseError:
    return ParseError(message, event.start_mark.line + 1)
