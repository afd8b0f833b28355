"""Workflows: what can be started."""

from asyncio import to_thread
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Response
from pydantic import Field, WithJsonSchema

from workflow_mock.admin.dependencies import (
    Customer,
    JsonRoute,
    json_list,
    json_object,
    or_404,
    read_body,
    validation_error,
)
from workflow_mock.admin.graph import SvgResponse, graph_response
from workflow_mock.catalogue.schema import TaskEntry, WorkflowEntry, entry_of
from workflow_mock.domain.definition import InvalidDefinition, WorkflowDefinition
from workflow_mock.domain.svg import workflow_svg
from workflow_mock.errors import Problem
from workflow_mock.sandbox import Sandbox
from workflow_mock.types import StrictModel, Uuid

Id = Annotated[Uuid, Path(alias="workflowId")]

MAX_TASKS = 20_000
"""To read more holds up every other request; catalogue files may have more."""


MAX_WORKFLOW_BYTES = 64 * 1024 * 1024


class WorkflowRoute(JsonRoute):
    """A route that takes a large workflow."""

    max_bytes = MAX_WORKFLOW_BYTES


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
    routes = APIRouter(prefix="/workflows", tags=["Workflows"], route_class=WorkflowRoute)

    def workflow_of(workflow_id: str, customer: str | None) -> WorkflowDefinition:
        """Raises ApiError (404)."""
        found = sandbox.workflows.get(workflow_id)
        is_offered = found is not None and (customer is None or found.serves(customer))
        return or_404(found if is_offered else None, f"workflow {workflow_id}")

    @routes.get("", response_model=WorkflowPage)
    async def find_workflows(customer: Customer = None) -> Response:
        """The workflows that can be started, by everybody or by this customer."""

        def summary(workflow: WorkflowDefinition) -> WorkflowSummary:
            customers = None if workflow.customers is None else sorted(workflow.customers)
            return WorkflowSummary.show(workflow, customers=customers, tasks=len(workflow.tasks))

        found = [each for each in sandbox.workflows if customer is None or each.serves(customer)]
        return json_object(workflows=await json_list(found, summary))

    @routes.get("/{workflowId}", response_model=WorkflowEntry)
    async def get_workflow(workflow_id: Id, customer: Customer = None) -> Response:
        """A workflow as a catalogue file has it, with every id written out."""
        return await to_thread(_shown, workflow_of(workflow_id, customer))

    @routes.get("/{workflowId}/graph.svg", response_class=SvgResponse)
    async def get_workflow_graph(workflow_id: Id, customer: Customer = None) -> Response:
        """The graph of a workflow: each task, and how it gets done.

        409 for over 20,000 tasks and steps of edges from column to column.
        """
        return await graph_response(workflow_svg, workflow_of(workflow_id, customer))

    @routes.put("/{workflowId}", response_model=Workflow)
    async def put_workflow(
        workflow_id: Id,
        document: Annotated[dict[str, Any], Body(), WithJsonSchema({"$ref": "#/components/schemas/Workflow"})],
        customer: Customer = None,
    ) -> Response:
        """Put a workflow over the catalogue's, as a catalogue file has it. What runs keeps its definition.

        `?customerId=` is the same as this customer alone in `customers`. The reset of a customer takes away what was
        put for it alone.
        """
        entry = await to_thread(read_body, Workflow, document)
        if entry.id not in (None, workflow_id):
            raise validation_error(Problem(("id",), "is not that of the path"))
        change: dict[str, object] = {"id": workflow_id}
        if customer is not None:
            if entry.customers not in (None, [customer]):
                raise validation_error(Problem(("customers",), "is not that of ?customerId= alone"))
            change["customers"] = [customer]
        try:
            definition = await to_thread(entry.model_copy(update=change).define)
        except InvalidDefinition as error:
            raise validation_error(*error.problems) from None
        same = sandbox.workflows.get(workflow_id)
        if same is not None and customer is not None and not sandbox.workflows.is_own(same, customer):
            raise validation_error(Problem(("workflowId",), "is that of a workflow that isn't this customer's alone"))
        sandbox.workflows.put(definition)
        return await to_thread(_shown, definition)

    @routes.delete("/{workflowId}", status_code=204)
    async def delete_workflow(workflow_id: Id, customer: Customer = None) -> None:
        """Take a workflow away until the next reset; of a customer, one that was put for it alone.

        What runs keeps its definition.
        """
        name = f"workflow {workflow_id}"
        if customer is None:
            or_404(sandbox.workflows.remove(workflow_id), name)
        else:
            found = sandbox.workflows.get(workflow_id)
            is_own = found is not None and sandbox.workflows.is_own(found, customer)
            sandbox.workflows.withdraw(or_404(found if is_own else None, name))

    return routes


def _shown(definition: WorkflowDefinition) -> Response:
    text = entry_of(definition).model_dump_json(by_alias=True, exclude_none=True)
    return Response(text, media_type="application/json")
