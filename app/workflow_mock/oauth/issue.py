"""Minting access tokens.

Source: contract, section 3, "Token"; RFC 9068, section 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
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
        self._issuer = issuer
        self._clock = clock
        self._audience = audience
        self.lifetime = lifetime

    async def mint(self, client: Client, scopes: Sequence[str], request_issuer: str) -> str:
        """An access token for this client, in the name that the request calls this server by."""
        key = await self._issuer.signing_key()
        name = self._issuer.name(request_issuer)
        now = int(self._clock.now().timestamp())
        claims = {
            "iss": name,
            "nbf": now,
            "iat": now,
            "exp": now + int(self.lifetime.total_seconds()),
            "aud": self._audience,
            "client_id": client.id,
            "sub": client.id,
            "jti": uuid4().hex,
            "scope": list(scopes),
        }
        if client.customers is not None:
            claims["customer_id"] = list(client.customers)
        token = key.sign({"alg": key.public.algorithm, "kid": key.kid, "typ": "at+jwt"}, claims)
        self._issuer.remember(name)
        return token
