"""The control plane's OpenAPI document, in forms that generators of clients know.

pydantic writes what JSON Schema allows; what each rule here is for was seen with generators of TypeScript, Python, C#,
Java, Kotlin, Go and Rust.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from workflow_mock.paths import ADMIN_PATH

Schema = dict[str, Any]

MAX_INT32 = 2**31 - 1

_NULL = {"type": "null"}

EXAMPLES = {
    "customerId": "5f0c1e0a-7d5b-4b5e-9c57-2f1f6c3a9d10",
    "workflowId": "3c90c3cc-0d44-4b50-8888-8dd25736052a",
    "executionId": "0d7e5a52-9a57-4f0c-8a1f-6f3f3f1f7c11",
    "taskId": "9b0f1c55-3d6e-4a52-b7d9-1a2b3c4d5e6f",
    "faultId": "c1d2e3f4-0a1b-4c2d-8e3f-4a5b6c7d8e9f",
    "requestId": "5d0f3a7c-00002a",
    "clientId": "another-client",
}
"""Of parameters that are ids."""

ENUMS = {"order": "Order", "state": "ExecutionState"}
"""Of parameters that are enums, the names of their types."""

TAGS = {
    "Sandbox": "The server as a whole: health, settings, reset, seed and snapshot.",
    "Clock": "The time that everything goes by, for all customers or for one.",
    "Workflows": "What can be started.",
    "Executions": "What was started, and the steps that a test takes in it.",
    "Requests": "The journal: what was asked, and what became of it.",
    "Faults": "What to break, for whom and how often.",
    "Clients": "Clients of the authorization server: who may get a token.",
    "Tokens": "Tokens, good ones and bad ones, and the key that signs them.",
    "Events": "What happens, as it happens.",
}


TAKEN_NAMES = {"Error", "Object", "Map", "List", "Date", "Headers", "Request", "Response", "ValidationError"}
"""What languages and libraries bring themselves: a component of that name breaks a generated client."""


def for_generators(contract: Schema) -> Schema:
    """Change the document that FastAPI writes, in place."""
    components = contract["components"]["schemas"]
    for path, operations in contract["paths"].items():
        for operation in operations.values():
            _change_operation(path, operation, components)
    for owner, schema in tuple(components.items()):
        is_strict_model = schema.get("additionalProperties") is False
        for name in schema.get("properties", ()):
            if is_strict_model and name not in schema.get("required", ()):
                _make_nullable(schema["properties"], name)
            _name_enum(schema["properties"][name], name, components, owner)
    _change_schemas(contract)
    for name, rule in _RULES.items():
        if name in components:
            components[name]["not"] = {"if": {"anyOf": deepcopy(rule)}, "else": {"not": {}}}
    contract["tags"] = [{"name": name, "description": description} for name, description in TAGS.items()]
    contract["components"]["securitySchemes"] = {
        "adminToken": {
            "type": "http",
            "scheme": "bearer",
            "description": "The token of --admin-token, where the server was started with one.",
        }
    }
    contract["security"] = [{}, {"adminToken": []}]
    return contract


def _change_operation(path: str, operation: Schema, components: dict[str, Schema]) -> None:
    for parameter in operation.get("parameters", ()):
        schema = parameter["schema"]
        schema.pop("description", None)
        schema.pop("default", None)  # a generator would send it, or want it
        for choice in schema.pop("anyOf", ()):
            if choice != _NULL:
                schema.update(choice)
        if parameter["name"] in EXAMPLES:
            parameter["example"] = EXAMPLES[parameter["name"]]
        if "enum" in schema:  # without a name, one more parameter renames the types of others in NSwag's clients
            name = ENUMS[parameter["name"]]
            components[name] = schema
            parameter["schema"] = _ref(name)
    responses = operation["responses"]
    if path == f"{ADMIN_PATH}/events":  # by an itemSchema, which OpenAPI 3.1 doesn't know
        responses["200"]["content"] = {"text/event-stream": {"schema": {"type": "string"}}}
    # FastAPI gives errors the media type of events, and of graphs.
    responses["default"]["content"] = {"application/json": {"schema": _ref("ErrorResponse")}}


def _make_nullable(members: dict[str, Schema], name: str) -> None:
    """Many clients send null for what wasn't given."""
    member = members[name]
    member.pop("default", None)  # some generators make required what has one
    if _NULL in member.get("anyOf", ()) or not {"type", "$ref"} & member.keys():
        return
    described: Schema = {key: member.pop(key) for key in ("description", "examples") if key in member}
    members[name] = {"anyOf": [member, dict(_NULL)], **described}


def _name_enum(member: Schema, name: str, components: dict[str, Schema], owner: str) -> None:
    """An enum with null among its values, or inline beside null, is none to many: it gets a name, to be referred to."""
    choices = member.get("anyOf", [])
    for index, choice in enumerate(choices):
        if "enum" in choice:
            component = name[0].upper() + name[1:]
            component = owner + component if component in TAKEN_NAMES else component
            components[component] = choice
            choices[index] = _ref(component)


