"""Text forms of values: UUIDs, timestamps, durations."""

import re
from datetime import datetime, timedelta
from functools import lru_cache
from uuid import UUID, uuid5

MAX_DURATION = timedelta(days=3650)

_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")

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


def derive_uuid(parent: str | None, name: str) -> str:
    """The UUIDv5 (RFC 9562, section 5.5) of a name under another id, or under our namespace: the same each time."""
    return str(uuid5(UUID(parent) if parent else _NAMESPACE, name))


def timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC with `Z`, and no trailing zeros in the fraction, as .NET writes it (docs/contract.md, 1.2)."""
    second = _second(moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
    fraction = moment.microsecond
    return ("%s.%06d" % (second, fraction)).rstrip("0") + "Z" if fraction else f"{second}Z"  # noqa: UP031 - half of :06


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
