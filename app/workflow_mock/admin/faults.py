"""Faults: what to break."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

from workflow_mock.admin.dependencies import Customer, JsonRoute, json_list, json_object, owned_or_404, validation_error
from workflow_mock.admin.fault_warnings import warnings_of
from workflow_mock.admin.held import HeldPage
from workflow_mock.admin.schemas import FaultView
from workflow_mock.admin.waiting import Within, wait_until
from workflow_mock.errors import Problem
from workflow_mock.faults.fault import Fault
from workflow_mock.faults.spec import FaultSpec
from workflow_mock.sandbox import Sandbox
from workflow_mock.state.held import MAX_HELD, Held
from workflow_mock.types import StrictModel, Uuid

Id = Annotated[Uuid, Path(alias="faultId")]


class FaultPage(StrictModel):
    """Faults in force, those that are over among them."""

    faults: list[FaultView]


class Wait(StrictModel, json_schema_extra={"examples": [{"held": 1, "within": "5s"}]}):
    """How many requests a fault must hold."""

    held: int = Field(1, ge=1, le=MAX_HELD)
    within: Within = None


def router(sandbox: Sandbox) -> APIRouter:
    requests = sandbox.in_flight.held
    routes = APIRouter(prefix="/faults", tags=["Faults"], route_class=JsonRoute)

    def shown(fault: Fault, customer: str | None) -> FaultView:
        return FaultView.of(
            fault,
            customer,
            over=sandbox.faults.is_over(fault, customer),
            warnings=list(warnings_of(fault.spec.matcher, sandbox.workflows)),
        )

    def may_concern(fault: Fault, customer: str) -> bool:
        """Whether a fault is for a customer, and for a workflow that the customer can start."""
        workflow_id = fault.spec.matcher.workflow_id
        workflow = None if workflow_id is None else sandbox.workflows.get(workflow_id)
        return fault.customer_id in (None, customer) and (
            workflow_id is None or (workflow is not None and workflow.serves(customer))
        )

    @routes.get("", response_model=FaultPage)
    async def find_faults(customer: Customer = None) -> Response:
        """The faults of a customer, newest first, and then the catalogue's for everybody; or all, oldest first."""
        found = sandbox.faults.for_customer(customer)
        if customer is not None:
            found += [fault for fault in sandbox.faults.of_catalogue() if may_concern(fault, customer)]
        return json_object(faults=await json_list(found, lambda fault: shown(fault, customer), exclude_none=True))

    @routes.post("", status_code=201, response_model_exclude_none=True)
    async def add_fault(spec: FaultSpec, customer: Customer = None) -> FaultView:
        """Put a fault in force; `?customerId=` is the same as matcher.customerId."""
        if customer is not None:
            if spec.matcher.customer_id not in (None, customer):
                raise validation_error(Problem(("matcher", "customerId"), "is not that of ?customerId="))
            matcher = spec.matcher.model_copy(update={"customer_id": customer})
            spec = spec.model_copy(update={"matcher": matcher})
        same = sandbox.faults.get(spec.id)
        if same is not None and same.customer_id != spec.matcher.customer_id:
            raise validation_error(Problem(("id",), "is that of a fault for another customer"))
        return shown(sandbox.faults.add(spec), customer)

    @routes.delete("", status_code=204)
    async def remove_all_faults(customer: Customer = None) -> None:
        """Have no faults any more, of a customer or of all."""
        sandbox.faults.remove_all(customer)

    @routes.get("/{faultId}", response_model_exclude_none=True)
    async def get_fault(fault_id: Id, customer: Customer = None) -> FaultView:
        """A fault, and what it has done."""
        found = sandbox.faults.get(fault_id)
        if found is None or customer is None or not (found.is_permanent and may_concern(found, customer)):
            found = owned_or_404(found, f"fault {fault_id}", customer)
        return shown(found, customer)

    @routes.delete("/{faultId}", status_code=204)
    async def remove_fault(fault_id: Id, customer: Customer = None) -> None:
        """Have a fault no more."""
        owned_or_404(sandbox.faults.get(fault_id), f"fault {fault_id}", customer)
        sandbox.faults.remove(fault_id)

    @routes.post(
        "/{faultId}/wait",
        responses={409: {"model": HeldPage, "description": "It doesn't hold so many, or didn't in this time"}},
    )
    async def wait_for_held_requests(
        fault_id: Id, wait: Wait, request: Request, response: Response, customer: Customer = None
    ) -> HeldPage:
        """The requests that a fault holds, as soon as they are so many: 200 then, 409 if not, with those that are.

        Without `within`, as things are. 404 too where the fault is removed meanwhile.
        """

        def find() -> list[Held]:
            found = sandbox.faults.get(fault_id)
            if found is None or customer is None or not (found.is_permanent and may_concern(found, customer)):
                owned_or_404(found, f"fault {fault_id}", customer)
            return requests.find(customer, fault_id)

        await wait_until(requests.watches, request, wait.within, customer, lambda: len(find()) >= wait.held)
        held = find()
        if len(held) < wait.held:
            response.status_code = 409
        return HeldPage.of(held)

    return routes
