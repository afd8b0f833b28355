"""Minting access tokens.

Source: docs/contract.md, 3.3, "The token"; RFC 9068, section 2.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

from workflow_mock.domain.client import Client
from workflow_mock.oauth.bad_tokens import TokenKind, make_token
from workflow_mock.oauth.issuers import OwnIssuer
from workflow_mock.state.clock import Clock


class TokenProvider:
    """Claims and signature of the tokens that this server issues."""

    def __init__(
        self, issuer: OwnIssuer, clock: Clock, *, audience: str, lifetime: timedelta, clock_skew: timedelta
    ) -> None:
        self.issuer = issuer
        self._clock = clock
        self._audience = audience
        self.lifetime = lifetime
        self._clock_skew = clock_skew

    async def issue(self, client: Client, scopes: Sequence[str], request_issuer: str, customer_id: str | None) -> str:
        """An access token for this client, by the customer's clock; its issuer is the URL that the client used."""
        claims = self.claims(client, scopes, request_issuer, customer_id, self.lifetime)
        token = (await self.issuer.signing_key()).token(claims)
        self.issuer.remember(claims["iss"])
        return token

    async def make(self, kind: TokenKind, claims: Mapping[str, Any], other: Mapping[str, Any]) -> str:
        """A token of this kind, made of the claims of a good one, and of `other` claims put over them."""
        token = make_token(kind, claims, other, await self.issuer.signing_key(), self._clock_skew)
        self.issuer.remember(claims["iss"])
        return token

    def claims(
        self, client: Client, scopes: Sequence[str], request_issuer: str, customer_id: str | None, lifetime: timedelta
    ) -> dict[str, Any]:
        """The claims of a token for this client from now on, by the customer's clock (RFC 9068, section 2.2)."""
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
