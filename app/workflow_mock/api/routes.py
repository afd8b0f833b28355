"""The route table of the workflow API: path → operation and ids.

Source: docs/contract.md, 1.2, "Order of checks, and the responses".
"""

import re
from typing import NamedTuple
from urllib.parse import quote

from starlette.types import Scope

from workflow_mock.api.leniency import Leniency, Note
from workflow_mock.caching import fifo_cache
from workflow_mock.errors import ValidationDetail
from workflow_mock.formats import parse_guid, parse_uuid
from workflow_mock.http.target import has_dot_segments, remove_dot_segments, unescape_path
from workflow_mock.operation import Handler, Matched
from workflow_mock.paths import API_PATH
from workflow_mock.state.exchange import Target


class Operation(NamedTuple):
    """One operation of the contract."""

    id: str
    path: str
    """With `{customerId}` and `{workflowId}`."""
    handler: Handler


class WorkflowRoutes:
    """Finds the operation of a request under `/api/workflow/`."""

    def __init__(self, operations: tuple[Operation, ...]) -> None:
        self._operations = [
            (
                operation,
                re.compile(
                    re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(operation.path)) + "(?P<slash>/?)", re.I | re.A
                ),
            )
            for operation in operations
        ]
        self._default = operations[0]
        # Clients ask for the same few paths: to know one again takes a thirtieth of reading it.
        self._read = fifo_cache(1024)(self._read_path)

    def match(self, scope: Scope) -> Matched | None:
        """What the path of a request says, or None for one that isn't under `/api/workflow/`."""
        path: str = scope["path"]
        if path[: len(API_PATH)].lower() != API_PATH and not has_dot_segments(path):
            return None
        return self._read(scope.get("raw_path") or quote(path).encode())

    def _read_path(self, raw_path: bytes) -> Matched | None:
        asked = unescape_path(raw_path)
        path = remove_dot_segments(asked)
        if path[: len(API_PATH)].lower() != API_PATH:
            return None
        for operation, pattern in self._operations:
            if (found := pattern.fullmatch(path)) is not None:
                return _matched(operation, path, found, has_dots=path != asked)
        return Matched(self._default.handler, Target(None), is_route=False)


def _matched(operation: Operation, path: str, found: re.Match[str], *, has_dots: bool) -> Matched:
    names = found.groupdict()
    leniencies = [Note(Leniency.TRAILING_SLASH)] if names.pop("slash") else []
    if operation.path.format(**names) != path.removesuffix("/"):
        leniencies.append(Note(Leniency.PATH_CASE))
    if has_dots:
        leniencies.append(Note(Leniency.DOT_SEGMENTS))
    ids = {name: parse_uuid(text) or parse_guid(text) for name, text in names.items()}
    leniencies += [Note(Leniency.ID_FORM, name) for name, id in ids.items() if id and id != names[name].lower()]
    problems = tuple(
        ValidationDetail(name, f"The {name} in the path must be a UUID of 36 characters with dashes")
        for name, id in ids.items()
        if id is None
    )
    target = Target(operation.id, ids.get("customerId"), ids.get("workflowId"))
    return Matched(operation.handler, target, leniencies=tuple(leniencies), problems=problems)
