"""Clients of the authorization server: who may get a token. A secret is never shown."""

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import Field

from workflow_mock.admin.dependencies import Customer, JsonRoute, json_list, json_object, or_404
from workflow_mock.domain.client import Client
from workflow_mock.oauth.token_endpoint import MAX_CREDENTIAL_CHARACTERS
from workflow_mock.sandbox import Sandbox
from workflow_mock.types import ScopeName, StrictModel, Uuid

Id = Annotated[str, Path(alias="clientId", min_length=1, max_length=MAX_CREDENTIAL_CHARACTERS)]
Scopes = Annotated[
    list[ScopeName] | None,
    Field(max_length=100, description="The scopes that it may have; without it, the one that the API asks for."),
]
Customers = Annotated[
    list[Uuid] | None, Field(max_length=100, description="Whom its tokens may act for; without it, everybody.")
]


class ClientSpec(StrictModel, json_schema_extra={"examples": [{"secret": "another-secret", "scopes": ["orders"]}]}):
    """A client of the authorization server; the path has its id."""

    secret: str = Field(min_length=1, max_length=MAX_CREDENTIAL_CHARACTERS)
    scopes: Scopes = None
    customers: Customers = None


class ClientView(StrictModel):
    """A client of the authorization server, without its secret."""

    id: str
    customer_id: Uuid | None = Field(description="Whose own it is; null where it is everybody's.")
    scopes: list[str] | None
    customers: list[Uuid] | None


class ClientPage(StrictModel):
    """Clients that may get tokens."""

    clients: list[ClientView]


def router(sandbox: Sandbox) -> APIRouter:
    routes = APIRouter(prefix="/clients", tags=["Clients"], route_class=JsonRoute)
    clients = sandbox.clients

    def shown(client: Client, customer: str | None) -> ClientView:
        return ClientView(
            id=client.id,
            customer_id=customer,
            scopes=None if client.scopes is None else list(client.scopes),
            customers=None if client.customers is None else list(client.customers),
        )

    @routes.get("", response_model=ClientPage)
    async def find_clients(customer: Customer = None) -> Response:
        """The clients that can get a token: of everybody and of each customer, or those that a customer can use."""
        found = clients.owned()
        if customer is not None:
            found = [(who, each) for who, each in found if clients.find(each.id, customer) is each]
        return json_object(clients=await json_list(found, lambda owned: shown(owned[1], owned[0])))

    @routes.get("/{clientId}")
    async def get_client(client_id: Id, customer: Customer = None) -> ClientView:
        """A client of everybody; or the one that a customer uses, its own before everybody's."""
        own = None if customer is None else clients.get(client_id, customer)
        if own is not None:
            return shown(own, customer)
        return shown(or_404(clients.get(client_id, None), f"client {client_id}"), None)

    @routes.put("/{clientId}")
    async def put_client(client_id: Id, spec: ClientSpec, customer: Customer = None) -> ClientView:
        """Put a client over the catalogue's until the next reset: for everybody, or for one customer.

        A customer's own gets tokens at the token URL with `?customerId=` alone.
        """
        client = Client(
            client_id,
            spec.secret,
            None if spec.scopes is None else tuple(spec.scopes),
            None if spec.customers is None else tuple(spec.customers),
        )
        clients.put(client, customer)
        return shown(client, customer)

    @routes.delete("/{clientId}", status_code=204)
    async def delete_client(client_id: Id, customer: Customer = None) -> None:
        """Take a client away until the next reset: everybody's, or one customer's own. Its tokens stay good."""
        or_404(clients.remove(client_id, customer), f"client {client_id}")

    return routes
