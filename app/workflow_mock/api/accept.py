"""The Accept header of a start: whether it leaves room for JSON, and which name of JSON it prefers."""

import re

from workflow_mock.caching import fifo_cache
from workflow_mock.http.content_type import PARAMETER, TYPE

TEXT_JSON = (b"content-type", b"text/json; charset=utf-8")

MAX_ACCEPT_BYTES = 8 * 1024
"""Of an Accept header that is read; a longer one is taken for one that lets everything pass."""

_NUMBER = re.compile(r"[0-9]++(?:\.[0-9]*+)?|\.[0-9]++", re.ASCII)
_SEPARATORS = re.compile(r"[ \t,]*+")
_ANSWERS = {"application/json": False, "application/*": False, "text/json": True, "text/*": True}
"""The media ranges that the platform answers, and whether as text/json."""


@fifo_cache(256)
def accepts_json(accept: bytes) -> bool:
    """Whether an Accept header leaves room for application/json (RFC 9110, section 12.5.1)."""
    if len(accept) > MAX_ACCEPT_BYTES:
        return True
    weights = {}
    for entry in accept.decode("latin-1").lower().split(","):
        media_range, *parameters = (part.strip() for part in entry.split(";"))
        weights[media_range] = not any(re.fullmatch(r"q\s*=\s*0(\.0*)?", parameter) for parameter in parameters)
    ranges = ("application/json", "application/*", "*/*")
    return next((weights[media_range] for media_range in ranges if media_range in weights), False)


@fifo_cache(256)
def prefers_text_json(accept: bytes) -> bool:
    """Whether the platform answers as text/json: where that is the range of JSON's with the highest weight.

    `*/*` means that there is no preference, whatever its weight.
    Source: docs/contract.md, 1.2, "Order of checks, and the responses".
    """
    if len(accept) > MAX_ACCEPT_BYTES or b"text" not in accept.lower():
        return False
    ranges = _ranges(accept.decode("latin-1").lower())
    if "*/*" in (media_range for _, media_range, _ in ranges):
        return False
    ranges.sort(key=lambda entry: -entry[0])
    return next((_ANSWERS[name] for _, name, is_plain in ranges if is_plain and name in _ANSWERS), False)


def _ranges(text: str) -> list[tuple[float, str, bool]]:
    """Weight and media range of each entry, and whether it has no parameters before its weight.

    What can't be read is skipped up to the next comma.
    """
    found = []
    position = _end(_SEPARATORS, text, 0)
    while position < len(text):
        match = TYPE.match(text, position)
        weight, is_plain = 1.0, True
        is_readable, has_weight = match is not None, False
        if match is not None:
            position = match.end()
            while (parameter := PARAMETER.match(text, position)) is not None:
                position = parameter.end()
                name, *values = parameter.groups()
                if name == "q":
                    number = next(value for value in values if value is not None)
                    is_readable = is_readable and _NUMBER.fullmatch(number) is not None
                    weight, has_weight = float(number) if is_readable else 0.0, True
                elif not has_weight:
                    is_plain = False
        after = _end(_SEPARATORS, text, position)
        if match is not None and is_readable and (after == len(text) or "," in text[position:after]):
            found.append((weight, f"{match[1]}/{match[2]}", is_plain))
        if match is None or not is_readable:
            comma = text.find(",", position)
            after = len(text) if comma < 0 else _end(_SEPARATORS, text, comma)
        position = after
    return found


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    """Where what fits from here on ends."""
    match = pattern.match(text, position)
    return match.end() if match else position
