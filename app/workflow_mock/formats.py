"""Text forms of values: UUIDs, timestamps, durations."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from uuid import UUID, uuid5

MAX_DURATION = timedelta(days=3650)

_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")

WHITE_SPACE = "".join(
    map(chr, (*range(9, 14), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000))
)
"""The white space of .NET: Python's has U+001C to U+001F too."""

_HEX_DIGITS = re.compile(r"[0-9a-fA-F]{32}")
_PREFIXED = re.compile(r"\+?(?:0[xX])?([0-9a-fA-F]*)")
_IN_BRACES = re.compile(r"\{0[xX]([^,]+),0[xX]([^,]+),0[xX]([^,]+),\{" + r"0[xX]([^,]+)," * 7 + r"0[xX]([^}]+)\}\}")
_NO_WHITE_SPACE = dict.fromkeys(map(ord, WHITE_SPACE))

_NAMESPACE = UUID("8f1d1e0e-6b0a-5c8e-9f4b-2f6f2b7a1c55")
"""Our own UUIDv5 namespace. Changing it changes every id that people did not write themselves."""

_NUMBER = r"\d{1,12}(?:\.\d{1,9})?"
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds", "ms": "milliseconds"}
_SHORT = re.compile("(?=.)" + "".join(f"(?:(?P<{name}>{_NUMBER}){unit})?" for unit, name in _UNITS.items()), re.ASCII)
_ISO = re.compile(
    r"P(?=[\dT])(?:(?P<days>\d{1,6})D)?"
    rf"(?:T(?=\d)(?:(?P<hours>\d{{1,9}})H)?(?:(?P<minutes>\d{{1,9}})M)?(?:(?P<seconds>{_NUMBER})S)?)?",
    re.ASCII,
)


def parse_uuid(text: str) -> str | None:
    """The canonical form of a UUID, or None where it isn't 36 characters with dashes (docs/contract.md, 1.2)."""
    return text.lower() if _UUID.fullmatch(text) else None


def parse_guid(text: str) -> str | None:
    """The canonical form of an id as .NET's Guid reads it, or None (docs/contract.md, 1.3).

    Its forms are N (32 digits), D (with dashes), B and P (that in braces or parentheses) and X (numbers in braces), in
    either case and with white space around. The numbers of X, and all parts of D but the last eight digits, may have a
    sign or a prefix 0x: what is left over of .NET's first reader.
    """
    text = text.strip(WHITE_SPACE)
    if text.startswith("{") and text[9:10] != "-":
        return _parse_x(text.translate(_NO_WHITE_SPACE))
    if len(text) == 38 and text[0] + text[-1] in ("{}", "()"):
        text = text[1:-1]
    elif text[8:9] != "-":
        return _with_dashes(text.lower()) if _HEX_DIGITS.fullmatch(text) else None
    if len(text) != 36 or not text[8] == text[13] == text[18] == text[23] == "-":
        return None
    parts = (text[:8], text[9:13], text[14:18], text[19:23], text[24:28])
    numbers = [_number(part) for part in parts]
    found = "".join(
        f"{number:0{len(part)}x}" for number, part in zip(numbers, parts, strict=True) if number is not None
    )
    digits = f"{found}{text[28:].lower()}"
    return _with_dashes(digits) if _HEX_DIGITS.fullmatch(digits) else None


def _parse_x(text: str) -> str | None:
    match = _IN_BRACES.fullmatch(text)
    numbers = [_number(group) for group in match.groups()] if match else []
    if not numbers or None in numbers:
        return None
    first, second, third, *rest = (number or 0 for number in numbers)
    if max(rest) > 0xFF:
        return None
    return _with_dashes(f"{first:08x}{second & 0xFFFF:04x}{third & 0xFFFF:04x}{bytes(rest).hex()}")


def _number(text: str) -> int | None:
    """The hexadecimal number of a part, of 8 digits at most behind zeros."""
    match = _PREFIXED.fullmatch(text)
    if match is None:
        return None
    digits = match[1].lstrip("0")
    return int(digits or "0", 16) if len(digits) <= 8 else None


def _with_dashes(digits: str) -> str:
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def derive_uuid(parent: str | None, name: str) -> str:
    """The UUIDv5 (RFC 9562, section 5.5) of a name under another id, or under our namespace: the same each time."""
    return str(uuid5(UUID(parent) if parent else _NAMESPACE, name))


def timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC with `Z`, and no trailing zeros in the fraction, as .NET writes it (docs/contract.md, 1.2)."""
    second = _second(moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
    fraction = moment.microsecond
    return ("%s.%06d" % (second, fraction)).rstrip("0") + "Z" if fraction else f"{second}Z"  # noqa: UP031 - half of :06


def iso_milliseconds(seconds: float) -> str:
    """A moment given in seconds since 1970 as ISO 8601, in UTC and in milliseconds: `2026-11-28T11:52:01.131Z`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@lru_cache(maxsize=8)
def _second(year: int, month: int, day: int, hour: int, minute: int, second: int) -> str:
    """To write one takes 2 µs, and most moments are of the second that was written last."""
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"


def parse_duration(text: str) -> timedelta:
    """ISO 8601 without years, months and weeks (`PT1H30M`), or short as Go writes it (`90s`, `1m30s`).

    At most 3,650 days. Raises ValueError.
    """
    found = _SHORT.fullmatch(text) or _ISO.fullmatch(text)
    if not found:
        raise ValueError("must be a duration such as 90s, 200ms, 1h30m, PT1H30M or P1D")
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


def short_duration(duration: timedelta) -> str:
    """As Go writes it, with days: `1h30m`. `parse_duration` reads it."""
    parts = []
    for unit, name in _UNITS.items():
        length = timedelta(**{name: 1})
        count = duration / length if unit == "ms" else duration // length
        if count:
            parts.append(f"{count:g}{unit}")
            duration -= count * length
    return "".join(parts) or "0s"
