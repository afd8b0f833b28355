"""The project in examples/csharp, as far as it can be tried without .NET: its syntax, its words, and the contracts.

docs/csharp.md says what else was tried, and on what.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

import pytest
import tree_sitter_c_sharp
import yaml
from pydantic.alias_generators import to_camel, to_snake
from tree_sitter import Language, Node, Parser
from workflow_mock_kit.client import Clock, World

from tests.docs.pages import PAGES
from tests.support import ROOT, Server

PROJECT = ROOT / "examples" / "csharp"
FILES = sorted([*PROJECT.glob("src/*.cs"), *PROJECT.glob("tests/*.cs")])
WORLD = (PROJECT / "tests" / "World.cs").read_text()
HELPERS = ("World.cs", "WorkflowMock.cs")
CONTRACTS = [yaml.safe_load((ROOT / "openapi" / f"{name}.yaml").read_text()) for name in ("workflow-api", "admin-api")]
SCHEMAS: Mapping[str, Any] = CONTRACTS[0]["components"]["schemas"] | CONTRACTS[1]["components"]["schemas"]
PATHS: Mapping[str, Any] = CONTRACTS[1]["paths"]
RECORDS = {
    "Execution": "WorkflowExecution",
    "QueueEntry": "QueueEntry",
    "WorkflowTask": "Task",
    "TaskEdge": "HierarchyEdge",
    "JournalEntry": "JournalEntry",
    "ExecutionSummary": "ExecutionSummary",
}
SENT = ("FaultSpec", "TokenSpec", "ClockChange", "Workflow", "Search", "Matcher", "VerificationTimes", "Verification")

_PARSER = Parser(Language(tree_sitter_c_sharp.language()))


def problems(source: str) -> list[str]:
    """What is no C#, with its lines."""

    def found(node: Node) -> Iterator[str]:
        if node.is_error or node.is_missing:
            yield f"line {node.start_point.row + 1}: {(node.text or b'').decode()}"
        for child in node.children:
            yield from found(child)

    return list(found(_PARSER.parse(source.encode()).root_node))


def members_of(record: str) -> set[str]:
    """The members of a record, as JSON has them."""
    (parameters,) = {
        match[1]
        for file in FILES
        for match in re.finditer(rf"public sealed record {record}\(([^)]*)\)", file.read_text())
    }
    return {to_camel(to_snake(parameter.split()[-1])) for parameter in parameters.split(",")}


# Its form


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_it_is_csharp(file: Any) -> None:
    assert problems(file.read_text()) == []


def test_a_missing_bracket_is_noticed() -> None:
    assert problems(WORLD.removesuffix("}\n"))
    assert problems(WORLD.replace("Guid.NewGuid();", "Guid.NewGuid(;", 1))


@pytest.mark.parametrize("name", HELPERS)
def test_a_helper_is_short(name: str) -> None:
    assert len((PROJECT / "tests" / name).read_text().splitlines()) <= 80


def test_its_packages_are_those_that_the_page_names() -> None:
    project = ElementTree.parse(PROJECT / "Workflows.Tests.csproj").getroot()
    packages = {item.get("Include"): item.get("Version") for item in project.iter("PackageReference")}
    assert packages == {"xunit.v3": "4.0.2"}
    assert "xUnit 4.0.2" in PAGES["docs/csharp.md"].text
    (copied,) = {item.get("Update") for item in project.iter("None")}
    assert (PROJECT / str(copied)).is_file()
    assert json.loads((PROJECT / "global.json").read_text()) == {"test": {"runner": "Microsoft.Testing.Platform"}}


# Its words


def test_its_tests_have_the_names_of_the_kits() -> None:
    python = (ROOT / "examples" / "python" / "test_client.py").read_text()
    names = re.findall(r"^(?:async )?def test_(\w+)", python, re.MULTILINE)
    csharp = (PROJECT / "tests" / "ClientTests.cs").read_text()
    assert [name.lower() for name in re.findall(r"^    public async Task (\w+)\(", csharp, re.MULTILINE)] == names


def test_a_world_has_the_words_of_the_kits() -> None:
    """But for one, which is the operation of the control plane's contract."""
    words = re.findall(r"^    public (?:async )?Task(?:<[\w\[\]]+>)? (\w+)Async\(", WORLD, re.MULTILINE)
    assert len(words) > 10
    assert {to_snake(word) for word in words} - {*dir(World), *dir(Clock)} == {"add_fault"}
    assert PATHS["/__admin/faults"]["post"]["operationId"] == "addFault"


# The contracts


@pytest.mark.parametrize("record", RECORDS)
def test_a_record_has_members_of_its_schema(record: str) -> None:
    schema = SCHEMAS[RECORDS[record]]
    members = members_of(record)
    assert members <= set(schema["properties"])
    if record not in ("JournalEntry", "ExecutionSummary"):
        assert members == set(schema["properties"])


def test_each_call_is_one_of_the_control_plane() -> None:
    calls = re.findall(r'CallAsync\(HttpMethod\.(\w+), \$?"([^"]+)"', WORLD)
    assert len(calls) > 7
    shapes = {
        (method, re.sub(r"\{.*?\}", "{}", path.removeprefix("/__admin/")))
        for path, item in PATHS.items()
        for method in item
    }
    assert {(method.lower(), re.sub(r"\{.*?\}", "{}", what)) for method, what in calls} <= shapes


def test_each_member_that_it_sends_is_one_of_a_schema() -> None:
    known = {name for schema in SENT for name in SCHEMAS[schema]["properties"]}
    bodies = re.findall(r"new \{([^{}]*)\}", WORLD)
    sent = {member.split("=")[0].strip() for body in bodies for member in body.split(",")}
    assert len(sent) > 8
    assert sent <= known


def test_the_stored_answer_is_the_servers(server: Server) -> None:
    stored = json.loads((PROJECT / "tests" / "execution.json").read_text())
    answer = server.start().json()["data"]
    assert stored | {"created": None} == answer | {"id": str(UUID(int=0)), "created": None}
