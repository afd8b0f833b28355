"""A value of the server's, and customers' own in its place."""

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from workflow_mock.caching import BoundedDict

V = TypeVar("V")

MAX_CUSTOMERS = 10_000
"""Customers with a value of their own; the one that was set longest ago goes back to the server's first."""


class PerCustomer(Generic[V]):
    """The server's value, or a customer's own. `None` for a customer means the server."""

    def __init__(self, default: V) -> None:
        self._default = default
        self.server = default
        self._own: BoundedDict[str, V] = BoundedDict(MAX_CUSTOMERS)

    def get(self, customer_id: str | None) -> V:
        return self._own.get(customer_id, self.server) if customer_id else self.server

    def has_own(self, customer_id: str) -> bool:
        return customer_id in self._own

    def set(self, customer_id: str | None, value: V) -> None:
        if customer_id is None:
            self.server = value
        else:
            self._own[customer_id] = value

    def put_all(self, values: Iterable[tuple[str | None, V]]) -> None:
        for customer_id, value in values:
            self.set(customer_id, value)

    def clear(self, customer_id: str | None) -> None:
        """Back to the first value: for one customer, or for the server and all customers."""
        if customer_id is None:
            self.server = self._default
            self._own.clear()
        else:
            self._own.pop(customer_id, None)

    def clear_own(self) -> None:
        """Take every customer's own value away."""
        self._own.clear()

    def own(self) -> Iterator[tuple[str, V]]:
        """Customers with a value of their own, the one that was set longest ago first."""
        return iter(self._own.items())
