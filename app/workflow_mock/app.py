"""The application: wiring and nothing else.

    app = create_app(Settings())

is how to embed it and how to test it: any ASGI server and any test client runs it. docs/architecture.md has the way
of a request through it.
"""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from workflow_mock import __version__
from workflow_mock.admin.guard import Guard
from workflow_mock.admin.health import health_route
from workflow_mock.api import openapi
from workflow_mock.api.routes import Operation, WorkflowRoutes
from workflow_mock.api.start import StartExecution
from workflow_mock.catalogue import loader
from workflow_mock.catalogue.loader import DEMO_CLIENT, Catalogue
from workflow_mock.errors import ConfigError
from workflow_mock.http.cors import Cors
from workflow_mock.http.exception_handlers import handle_errors
from workflow_mock.http.request_id import RequestIdMiddleware
from workflow_mock.http.routing import BrowserRoute, LazyApp, PrefixRoute
from workflow_mock.http.telemetry import NO_TELEMETRY
from workflow_mock.injector import FaultInjector
from workflow_mock.oauth import discovery
from workflow_mock.oauth.issuers import OwnIssuer, RemoteIssuer, TrustedIssuer
from workflow_mock.oauth.keys import NO_KEY, InvalidKeyError, SigningKey, doubt_of_secret, read_jwks, shared_secret
from workflow_mock.oauth.token_endpoint import TokenEndpoint
from workflow_mock.oauth.token_provider import TokenProvider
from workflow_mock.oauth.verifier import TokenVerifier
from workflow_mock.operation import OperationRoute
from workflow_mock.paths import ADMIN_PATH, START_PATH, TOKEN_PATH
from workflow_mock.sandbox import Sandbox
from workflow_mock.settings import Settings, flag, is_http_url, without_password
from workflow_mock.state.exchange import START_EXECUTION

logger = logging.getLogger(__name__)


class Application(FastAPI):
    """The whole server as a FastAPI application: `create_app` makes it."""

    def __init__(self, sandbox: Sandbox, catalogue: Catalogue, control_plane: Callable[[], FastAPI]) -> None:
        super().__init__(
            title="workflow-mock",
            version=__version__,
            openapi_url=None,  # the contract is written by hand: see `api/openapi.py`
            redirect_slashes=False,
            telemetry=NO_TELEMETRY,
        )
        self.sandbox = sandbox
        self.catalogue = catalogue
        """What was read at the start."""
        self.control_plane = control_plane
        """Builds the application of the control plane."""
        self.operations: tuple[OperationRoute, ...] = ()
        self.add_middleware(RequestIdMiddleware)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The shortcut: FastAPI's middleware is a fifth of a start, and does nothing for an operation's route. It is
        # taken only while there is no middleware but RequestIdMiddleware, whose headers an operation sends itself.
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        if len(self.user_middleware) == 1:
            for route in self.operations:
                if (matched := route.match(scope)) is not None:
                    await route.answer(matched, scope, receive, send)
                    return
        await self.sandbox.request_log.watch(super().__call__, scope, receive, send)

    def reload(self, content: Catalogue | ConfigError) -> None:
        """Put changed catalogue files into force, or say why they aren't."""
        self.sandbox.catalogue_error = str(content) if isinstance(content, ConfigError) else None
        if isinstance(content, Catalogue):
            self.sandbox.workflows.reload(content.workflows)
            self.sandbox.faults.reload(content.faults)
            self.sandbox.clients.reload(content.clients)


def create_app(settings: Settings, signing_key: Future[SigningKey] | None = None) -> Application:
    """The server with these settings. It starts no task; the signing key is made in the background, unless given.

    Raises ConfigError: a file that a setting names can't be used.
    """
    signing_key = signing_key or SigningKey.begin(settings.signing_key)
    catalogue = loader.read(settings.catalogue, or_demo=True)
    sandbox = Sandbox(
        catalogue.workflows,
        catalogue.faults,
        catalogue.clients,
        seed=settings.seed,
        max_executions=settings.max_executions,
        max_executions_total=settings.max_executions_total,
        max_requests=settings.max_requests,
        has_journal=settings.journal,
    )
    own = OwnIssuer(signing_key, settings.issuer, sandbox.clock)
    verifier = TokenVerifier(
        (own, *_external_issuers(settings)),
        sandbox.clock,
        audience=settings.audience,
        scope=settings.scope,
        clock_skew=settings.clock_skew,
        require_customer_claim=settings.require_customer_claim,
        strict=settings.strict,
    )
    provider = TokenProvider(
        own,
        sandbox.clock,
        audience=settings.audience,
        lifetime=settings.token_lifetime,
        clock_skew=settings.clock_skew,
    )
    token = TokenEndpoint(
        provider, sandbox.clients, sandbox.next_tokens, default_scope=settings.scope, strict=settings.strict
    )
    start = StartExecution(sandbox, verifier, strict=settings.strict, max_body=settings.max_body)
    injector = FaultInjector(sandbox, max_body=settings.max_body)
    workflow_routes = WorkflowRoutes((Operation(START_EXECUTION, START_PATH, start),))

    def control_plane() -> FastAPI:
        from workflow_mock.admin.app import admin_app  # noqa: PLC0415 - building it takes as long as all else here

        return admin_app(settings, sandbox, provider, verifier)

    app = Application(sandbox, catalogue, control_plane)
    links_entry = settings.journal and settings.admin
    app.operations = tuple(
        OperationRoute(match, sandbox, injector, links_entry=links_entry)
        for match in (workflow_routes.match, token.match)
    )
    app.router.routes += [
        *app.operations,
        health_route(settings, sandbox),
        PrefixRoute(ADMIN_PATH, Guard(LazyApp(control_plane), settings)),
        *([BrowserRoute("/", f"{ADMIN_PATH}/")] if settings.admin else []),
    ]
    app.include_router(discovery.router(own, lambda: token.scopes, strict=settings.strict))
    oauth = {"clientId": DEMO_CLIENT.id, "clientSecret": DEMO_CLIENT.secret} if DEMO_CLIENT in catalogue.clients else {}
    app.include_router(openapi.router(settings.issuer, {**oauth, "scopes": settings.scope}))
    handle_errors(app, f"a workflow is started by POST {START_PATH}, a token is got by POST {TOKEN_PATH}")
    if settings.cors_origin:
        app.add_middleware(
            Cors,
            allow_origins=list(settings.cors_origin),
            allow_methods=["GET", "HEAD", "POST"],
            allow_headers=["*"],  # what is asked for: tracing headers, X-Requested-With
            allow_credentials="*" not in settings.cors_origin,
            expose_headers=["WWW-Authenticate", "X-Request-Id", "Allow", "Link"],
        )
    return app


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
            secret = settings.hs256_secret.read_bytes().rstrip(b"\r\n")
            issuers.append(TrustedIssuer(settings.hs256_issuer, (shared_secret(secret),)))
            if (doubt := doubt_of_secret(secret)) is not None:
                logger.warning(
                    "%s %s: the secret %s, which is taken for a part of it", flag(name), settings.hs256_secret, doubt
                )
    except (InvalidKeyError, OSError) as error:
        shown = without_password(str(getattr(settings, name)))
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"{flag(name)} {shown}: {reason}") from None
    return issuers
