"""The rules of reading of tokens and forms, each against a slow and obvious reading of the same rule."""

import json
import string
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from workflow_mock.errors import ApiError, OAuthError
from workflow_mock.oauth.claims import FIRST, LAST, read_claims
from workflow_mock.oauth.form import MAX_FIELDS, codec_of, parse_form
from workflow_mock.oauth.jws import MAX_DEPTH, take_apart
from workflow_mock.oauth.token_endpoint import path_of

from tests.oauth.forge import Key

KEY = Key()
FORM = "application/x-www-form-urlencoded"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=6,
)


def told(claims: dict[str, Any]) -> str | None:
    """The claim that is of a wrong type."""
    try:
        read_claims(claims, 0)
    except ApiError as error:
        return str(error).split("'s ")[1].split()[0]
    return None


# Claims


def kinds(value: Any) -> set[str]:
    """What JSON calls a value, and what of it counts."""
    if value is None:
        return {"null"}
    if isinstance(value, bool):
        return {"boolean"}
    if isinstance(value, str):
        return {"string"}
    if isinstance(value, int | float):
        is_least = isinstance(value, int) and value == -(2**63)
        return {"number", "64 bits"} if is_least or -(2**63) < value < 2**63 else {"number"}
    if isinstance(value, dict):
        return {"object"}
    members = set[str]().union(*(kinds(member) for member in value))
    return (
        {"list"}
        | ({"of strings or null"} if members <= {"string", "null"} else set())
        | ({"of strings"} if members <= {"string"} else set())
    )


TYPES = {
    "iss": {"null", "string"},
    "jti": {"null", "string"},
    "azp": {"null", "string"},
    "sub": {"null", "string", "number"},
    "aud": {"null", "string", "of strings or null"},
    "nbf": {"64 bits"},
    "exp": {"64 bits"},
    "iat": {"64 bits"},
    "customer_id": {"string", "of strings"},
}


@pytest.mark.parametrize("name", [*TYPES, "client_id", "scope", "nonce"])
@given(value=JSON)
@example(value=2**63)
@example(value=-(2**63))
@example(value=-(2**63) - 1)
@example(value=float(2**63))
@example(value=[None, "x"])
def test_a_claim_has_one_of_its_types(name: str, value: Any) -> None:
    fits = name not in TYPES or bool(TYPES[name] & kinds(value))
    assert told({name: value}) == (None if fits else name)


SECONDS = (
    st.integers(-(2**63), 2**63 - 1)
    | st.integers(-10, 10)
    | st.integers(253_402_300_790, 253_402_300_810)
    | st.integers(-62_135_596_810, -62_135_596_790)
    | st.floats(0, 4e9)
    | st.floats(-(2.0**63), 2.0**63, exclude_min=True, exclude_max=True)
)


def whole(seconds: float) -> int:
    """Seconds rounded to whole ones, by decimals."""
    return int(Decimal(seconds).quantize(Decimal(1), ROUND_HALF_EVEN) if abs(seconds) < 10**15 else seconds)


def moment(seconds: int, first: datetime, last: datetime) -> datetime:
    """So many seconds after 1970, between these two."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    if seconds < (first - epoch).total_seconds():
        return first
    return epoch + timedelta(seconds=seconds) if seconds <= (last - epoch) // timedelta(seconds=1) else last


@given(SECONDS, SECONDS, st.sampled_from([0, 300, 315_360_000]))
@example(951004800.5, 951004801.5, 300)
@example(0, 2**63 - 1, 300)
@example(253_402_300_799, 253_402_300_799, 0)
def test_a_token_counts_from_nbf_to_exp_and_the_skew_on_both_sides(nbf: float, exp: float, skew: int) -> None:
    claims = read_claims({"nbf": nbf, "exp": exp}, skew)
    shown = (datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
    not_before, expires = (moment(whole(each), *shown) for each in (nbf, exp))
    assert (claims.not_before, claims.expires) == (not_before, expires)
    assert claims.begins == moment(whole(nbf) - skew, FIRST, LAST)
    assert claims.ends == (FIRST if not_before > expires else moment(whole(exp) + skew, FIRST, LAST))


# Depth, and text


def depth(value: Any) -> int:
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if members is None else 1 + max(map(depth, members), default=0)


@st.composite
def deep(draw: st.DrawFn) -> Any:
    """Lists and objects inside each other about as deep as they may be, with others beside them."""
    value: Any = draw(st.sampled_from([1, [], {}, [[], {}], "[{" * 40]))
    for _ in range(draw(st.integers(MAX_DEPTH - 4, MAX_DEPTH + 2))):
        value = {"a": value} if draw(st.booleans()) else draw(st.sampled_from([[value], [[], value, {}]]))
    return value


def reads(header: Any, claims: Any) -> bool:
    """Whether a token of these parts isn't malformed."""
    code = ""
    try:
        take_apart(KEY.token(header, claims, signature=b"x").encode())
    except ApiError as error:
        code = error.code
    assert code in ("", "token_malformed")
    return not code


@given(deep())
def test_header_and_claims_are_at_most_so_deep(value: Any) -> None:
    document = {"x": value}
    fits = depth(document) <= MAX_DEPTH
    assert reads({"alg": "RS256"}, document) == fits
    assert reads({"alg": "RS256", **document}, {}) == fits


TEXTS = st.text(st.sampled_from(["a", "\\", "u", "\ud800", "\udc00", "é", "😀"]), max_size=4)


