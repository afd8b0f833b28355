"""What holds for every input that hypothesis thinks of."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workflow_mock.api.body import MAX_BODY_DEPTH, charset_of, read_json
from workflow_mock.api.leniency import Leniency, LeniencyLog
from workflow_mock.app import create_app
from workflow_mock.errors import STATUS_OF_CODE, ApiError
from workflow_mock.formats import parse_uuid, timestamp
from workflow_mock.settings import Settings

from tests.in_process import SURFACES
from tests.support import EXAMPLES, WORKFLOW, Answer, Api, Server, path, raw_request

on_a_socket = settings(max_examples=4 * EXAMPLES)

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
values = st.recursive(
    scalars | st.sampled_from(["\ud800", "\udfff\ud800", "\U0001f600", "\x00"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
nested = st.builds(
    lambda value, opening: "".join(opening) + value + "".join("]" if part == "[" else "}" for part in opening[::-1]),
    st.sampled_from(["1", '""', "[]", "{}"]),
    st.lists(st.sampled_from(["[", '{"a":']), min_size=MAX_BODY_DEPTH - 2, max_size=MAX_BODY_DEPTH + 1),
)
odd = st.sampled_from(
    [
        *(
            "1e999",
            "-1E+400",
            "1e-999",
            "9" * 308,
            "9" * 400,
            "-" + "9" * 10_000,
            "-0",
            "1.0e0",
            "01",
            "NaN",
            "-Infinity",
        ),
        *(r'"\uD83D\uDE00"', r'"\uD83D"', r'"\udE00"', r'"\\ud800"', r'{"\ud800":1,"":2}', r'{"a":"\uDC00","a":1}'),
        *("[" * 2000, '{"":' * 2000, "[" * 2000 + "]" * 2000, "[{}]" * 40, "[" + "[]," * 40 + "[]]"),
    ]
)
pieces = st.text(alphabet='{}[]:,"\\ud8c0Ff \t\r\n01e+-.naNI/*\x00\ufeff\u2028', max_size=6)


@st.composite
def nearly_json(draw: st.DrawFn) -> str:
    """JSON, or what is left of it after a change in one place."""
    text = draw(st.one_of(nested, odd, st.builds(json.dumps, values, ensure_ascii=st.booleans())))
    text = draw(st.sampled_from(["", " ", "\ufeff", "\ufeff\ufeff"])) + text
    if draw(st.booleans()):
        return text
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 3)))
    return text[:start] + draw(pieces) + text[end:]


bodies = st.binary(max_size=60) | nearly_json().map(lambda text: text.encode("utf-8", "surrogatepass"))


def reference(body: bytes) -> Any:
    """What Python reads the body as, objects as tuples of pairs, less what the contract excludes. Raises ValueError."""

    def no_constant(name: str) -> None:
        raise ValueError(name)

    value = json.loads(
        body.decode("utf-8").removeprefix("\ufeff"),
        object_pairs_hook=tuple,
        parse_int=float,
        parse_constant=no_constant,
    )
    if depth_of(value) > MAX_BODY_DEPTH:
        raise ValueError("too deep")
    # Each of these raises ValueError: Infinity, half of a surrogate pair.
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    return value


def depth_of(value: Any) -> int:
    if isinstance(value, tuple):
        return 1 + max((depth_of(member) for _, member in value), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


def with_tuples(value: Any) -> Any:
    """What `read_json` gives, in the form of the reference."""
    if type(value) is list:
        return [with_tuples(entry) for entry in value]
    return tuple((name, with_tuples(member)) for name, member in value) if isinstance(value, list) else value


REFUSED = ("malformed_json",)  # not a value of JSON, as with_tuples writes those


@given(bodies)
def test_the_reader_accepts_what_is_json_and_nothing_else(body: bytes) -> None:
    try:
        expected: Any = reference(body)
    except (ValueError, RecursionError):
        expected = REFUSED
    try:
        read = with_tuples(read_json(body, "utf-8", LeniencyLog(strict=False)))
    except ApiError as error:
        read = (error.errors[0].code,)
    assert read == expected


@given(values, st.sampled_from(["utf-16", "utf-16-le"]))
def test_the_reader_reads_utf_16_as_it_reads_utf_8(value: Any, charset: str) -> None:
    text = json.dumps(value)
    results = []
    for encoded, codec in ((text.encode(), "utf-8"), (text.encode(charset), charset)):
        try:
            results.append(with_tuples(read_json(encoded, codec, LeniencyLog(strict=False))))
        except ApiError as error:
            results.append(str(error))
    assert results[0] == results[1]


@given(bodies)
def test_strict_accepts_no_json_that_the_default_refuses(body: bytes) -> None:
    lenient = LeniencyLog(strict=False)
    try:
        read = read_json(body, "utf-8", lenient)
    except ApiError:
        with pytest.raises(ApiError):
            read_json(body, "utf-8", LeniencyLog(strict=True))
        return
    if [note.leniency for note in lenient.notes] == [Leniency.BYTE_ORDER_MARK]:
        with pytest.raises(ApiError, match="--strict"):
            read_json(body, "utf-8", LeniencyLog(strict=True))
    else:
        assert read_json(body, "utf-8", LeniencyLog(strict=True)) == read


@given(st.binary(max_size=40) | st.from_regex(rb"\A(text|application)/([a-z.]+\+)?json;? ?(charset=[a-z0-9\"-]*)?\Z"))
def test_a_content_type_is_read_or_refused_with_415(content_type: bytes) -> None:
    status, codec = 200, "utf-8"
    try:
        codec, _ = charset_of(content_type)
    except ApiError as error:
        status = error.status
    assert status in {200, 415}
    assert codec in {"utf-8", "utf-16-le"}


ranges = st.sampled_from(["application/json", "application/*", "*/*", "text/html", "application/xml", "text/*"])
weights = st.sampled_from(["", ";q=1", ";q=0.5", "; q=0.001", ";q=0", "; Q=0.000"])


@pytest.fixture(scope="module")
def strict() -> Iterator[Api]:
    """The strict server's application, in this process."""
    with SURFACES["TestClient"](create_app(Settings(strict=True))) as api:
        yield api


