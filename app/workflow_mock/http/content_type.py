"""A Content-Type field: its media type, and the charset that it names (RFC 9110, section 8.3)."""

import re

from workflow_mock.caching import fifo_cache

FORM = "application/x-www-form-urlencoded"

UTF_8 = "utf-8"
CHARSETS = {UTF_8: UTF_8, "utf8": UTF_8, "utf-16": "utf-16", "utf-16le": "utf-16-le", "unicode": "utf-16"}
"""Names of the charsets that a body may be in, each with Python's codec."""

MAX_CONTENT_TYPE_BYTES = 1024

_PARAMETER = re.compile(r';\s*+([^\s;=]*+)\s*+=\s*+("(?:[^"\\]|\\.)*+"|[^;]*+)')


@fifo_cache(256)
def media_type(content_type: bytes) -> str:
    """The type and subtype, in lower case (RFC 9110, section 8.3.1)."""
    return content_type.partition(b";")[0].strip(b" \t").lower().decode("latin-1")


@fifo_cache(256)
def charset_in(content_type: bytes) -> str:
    """The charset that is named first, in lower case, or `utf-8`. Reads 1 KiB at most."""
    text = content_type[:MAX_CONTENT_TYPE_BYTES].decode("latin-1").lower()
    named = (value for name, value in _PARAMETER.findall(text) if name == "charset")
    return _unquote(next(named, UTF_8).strip())


def _unquote(value: str) -> str:
    """A parameter's value, which may be a quoted string (RFC 9110, section 5.6.4)."""
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
