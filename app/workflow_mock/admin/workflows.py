"""Workflows: what can be started."""

from asyncio import to_thread
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from workflow_mock.admin.dependencies import Customer, JsonRoute, or_404, validation_error
from workflow_mock.catalogue.schema import TaskEntry, WorkflowEntry, entry_of
from workflow_mock.domain.definition import InvalidDefinition
from workflow_mock.errors import Problem
from workflow_mock.sandbox import Sandbox
from workflow_mock.types import StrictModel, Uuid

Id = Annotated[Uuid, Path(alias="workflowId")]

MAX_TASKS = 20_000
"""To read more holds up every other request; catalogue files may have more."""


class Workflow(WorkflowEntry):
    """A workflow that clients can start."""

    tasks: list[TaskEntry] = Field(min_length=1, max_length=MAX_TASKS)


class WorkflowSummary(StrictModel):
    """A workflow; `tasks` is how many it has."""

    id: Uuid
    name: str
    customers: list[Uuid] | None
    tasks: int


class WorkflowPage(StrictModel):
    """Workflows that can be started."""

    workflows: list[WorkflowSummary]


def router(sandbox: Sandbox) -> APIRouter:
    routes = APIRouter(prefix="/workflows", tags=["Workflows"], route_class=JsonRoute)

    @routes.get("")
    async def find_workflows(customer: Customer = None) -> WorkflowPage:
        """The workflows that can be started, by everybody or by this customer."""
        return WorkflowPage(
            workflows=[
                WorkflowSummary(
                    id=workflow.id,
                    name=workflow.name,
                    customers=None if workflow.customers is None else sorted(workflow.customers),
                    tasks=len(workflow.tasks),
                )
                for workflow in sandbox.workflows
                if customer is None or workflow.serves(customer)
            ]
        )

    @routes.get("/{workflowId}", response_model_exclude_none=True)
    async def get_workflow(workflow_id: Id) -> WorkflowEntry:
        """A workflow as a catalogue file has it, with every id written out."""
        return await to_thread(entry_of, or_404(sandbox.workflows.get(workflow_id), f"workflow {workflow_id}"))

    @routes.put("/{workflowId}", response_model_exclude_none=True)
    async def put_workflow(workflow_id: Id, entry: Workflow) -> WorkflowEntry:
        """Put a workflow over the catalogue's, as a catalogue file has it. What runs keeps its definition."""
        if entry.id not in (None, workflow_id):
            raise validation_error(Problem(("id",), "is not that of the path"))
        try:
            definition = await to_thread(entry.model_copy(update={"id": workflow_id}).define)
        except InvalidDefinition as error:
            raise validation_error(*error.problems) from None
        sandbox.workflows.put(definition)
        return await to_thread(entry_of, definition)

    @routes.delete("/{workflowId}", status_code=204)
    async def delete_workflow(workflow_id: Id) -> None:
        """Take a workflow away until the next reset. What runs keeps its definition."""
        or_404(sandbox.workflows.remove(workflow_id), f"workflow {workflow_id}")

    return routes
