"""Wiring: settings in, application out."""

import logging
from concurrent.futures import Future
from pathlib import Path
from uuid import uuid4

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from workflow_mock import __version__, contract
from workflow_mock.api.cors import Cors
from workflow_mock.api.envelope import render
from workflow_mock.api.front import Front, internal_error
from workflow_mock.api.start import DOCUMENTED_PATH, StartExecution
from workflow_mock.catalogue import Catalogue
from workflow_mock.errors import ApiError
from workflow_mock.oauth import metadata
from workflow_mock.oauth.issue import Minter
from workflow_mock.oauth.issuers import OwnIssuer, RemoteIssuer, TrustedIssuer
from workflow_mock.oauth.keys import KeyUnusable, SigningKey, read_jwks, shared_secret
from workflow_mock.oauth.token_endpoint import TokenEndpoint
from workflow_mock.oauth.verify import TokenVerifier
from workflow_mock.settings import Settings, Unusable, flag, is_http_url
from workflow_mock.state.clock import Clock
from workflow_mock.state.store import MemoryStore
from workflow_mock.state.workflows import Workflows

logger = logging.getLogger(__name__)


def create_app(settings: Settings, catalogue: Catalogue, signing_key: Future[SigningKey]) -> FastAPI:
    """The whole server as an ASGI application. Raises Unusable."""
    clock = Clock()
    own = OwnIssuer(signing_key, settings.issuer)
    verifier = TokenVerifier(
        (own, *_external_issuers(settings)),
        clock,
        audience=settings.audience,
        scope=settings.scope,
        clock_skew=settings.clock_skew,
        require_customer_claim=settings.require_customer_claim,
    )
    minter = Minter(own, clock, audience=settings.audience, lifetime=settings.token_lifetime)

    app = FastAPI(
        title="workflow-mock",
        version=__version__,
        openapi_url=None,  # the contract is written by hand: see `contract`
        redirect_slashes=False,
        # It calls nobody, whatever the environment says.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    clients = {client.id: client for client in catalogue.clients}
    token = TokenEndpoint(minter, clients, default_scope=settings.scope, strict=settings.strict)
    app.include_router(metadata.router(own, lambda: token.scopes))
    app.include_router(contract.router())

    @app.get("/__admin/health")
    async def health() -> dict[str, str]:
        return {"status": "healthy", "version": __version__}

    app.add_exception_handler(HTTPException, _refuse)
    app.add_exception_handler(Exception, _fail)
    start = StartExecution(
        verifier=verifier,
        workflows=Workflows(catalogue.workflows),
        store=MemoryStore(per_customer=settings.max_executions, total=settings.max_executions_total),
        clock=clock,
        new_id=lambda: str(uuid4()),
        strict=settings.strict,
        max_body=settings.max_body,
    )
    app.add_middleware(Front, start=start, token=token)
    if settings.cors_origin:
        app.add_middleware(
            Cors,
            allow_origins=list(settings.cors_origin),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["WWW-Authenticate", "X-Request-Id", "Allow"],
        )
    return app


def _external_issuers(settings: Settings) -> list[TrustedIssuer]:
    issuers: list[TrustedIssuer] = []
    name = "jwks"
    try:
        if settings.jwks and settings.jwks_issuer:
            if is_http_url(settings.jwks):
                issuers.append(RemoteIssuer(settings.jwks_issuer, settings.jwks))
            else:
                keys = read_jwks(Path(settings.jwks).read_bytes())
                issuers.append(TrustedIssuer(settings.jwks_issuer, keys))
        if settings.hs256_secret:
            name = "hs256_secret"
            secret = shared_secret(settings.hs256_secret.read_bytes().rstrip(b"\r\n"))
            issuers.append(TrustedIssuer(settings.hs256_issuer, (secret,)))
    except (KeyUnusable, OSError) as error:
        raise Unusable(f"{flag(name)} {getattr(settings, name)}: {error}") from None
    return issuers


async def _refuse(request: Request, error: Exception) -> Response:
    """Everything that the router refuses, in the envelope too: a wrong base URL is a common first mistake."""
    if isinstance(error, HTTPException) and error.status_code == 405:
        message = f"{request.url.path} doesn't take {request.method}"
        return _answer(ApiError("method_not_allowed", message, headers=_allow(error)))
    return _answer(ApiError("route_not_found", f"No such route; a workflow is started by POST {DOCUMENTED_PATH}"))


async def _fail(request: Request, error: Exception) -> Response:
    logger.error("%s: a fault of the server's own", request.state.request_id, exc_info=error)
    answer = _answer(internal_error(request.state.request_id))
    answer.headers["X-Request-Id"] = request.state.request_id  # Starlette answers here outside of `Front`
    return answer


def _allow(error: HTTPException) -> tuple[tuple[bytes, bytes], ...]:
    allow = (error.headers or {}).get("Allow", "")
    return ((b"allow", allow.encode("ascii")),) if allow else ()


def _answer(error: ApiError) -> Response:
    answer = render(error)
    response = Response(answer.body, answer.status)
    response.raw_headers.extend(answer.headers)
    return response
