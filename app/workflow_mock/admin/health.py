"""Health, settings, reset, snapshot, clock and seed."""

from asyncio import to_thread
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from workflow_mock import __version__
from workflow_mock.admin.dependencies import Customer, validation_error
from workflow_mock.admin.snapshot import MAX_BYTES, Snapshot, checked, take
from workflow_mock.errors import Problem
from workflow_mock.formats import show_duration
from workflow_mock.oauth.issuers import OwnIssuer
from workflow_mock.sandbox import Sandbox
from workflow_mock.settings import Settings, without_password
from workflow_mock.state.clock import Action, uptime
from workflow_mock.types import Duration, Moment, StrictModel


class Counts(StrictModel):
    workflows: int
    executions: int
    requests: int
    faults: int


class Health(StrictModel):
    status: Literal["healthy"] = "healthy"
    version: str = __version__
    uptime_in_seconds: float
    store: Counts
    catalogue_error: str | None = Field(description="Why a changed catalogue file isn't in force (--watch).")


class ClockView(StrictModel):
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


class Seed(StrictModel, json_schema_extra={"examples": [{"seed": "42"}]}):
    seed: str = Field(max_length=200)


def router(settings: Settings, sandbox: Sandbox, issuer: OwnIssuer) -> APIRouter:
    routes = APIRouter()

    @routes.get("/health", tags=["Sandbox"])
    async def health() -> Health:
        store = Counts(
            workflows=sum(1 for _ in sandbox.workflows),
            executions=len(sandbox.executions),
            requests=len(sandbox.journal),
            faults=len(sandbox.faults),
        )
        seconds = round(uptime().total_seconds(), 3)
        return Health(uptime_in_seconds=seconds, store=store, catalogue_error=sandbox.catalogue_error)

    @routes.get("/settings", tags=["Sandbox"])
    async def show_settings() -> dict[str, Any]:
        """The settings in force, without secrets."""
        shown = asdict(settings) | {"admin_token": settings.admin_token and "[redacted]"}
        return {to_camel(name): _shown(value) for name, value in shown.items()}

    @routes.post("/reset", status_code=204, tags=["Sandbox"])
    async def reset(customer: Customer = None) -> None:
        """Everything back to the state after start, for one customer or all; tokens of that time's key stay good."""
        sandbox.reset(customer)
        if customer is None:
            issuer.reset()

    @routes.get("/snapshot", tags=["Sandbox"], response_model_exclude_none=True)
    async def get_snapshot() -> Snapshot:
        """The whole state as one document. It has no keys and no tokens."""
        return await take(sandbox)

    @routes.put("/snapshot", status_code=204, tags=["Sandbox"], max_body_size=MAX_BYTES)
    async def put_snapshot(snapshot: Snapshot) -> None:
        """Replace the whole state."""
        (await to_thread(checked, snapshot))(sandbox)

    @routes.get("/clock", tags=["Clock"])
    async def clock(customer: Customer = None) -> ClockView:
        setting = sandbox.clock.state(customer)
        own = customer is not None and sandbox.clock.has_own(customer)
        return ClockView(now=setting.now(), frozen=setting.frozen is not None, own=own)

    @routes.put("/clock", tags=["Clock"])
    async def change_clock(change: ClockChange, customer: Customer = None) -> ClockView:
        """Freeze, set, advance or resume the server's clock, or one of the customer's own."""
        try:
            sandbox.clock.change(change.action, customer, to=change.to, by=change.by or timedelta(0))
        except OverflowError as error:
            raise validation_error(Problem(("to" if change.to else "by",), str(error))) from None
        sandbox.events.publish("clock", customer, {"action": change.action})
        return await clock(customer)

    @routes.put("/seed", status_code=204, tags=["Sandbox"])
    async def seed(body: Seed, customer: Customer = None) -> None:
        """Begin a repeatable sequence of execution ids, for one customer or for each."""
        sandbox.ids.seed(customer, body.seed)

    return routes


def _shown(value: object) -> object:
    if isinstance(value, timedelta):
        return show_duration(value)
    if isinstance(value, tuple):
        return [str(each) for each in value]
    return value if value is None or isinstance(value, bool | int) else without_password(str(value))
