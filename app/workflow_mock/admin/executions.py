"""Executions: what was started, and the steps that a test takes in it."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from workflow_mock.admin.dependencies import (
    Cursor,
    Customer,
    JsonRoute,
    Limit,
    Order,
    json_list,
    json_object,
    owned_or_404,
)
from workflow_mock.admin.graph import SvgResponse, graph_response
from workflow_mock.admin.schemas import ExecutionSummary, ExecutionView, TaskView, summary
from workflow_mock.api.wire import WireEdge, WireTask, queue_entries
from workflow_mock.domain.definition import Edge, Outcome, Task
from workflow_mock.domain.execution import Execution, InvalidTransition, View
from workflow_mock.domain.svg import execution_svg
from workflow_mock.errors import ApiError
from workflow_mock.sandbox import Sandbox
from workflow_mock.state.store import in_batches
from workflow_mock.types import StrictModel, Uuid

Id = Annotated[Uuid, Path(alias="executionId")]
TaskId = Annotated[Uuid, Path(alias="taskId")]
ExecutionState = Literal["running", "completed", "failed"]


class ExecutionPage(StrictModel):
    """A page of executions."""

    executions: list[ExecutionSummary]
    next: int | None = Field(description="The cursor of the next page, if there may be one.")


class Advance(StrictModel, json_schema_extra={"examples": [{"to": "end"}]}):
    """How far to advance an execution."""

    to: Literal["next", "end"] = Field(
        description="Give the tasks in the queue their outcome once, or until none is left."
    )


def router(sandbox: Sandbox) -> APIRouter:
    routes = APIRouter(prefix="/executions", tags=["Executions"], route_class=JsonRoute)

    def execution_of(execution_id: str, customer: str | None) -> Execution:
        return owned_or_404(sandbox.executions.get(execution_id), f"execution {execution_id}", customer)

    def now(execution: Execution) -> datetime:
        return sandbox.clock.now(execution.customer_id)

    @routes.get("")
    async def find_executions(
        customer: Customer = None,
        workflow: Annotated[Uuid | None, Query(alias="workflowId")] = None,
        state: ExecutionState | None = None,
        limit: Limit = 100,
        cursor: Cursor = 0,
        order: Order = "asc",
    ) -> ExecutionPage:
        """The executions, refused starts not among them."""

        def wanted(execution: Execution) -> bool:
            if workflow is not None and execution.definition.id != workflow:
                return False
            return state is None or execution.status_at(now(execution))[0] == state

        page = await sandbox.executions.page(customer, wanted, cursor, limit, newest_first=order == "desc")
        return ExecutionPage.model_construct(
            executions=[
                ExecutionSummary.model_construct(**summary(execution, *execution.status_at(now(execution))))
                async for batch in in_batches(page)
                for execution in batch
            ],
            next=page[-1].number if len(page) == limit else None,
        )

    @routes.get("/{executionId}", response_model=ExecutionView)
    async def get_execution(execution_id: Id, customer: Customer = None) -> Response:
        """The documented record of an execution, as it is at this moment of the customer's clock."""
        execution = execution_of(execution_id, customer)
        return await execution_response(execution, execution.view_at(now(execution)))

    @routes.get("/{executionId}/graph.svg", response_class=SvgResponse)
    async def get_execution_graph(execution_id: Id, customer: Customer = None) -> Response:
        """The graph of an execution: each task with its state at this moment of the customer's clock, which it names.

        409 for over 20,000 tasks and steps of edges from column to column.
        """
        execution = execution_of(execution_id, customer)
        return await graph_response(execution_svg, execution, execution.view_at(now(execution)))

    async def changed(execution_id: str, customer: str | None, change: Callable[[Execution], None]) -> Response:
        execution = execution_of(execution_id, customer)
        try:
            change(execution)
        except KeyError as error:
            raise ApiError("not_found", f"The execution has no task {error.args[0]}") from None
        except InvalidTransition as error:
            raise ApiError("invalid_transition", str(error)) from None
        return await execution_response(execution, execution.view_at(now(execution)))

    @routes.post("/{executionId}/tasks/{taskId}/complete", response_model=ExecutionView)
    async def complete_task(execution_id: Id, task_id: TaskId, customer: Customer = None) -> Response:
        """Complete a task in the queue: each child whose parents are all completed is queued."""
        return await changed(execution_id, customer, lambda each: sandbox.end_task(each, task_id, Outcome.COMPLETE))

    @routes.post("/{executionId}/tasks/{taskId}/fail", response_model=ExecutionView)
    async def fail_task(execution_id: Id, task_id: TaskId, customer: Customer = None) -> Response:
        """Fail a task in the queue: all that comes after it is skipped, other branches go on."""
        return await changed(execution_id, customer, lambda each: sandbox.end_task(each, task_id, Outcome.FAIL))

    @routes.post("/{executionId}/advance", response_model=ExecutionView)
    async def advance_execution(execution_id: Id, body: Advance, customer: Customer = None) -> Response:
        """Give the tasks in the queue the outcome of their definition, without waiting for them."""
        return await changed(
            execution_id, customer, lambda execution: sandbox.advance(execution, to_end=body.to == "end")
        )

    return routes


async def execution_response(execution: Execution, view: View) -> Response:
    """Render an ExecutionView in batches: there may be 20,000 tasks."""

    def task_view(numbered: tuple[int, Task]) -> TaskView:
        index, task = numbered
        return TaskView.model_construct(
            **{name: getattr(task, name) for name in WireTask.model_fields},
            state=view.states[index],
            queued_at=view.queued_at.get(index),
            finished_at=view.finished_at.get(index),
        )

    def edge_view(edge: Edge) -> WireEdge:
        return WireEdge.model_construct(parent=edge.parent, child=edge.child)

    return json_object(
        ExecutionSummary.model_construct(**summary(execution, view.state, view.finished)),
        executionQueue=await json_list(view.queue, lambda task: queue_entries([task])[0]),
        tasks=await json_list(enumerate(execution.definition.tasks), task_view),
        tasksHierarchy=await json_list(execution.definition.hierarchy, edge_view),
    )
