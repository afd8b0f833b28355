"""The clients of the authorization server."""

from collections.abc import Iterable

from workflow_mock.domain.client import Client
from workflow_mock.errors import ApiError

MAX_CLIENTS = 1000
"""Clients that were put over HTTP, of all customers together."""

MAX_BYTES = 16 * 1024 * 1024
"""Of these clients together."""


class Clients:
    """Everybody's clients by id, the catalogue's and what was put over them; and customers' own, each seen by it alone.

    `None` for a customer means everybody.
    """

    def __init__(self, catalogue: Iterable[Client]) -> None:
        self._catalogue: dict[str, Client] = {}
        self._clients: dict[str | None, dict[str, Client]] = {None: {}}
        self.reload(catalogue)

    def reload(self, catalogue: Iterable[Client]) -> None:
        """Have these for the catalogue from now on; what was put over the old one, or deleted, stays so."""
        shared = self._clients[None]
        put = {id: each for id, each in shared.items() if self._catalogue.get(id) is not each}
        deleted = self._catalogue.keys() - shared.keys()
        self._catalogue = {client.id: client for client in catalogue}
        self._clients[None] = {id: each for id, each in self._catalogue.items() if id not in deleted} | put

    def find(self, client_id: str, customer_id: str | None) -> Client | None:
        """The client that authenticates for a customer: its own of this id, else everybody's."""
        return self.get(client_id, customer_id) or self.get(client_id, None)

    def get(self, client_id: str, customer_id: str | None) -> Client | None:
        """The customer's own client, or everybody's."""
        return self._clients.get(customer_id, {}).get(client_id)

    def owned(self) -> list[tuple[str | None, Client]]:
        """Every client with its customer, everybody's first."""
        return [(customer_id, client) for customer_id, own in self._clients.items() for client in own.values()]

    def put(self, client: Client, customer_id: str | None) -> None:
        """Raises ApiError (503) where 1,000 were put already, or those take over 16 MiB with this one."""
        before = self.get(client.id, customer_id)
        put = [each for _, each in self.owned() if self._catalogue.get(each.id) is not each and each is not before]
        if before is None and len(put) >= MAX_CLIENTS:
            raise ApiError("limit_reached", f"{MAX_CLIENTS} clients were put already: delete one first")
        if sum(each.size for each in (*put, client)) > MAX_BYTES:
            raise ApiError("limit_reached", f"The clients that were put would be over {MAX_BYTES} bytes: delete some")
        self._clients.setdefault(customer_id, {})[client.id] = client

    def changed(self, customer_id: str | None) -> tuple[int, int]:
        """How many were put, for everybody or for the customer, or for anybody (None); how many of the catalogue's
        were deleted."""
        put = sum(
            self._catalogue.get(each.id) is not each
            for who, each in self.owned()
            if who is None or customer_id in (None, who)
        )
        return put, len(self._catalogue.keys() - self._clients[None].keys())

    def remove(self, client_id: str, customer_id: str | None) -> Client | None:
        own = self._clients.get(customer_id, {})
        client = own.pop(client_id, None)
        if not own and customer_id is not None:
            self._clients.pop(customer_id, None)
        return client

    def clear(self, customer_id: str | None) -> None:
        """Take out a customer's own clients; or all that were put (None), and put the catalogue's back."""
        if customer_id is None:
            self._clients = {None: dict(self._catalogue)}
        else:
            self._clients.pop(customer_id, None)
