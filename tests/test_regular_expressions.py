"""Every regular expression of the package takes time in proportion to its text, whatever the text is.

Work is compared with that of a plain expression on a text of the same length: what grows with the square of 8,000
characters takes hundreds of times as long, what is linear takes a few.
"""

import ast
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from workflow_mock.catalogue.schema import MAX_COMPARED, MAX_HINTS, WorkflowEntry
from workflow_mock.domain.definition import InvalidDefinition

from tests.test_architecture import MODULES, PACKAGE

SIZES = (16, 24, 64, 512, 8192)
"""Characters; the first are for what grows exponentially."""
TIMES_A_PLAIN_ONE = 30
METHODS = ("fullmatch", "match", "search", "sub", "split", "findall", "finditer")
ALWAYS = "aZ0 \t\n\r\"'\\.,;:=-_%[]{}()/@&?+*éß\0"

RECORDER = """
import importlib, json, re, sys
found, package, names = [], sys.argv[1], sys.argv[2:]

def recording(method, call):
    def record(pattern, *rest, **more):
        caller = sys._getframe(1)
        if caller.f_code.co_filename.startswith(package):
            flags = more.get("flags", rest[0] if method == "compile" and rest else 0)
            text = pattern.pattern if isinstance(pattern, re.Pattern) else pattern
            is_bytes = isinstance(text, bytes)
            text = text.decode("latin-1") if is_bytes else text
            found.append([caller.f_code.co_filename, caller.f_lineno, method, text, int(flags), is_bytes])
        return call(pattern, *rest, **more)
    return record

for method in ("compile", "fullmatch", "match", "search", "sub", "split", "findall", "finditer"):
    setattr(re, method, recording(method, getattr(re, method)))
for name in names:
    importlib.import_module(name)
from workflow_mock.app import create_app
from workflow_mock.settings import Settings
create_app(Settings()).control_plane()
print(json.dumps(found))
"""
"""Notes what the package compiles while all of it is imported and an application is made."""


class Expression(NamedTuple):
    module: str
    line: int
    method: str
    text: str
    flags: int
    is_bytes: bool

    def run(self) -> Callable[[str], object]:
        """What is done with a text."""
        pattern: Any = re.compile(self.text.encode("latin-1") if self.is_bytes else self.text, self.flags)
        method = getattr(pattern, "findall" if self.method == "finditer" else self.method)

        def run(text: str) -> object:
            data = text.encode("latin-1", "replace") if self.is_bytes else text
            return method(data[:0], data) if self.method == "sub" else method(data)

        return run