def _change_schemas(node: Any, name: str = "") -> None:
    """Change what is in this part of the document, the innermost first; `name` is the key that it stands under."""
    if isinstance(node, list):
        for value in node:
            _change_schemas(value)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if key == "anyOf":
            for choice in value:
                _change_schemas(choice, name)
        else:
            _change_schemas(value, key)
    if isinstance(node.get("title"), str) and "openapi" not in node and "version" not in node:
        del node["title"]
    if "const" in node:
        node["enum"] = [node.pop("const")]
    for limit in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        if isinstance(node.get(limit), float) and node[limit].is_integer():
            node[limit] = int(node[limit])
    if node.get("type") == "number":
        node["format"] = "double"
    is_long = max(node.get("maximum", MAX_INT32 + 1), -node.get("minimum", 0)) > MAX_INT32
    if node.get("type") == "integer" and is_long and name != "status":  # HTTP's has three digits
        node["format"] = "int64"
    if len(node.get("patternProperties", {})) == 1:
        ((pattern, value),) = node.pop("patternProperties").items()
        node["propertyNames"], node["additionalProperties"] = {"pattern": pattern}, value
    choices = node.get("anyOf")
    if isinstance(choices, list) and len(choices) == 2 and choices[1] == _NULL:
        del node["anyOf"]
        if isinstance(choices[0].get("type"), str) and "enum" not in choices[0]:
            node |= {key: value for key, value in choices[0].items() if key not in node}
            node["type"] = [choices[0]["type"], "null"]
        else:
            node["oneOf"] = [dict(_NULL), choices[0]]


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


# Rules between members. They stand in the `if` of a `not`: what is in a `not` itself openapi-generator makes types of,
# and a schema that has an `if` itself it takes for any value where `oneOf` refers to it.


def _given(**values: Any) -> Schema:
    """All these members are there, with these values; `...` is any but null."""
    said = {name: {"not": dict(_NULL)} if value is ... else {"enum": [value]} for name, value in values.items()}
    return {"required": list(said), "properties": said}


def _not_given(*names: str) -> Schema:
    return {"properties": {name: dict(_NULL) for name in names}}


def _both(*pairs: tuple[str, str]) -> Iterator[Schema]:
    return (_given(**{one: ..., other: ...}) for one, other in pairs)


def _all(*schemas: Schema) -> Schema:
    return {"allOf": list(schemas)}


_TEXTS = ("equalTo", "equalToIgnoreCase", "contains", "absent")
_EFFECTS = (
    "status",
    "body",
    "jsonBody",
    "fault",
    "quota",
    "chunkedDribbleDelay",
    "truncateBodyAt",
    "delayDistribution",
    "hold",
)
_RESPONSES = ("status", "body", "jsonBody", "fault")
_BROKEN = [*_both(("fault", "status"), ("fault", "body"), ("fault", "jsonBody"), ("body", "jsonBody"))]


def _matched(rule: Schema) -> Schema:
    """A fault whose matcher is like this."""
    return {"required": ["matcher"], "properties": {"matcher": {**rule, "type": "object"}}}


_OF_CALLERS: list[Schema] = [
    _matched(_given(clientId=...)),
    _matched({"required": ["claims"], "properties": {"claims": {"type": "object", "minProperties": 1}}}),
]

_RULES: Mapping[str, list[Schema]] = {
    "TextMatch": [
        _not_given(*_TEXTS),
        *_both(*((one, other) for index, one in enumerate(_TEXTS) for other in _TEXTS[index + 1 :])),
    ],
    "VerificationTimes": [*_both(("exactly", "atLeast"), ("exactly", "atMost"))],
    "Verification": [*_both(("sequence", "matcher"), ("sequence", "count"))],
    "TokenSpec": [*_both(("issueNext", "scopes"), ("issueNext", "customers"), ("issueNext", "claims"))],
    "ClockChange": [
        _all(_given(action="set"), _not_given("to")),
        _all(_given(action="advance"), _not_given("by")),
        *(_given(action=action, by=...) for action in ("set", "freeze", "resume")),
        *(_given(action=action, to=...) for action in ("advance", "resume")),
    ],
    "FaultSpec": [
        *_BROKEN,
        _all(_not_given(*_EFFECTS, "sequence"), {"properties": {"fixedDelayMilliseconds": {"enum": [0, None]}}}),
        *_both(*(("sequence", name) for name in ("times", "retryAfter", "contentType", *_EFFECTS))),
        _all(_given(sequenceEnd=...), _not_given("sequence")),
        *(_matched(_given(**{name: ...})) for name in ("status", "errorCode", "executionId", "faultId", "clientLeft")),
        *(_all(rule, when) for rule in _OF_CALLERS for when in (_given(when="before"), _not_given("when"))),
    ],
    "Step": [*_BROKEN, _given(quota=...)],
    "Release": [
        *_BROKEN,
        *(
            _all(_given(**{name: ...}), _not_given(*_RESPONSES))
            for name in ("code", "message", "headers", "contentType", "retryAfter")
        ),
    ],
    "DelayDistribution": [
        *(_all(_given(type="uniform"), _not_given(name)) for name in ("lower", "upper")),
        *(_all(_given(type="lognormal"), _not_given(name)) for name in ("median", "sigma")),
        *(_given(type="uniform", **{name: ...}) for name in ("median", "sigma")),
        *(_given(type="lognormal", **{name: ...}) for name in ("lower", "upper")),
    ],
    "TaskEntry": [
        _not_given("key", "id"),
        _all(_given(progression="timed"), _not_given("duration")),
        *(_given(progression=progression, duration=...) for progression in ("manual", "immediate")),
        _all(_given(outcome="fail"), _given(progression="manual")),
        _all(_given(outcome="fail"), _not_given("progression", "duration")),
    ],
}
"""By component: what a body may not be, though each of its members is right."""
