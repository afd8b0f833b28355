"""Faults: what to break."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from workflow_mock.admin.dependencies import Customer, JsonRoute, json_list, json_object, owned_or_404, validation_error
from workflow_mock.admin.schemas import FaultView
from workflow_mock.errors import Problem
from workflow_mock.faults.spec import FaultSpec
from workflow_mock.sandbox import Sandbox
from workflow_mock.types import StrictModel, Uuid

Id = Annotated[Uuid, Path(alias="faultId")]


class FaultPage(StrictModel):
    faults: list[FaultView]


def router(sandbox: Sandbox) -> APIRouter:
    routes = APIRouter(prefix="/faults", tags=["Faults"], route_class=JsonRoute)

    @routes.get("", response_model=FaultPage)
    async def find_faults(customer: Customer = None) -> Response:
        """The faults of a customer, newest first, or all, oldest first."""
        found = sandbox.faults.for_customer(customer)
        return json_object(faults=await json_list(found, FaultView.of, exclude_none=True))

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
        return FaultView.of(sandbox.faults.add(spec))

    @routes.delete("", status_code=204)
    async def remove_all_faults(customer: Customer = None) -> None:
        """Have no faults any more, of a customer or of all."""
        for fault in sandbox.faults.for_customer(customer):
            sandbox.faults.remove(fault.spec.id)

    @routes.get("/{faultId}", response_model_exclude_none=True)
    async def get_fault(fault_id: Id, customer: Customer = None) -> FaultView:
        """A fault in force, and what it has done."""
        return FaultView.of(owned_or_404(sandbox.faults.get(fault_id), f"fault {fault_id}", customer))

    @routes.delete("/{faultId}", status_code=204)
    async def remove_fault(fault_id: Id, customer: Customer = None) -> None:
        """Have a fault no more."""
        owned_or_404(sandbox.faults.get(fault_id), f"fault {fault_id}", customer)
        sandbox.faults.remove(fault_id)

    return routes
