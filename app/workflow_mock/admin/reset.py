"""Reset and seed: the state after start, and repeatable ids from there on."""

from fastapi import APIRouter
from pydantic import Field

from workflow_mock.admin.dependencies import Customer, JsonRoute
from workflow_mock.oauth.issuers import OwnIssuer
from workflow_mock.sandbox import Sandbox
from workflow_mock.types import StrictModel


class Seed(StrictModel, json_schema_extra={"examples": [{"seed": "42"}]}):
    """The seed of the ids of executions: the same seed gives the same ids."""

    seed: str = Field(max_length=200)


def router(sandbox: Sandbox, issuer: OwnIssuer) -> APIRouter:
    routes = APIRouter(tags=["Sandbox"], route_class=JsonRoute)

    @routes.post("/reset", status_code=204)
    async def reset_sandbox(customer: Customer = None) -> None:
        """Everything back to the state after start, for one customer or all; tokens of that time's key stay good."""
        sandbox.reset(customer)
        if customer is None:
            issuer.reset()

    @routes.put("/seed", status_code=204)
    async def set_seed(body: Seed, customer: Customer = None) -> None:
        """Begin a repeatable sequence of execution ids, for one customer or for each."""
        sandbox.ids.seed(customer, body.seed)

    return routes
