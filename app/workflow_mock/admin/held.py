"""The requests that faults hold: which there are, and how each goes on."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field, model_validator

from workflow_mock.admin.dependencies import Customer, JsonRoute, owned_or_404
from workflow_mock.faults.effects import BrokenConnection, Effects, OwnResponse, check_alone
from workflow_mock.sandbox import Sandbox
from workflow_mock.state.exchange import OperationName
from workflow_mock.state.held import Held
from workflow_mock.types import Duration, Moment, StrictModel


class Release(OwnResponse, BrokenConnection, json_schema_extra={"examples": [{"status": 503, "retryAfter": "2s"}]}):
    """How a held request goes on: as it would have, or with what this says in the place of its fault's effects."""

    @model_validator(mode="after")
    def _sensible(self) -> "Release":
        check_alone(self, self)
        if self.model_fields_set and self.fault is None and not OwnResponse.is_set(self):
            raise ValueError("says nothing of the response: give it a status, a body, jsonBody or a fault")
        return self

    def effects(self) -> Effects | None:
        """The effects with which the request goes on; None where they are those that it would have met."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return Effects(**given) if given else None


class HeldView(StrictModel):
    """A request that a fault holds."""

    request_id: str = Field(description="Of its entry in the journal, and the X-Request-Id of its response.")
    time: Moment = Field(description="When it came.")
    operation: OperationName | None = Field(description="Null where the path is that of none.")
    customer_id: str | None
    workflow_id: str | None
    fault_id: str
    fault_step: int | None = Field(description="The step of the fault's sequence, the first being 1.")
    execution_id: str | None = Field(description="The execution that it has started, if it is held after the commit.")
    left: Duration = Field(description="Real time until it goes on by itself.")

    @classmethod
    def of(cls, held: Held) -> "HeldView":
        target, facts = held.target, held.facts
        return cls.show(
            facts,
            request_id=held.request_id,
            time=held.time,
            operation=target.operation,
            customer_id=target.customer_id,
            workflow_id=target.workflow_id,
            left=timedelta(milliseconds=round(held.seconds_left * 1000)),
        )


class HeldPage(StrictModel):
    """The requests that are held, in the order in which their holds began."""

    held: list[HeldView]

    @classmethod
    def of(cls, found: list[Held]) -> "HeldPage":
        return cls.show(None, held=[HeldView.of(each) for each in found])


def router(sandbox: Sandbox) -> APIRouter:
    routes = APIRouter(prefix="/held", tags=["Faults"], route_class=JsonRoute)
    requests = sandbox.in_flight.held

    @routes.get("")
    async def find_held_requests(customer: Customer = None) -> HeldPage:
        """The requests that faults hold, of a customer or of all."""
        return HeldPage.of(requests.find(customer))

    @routes.post("/{requestId}/release", status_code=204)
    async def release_held_request(
        request_id: Annotated[str, Path(alias="requestId")], release: Release, customer: Customer = None
    ) -> None:
        """Let a held request go on: as it would have, with another response, or broken."""
        held = owned_or_404(requests.get(request_id), f"request {request_id[:100]} that is held", customer)
        requests.release(held, release.effects())

    return routes
