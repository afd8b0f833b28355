"""Minting access tokens.

Source: docs/contract.md, 3.3, "The token"; RFC 9068, section 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from workflow_mock.oauth.issuers import OwnIssuer
from workflow_mock.state.clock import Clock


@dataclass(frozen=True, slots=True)
class Client:
    """A client of the authorization server.

    `customers` None means that its tokens may act for every customer, `scopes` None that it may have the one scope
    that the API asks for.
    """

    id: str
    secret: str
    scopes: tuple[str, ...] | None = None
    customers: tuple[str, ...] | None = None


class Minter:
    def __init__(self, issuer: OwnIssuer, clock: Clock, *, audience: str, lifetime: timedelta) -> None:
        self.issuer = issuer
        self._clock = clock
        self._audience = audience
        self.lifetime = lifetime

    async def mint(self, client: Client, scopes: Sequence[str], request_issuer: str, customer_id: str) -> str:
        """An access token for this client, issued in the name that the request calls this server by."""
        claims = self.claims(client, scopes, request_issuer, customer_id, self.lifetime)
        token = (await self.issuer.signing_key()).token(claims)
        self.issuer.remember(claims["iss"])
        return token

    def claims(
        self, client: Client, scopes: Sequence[str], request_issuer: str, customer_id: str, lifetime: timedelta
    ) -> dict[str, Any]:
        now = int(self._clock.now(customer_id).timestamp())
        claims = {
            "iss": self.issuer.name(request_issuer),
            "nbf": now,
            "iat": now,
            "exp": now + int(lifetime.total_seconds()),
            "aud": self._audience,
            "client_id": client.id,
            "sub": client.id,
            "jti": uuid4().hex,
            "scope": list(scopes),
        }
        if client.customers is not None:
            claims["customer_id"] = list(client.customers)
        return claims