def is_whole(text: Any) -> bool:
    return not isinstance(text, str) or not any("\ud800" <= character <= "\udfff" for character in text)


@given(
    st.dictionaries(TEXTS, TEXTS | st.lists(TEXTS, max_size=2) | st.dictionaries(TEXTS, TEXTS, max_size=1), max_size=3)
)
def test_names_and_strings_are_text_and_those_of_lists_a_flaw(claims: dict[str, Any]) -> None:
    sent = json.loads(json.dumps(claims))  # two halves side by side are one pair
    fits = all(is_whole(text) for name_and_value in sent.items() for text in name_and_value)
    assert reads({"alg": "RS256"}, claims) == fits
    assert reads({"alg": "RS256", **claims}, {}) == fits
    if fits:
        in_lists = [text for value in sent.values() if isinstance(value, list) for text in value]
        parts = take_apart(KEY.token({"alg": "RS256"}, claims, signature=b"x").encode())
        assert (parts.flaw is None) == all(map(is_whole, in_lists))


@given(st.binary(max_size=60) | st.text('{}[]",:.1eE-+ \\u0NaN"a', max_size=60).map(str.encode))
def test_no_payload_is_more_than_malformed(payload: bytes) -> None:
    reads({"alg": "RS256"}, payload)
    reads(payload, {})


# Content-Type


def slow_codec(content_type: str) -> str | None:
    """As a reader goes from the left: a type, then a semicolon and a parameter, time and again."""
    at = 0

    def skip_blanks() -> None:
        nonlocal at
        while at < len(content_type) and content_type[at] in " \t":
            at += 1

    def word() -> str:
        nonlocal at
        begin = at
        while at < len(content_type) and content_type[at] in string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~":
            at += 1
        return content_type[begin:at]

    def quoted() -> str:
        nonlocal at
        begin, end = at, at + 1
        while end < len(content_type) and content_type[end] != '"':
            end += 2 if content_type[end] == "\\" else 1
        if end >= len(content_type):
            return ""
        at = end + 1
        return content_type[begin:at]

    def next_is(character: str) -> bool:
        nonlocal at
        found = content_type[at : at + 1] == character
        at += found
        return found

    skip_blanks()
    kind = word().lower()
    skip_blanks()
    if not next_is("/"):
        return None
    skip_blanks()
    kind += "/" + word().lower()
    skip_blanks()
    if kind != FORM:
        return None
    charset = None
    while next_is(";"):
        skip_blanks()
        if not (name := word().lower()):
            break
        skip_blanks()
        value = ""
        if next_is("="):
            skip_blanks()
            value = word() or (quoted() if content_type[at : at + 1] == '"' else "")
            skip_blanks()
        if name == "charset" and charset is None:
            charset = value.lower()
    if at < len(content_type):
        return None
    return {"utf-16": "utf-16-le", "latin1": "latin-1"}.get(charset or "", "utf-8")


PIECES = [
    "charset",
    "=",
    ";",
    " ",
    "\t",
    "utf-16",
    "latin1",
    "x",
    '"',
    "\\",
    ",",
    "/",
    '"utf-16"',
    "; charset=utf-16",
    "é",
]


@given(
    st.lists(st.sampled_from(PIECES), max_size=8).map("".join), st.sampled_from([FORM, FORM.upper(), "a/b", " " + FORM])
)
@example(";;", FORM)
@example("; ", FORM)
@example(";x=1;", FORM)
@example(';x="a;charset=utf-16"', FORM)
def test_a_content_type_is_read_from_the_left(more: str, begin: str) -> None:
    assert codec_of((begin + more).encode("latin-1")) == slow_codec(begin + more)


# Forms, and paths


def parsed(body: bytes, codec: str) -> dict[str, str] | str:
    """The parameters, or the code of the error."""
    try:
        return parse_form(body, codec)
    except OAuthError as error:
        return error.code


@given(st.text("ab=&%+410é;", max_size=30))
def test_a_form_in_utf8_is_read_as_everywhere(text: str) -> None:
    every = parse_qsl(text, errors="replace", keep_blank_values=True)
    pairs = [(name.lower(), value) for name, value in every if value]
    names = {name for name, _ in pairs}
    is_refused = len(names) < len(pairs) or any(bad in name + value for name, value in every for bad in "\ufffd\0")
    assert parsed(text.encode(), "utf-8") == ("invalid_request" if is_refused else dict(pairs))


@pytest.mark.parametrize("over", [0, 1])
def test_a_form_has_at_most_so_many_parameters(over: int) -> None:
    form = "&".join(f"n{number}=1" for number in range(MAX_FIELDS + over)).encode()
    assert (parsed(form, "utf-8") == "invalid_request") == bool(over)


@given(st.binary(max_size=40), st.sampled_from(["utf-8", "ascii", "latin-1", "utf-16-le", "utf-16-be", "utf-32-le"]))
def test_no_form_is_more_than_an_invalid_request(body: bytes, codec: str) -> None:
    assert isinstance(parsed(body, codec), dict) or parsed(body, codec) == "invalid_request"


@given(st.text("aZ/%2fFé\u212a", max_size=12))
def test_a_path_is_compared_without_regard_to_the_case_of_ascii_letters(path: str) -> None:
    read = path_of({"path": path})
    assert len(read) == len(path)
    if path.isascii():
        assert read == "".join(letter.lower() for letter in path)
    assert "/" not in path_of({"path": "/", "raw_path": b"%2F"})
