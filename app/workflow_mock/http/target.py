"""The path of a request's target, as the platform's routes see it."""

import re
from urllib.parse import unquote

_ESCAPED_SLASH = re.compile("%2f", re.IGNORECASE)


def unescape_path(raw_path: bytes) -> str:
    """The path without escapes. A slash that is escaped separates nothing (RFC 3986, section 2.2): it stays `%2F`."""
    return unquote(_ESCAPED_SLASH.sub("%252F", raw_path.decode("latin-1")))


def has_dot_segments(path: str) -> bool:
    """Whether a path may have segments `.` or `..`: nearly none has."""
    return "/." in path


def remove_dot_segments(path: str) -> str:
    """The path without its segments `.`, and without `..` and what each leads back from (RFC 3986, section 5.2.4)."""
    if not has_dot_segments(path):
        return path
    root, *segments = path.split("/")
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/".join([root, *kept])
