"""Wiring: settings in, application out."""

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from starlette.routing import Router
from starlette.types import ASGIApp

from workflow_mock.admin.guard import Guard
from workflow_mock.admin.health import health_route
from workflow_mock.api.start import StartExecution
from workflow_mock.catalogue.loader import Catalogue
from workflow_mock.http.prefix_route import LazyApp, PrefixRoute
from workflow_mock.oauth.issuers import OwnIssuer, RemoteIssuer, TrustedIssuer
from workflow_mock.oauth.keys import NO_KEY, InvalidKeyError, SigningKey, read_jwks, shared_secret
from workflow_mock.oauth.token_endpoint import TokenEndpoint
from workflow_mock.oauth.token_provider import TokenProvider
from workflow_mock.oauth.verifier import TokenVerifier
from workflow_mock.operation import Front
from workflow_mock.sandbox import Sandbox
from workflow_mock.settings import ADMIN_PATH, ConfigError, Settings, flag, is_http_url, without_password

if TYPE_CHECKING:
    from fastapi import FastAPI


class Application(NamedTuple):
    """The whole server. What FastAPI serves is made when it is first asked for: importing FastAPI takes 200 ms."""

    asgi: ASGIApp
    reload: Callable[[Catalogue | ConfigError], None]
    close: Callable[[], None]
    """End what would go on for ever."""
    pages: Callable[[], "FastAPI"]
    control_plane: Callable[[], "FastAPI"]


def create_app(settings: Settings, catalogue: Catalogue, signing_key: Future[SigningKey]) -> Application:
    """Raises ConfigError."""
    sandbox = Sandbox(
        catalogue.workflows,
        catalogue.faults,
        seed=settings.seed,
        max_executions=settings.max_executions,
        max_executions_total=settings.max_executions_total,
        max_requests=settings.max_requests,
    )
    own = OwnIssuer(signing_key, settings.issuer, sandbox.clock)
    verifier = TokenVerifier(
        (own, *_external_issuers(settings)),
        sandbox.clock,
        audience=settings.audience,
        scope=settings.scope,
        clock_skew=settings.clock_skew,
        require_customer_claim=settings.require_customer_claim,
    )
    minter = TokenProvider(own, sandbox.clock, audience=settings.audience, lifetime=settings.token_lifetime)
    clients = {client.id: client for client in catalogue.clients}
    token = TokenEndpoint(minter, clients, default_scope=settings.scope, strict=settings.strict)

    def pages() -> "FastAPI":
        from workflow_mock.pages import pages_app  # noqa: PLC0415

        return pages_app(own, token)

    def control_plane() -> "FastAPI":
        from workflow_mock.admin.app import admin_app  # noqa: PLC0415

        return admin_app(settings, sandbox, minter, verifier)

    def reload(content: Catalogue | ConfigError) -> None:
        """Put changed catalogue files into force, or say why they aren't."""
        sandbox.catalogue_error = str(content) if isinstance(content, ConfigError) else None
        if isinstance(content, Catalogue):
            sandbox.workflows.reload(content.workflows)
            sandbox.faults.reload(content.faults)
            clients.clear()
            clients.update({client.id: client for client in content.clients})

    routes = [health_route(settings, sandbox), PrefixRoute(ADMIN_PATH, Guard(LazyApp(control_plane), settings))]
    admin = Router(routes, redirect_slashes=False)
    app: ASGIApp = Front(
        LazyApp(pages),
        admin=admin,
        sandbox=sandbox,
        start=StartExecution(sandbox, verifier, strict=settings.strict, max_body=settings.max_body),
        token=token,
        max_body=settings.max_body,
        journal=settings.journal,
    )
    if settings.cors_origin:
        from workflow_mock.http.cors import Cors  # noqa: PLC0415

        app = Cors(
            app,
            allow_origins=list(settings.cors_origin),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["WWW-Authenticate", "X-Request-Id", "Allow"],
        )
    return Application(app, reload, sandbox.events.close, pages, control_plane)


def _external_issuers(settings: Settings) -> list[TrustedIssuer]:
    issuers: list[TrustedIssuer] = []
    name = "jwks"
    try:
        if settings.jwks and settings.jwks_issuer:
            if is_http_url(settings.jwks, query=True):
                issuers.append(RemoteIssuer(settings.jwks_issuer, settings.jwks))
            else:
                keys = read_jwks(Path(settings.jwks).read_bytes())
                if not keys:
                    raise InvalidKeyError(NO_KEY)
                issuers.append(TrustedIssuer(settings.jwks_issuer, keys))
        if settings.hs256_secret:
            name = "hs256_secret"
            secret = shared_secret(settings.hs256_secret.read_bytes().rstrip(b"\r\n"))
            issuers.append(TrustedIssuer(settings.hs256_issuer, (secret,)))
    except (InvalidKeyError, OSError) as error:
        shown = without_password(str(getattr(settings, name)))
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"{flag(name)} {shown}: {reason}") from None
    return issuers
