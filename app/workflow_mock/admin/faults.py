"""Faults: what to break."""

from typing import Annotated

from fastapi import APIRouter, Path

from workflow_mock.admin.parameters import Customer
from workflow_mock.admin.shapes import FaultView
from workflow_mock.errors import ApiError, ValidationDetail
from workflow_mock.fields import Shape, Uuid
from workflow_mock.state.faults import Fault, FaultSpec
from workflow_mock.state.sandbox import Sandbox

Id = Annotated[Uuid, Path(alias="faultId")]


class FaultPage(Shape):
    faults: list[FaultView]


def router(sandbox: Sandbox) -> APIRouter:
    routes = APIRouter(prefix="/faults", tags=["Faults"])

    def known(fault: Fault | None, fault_id: str) -> Fault:
        if fault is None:
            raise ApiError("not_found", f"There is no fault {fault_id}")
        return fault

    @routes.get("", response_model_exclude_none=True)
    async def find(customer: Customer = None) -> FaultPage:
        return FaultPage(faults=[FaultView.of(fault) for fault in sandbox.faults.of(customer)])

    @routes.post("", status_code=201, response_model_exclude_none=True)
    async def add(spec: FaultSpec, customer: Customer = None) -> FaultView:
        """Put a fault in force; `?customerId=` is the same as matcher.customerId."""
        if customer is not None:
            if spec.matcher.customer_id not in (None, customer):
                place = [ValidationDetail("matcher.customerId", "is not that of ?customerId=")]
                raise ApiError("validation_failed", "The request is not valid: see validation", validation=place)
            matcher = spec.matcher.model_copy(update={"customer_id": customer})
            spec = spec.model_copy(update={"matcher": matcher})
        same = sandbox.faults.get(spec.id)
        if same is not None and same.spec.matcher.customer_id != spec.matcher.customer_id:
            place = [ValidationDetail("id", "is that of a fault for another customer")]
            raise ApiError("validation_failed", "The request is not valid: see validation", validation=place)
        return FaultView.of(sandbox.faults.add(spec))

    @routes.delete("", status_code=204)
    async def remove_all(customer: Customer = None) -> None:
        for fault in sandbox.faults.of(customer):
            sandbox.faults.remove(fault.spec.id)

    @routes.get("/{faultId}", response_model_exclude_none=True)
    async def get(fault_id: Id) -> FaultView:
        return FaultView.of(known(sandbox.faults.get(fault_id), fault_id))

    @routes.delete("/{faultId}", status_code=204)
    async def remove(fault_id: Id) -> None:
        known(sandbox.faults.remove(fault_id), fault_id)

    return routes
