"""How requests are read, against slow and obvious readings of the same rules: ids, types, Accept, paths, hosts."""

from collections.abc import Callable
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from workflow_mock.api.accept import prefers_text_json
from workflow_mock.formats import WHITE_SPACE, parse_guid
from workflow_mock.http.content_type import UTF_8, read_content_type
from workflow_mock.http.target import remove_dot_segments, unescape_path
from workflow_mock.server.head import is_host

from tests.test_regular_expressions import assert_linear

HEX = "0123456789abcdefABCDEF"
TCHAR = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
ID = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
OF_NUMBERS = "{0x3c90c3cc,0x0d44,0x4b50,{0x88,0x88,0x8d,0xd2,0x57,0x36,0x05,0x2a}}"


class Reader:
    """A text that is read a character at a time."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def is_at(self, characters: str) -> bool:
        return self.at < len(self.text) and self.text[self.at] in characters

    def take_all(self, characters: str) -> str:
        begin = self.at
        while self.is_at(characters):
            self.at += 1
        return self.text[begin : self.at]

    def take(self, character: str) -> bool:
        if self.is_at(character):
            self.at += 1
            return True
        return False


# Ids


def number_of(text: str) -> int | None:
    """A hexadecimal number of eight digits at most behind zeros; a plus and a 0x may stand in front."""
    if text.startswith("+"):
        text = text[1:]
    if text[:2] in ("0x", "0X"):
        text = text[2:]
    if not all(character in HEX for character in text):
        return None
    while text.startswith("0"):
        text = text[1:]
    return None if len(text) > 8 else int(text or "0", 16)


def slowly_read_id(text: str) -> str | None:
    while text and text[0] in WHITE_SPACE:
        text = text[1:]
    while text and text[-1] in WHITE_SPACE:
        text = text[:-1]
    if text.startswith("{") and text[9:10] != "-":
        return slowly_read_numbers("".join(character for character in text if character not in WHITE_SPACE))
    if len(text) == 38 and (text[0], text[37]) in (("{", "}"), ("(", ")")):
        text = text[1:37]
    elif text[8:9] != "-":
        is_one = len(text) == 32 and all(character in HEX for character in text)
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:])).lower() if is_one else None
    if len(text) != 36 or [text[at] for at in (8, 13, 18, 23)] != ["-"] * 4:
        return None
    first, *short = (number_of(text[begin:end]) for begin, end in ((0, 8), (9, 13), (14, 18), (19, 23), (24, 28)))
    last = text[28:]
    if first is None or None in short or not all(character in HEX for character in last):
        return None
    words = [f"{number:04x}" for number in short if number is not None]
    return f"{first:08x}-{words[0]}-{words[1]}-{words[2]}-{words[3]}{last.lower()}"


def slowly_read_numbers(text: str) -> str | None:
    reader, numbers = Reader(text), list[int]()
    for end in ("{", "", "", "{", *[""] * 7):
        if (end and not reader.take(end)) or not reader.take("0") or not reader.take("xX"):
            return None
        digits = reader.take_all(
            "".join(chr(code) for code in range(128) if chr(code) not in ("," if len(numbers) < 10 else "}"))
        )
        number = number_of(digits)
        if not digits or number is None or not reader.take("," if len(numbers) < 10 else "}"):
            return None
        numbers.append(number)
    if not reader.take("}") or reader.at != len(text) or max(numbers[3:]) > 255:
        return None
    rest = "".join(f"{number:02x}" for number in numbers[3:])
    return f"{numbers[0]:08x}-{numbers[1] % 65536:04x}-{numbers[2] % 65536:04x}-{rest[:4]}-{rest[4:]}"


@st.composite
def changed(draw: st.DrawFn, texts: list[str], pieces: list[str]) -> str:
    """One of the texts with pieces put in, or in the place of others."""
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(0, 4))):
        begin = draw(st.integers(0, len(text)))
        end = draw(st.integers(begin, min(len(text), begin + 3)))
        text = text[:begin] + draw(st.sampled_from(pieces)) + text[end:]
    return text


IDS = [ID, ID.replace("-", ""), f"{{{ID}}}", f"({ID})", OF_NUMBERS, ID.upper(), f" {ID}\xa0"]
ID_PIECES = [
    "",
    "0",
    "00",
    "0x",
    "+",
    "+0x",
    "f",
    "-",
    "{",
    "}",
    "(",
    ")",
    ",",
    " ",
    "\t",
    "\x85",
    "\u2003",
    "\x1c",
    "g",
    "３",
]


@given(changed(IDS, ID_PIECES))
@example(OF_NUMBERS.replace("0x0d44", "0x10d44"))
@example(OF_NUMBERS.replace("0x0d44", "0x+"))
@example("+0x0c3cc-0x44-+b50-8888-+0x85736052a")
def test_an_id_is_read_as_dot_net_reads_it(text: str) -> None:
    assert parse_guid(text) == slowly_read_id(text)


@pytest.mark.parametrize(
    ("text", "id"),
    [
        (OF_NUMBERS.replace("0x0d44", "0x10d44"), ID),
        (OF_NUMBERS.replace("0x0d44", "0x+0xd44"), ID),
        (OF_NUMBERS.replace("0x0d44", "0x+"), ID.replace("0d44", "0000")),
        (OF_NUMBERS.replace("0x88,", "0x188,", 1), None),
        (OF_NUMBERS.replace("0x0d44", "0x100000d44"), None),
        (OF_NUMBERS.replace(",", "\xa0, "), ID),
        ("+c90c3cc-0d44-4b50-8888-8dd25736052a", ID.replace("3c90", "0c90")),
        ("3c90c3cc-+0x4-4b50-8888-0xd25736052a", "3c90c3cc-0004-4b50-8888-00d25736052a"),
        ("3c90c3cc-0d44-4b50-8888-8dd2+736052a", None),
        ("0x0x1234-0d44-4b50-8888-8dd25736052a", None),
        ("\x1c" + ID, None),
        ("\u200b" + ID, None),
        ("\x85" + ID, ID),
    ],
)
def test_what_the_platform_was_seen_to_make_of_an_id(text: str, id: str | None) -> None:
    assert parse_guid(text) == slowly_read_id(text) == id


# Media types


def slowly_read_type(text: str) -> tuple[str, str, str]:
    """A type, and parameters until something is none."""
    reader = Reader(text)
    reader.take_all(" \t")
    type = reader.take_all(TCHAR)
    reader.take_all(" \t")
    if not type or not reader.take("/"):
        return "", "", UTF_8
    reader.take_all(" \t")
    subtype = reader.take_all(TCHAR)
    reader.take_all(" \t")
    if not subtype:
        return "", "", UTF_8
    charset = UTF_8
    while reader.take(";"):
        reader.take_all(" \t")
        name = reader.take_all(TCHAR).lower()
        reader.take_all(" \t")
        if not name or not reader.take("="):
            break
        reader.take_all(" \t")
        if name == "charset" and reader.at == len(text):
            charset = ""
        value = slowly_read_value(reader)
        if value is None:
            break
        if name == "charset":
            charset = value
            break
        reader.take_all(" \t")
    return type.lower(), subtype.lower(), charset.lower()


def slowly_read_value(reader: Reader) -> str | None:
    """A token, or what stands between quotes; a character may be escaped that isn't the last but one."""
    token = reader.take_all(TCHAR)
    if token or not reader.take('"'):
        return token or None
    begin = reader.at
    while reader.at < len(reader.text):
        left = reader.text[reader.at :]
        if left.startswith('"'):
            reader.at += 1
            return reader.text[begin : reader.at - 1]
        reader.at += 2 if left.startswith("\\") and len(left) > 2 and left[1].isascii() else 1
    return None


