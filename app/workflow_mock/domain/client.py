"""Clients of the authorization server."""

from dataclasses import dataclass


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