@pytest.fixture(scope="module")
def its_token(strict: Api) -> str:
    return strict.token()


@given(st.dictionaries(ranges, weights, min_size=1), st.sampled_from([",", ", ", " ,\t"]))
def test_the_most_specific_range_of_an_accept_header_decides(
    strict: Api, its_token: str, entries: dict[str, str], comma: str
) -> None:
    header = comma.join(media_range + weight for media_range, weight in entries.items())
    deciding = [entries[name] for name in ("application/json", "application/*", "*/*") if name in entries]
    is_accepted = bool(deciding) and deciding[0] not in (";q=0", "; Q=0.000")
    answer = strict.start(token=its_token, headers={"Accept": header})
    assert answer.status_code == (200 if is_accepted else 406)


@given(st.binary(max_size=60))
def test_any_accept_header_can_be_read(strict: Api, its_token: str, header: bytes) -> None:
    assert strict.start(token=its_token, headers={"Accept": header}).status_code in (200, 406)


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_is_written_in_its_shortest_form_and_loses_nothing(moment: datetime) -> None:
    text = timestamp(moment)
    seconds, _, fraction = text.removesuffix("Z").partition(".")
    assert text.endswith("Z")
    assert len(seconds) == 19
    assert len(fraction) <= 7
    assert not fraction.endswith("0")
    assert ("." in text) == bool(fraction)
    assert datetime.fromisoformat(f"{seconds}.{fraction:0<6}+00:00") == moment


@given(st.uuids(), st.booleans(), st.sampled_from(["{}", "urn:uuid:", "()", " ", "\n", "-", ""]))
def test_a_uuid_has_one_form_in_either_case(uuid: object, upper: bool, around: str) -> None:
    text = str(uuid).upper() if upper else str(uuid)
    assert parse_uuid(text) == str(uuid)
    for other in (around[:1] + text + around[1:], text + around, text.replace("-", around), text[1:]):
        assert parse_uuid(other) == (str(uuid) if other == text else None)


def assert_one_of_ours(answer: Answer) -> None:
    """An answer in the envelope that isn't a fault of the server's own."""
    meta = answer.json()["meta"]
    if answer.status == 200:
        assert meta == {"errors": [], "validation": [], "info": {}}
        return
    assert answer.json()["data"] is None
    assert answer.status == STATUS_OF_CODE[meta["errors"][0]["code"]] != 500
    assert answer.body.isascii()


def send(server: Server, *headers: str | bytes, target: str = "", body: bytes = b"") -> None:
    (answer,) = server.send(raw_request("POST", target or path(), *headers, body=body))
    assert_one_of_ours(answer)


@pytest.mark.fuzz
@pytest.mark.parametrize("mode", ["server", "strict_server"])
def test_no_body_is_a_fault_of_the_servers_own(request: pytest.FixtureRequest, mode: str) -> None:
    server: Server = request.getfixturevalue(mode)
    authorization = f"Authorization: Bearer {server.token()}"
    known = json.dumps({"data": {"workflowId": WORKFLOW}})
    mixed = nearly_json().map(lambda text: f'{known[:-1]},"x":{text}}}'.encode("utf-8", "surrogatepass"))
    charsets = st.sampled_from([b"", b";charset=utf-16", b";charset=UTF-8", b";charset=utf-7"])

    @on_a_socket
    @given(bodies | mixed, charsets)
    def holds(body: bytes, charset: bytes) -> None:
        content_type = b"Content-Type: application/json" + charset
        send(server, authorization, content_type, body=body)

    holds()


@on_a_socket
@given(st.lists(st.binary(min_size=1, max_size=20), min_size=6, max_size=7), st.booleans())
def test_no_path_is_a_fault_of_the_servers_own(server: Server, token: str, parts: list[bytes], near: bool) -> None:
    if near:
        parts[:] = [b"v1.0", b"customer", parts[2], b"workflow", parts[4], b"WorkflowExecution", *parts[6:]]
    target = "/api/workflow/" + "/".join(quote_from_bytes(part) for part in parts)
    send(server, f"Authorization: Bearer {token}", target=target)


header_values = st.binary(max_size=60).map(lambda value: bytes(byte for byte in value if byte > 0x1F and byte != 0x7F))


@on_a_socket
@given(st.sampled_from([b"", b"Bearer ", b"bearer a.b.", b"Basic "]), header_values, header_values, header_values)
def test_no_header_is_a_fault_of_the_servers_own(
    server: Server, token: str, scheme: bytes, authorization: bytes, content_type: bytes, accept: bytes
) -> None:
    send(server, b"Authorization: " + scheme + authorization, b"Content-Type: " + content_type)
    good = f"Authorization: Bearer {token}"
    send(server, good, b"Content-Type: " + content_type, b"Accept: " + accept, body=b"{}")
