"""Tokens and keys: good ones, bad ones, new ones."""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from pydantic import ConfigDict, Field, model_validator

from workflow_mock.admin.dependencies import Customer, JsonRoute
from workflow_mock.domain.client import Client
from workflow_mock.errors import ApiError
from workflow_mock.faults.effects import MAX_COUNT
from workflow_mock.http.hosts import issuer_url
from workflow_mock.oauth.bad_tokens import TokenKind
from workflow_mock.oauth.token_provider import TokenProvider
from workflow_mock.oauth.verifier import TokenVerifier
from workflow_mock.sandbox import Sandbox
from workflow_mock.settings import Settings
from workflow_mock.state.next_tokens import NextToken
from workflow_mock.types import Duration, ScopeName, StrictModel, Uuid

_OF_ONE_NOW = {"scopes", "customers", "claims"}


class TokenSpec(StrictModel):
    """The token that is wanted; without any member, a good one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "expired", "customers": ["5f0c1e0a-7d5b-4b5e-9c57-2f1f6c3a9d10"]},
                {"kind": "expired", "clientId": "demo", "issueNext": 1},
            ]
        }
    )

    kind: TokenKind = Field(TokenKind.GOOD, strict=False)
    client_id: str = Field(
        "demo", min_length=1, max_length=100, description="With issueNext, without it, whichever asks for a token."
    )
    scopes: list[ScopeName] | None = Field(None, max_length=100)
    customers: list[Uuid] | None = Field(None, max_length=100, description="Whom it may act for; else everybody.")
    lifetime: Duration | None = Field(None, description="Else --token-lifetime.")
    claims: dict[str, Any] = Field(default_factory=dict, description="Put over those that it would have.")
    issue_next: int | None = Field(
        None,
        ge=1,
        le=MAX_COUNT,
        description="So many tokens that the token endpoint issues next are of this kind, in the place of one now.",
    )

    @model_validator(mode="after")
    def _sensible(self) -> "TokenSpec":
        if self.issue_next is not None and self.model_fields_set & _OF_ONE_NOW:
            raise ValueError("with issueNext, scopes, customers and claims are those of the client that gets the token")
        return self


class ExpectedResponse(StrictModel):
    """What presenting the token for this customer gets."""

    status: int
    code: str | None = Field(description="In errors; null where the token is good.")
    www_authenticate: str | None


class MintedToken(StrictModel):
    """A token, and what presenting it gets."""

    access_token: str | None = Field(description="Null with issueNext.")
    expected: ExpectedResponse


class KeyRotation(StrictModel, json_schema_extra={"examples": [{"overlap": "5m"}]}):
    """A change of the key that signs."""

    overlap: Duration = Field(timedelta(0), description="How long the old key still counts.")


class RotatedKeys(StrictModel):
    """The id of the key that signs now, and those of all whose tokens are accepted."""

    kid: str
    valid_kids: list[str]


def router(settings: Settings, sandbox: Sandbox, provider: TokenProvider, verifier: TokenVerifier) -> APIRouter:
    routes = APIRouter(tags=["Tokens"], route_class=JsonRoute)

    @routes.post("/tokens", status_code=201)
    async def mint_token(spec: TokenSpec, request: Request, customer: Customer = None) -> MintedToken:
        """Mint a token, good or bad in a named way, by the customer's clock; and say what it gets.

        The customer is the one of `?customerId=`, or else the first of `customers`. With `issueNext`, the next tokens
        of the token endpoint are such: of the customer, at the token URL with its `?customerId=`, or of everybody.
        """
        here = issuer_url(request.scope, request.headers.get("host", "").encode("latin-1"))
        client = Client(spec.client_id, "", customers=None if spec.customers is None else tuple(spec.customers))
        scopes = [settings.scope] if spec.scopes is None else spec.scopes
        who = customer or (client.customers[0] if client.customers else None)
        lifetime = provider.lifetime if spec.lifetime is None else spec.lifetime
        claims = provider.claims(client, scopes, here, who, lifetime)
        token = await provider.make(spec.kind, claims, spec.claims)
        expected = ExpectedResponse(status=200, code=None, www_authenticate=None)
        try:
            await verifier.verify(token.encode(), who, sandbox.clock.now(who), request_issuer=lambda: here)
        except ApiError as error:
            challenge = dict(error.headers).get(b"www-authenticate", b"").decode("latin-1")
            expected = ExpectedResponse(status=error.status, code=error.code, www_authenticate=challenge or None)
        if spec.issue_next is None:
            return MintedToken(access_token=token, expected=expected)
        client_id = spec.client_id if "client_id" in spec.model_fields_set else None
        sandbox.next_tokens.add(NextToken(customer, client_id, spec.kind, spec.lifetime, spec.issue_next))
        return MintedToken(access_token=None, expected=expected)

    @routes.post("/keys/rotate")
    async def rotate_key(rotation: KeyRotation) -> RotatedKeys:
        """Sign with a new key from now on."""
        key = await provider.issuer.rotate(rotation.overlap)
        return RotatedKeys(kid=key.kid, valid_kids=[each.kid for each in provider.issuer.signing_keys])

    return routes