TYPES = [
    "application/json",
    "text/x+json; charset=utf-8",
    'application/json; a="b; \\"c\\""; charset="utf-16"',
    "application/json, text/plain;charset=x",
]
TYPE_PIECES = [
    "",
    " ",
    "\t",
    ";",
    ";;",
    "=",
    "/",
    ",",
    '"',
    "\\",
    '\\"',
    "charset=",
    "Charset = ",
    "+",
    "é",
    "x",
    "*",
    "{",
]


@given(changed(TYPES, TYPE_PIECES))
@example("application/json;charset=")
@example('application/json;charset="\\')
def test_a_media_type_is_read_from_the_left_up_to_what_is_no_parameter(text: str) -> None:
    assert read_content_type(text.encode("latin-1")) == slowly_read_type(text)


@given(st.binary(max_size=50))
def test_any_bytes_are_a_media_type_or_none(content_type: bytes) -> None:
    assert read_content_type(content_type) == slowly_read_type(content_type.decode("latin-1"))


# Accept

RANGES = [
    "application/json",
    "application/*",
    "text/json",
    "text/*",
    "text/html",
    "application/x+json",
    "*/*",
    "TEXT/json",
]
WEIGHTS: dict[str, float] = {
    "": 1,
    ";q=1": 1,
    "; q=0.5": 0.5,
    ";Q=.25": 0.25,
    " ; q = 0": 0,
    ';q="0.75"': 0.75,
    ";q=0.9;q=0.1": 0.1,
}


def slowly_prefer(entries: list[tuple[str, str, str]]) -> bool:
    best: tuple[float, bool] = (-1, False)
    for media_range, parameter, weight in entries:
        name = media_range.lower()
        if name == "*/*":
            return False
        if (
            not parameter
            and name in ("application/json", "application/*", "text/json", "text/*")
            and WEIGHTS[weight] > best[0]
        ):
            best = (WEIGHTS[weight], name.startswith("text/"))
    return best[1]


