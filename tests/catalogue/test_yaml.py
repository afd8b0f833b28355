"""YAML and JSON as they are read."""

import json
from contextlib import suppress

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from workflow_mock.catalogue.yaml_reader import RESOLVERS, ParseError, parse, read_document


def test_numbers_are_those_of_the_core_schema() -> None:
    text = "[+1, -0, 010, 0o17, 0x1F, .5, -.5, 1., 1.e2, +1.5E-1, 1_000, 0b1, 0o8, 0xg, 1:30, '1', +, ., -]"
    numbers = [1, 0, 10, 15, 31, 0.5, -0.5, 1.0, 100.0, 0.15]
    found = parse(text, is_json=False)
    assert found == [*numbers, "1_000", "0b1", "0o8", "0xg", "1:30", "1", "+", ".", "-"]
    assert [type(value) for value in found[:10]] == [type(number) for number in numbers]


@pytest.mark.parametrize("text", [".inf", "-.INF", "+.Inf", ".nan", ".NaN", "0x" + "f" * 5000, "9" * 5000])
def test_a_number_that_json_has_not_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parse(f"a: {text}", is_json=False)


def test_an_alias_is_a_copy_with_lines_of_its_own() -> None:
    found = read_document("a: &a\n  - x\n  - {y: 1}\nb: *a\n&k c: *k\n", is_json=False)
    assert found.value == {"a": ["x", {"y": 1}], "b": ["x", {"y": 1}], "c": "c"}
    assert found.value["a"] is not found.value["b"]
    paths: list[tuple[str | int, ...]] = [("a",), ("b",), ("a", 1, "y"), ("b", 1, "y"), ("b", 7, "z"), ("c",), ()]
    assert [found.line(path) for path in paths] == [1, 4, 3, 3, 4, 5, 1]


@given(st.text(max_size=200) | st.text("workflows:[]{}name\n -&*!|>'\"#,", max_size=200), st.booleans())
def test_any_text_is_read_or_refused(text: str, is_json: bool) -> None:
    with suppress(ParseError):
        json.dumps(parse(text, is_json=is_json))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


class Dumper(yaml.SafeDumper):
    """Writes what YAML 1.2 takes for a number, such as 0E0, in quotes where it is a string; PyYAML's own is for 1.1."""

    yaml_implicit_resolvers = RESOLVERS


@example("0E0")
@given(JSON)
def test_yaml_and_json_of_one_value_are_read_as_that_value(value: object) -> None:
    assert parse(json.dumps(value), is_json=True) == value
    assert parse(yaml.dump(value, Dumper=Dumper, allow_unicode=True), is_json=False) == value
