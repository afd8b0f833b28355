"""A Content-Type field as the platform reads it: from the left, up to what is no parameter.

Source: docs/contract.md, 1.2, "Order of checks, and the responses"; RFC 9110, section 8.3.
"""

import re

from workflow_mock.caching import fifo_cache

FORM = "application/x-www-form-urlencoded"

UTF_8 = "utf-8"
_UTF_16 = "utf-16-le"
CHARSETS = {
    **dict.fromkeys((UTF_8, "unicode-1-1-utf-8", "unicode-2-0-utf-8"), UTF_8),
    **dict.fromkeys(("x-unicode-1-1-utf-8", "x-unicode-2-0-utf-8"), UTF_8),
    **dict.fromkeys(("utf-16", "utf-16le", "ucs-2", "iso-10646-ucs-2", "unicode"), _UTF_16),
}
"""Names of the charsets that a body may be in, each with Python's codec. `utf8` is none of them, there as here."""

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"  # noqa: S105 - of RFC 9110, section 5.6.2
_QUOTED = r'"((?:\\[\x00-\x7f](?=.)|[^"])*+)"'
TYPE = re.compile(rf"[ \t]*+({_TOKEN})[ \t]*+/[ \t]*+({_TOKEN})[ \t]*+")
"""A type and a subtype, with the white space around them."""
PARAMETER = re.compile(rf";[ \t]*+({_TOKEN})[ \t]*+=[ \t]*+(?:({_TOKEN})|{_QUOTED})[ \t]*+", re.DOTALL)
"""A parameter's name, and its value as a token or as it stands between quotes."""
_NO_CHARSET = re.compile(r";[ \t]*+charset[ \t]*+=[ \t]*+", re.IGNORECASE)


@fifo_cache(256)
def media_type(content_type: bytes) -> str:
    """The type and subtype, in lower case (RFC 9110, section 8.3.1)."""
    return content_type.partition(b";")[0].strip(b" \t").lower().decode("latin-1")


@fifo_cache(256)
def charset_in(content_type: bytes) -> str:
    """The charset that is named first, in lower case, or `utf-8`."""
    return read_content_type(content_type)[2]


def read_content_type(content_type: bytes) -> tuple[str, str, str]:
    """The type, the subtype and the charset, in lower case: two empty texts for no type, `utf-8` for no charset.

    What follows a value that can't be read is not looked at. A charset without a value at the end is the empty text.
    """
    text = content_type.decode("latin-1")
    found = TYPE.match(text)
    if found is None:
        return "", "", UTF_8
    type, subtype = found[1].lower(), found[2].lower()
    end = found.end()
    while (found := PARAMETER.match(text, end)) is not None:
        if found[1].lower() == "charset":
            return type, subtype, (found[3] if found[2] is None else found[2]).lower()
        end = found.end()
    return type, subtype, "" if _NO_CHARSET.fullmatch(text, end) else UTF_8
