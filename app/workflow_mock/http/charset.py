"""The charset that a Content-Type names."""

from workflow_mock.caching import fifo_cache

UTF_8 = "utf-8"
CHARSETS = {UTF_8: UTF_8, "utf8": UTF_8, "utf-16": "utf-16", "utf-16le": "utf-16-le", "unicode": "utf-16"}
"""Names of the charsets that a body may be in, each with Python's codec."""

MAX_CONTENT_TYPE_BYTES = 1024


@fifo_cache(256)
def charset_in(content_type: bytes) -> str:
    """The charset that is named first, in lower case, or `utf-8` (RFC 9110, section 8.3). Reads 1 KiB at most."""
    for parameter in content_type[:MAX_CONTENT_TYPE_BYTES].decode("latin-1").lower().split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset":
            return value.strip().removeprefix('"').removesuffix('"')
    return UTF_8
