"""The forms of both contracts that generators of C# clients take; each is a fault of NSwag or Kiota that was seen.

A walk over every operation and schema, as .NET isn't on everybody's machine; docs/csharp.md says what was tried.
`tests/admin/test_contract.py` tries that null is not given.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from tests.support import ROOT, Server

Node = Mapping[str, Any]

CONTRACTS: Mapping[str, Node] = {
    name: yaml.safe_load((ROOT / "openapi" / f"{name}.yaml").read_text("utf-8"))
    for name in ("workflow-api", "admin-api")
}
ADDRESSES = {"workflow-api": "/openapi.json", "admin-api": "/__admin/openapi.json"}
METHODS = ("get", "put", "post", "delete", "head", "patch", "options", "trace")
SCHEMA_KEYS = ("items", "additionalProperties", "propertyNames")
LISTS_OF_SCHEMAS = ("oneOf", "anyOf", "allOf")
NULL = {"type": "null"}
CODES = ("code", "error", "errorCode")
FORM = "application/x-www-form-urlencoded"
"""A form has no null; a client leaves out what has no value."""

each_contract = pytest.mark.parametrize("name", CONTRACTS)


def resolved(contract: Node, node: Node) -> Node:
    while "$ref" in node:
        found: Any = contract
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        node = found
    return node


def operations(contract: Node) -> Iterator[tuple[str, Node]]:
    for path, item in contract["paths"].items():
        for method in METHODS:
            if method in item:
                yield f"{method.upper()} {path}", item[method]


def below(place: str, schema: Any) -> Iterator[tuple[str, Node]]:
    """A schema and those inside it, each with its place. What stands in a `not` is a rule: no type is made of it."""
    if not isinstance(schema, Mapping):
        return
    yield place, schema
    for name, member in schema.get("properties", {}).items():
        yield from below(f"{place}.{name}", member)
    for key in SCHEMA_KEYS:
        yield from below(f"{place}/{key}", schema.get(key))
    for key in LISTS_OF_SCHEMAS:
        for index, choice in enumerate(schema.get(key, ())):
            if set(choice) != {"not"}:
                yield from below(f"{place}/{key}/{index}", choice)


def holders(contract: Node, node: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """What has a schema: parameters, headers, media types; then the components."""
    if isinstance(node, Mapping):
        if "schema" in node:
            yield f"{place}/schema", node["schema"]
        for key, value in node.items():
            if key == "schemas":
                yield from value.items()
            elif key not in ("schema", "example", "examples"):
                yield from holders(contract, value, f"{place}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from holders(contract, value, f"{place}/{index}")


def schemas(contract: Node) -> list[tuple[str, Node]]:
    roots = holders(contract, {"paths": contract["paths"], "components": contract["components"]})
    return [found for place, schema in roots for found in below(place, schema)]


def is_nullable(schema: Node) -> bool:
    return schema.get("nullable") is True or "null" in schema.get("type", ()) or NULL in schema.get("oneOf", ())


def sent(contract: Node) -> Iterator[tuple[str, Node]]:
    """Each schema of a body that a client sends as JSON, components too, each once."""
    seen: set[str] = set()

    def reached(place: str, schema: Node) -> Iterator[tuple[str, Node]]:
        for where, each in below(place, schema):
            yield where, each
            if (name := each.get("$ref")) is not None and name not in seen:
                seen.add(name)
                yield from reached(name.rpartition("/")[2], resolved(contract, each))

    for operation, described in operations(contract):
        for media_type, content in resolved(contract, described.get("requestBody", {})).get("content", {}).items():
            if media_type != FORM:
                yield from reached(operation, content["schema"])


# What is walked


@each_contract
def test_the_walk_reaches_each_component_and_member(name: str) -> None:
    places = {place for place, _ in schemas(CONTRACTS[name])}
    components = CONTRACTS[name]["components"]["schemas"]
    assert places >= components.keys()
    assert places >= {
        f"{one}.{member}" for one, schema in components.items() for member in schema.get("properties", ())
    }


def test_the_walk_reaches_what_is_sent() -> None:
    assert {"FaultSpec.matcher", "TextMatch.contains", "TaskEntry.key"} <= {p for p, _ in sent(CONTRACTS["admin-api"])}
    assert any(place.endswith(".workflowId") for place, _ in sent(CONTRACTS["workflow-api"]))


@each_contract
def test_the_server_has_the_same_contract_but_for_its_address(server: Server, name: str) -> None:
    served = server.http.get(ADDRESSES[name]).text
    token_url = re.escape(f"{server.url}/api/authentication/connect/token")
    document = yaml.safe_load(re.sub(f'(?<="tokenUrl":"){token_url}', "/api/authentication/connect/token", served))
    assert document == {**CONTRACTS[name], "servers": [{"url": "/"}]}


# Operations


@each_contract
def test_an_operation_id_is_camel_case_and_no_path(name: str) -> None:
    ids = [operation["operationId"] for _, operation in operations(CONTRACTS[name])]
    assert len({id.lower() for id in ids}) == len(ids)
    for id in ids:
        assert re.fullmatch(r"[a-z]+([A-Z][a-z]+)+", id), id


@each_contract
def test_a_response_has_a_status_or_is_the_default(name: str) -> None:
    for place, operation in operations(CONTRACTS[name]):
        for status in operation["responses"]:
            assert re.fullmatch(r"[1-5][0-9][0-9]|default", status), f"{place}: {status}"


# Schemas


@each_contract
def test_no_schema_has_a_const_or_a_default(name: str) -> None:
    """A `const` has no type; a default is sent by who never gave it."""
    for place, schema in schemas(CONTRACTS[name]):
        assert not {"const", "default"} & schema.keys(), place


@each_contract
def test_no_format_is_duration(name: str) -> None:
    """TimeSpan can neither read nor write ours."""
    for place, schema in schemas(CONTRACTS[name]):
        assert schema.get("format") != "duration", place


@each_contract
def test_null_stands_beside_one_type_or_one_component(name: str) -> None:
    is_3_0 = CONTRACTS[name]["openapi"].startswith("3.0.")
    for place, schema in schemas(CONTRACTS[name]):
        assert None not in schema.get("enum", ()), place
        assert NULL not in schema.get("anyOf", ()), place
        if is_3_0:
            assert isinstance(schema.get("type", ""), str), place
            assert "nullable" not in schema or schema.keys().isdisjoint({"$ref", "enum", *LISTS_OF_SCHEMAS}), place
            assert "nullable" not in schema or "type" in schema, place
        else:
            assert "nullable" not in schema, place
            if isinstance(types := schema.get("type"), list):
                assert len(types) == 2, place
                assert types[1] == "null" != types[0], place
                assert "enum" not in schema, place
            if "oneOf" in schema:
                assert schema["oneOf"][0] == NULL, place
                assert [set(choice) for choice in schema["oneOf"][1:]] == [{"$ref"}], place


@each_contract
def test_a_code_is_an_open_string(name: str) -> None:
    found = 0
    for place, schema in schemas(CONTRACTS[name]):
        if place.rpartition(".")[2] in CODES:
            found += 1
            assert "enum" not in resolved(CONTRACTS[name], schema), place
    assert found


@each_contract
def test_no_list_has_values_of_an_enum(name: str) -> None:
    """System.Text.Json reads none that NSwag made."""
    for place, schema in schemas(CONTRACTS[name]):
        assert "enum" not in resolved(CONTRACTS[name], schema.get("items", {})), place


@each_contract
def test_what_need_not_be_sent_may_be_null(name: str) -> None:
    """Else a client sends 0, false or an empty id for it."""
    for place, schema in sent(CONTRACTS[name]):
        for member, described in schema.get("properties", {}).items():
            assert member in schema.get("required", ()) or is_nullable(described), f"{place}.{member}"


@each_contract
def test_a_dictionary_has_a_type_of_values(name: str) -> None:
    for place, schema in schemas(CONTRACTS[name]):
        assert "patternProperties" not in schema, place
