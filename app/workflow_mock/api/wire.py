"""The documented JSON shapes, and the response to a start.

Source: docs/contract.md, 1, "The documented operation"; the page's own example is in `openapi/workflow-api.yaml`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from workflow_mock.domain.definition import Task, WorkflowDefinition
from workflow_mock.domain.execution import Execution
from workflow_mock.formats import timestamp
from workflow_mock.http.envelope import JSON_TYPE
from workflow_mock.http.messages import Response


class _Wire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, from_attributes=True)


class WireQueueEntry(_Wire):
    """A task in the execution queue, and the subject that its job works on."""

    task_id: str
    job_subject_id: str


class WireTask(_Wire):
    """A task of the record."""

    id: str
    subject_id: str
    name: str
    parameters: Mapping[str, Any]
    is_trigger: bool


class WireEdge(_Wire):
    """A line of the hierarchy: the child waits for the parent."""

    parent: str
    child: str


class _DefinitionPart(_Wire):
    """What is the same in every record of a definition."""

    tasks: tuple[WireTask, ...]
    tasks_hierarchy: tuple[WireEdge, ...]


class _QueuePart(_Wire):
    workflow_id: str
    execution_queue: tuple[WireQueueEntry, ...]


_PARTS = "parts of a response"
_HEADERS = (JSON_TYPE,)
_HEAD = b'{"meta":{"errors":[],"validation":[],"info":{}},"data":{"id":"'


def start_response(execution: Execution) -> Response:
    """The response to a start: the record as it is at that moment, with the triggers in the queue.

    All but the id and the time is the definition's. It is written once for a definition (10,000 tasks take 70 ms) and
    shared by its executions.
    """
    definition = execution.definition
    before, after = definition.derived.get(_PARTS) or prepare(definition)
    created = timestamp(execution.created).encode()
    return Response(200, _HEADERS, b"".join((_HEAD, execution.id.encode(), before, created, after)))


def prepare(definition: WorkflowDefinition) -> tuple[bytes, bytes]:
    """Write the definition's part of its responses: what stands before and after the time of creation."""
    queue = _QueuePart(workflow_id=definition.id, execution_queue=queue_entries(definition.triggers))
    rest = _DefinitionPart.model_validate({"tasks": definition.tasks, "tasksHierarchy": definition.hierarchy})
    before = b'","' + _members(queue)[1:] + b',"created":"'
    after = b'","finished":null,' + _members(rest) + b"}}"
    parts = definition.derived[_PARTS] = before, after
    return parts


def queue_entries(tasks: Sequence[Task]) -> tuple[WireQueueEntry, ...]:
    """The job of a queued task works on the task's subject."""
    return tuple(WireQueueEntry(task_id=task.id, job_subject_id=task.subject_id) for task in tasks)


def _members(model: BaseModel) -> bytes:
    """The members of an object in JSON, without the braces."""
    return model.model_dump_json(by_alias=True).encode()[1:-1]
