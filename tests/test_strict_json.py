"""The strict JSON decoder, and the check of what can be written again."""

import json
from typing import Any

import pytest
from workflow_mock.strict_json import JsonObject, NotSerializable, RepeatedName, StrictDecoder, TooDeep, check


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a": -Infinity}'])
@pytest.mark.parametrize("pairs", [False, True])
def test_what_is_no_number_is_refused(text: str, pairs: bool) -> None:
    with pytest.raises(ValueError, match="is not a JSON number"):
        StrictDecoder(pairs=pairs).decode(text)


def test_a_repeated_name_is_refused_or_kept() -> None:
    text = '{"a": 1, "b": {"c": 2, "c": 3}}'
    with pytest.raises(RepeatedName) as caught:
        StrictDecoder().decode(text)
    assert caught.value.name == "c"
    found = StrictDecoder(pairs=True).decode(text)
    assert found == JsonObject([("a", 1), ("b", JsonObject([("c", 2), ("c", 3)]))])


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000])
@pytest.mark.parametrize("pairs", [False, True])
def test_depth_without_end_is_refused(text: str, pairs: bool) -> None:
    with pytest.raises(TooDeep):
        StrictDecoder(pairs=pairs).decode(text)


def test_numbers_are_doubles_where_they_are_asked_for() -> None:
    assert StrictDecoder(doubles=True).decode("9007199254740993") == 9007199254740992.0
    assert StrictDecoder().decode("9007199254740993") == 9007199254740993
    for text in ("1e999", "1" + "0" * 400):
        with pytest.raises(ValueError, match="out of the range"):
            StrictDecoder(doubles=True).decode(text)


@pytest.mark.parametrize("text", ["", "{", "[1,]", "1 2", "'a'", "\ufeff1", "\u00a01"])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(json.JSONDecodeError):
        StrictDecoder().decode(text)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (float("inf"), ()),
        ([0, {"a": [1, float("nan")]}], (1, "a", 1)),
        ({"a": ["\ud800"]}, ("a", 0)),
        ({"a": {"\udfff": 1}}, ("a",)),
        (nested(101), ()),
        ({"a": nested(100)}, ()),
    ],
)
def test_what_can_not_be_written_again_is_told_with_its_path(value: Any, path: tuple[Any, ...]) -> None:
    with pytest.raises(NotSerializable) as caught:
        check(value)
    assert caught.value.path == path


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "é😀", [], {}, {"a": [1, {"b": None}]}, nested(100)])
def test_what_can_be_written_again_is_let_pass(value: Any) -> None:
    check(value)
