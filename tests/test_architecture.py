"""The layers of docs/architecture.md hold: imports point downwards, and no module imports itself by way of others.

Tests use public names alone; of what they read as an attribute, ruff's SLF001 says the same.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.support import ROOT

PACKAGE = ROOT / "app" / "workflow_mock"

LAYERS = (
    ("cli", "__main__"),
    ("app", "server"),
    ("admin",),
    ("api",),
    ("oauth",),
    ("operation",),
    ("injector",),
    ("sandbox", "catalogue"),
    ("faults",),
    ("state",),
    ("http",),
    ("domain", "types", "strict_json"),
    ("errors", "formats", "paths", "settings", "caching", "sizes", "log", ""),
)
"""From top to bottom; a folder stands for all its modules, and the empty name for the package itself."""

BASE_ORDER = ("settings", "errors", "log", "formats", "caching", "sizes", "paths", "")
"""Modules of the lowest layer may import those to the right of them."""

APART = {("app", "server"), ("server", "app"), ("sandbox", "catalogue"), ("catalogue", "sandbox")}
"""Neighbours in a layer that don't know each other: `cli` joins them, or `app` does."""

HOMES = {
    "click": {"cli"},
    "uvicorn": {"server"},
    "httptools": {"server"},
    "fastapi": {"app", "admin", "http.exception_handlers", "api.openapi", "oauth.discovery"},
    "jose": {"oauth.keys"},
    "cryptography": {"oauth.keys"},
    "httpx2": {"oauth.issuers"},
    "yaml": {"catalogue", "cli"},
    "jinja2": {"admin.ui.pages"},
}
"""The only places from which these packages are imported."""


def modules() -> dict[str, Path]:
    """The modules of the package by their names below it: `state.journal`; a folder's `__init__` is the folder."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(name: str) -> Iterator[str]:
    """Each module that this one imports, imports within functions included."""
    for node in ast.walk(ast.parse(MODULES[name].read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} has a relative import"
            assert node.module is not None
            for alias in node.names:
                inner = f"{node.module}.{alias.name}".removeprefix("workflow_mock.")
                is_module = node.module.startswith("workflow_mock") and inner in MODULES
                yield f"workflow_mock.{inner}" if is_module else node.module


def ours(name: str) -> set[str]:
    """The modules of the package that this one imports."""
    return {each.removeprefix("workflow_mock").removeprefix(".") for each in imports(name) if is_ours(each)}


def is_ours(module: str) -> bool:
    return module.partition(".")[0] == "workflow_mock"


def layer(name: str) -> int:
    """The place of a module's layer, from the top."""
    return next(place for place, members in enumerate(LAYERS) if name.partition(".")[0] in members)


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_module_imports_from_its_own_folder_and_from_lower_layers(name: str) -> None:
    own = name.partition(".")[0]
    for other in ours(name):
        theirs = other.partition(".")[0]
        assert layer(other) >= layer(name), f"{name} imports {other}, which is above it"
        assert (own, theirs) not in APART, f"{name} and {other} must not know each other"
        if layer(name) == len(LAYERS) - 1 and own != theirs:
            assert BASE_ORDER.index(theirs) > BASE_ORDER.index(own), f"{name} imports {other}"


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Else `prepare` raises CycleError, which shows the circle."""
    TopologicalSorter({name: ours(name) - {""} for name in MODULES}).prepare()


@pytest.mark.parametrize("package", HOMES)
def test_a_package_is_imported_only_in_its_home(package: str) -> None:
    users = {name for name in MODULES for each in imports(name) if each.partition(".")[0] == package}
    strangers = {name for name in users if not HOMES[package] & {name, name.partition(".")[0]}}
    assert users
    assert not strangers


def test_the_domain_imports_the_standard_library_alone() -> None:
    foreign = {
        each.partition(".")[0]
        for name in MODULES
        if name.startswith("domain")
        for each in imports(name)
        if not is_ours(each)
    }
    assert foreign <= sys.stdlib_module_names


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("workflow_mock.state.journal", ("click", "fastapi", "uvicorn")),
        ("workflow_mock.domain.execution", ("pydantic", "starlette", "click")),
        ("workflow_mock.settings", ("click", "pydantic", "starlette")),
        ("workflow_mock.cli.commands", ("fastapi", "uvicorn", "jose")),
    ],
)
def test_to_import_a_part_loads_nothing_above_it(module: str, heavy: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print(*sorted(set(sys.modules) & set({heavy!r})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


PATCHING = {"setattr", "delattr", "getattr", "attrgetter"}
TEST_FILES = sorted((ROOT / "tests").rglob("*.py"))


@pytest.mark.parametrize("file", TEST_FILES, ids=[str(file.relative_to(ROOT / "tests")) for file in TEST_FILES])
def test_tests_use_no_private_name_of_the_package(file: Path) -> None:
    """Not by an import, and not by the text that is handed to monkeypatch or getattr."""
    for node in ast.walk(ast.parse(file.read_text())):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("workflow_mock"):
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in PATCHING:
            names = [
                part for each in node.args if isinstance(each, ast.Constant) for part in str(each.value).split(".")
            ]
        assert not [name for name in names if name.startswith("_") and not name.startswith("__")]