def calls_of(name: str) -> Iterator[ast.Call]:
    """Each call of `re` in a module, in functions too."""
    for node in ast.walk(ast.parse(MODULES[name].read_text("utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=method)) if method != "escape":
                yield node


SOURCES = "\n".join(path.read_text("utf-8") for path in MODULES.values())


def methods_of(name: str, line: int) -> set[str]:
    """What the package does with an expression that is compiled on this line."""
    tree = ast.parse(MODULES[name].read_text("utf-8"))
    kept = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.lineno <= line <= (node.end_lineno or 0)
        for target in ast.walk(node.targets[0] if isinstance(node, ast.Assign) else node.target)
        if isinstance(target, ast.Name)
    }
    used = {
        method
        for each in kept
        for method in re.findall(rf"\b{each}\b(?:\[[^\]]*\])?\.({'|'.join(METHODS)})\(", SOURCES)
    }
    return used or {"fullmatch", "match"}


@cache
def expressions() -> tuple[Expression, ...]:
    files = {str(path): name for name, path in MODULES.items()}
    names = [f"workflow_mock.{name}".rstrip(".") for name in MODULES if name != "__main__"]
    command = [sys.executable, "-c", RECORDER, str(PACKAGE), *names]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[Expression, None] = {}
    seen: set[tuple[str, int]] = set()
    for file, line, method, text, flags, is_bytes in json.loads(done.stdout):
        name = files[file]
        seen.add((name, line))
        for each in sorted(methods_of(name, line)) if method == "compile" else [method]:
            found[Expression(name, line, each, text, flags, is_bytes)] = None
    for name in MODULES:
        for call in calls_of(name):
            lines = range(call.lineno, (call.end_lineno or call.lineno) + 1)
            if not any((name, line) in seen for line in lines):
                pattern = call.args[0]
                assert isinstance(pattern, ast.Constant), f"{name}:{call.lineno}: nobody knows this expression"
                text = pattern.value
                is_bytes = isinstance(text, bytes)
                assert isinstance(call.func, ast.Attribute)
                text = text.decode("latin-1") if isinstance(text, bytes) else str(text)
                methods = sorted(methods_of(name, call.lineno)) if call.func.attr == "compile" else [call.func.attr]
                for each in methods:
                    found[Expression(name, call.lineno, each, text, 0, is_bytes)] = None
    return tuple(found)


def cpu(run: Callable[[str], object], text: str) -> float:
    began = time.process_time()
    run(text)
    return time.process_time() - began


@cache
def plain(size: int) -> float:
    """CPU time of a plain expression on a text of this size, or of 4,096 characters: less can't be told."""
    text, pattern = "a" * max(size, 4096), re.compile(".")
    return max(sorted(cpu(lambda text: pattern.sub("", text), text) for _ in range(9))[4], 1e-5)


def assert_linear(run: Callable[[str], object], text_of: Callable[[int], str], what: str) -> None:
    for size in SIZES:
        text, bound = text_of(size), TIMES_A_PLAIN_ONE * plain(size)
        if cpu(run, text) > bound:  # or something else took the processor: of five, the shortest counts
            assert min(cpu(run, text) for _ in range(5)) <= bound, f"{what}: {len(text)} characters like {text[:60]!r}"


def assert_linear_in_each(run: Callable[[str], object], units: Iterable[str], ends: Iterable[str], what: str) -> None:
    for unit, end in product(units, ends):
        assert_linear(run, lambda size, unit=unit, end=end: (unit * size)[:size] + end, what)  # type: ignore[misc]


def test_expressions_of_modules_of_functions_and_of_tables_are_found() -> None:
    modules = {each.module for each in expressions()}
    some = {"state.redaction", "http.content_type", "api.accept", "api.routes", "catalogue.yaml_reader", "formats"}
    assert modules >= some
    methods = {(each.module, each.method) for each in expressions()}
    assert methods >= {("state.redaction", "sub"), ("state.redaction", "fullmatch"), ("settings", "fullmatch")}


@pytest.mark.parametrize("text", [r"(.*_)?PORT_.*x", r"\s*,"], ids=repr)
def test_an_expression_that_is_not_linear_would_be_found(text: str) -> None:
    run = Expression("", 0, "search", text, 0, is_bytes=False).run()
    with pytest.raises(AssertionError, match="characters like"):
        assert_linear_in_each(run, ("a", "PORT_", " ", '"', "\\"), ("\0",), text)


EXPRESSIONS = [pytest.param(each, id=f"{each.module}:{each.line} {each.method}") for each in expressions()]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_repeated_characters_take_linear_time(expression: Expression) -> None:
    run = expression.run()
    own = [character for character in dict.fromkeys(expression.text) if character not in ALWAYS][:16]
    units = [*ALWAYS, *own, *("".join(pair) for pair in product('a.=";\\_-[ ', repeat=2))]
    words = re.findall(r"[A-Za-z]{2,}", expression.text)
    units += [word + end for word in dict.fromkeys(words) for end in ("", "_", "=", " ", ".")][:60]
    assert_linear_in_each(run, units, ("", "\0", "\n"), repr(expression))


@pytest.mark.parametrize("expression", EXPRESSIONS)
@given(data=st.data())
def test_what_matches_and_is_drawn_out_takes_linear_time(expression: Expression, data: st.DataObject) -> None:
    text = data.draw(st.from_regex(re.compile(expression.text, expression.flags)))[:200]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 20)))
    tail = data.draw(st.sampled_from(["", "\0", "\n", '"', "="]))

    def drawn_out(size: int) -> str:
        unit = text[start:end] or "a"
        return text[:start] + (unit * size)[:size] + text[end:] + tail

    assert_linear(expression.run(), drawn_out, repr(expression))


@pytest.mark.parametrize(
    ("tasks", "references", "length"),
    [(10, 1000, 199), (1000, 10, 199), (10_000, 3, 199), (10, 10, 100_000), (1, 1, 1_000_000)],
)
def test_what_a_misspelt_name_is_compared_with_is_bounded(
    monkeypatch: pytest.MonkeyPatch, tasks: int, references: int, length: int
) -> None:
    """By the characters of both, and by how many names."""
    compared: list[int] = []

    def count(word: str, possibilities: object, **_: object) -> list[str]:
        compared.append(len(word) * sum(map(len, possibilities)))  # type: ignore[call-overload]
        return []

    monkeypatch.setattr("workflow_mock.catalogue.schema.get_close_matches", count)
    keys = [f"{number:>0{min(length, 199)}}" for number in range(tasks)]
    edges = [{"parent": f"{number}{'ab' * (length // 2)}", "child": keys[0]} for number in range(references)]
    entry = WorkflowEntry.model_validate(
        {"name": "x", "tasks": [{"key": key} for key in keys], "tasksHierarchy": edges}
    )
    with pytest.raises(InvalidDefinition):
        entry.define()
    assert len(compared) <= MAX_HINTS
    assert all(work <= MAX_COMPARED for work in compared)
