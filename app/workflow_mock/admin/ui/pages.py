"""The pages at `/__admin/` and below `/__admin/ui/`: a frame each, which scripts fill from the control plane."""

from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Annotated, Any, Final, Literal, get_args
from urllib.parse import parse_qs

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from workflow_mock import __version__
from workflow_mock.admin.dependencies import or_404
from workflow_mock.admin.executions import ExecutionState
from workflow_mock.admin.ui.session import LOGIN_PATH, begin_session, end_session, is_right
from workflow_mock.catalogue.loader import DEMO_CLIENT
from workflow_mock.http.hosts import base_url
from workflow_mock.http.messages import Request as BoundedRequest
from workflow_mock.oauth.bad_tokens import TokenKind
from workflow_mock.paths import ADMIN_PATH, TOKEN_PATH
from workflow_mock.sandbox import Sandbox
from workflow_mock.settings import Settings
from workflow_mock.types import Uuid

HERE: Final = FilePath(__file__).parent
FILES: Final = {file.name: file for file in (HERE / "static").iterdir()}
TYPES: Final[Mapping[str, str]] = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}

MAX_CHOICES = 200
"""Workflows to choose from; the page of workflows has all."""

MAX_FORM_BYTES = 4096
"""Of the login form."""

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of each page: nothing from elsewhere, nothing inline."""


NotGiven = Literal[""] | None
"""A form sends a field that was left empty too."""

PageCustomer = Annotated[Uuid | NotGiven, Query(alias="customerId")]


def router(settings: Settings, sandbox: Sandbox) -> APIRouter:
    routes = APIRouter(include_in_schema=False)
    templates = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def page(name: str, request: Request, customer: str | None, *, status: int = 200, **values: Any) -> Response:
        """A page, filled in from its template."""
        base = base_url(request.scope, request.headers.get("host", "").encode("latin-1"), settings.issuer)
        text = templates.get_template(f"{name}.html").render(
            page=name,
            version=__version__,
            customer=customer,
            query=f"?customerId={customer}" if customer else "",
            base_url=base,
            has_login=settings.admin_token is not None,
            **values,
        )
        return HTMLResponse(text, status, HEADERS)

    @routes.get("")
    async def add_slash() -> Response:
        return RedirectResponse(f"{ADMIN_PATH}/", 303)

    @routes.get("/")
    async def requests(
        request: Request,
        customer: PageCustomer = None,
        failed: bool = False,
        selected: Annotated[str | None, Query(alias="request", max_length=100)] = None,
    ) -> Response:
        """What clients sent, and what they got."""
        usable = [each for who, each in sandbox.clients.owned() if who in (None, customer or None)]
        is_demo = DEMO_CLIENT in usable
        return page(
            "requests",
            request,
            customer,
            failed=failed,
            selected=selected,
            token_path=TOKEN_PATH,
            clients=[DEMO_CLIENT.id] if is_demo else [each.id for each in usable[:3]],
            secret=DEMO_CLIENT.secret if is_demo else None,
            has_journal=settings.journal,
        )

    @routes.get("/ui/executions")
    async def executions(
        request: Request,
        customer: PageCustomer = None,
        state: ExecutionState | NotGiven = None,
        workflow: Annotated[Uuid | NotGiven, Query(alias="workflowId")] = None,
    ) -> Response:
        """What was started."""
        workflows = [each for each in sandbox.workflows if not customer or each.serves(customer)]
        return page(
            "executions",
            request,
            customer,
            states=get_args(ExecutionState),
            state=state,
            workflow=workflow,
            workflows=workflows[:MAX_CHOICES],
        )

    @routes.get("/ui/executions/{executionId}")
    async def execution(
        request: Request, execution_id: Annotated[Uuid, Path(alias="executionId")], customer: PageCustomer = None
    ) -> Response:
        """What became of one execution."""
        return page("execution", request, customer, id=execution_id)

    @routes.get("/ui/workflows")
    async def workflows(
        request: Request,
        customer: PageCustomer = None,
        selected: Annotated[Uuid | NotGiven, Query(alias="workflowId")] = None,
    ) -> Response:
        """What can be started."""
        return page("workflows", request, customer, selected=selected)

    @routes.get("/ui/faults")
    async def faults(request: Request, customer: PageCustomer = None) -> Response:
        """What is broken on purpose."""
        return page("faults", request, customer)

    @routes.get("/ui/tokens")
    async def tokens(request: Request, customer: PageCustomer = None) -> Response:
        """Tokens, good and bad, and keys."""
        return page("tokens", request, customer, kinds=list(TokenKind))

    @routes.get("/ui/static/{name}")
    async def static(name: str) -> Response:
        file = or_404(FILES.get(name), "file of this name")
        return FileResponse(file, media_type=TYPES[file.suffix], headers={"Cache-Control": "no-cache"})

    @routes.get("/ui/login")
    async def login_form(request: Request, next: Annotated[str, Query(max_length=2000)] = f"{ADMIN_PATH}/") -> Response:
        """Asks for the token of `--admin-token`."""
        return page("login", request, None, next=next, is_wrong=False)

    @routes.post("/ui/login")
    async def login(request: Request) -> Response:
        """Gives a browser that knows the token its cookie, and sends it on to the page that it asked for."""
        body = await BoundedRequest(request.scope, request.receive).body(MAX_FORM_BYTES)
        form = parse_qs(body.decode("latin-1"))
        next = form.get("next", [""])[0]
        if not next.startswith(f"{ADMIN_PATH}/"):
            next = f"{ADMIN_PATH}/"
        if not is_right(form.get("token", [""])[0], settings):
            return page("login", request, None, status=403, next=next, is_wrong=True)
        response = RedirectResponse(next, 303)
        begin_session(response, settings, is_secure=request.url.scheme == "https")
        return response

    @routes.post("/ui/logout")
    async def logout() -> Response:
        """Takes the browser's cookie away."""
        response = RedirectResponse(LOGIN_PATH, 303)
        end_session(response)
        return response

    return routes
