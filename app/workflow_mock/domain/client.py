"""Clients of the authorization server."""

from dataclasses import dataclass

CLIENT_BYTES = 1024
"""What a client takes beside its scopes and customers."""

TEXT_BYTES = 64
"""What each of these takes beside its characters."""


@dataclass(frozen=True, slots=True)
class Client:
    """A client of the authorization server.

    `customers` None: its tokens may act for every customer. `scopes` None: it may have the one scope that the API
    asks for.
    """

    id: str
    secret: str
    scopes: tuple[str, ...] | None = None
    customers: tuple[str, ...] | None = None

    @property
    def size(self) -> int:
        """Bytes that it takes in memory, about."""
        return CLIENT_BYTES + sum(TEXT_BYTES + len(text) for text in (*(self.scopes or ()), *(self.customers or ())))
