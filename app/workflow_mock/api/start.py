"""The documented operation: from the request to the answer.

A request goes through `StartExecution.__call__` from top to bottom, and a fault anywhere on the way is an ApiError.
Source: docs/contract.md, 1.2, "Order of checks, and the answers".
"""

import re
from typing import NamedTuple
from urllib.parse import unquote

from starlette.types import Receive, Scope

from workflow_mock.api.body import charset_of, check_request
from workflow_mock.api.envelope import JSON_TYPE
from workflow_mock.api.leniency import Leniencies, Leniency
from workflow_mock.api.wire import start_answer
from workflow_mock.domain.ids import parse_uuid
from workflow_mock.errors import ApiError, ValidationDetail
from workflow_mock.oauth.verify import TokenVerifier, malformed
from workflow_mock.remembered import remembered
from workflow_mock.state.journal import Exchange
from workflow_mock.state.sandbox import Sandbox
from workflow_mock.web import Answer, TooLarge, issuer_of, read_body

DOCUMENTED_PATH = "/api/workflow/v1.0/customer/{customerId}/workflow/{workflowId}/WorkflowExecution"

_ROUTE = re.compile(r"/api/workflow/v1\.0/customer/([^/]+)/workflow/([^/]+)/WorkflowExecution")
_ROUTE_IN_ANY_CASE = re.compile(_ROUTE.pattern + "(/?)", re.IGNORECASE | re.ASCII)
_ESCAPED_SLASH = re.compile("%2f", re.IGNORECASE)
_OK_HEADERS = (JSON_TYPE,)


class Route(NamedTuple):
    """What a path says: its ids in canonical form, empty or None where they aren't valid."""

    customer_id: str
    workflow_id: str | None
    is_known: bool = True
    leniencies: tuple[Leniency, ...] = ()
    faults: tuple[ValidationDetail, ...] = ()


class StartExecution:
    """The handler of everything under `/api/workflow/`: one route, and what is not that route."""

    def __init__(self, sandbox: Sandbox, verifier: TokenVerifier, *, strict: bool, max_body: int) -> None:
        self._sandbox = sandbox
        self._verifier = verifier
        self._strict = strict
        self._max_body = max_body

    async def __call__(self, exchange: Exchange, scope: Scope, receive: Receive) -> Answer:
        leniencies = Leniencies(self._strict)
        exchange.notes = leniencies.notes
        headers = exchange.headers
        route = route_of(scope["raw_path"])
        _check_route(exchange.method, route, leniencies)
        accept = headers.get(b"accept")
        if len(headers) != len(scope["headers"]):  # some come twice
            if [name for name, _ in scope["headers"]].count(b"authorization") > 1:
                raise malformed("There are two Authorization headers")
            accept = b",".join(value for name, value in scope["headers"] if name == b"accept")
        token = _bearer_token(headers.get(b"authorization"))
        await self._verifier.verify(token, exchange, request_issuer=issuer_of(scope, headers.get(b"host")))
        charset = charset_of(headers.get(b"content-type", b""))
        if charset != "utf-8":
            leniencies.use(Leniency.CHARSET)
        if accept and not _accepts_json(accept):
            leniencies.use(Leniency.ACCEPT)
        try:
            exchange.body = await read_body(exchange, receive, self._max_body)
        except TooLarge:
            raise ApiError("body_too_large", f"The body is over {self._max_body} bytes") from None
        workflow_id = check_request(exchange, route.faults, charset, leniencies)
        execution = self._sandbox.start(exchange.customer_id, workflow_id, exchange.time)
        exchange.execution_id = execution.id
        return Answer(200, _OK_HEADERS, start_answer(execution))


@remembered(1024)
def route_of(raw_path: bytes) -> Route:
    """Clients ask for the same few paths: to know one again takes a thirtieth of reading it.

    A slash that is escaped separates nothing (RFC 3986, section 2.2).
    """
    path = unquote(_ESCAPED_SLASH.sub("%252F", raw_path.decode("ascii")))
    match = _ROUTE_IN_ANY_CASE.fullmatch(path)
    if match is None:
        return Route("", None, is_known=False)
    leniencies = [Leniency.TRAILING_SLASH] if match[3] else []
    if not _ROUTE.fullmatch(path.rstrip("/")):
        leniencies.append(Leniency.PATH_CASE)
    ids = {"customerId": parse_uuid(match[1]), "workflowId": parse_uuid(match[2])}
    return Route(
        ids["customerId"] or "",
        ids["workflowId"],
        leniencies=tuple(leniencies),
        faults=tuple(
            ValidationDetail(name, f"The {name} in the path must be a UUID of 36 characters with dashes")
            for name, value in ids.items()
            if value is None
        ),
    )


def _check_route(method: str, route: Route, leniencies: Leniencies) -> None:
    """Raises ApiError (404, 405)."""
    if not route.is_known:
        raise ApiError("route_not_found", f"No such route; the one there is: POST {DOCUMENTED_PATH}")
    for leniency in route.leniencies:
        leniencies.use(leniency)
    if method != "POST":
        allow = ((b"allow", b"POST"),)
        raise ApiError("method_not_allowed", f"This route takes POST alone, not {method}", headers=allow)


def _bearer_token(authorization: bytes | None) -> bytes:
    """The token of the header (RFC 6750, section 2.1). Raises ApiError (401)."""
    scheme, _, token = (authorization or b"").partition(b" ")
    token = token.strip(b" ")
    if scheme.lower() != b"bearer" or not token:
        reason = "There is no Authorization header" if authorization is None else "The Authorization header has none"
        message = f"{reason}: send Authorization: Bearer <token>"
        raise ApiError("token_missing", message, headers=((b"www-authenticate", b"Bearer"),))
    return token


@remembered(256)
def _accepts_json(accept: bytes) -> bool:
    """Whether an Accept header leaves room for application/json (RFC 9110, section 12.5.1)."""
    weights = {}
    for entry in accept.decode("latin-1").lower().split(","):
        media_range, *parameters = (part.strip() for part in entry.split(";"))
        weights[media_range] = not any(re.fullmatch(r"q\s*=\s*0(\.0*)?", parameter) for parameter in parameters)
    ranges = ("application/json", "application/*", "*/*")
    return next((weights[media_range] for media_range in ranges if media_range in weights), False)
