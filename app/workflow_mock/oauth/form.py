"""The form of a token request: its Content-Type, its charset, its parameters.

Source: docs/contract.md, 3.1, "The token endpoint"; RFC 6749, section 3.2 and appendix B; the URL standard's
application/x-www-form-urlencoded. What is read beyond that is measured on the platform.
"""

import re
from urllib.parse import unquote_plus

from workflow_mock.caching import fifo_cache
from workflow_mock.errors import BodyTooLarge, OAuthError
from workflow_mock.http.content_type import FORM, UTF_8
from workflow_mock.http.cors import why_not
from workflow_mock.http.messages import Request

MAX_FORM_BYTES = 64 * 1024
MAX_FIELDS = 50
MAX_NAME_CHARACTERS = 2048

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_VALUE = rf'(?:{_WORD}|"(?:[^"\\]|\\.)*+")?+'
_PARAMETER = rf"({_WORD})[ \t]*+(?:=[ \t]*+({_VALUE})[ \t]*+)?+"
_PARAMETERS = rf"{_PARAMETER}(?:;[ \t]*+{_PARAMETER})*+(?:;[ \t]*+)?+"
_FORM_TYPE = re.compile(
    rf"[ \t]*+application[ \t]*+/[ \t]*+x-www-form-urlencoded[ \t]*+(?:;[ \t]*+(?P<parameters>{_PARAMETERS})?+)?+",
    re.IGNORECASE | re.ASCII,
)
"""A Content-Type of a form (RFC 9110, section 8.3.1), with white space and a last semicolon where .NET has them."""
_NAME_AND_VALUE = re.compile(_PARAMETER)

_ASCII = ("us-ascii", "ascii", "us", "iso646-us", "ansi_x3.4-1968", "ansi_x3.4-1986", "cp367", "ibm367", "csascii")
_LATIN_1 = ("iso-8859-1", "iso8859-1", "iso_8859-1", "latin1", "l1", "cp819", "ibm819", "csisolatin1")
_UTF_16 = ("utf-16", "utf-16le", "unicode", "ucs-2", "iso-10646-ucs-2")
_CODECS = {
    **dict.fromkeys(_ASCII, "ascii"),
    **dict.fromkeys(_LATIN_1, "latin-1"),
    **dict.fromkeys(_UTF_16, "utf-16-le"),
    **dict.fromkeys(("utf-16be", "unicodefffe"), "utf-16-be"),
    **dict.fromkeys(("utf-32", "utf-32le"), "utf-32-le"),
    "utf-32be": "utf-32-be",
}
"""The charsets other than utf-8 that .NET knows by itself, each with Python's codec."""


async def read_form(request: Request, *, strict: bool) -> dict[str, str]:
    """The parameters, by name in lower case; one without a value counts as left out. Raises OAuthError."""
    codec = codec_of(request.headers.get(b"content-type", b""))
    if codec is None or request.method.upper() != "POST" or (strict and request.method != "POST"):
        raise OAuthError("invalid_request", f"not a POST of {FORM}{why_not(request.method, request.headers)}")
    try:
        return parse_form(await request.body(MAX_FORM_BYTES), codec, strict=strict)
    except BodyTooLarge:
        raise OAuthError("invalid_request", f"the form is over {MAX_FORM_BYTES} bytes") from None


@fifo_cache(64)
def codec_of(content_type: bytes) -> str | None:
    """The codec of a form whose Content-Type this is; None where it can't be read, or isn't that of a form.

    It is utf-8 where no charset is named, or one that nobody knows. The first charset counts.
    """
    read = _FORM_TYPE.fullmatch(content_type.decode("latin-1"))
    if read is None:
        return None
    parameters = _NAME_AND_VALUE.finditer(read["parameters"] or "")
    charset = next((each[2] for each in parameters if each[1].lower() == "charset"), None)
    return _CODECS.get((charset or "").lower(), UTF_8)


def parse_form(body: bytes, codec: str, *, strict: bool = False) -> dict[str, str]:
    """The parameters of a form in this charset; `strict` has their names in lower case. Raises OAuthError."""
    escaped, errors = ("ascii" if codec == "ascii" else UTF_8), ("strict" if codec == UTF_8 else "replace")
    form: dict[str, str] = {}
    try:
        parts = body.decode(codec, errors).split("&", MAX_FIELDS)
        if len(parts) > MAX_FIELDS:
            raise OAuthError("invalid_request", f"the form has over {MAX_FIELDS} parameters")
        for part in parts:
            sent_name, _, sent_value = part.partition("=")
            name, value = (unquote_plus(sent, escaped, errors) for sent in (sent_name, sent_value))
            if len(sent_name) > MAX_NAME_CHARACTERS or "\0" in name or "\0" in value:
                raise OAuthError("invalid_request", f"a NUL, or a name over {MAX_NAME_CHARACTERS} characters")
            if strict and name != name.lower():
                raise OAuthError("invalid_request", "Refused by --strict: a parameter's name isn't in lower case")
            if value and form.setdefault(name.lower(), value) is not value:
                raise OAuthError("invalid_request", "a parameter is repeated (RFC 6749, section 3.2)")
    except UnicodeError:
        raise OAuthError("invalid_request", "the form can't be read") from None
    return form