@given(
    st.lists(
        st.tuples(st.sampled_from(RANGES), st.sampled_from(["", ";version=1"]), st.sampled_from([*WEIGHTS])), max_size=6
    ),
    st.sampled_from([",", ", ", " ,,\t"]),
)
def test_text_json_is_answered_where_it_has_the_highest_weight_of_jsons_ranges(
    entries: list[tuple[str, str, str]], comma: str
) -> None:
    assert prefers_text_json(comma.join(map("".join, entries)).encode()) == slowly_prefer(entries)


@pytest.mark.parametrize(
    ("accept", "is_text"),
    [
        ("text/json, */*;q=0", False),
        ("*/ *, text/json", False),
        ("text/json, */*x", True),
        ("x, text/json", True),
        ("text/json x", False),
        ("text/json/x", False),
        ("text/html text/json", True),
        ("text /json", True),
        ("text/json;q=x", False),
        ("text/json;q=-1", False),
        ("text/json;q=1e2", False),
        ("text/json;q=5.", True),
        ("text/json;q=1, application/json;q=1.1", False),
        ("text/json;q=0.5;x=y, application/json;q=0.4", True),
        ("text/json;q=0.5;, application/json;q=0.1", False),
        ('text/json;a="b,c"', False),
        ('text/json, "', True),
        ("a/b," * 20 + "text/json", True),
    ],
)
def test_what_the_platform_was_seen_to_prefer(accept: str, is_text: bool) -> None:
    assert prefers_text_json(accept.encode()) is is_text


@given(st.binary(max_size=60))
def test_any_bytes_are_an_accept_header(accept: bytes) -> None:
    assert prefers_text_json(b"text/json," + accept) in (True, False)


# Paths


def slowly_remove_dot_segments(path: str) -> str:
    """RFC 3986, section 5.2.4, step by step."""
    output = ""
    while path:
        if path.startswith("/./") or path == "/.":
            path = "/" + path[3:]
        elif path.startswith("/../") or path == "/..":
            path = "/" + path[4:]
            output = output[: max(output.rfind("/"), 0)]
        else:
            end = path.find("/", 1)
            segment = path if end < 0 else path[:end]
            output, path = output + segment, path[len(segment) :]
    return output


@given(st.lists(st.sampled_from(["/", ".", "..", "/.", "/..", "a", "/a", "...", ";"]), max_size=12))
def test_dot_segments_are_removed_as_the_rfc_says(pieces: list[str]) -> None:
    path = "/" + "".join(pieces)
    assert remove_dot_segments(path) == slowly_remove_dot_segments(path)


@given(st.binary(max_size=20))
def test_a_path_is_unescaped_but_for_slashes(path: bytes) -> None:
    shown = path.replace(b"/", b"%2F").decode("utf-8", "replace")
    assert unescape_path(quote_from_bytes(path, safe="").encode()) == shown


# Hosts


def is_slowly_a_host(text: str) -> bool:
    if not text:
        return True
    name, colon, port = text.rpartition(":")
    if not colon or (text.startswith("[") and text.endswith("]")):
        name = text
    elif not port or not all(character in "0123456789" for character in port):
        return False
    if name.startswith("["):
        return False  # addresses have cases of their own in tests/server
    return bool(name) and all(character in set(TCHAR) - set("#%*+^`|") | set("()") for character in name)


@given(
    changed(
        ["", "x", "a.b-c:8080", "127.0.0.1:80", "!$&'()"],
        ["", ":", "%41", "*", "+", ",", ";", "=", "é", "@", "/", "~", "_", " "],
    )
)
def test_a_host_is_a_name_with_a_port_or_without(text: str) -> None:
    assert is_host(text.encode()) is is_slowly_a_host(text)


# All of them


@pytest.mark.parametrize(
    "unit",
    ["0", "0x", ",0x0", "{", " ", "/.", "/..", "/a/..", ",", ", a/b", "a/b ", ";a=b", ';a="', "\\", '\\"', ";q=1"],
)
@pytest.mark.parametrize(
    ("read", "begin"),
    [
        pytest.param(parse_guid, "{0x", id="an id"),
        pytest.param(parse_guid, "", id="an id of digits"),
        pytest.param(remove_dot_segments, "/", id="a path"),
        pytest.param(lambda text: read_content_type(text.encode()), "a/b", id="a media type"),
        pytest.param(lambda text: prefers_text_json(text.encode()), "text/json", id="Accept"),
    ],
)
def test_what_is_repeated_is_read_in_linear_time(read: Callable[[str], object], begin: str, unit: str) -> None:
    assert_linear(read, lambda size: begin + (unit * size)[:size], f"{begin}{unit}")
