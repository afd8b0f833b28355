"""Executions: what was started, and the steps that a test takes in it."""

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field

from workflow_mock.admin.dependencies import Cursor, Customer, Limit, owned_or_404
from workflow_mock.admin.schemas import ExecutionSummary, ExecutionView, execution_view, summary
from workflow_mock.domain.definition import Outcome
from workflow_mock.domain.execution import Execution, InvalidTransition
from workflow_mock.errors import ApiError
from workflow_mock.sandbox import Sandbox
from workflow_mock.types import StrictModel, Uuid

Id = Annotated[Uuid, Path(alias="executionId")]
TaskId = Annotated[Uuid, Path(alias="taskId")]
ExecutionState = Literal["running", "completed", "failed"]


class ExecutionPage(StrictModel):
    executions: list[ExecutionSummary]
    next: int | None = Field(description="The cursor of the next page, if there may be one.")


class Advance(StrictModel, json_schema_extra={"examples": [{"to": "end"}]}):
    to: Literal["next", "end"] = Field(
        description="Give the tasks in the queue their outcome once, or until none is left."
    )


def router(sandbox: Sandbox) -> APIRouter:
    routes = APIRouter(prefix="/executions", tags=["Executions"])

    def execution_of(execution_id: str, customer: str | None) -> Execution:
        return owned_or_404(sandbox.executions.get(execution_id), f"execution {execution_id}", customer)

    @routes.get("")
    async def find(
        customer: Customer = None,
        workflow: Annotated[Uuid | None, Query(alias="workflowId")] = None,
        state: ExecutionState | None = None,
        limit: Limit = 100,
        cursor: Cursor = 0,
    ) -> ExecutionPage:
        """The executions, oldest first."""

        def wanted(execution: Execution) -> bool:
            if workflow is not None and execution.definition.id != workflow:
                return False
            return state is None or execution.status_at(sandbox.clock.now(execution.customer_id))[0] == state

        page = await sandbox.executions.page(customer, wanted, cursor, limit)
        return ExecutionPage(
            executions=[ExecutionSummary(**summary(execution, sandbox.clock)) for execution in page],
            next=sandbox.executions.number_of(page[-1]) if len(page) == limit else None,
        )

    @routes.get("/{executionId}")
    async def get(execution_id: Id, customer: Customer = None) -> ExecutionView:
        return execution_view(execution_of(execution_id, customer), sandbox.clock)

    def changed(execution_id: str, customer: str | None, change: Callable[[Execution], None]) -> ExecutionView:
        execution = execution_of(execution_id, customer)
        try:
            change(execution)
        except KeyError as error:
            raise ApiError("not_found", f"The execution has no task {error.args[0]}") from None
        except InvalidTransition as error:
            raise ApiError("invalid_transition", str(error)) from None
        return execution_view(execution, sandbox.clock)

    @routes.post("/{executionId}/tasks/{taskId}/complete")
    async def complete(execution_id: Id, task_id: TaskId, customer: Customer = None) -> ExecutionView:
        """Complete a task in the queue: each child whose parents are all completed is queued."""
        return changed(execution_id, customer, lambda execution: sandbox.end_task(execution, task_id, Outcome.COMPLETE))

    @routes.post("/{executionId}/tasks/{taskId}/fail")
    async def fail(execution_id: Id, task_id: TaskId, customer: Customer = None) -> ExecutionView:
        """Fail a task in the queue: all that comes after it is skipped, other branches go on."""
        return changed(execution_id, customer, lambda execution: sandbox.end_task(execution, task_id, Outcome.FAIL))

    @routes.post("/{executionId}/advance")
    async def advance(execution_id: Id, body: Advance, customer: Customer = None) -> ExecutionView:
        """Give the tasks in the queue the outcome of their definition, without waiting for them."""
        return changed(execution_id, customer, lambda execution: sandbox.advance(execution, to_end=body.to == "end"))

    return routes
