"""The clock: the server's, and each customer's own."""

from datetime import timedelta

from fastapi import APIRouter
from pydantic import ConfigDict, Field, model_validator

from workflow_mock.admin.dependencies import Customer, JsonRoute, validation_error
from workflow_mock.errors import Problem
from workflow_mock.sandbox import Sandbox
from workflow_mock.state.clock import Action
from workflow_mock.types import Duration, Moment, StrictModel


class ClockView(StrictModel):
    """The clock that a customer's requests go by, or the server's."""

    now: Moment
    frozen: bool
    own: bool = Field(description="Whether it is the customer's own, and not the server's.")


class ClockChange(StrictModel):
    """What to do to the clock."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"action": "advance", "by": "1h"}, {"action": "freeze", "to": "2030-01-01T00:00:00Z"}]
        }
    )

    action: Action = Field(strict=False)
    to: Moment | None = Field(None, description="For set, and for freeze if not at this moment.")
    by: Duration | None = Field(None, description="For advance.")

    @model_validator(mode="after")
    def _sensible(self) -> "ClockChange":
        if self.action is Action.SET and self.to is None:
            raise ValueError("set needs a time to go `to`")
        if (self.action is Action.ADVANCE) != (self.by is not None):
            raise ValueError("`by` goes with advance, and advance with it")
        if self.to is not None and self.action not in (Action.SET, Action.FREEZE):
            raise ValueError(f"`to` doesn't go with {self.action}")
        return self


def router(sandbox: Sandbox) -> APIRouter:
    routes = APIRouter(prefix="/clock", tags=["Clock"], route_class=JsonRoute)

    @routes.get("")
    async def get_clock(customer: Customer = None) -> ClockView:
        """The clock that a customer's requests go by, or the server's."""
        state = sandbox.clock.state(customer)
        own = customer is not None and sandbox.clock.has_own(customer)
        return ClockView(now=state.now(), frozen=state.frozen is not None, own=own)

    @routes.put("")
    async def change_clock(change: ClockChange, customer: Customer = None) -> ClockView:
        """Freeze, set, advance or resume the server's clock, or one of the customer's own."""
        try:
            sandbox.clock.change(change.action, customer, to=change.to, by=change.by or timedelta(0))
        except OverflowError as error:
            raise validation_error(Problem(("to" if change.to else "by",), str(error))) from None
        sandbox.events.publish("clock", customer, {"action": change.action})
        return await get_clock(customer)

    return routes
