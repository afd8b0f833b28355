"""The documented plane: from the socket to the answer.

It is plain ASGI in front of the FastAPI application, because the router alone costs as much as all the checks below
(`benchmarks/`). A request goes through `WorkflowApi._start` from top to bottom; a fault anywhere on the way is an
ApiError, and `__call__` renders it.

Source: contract, section 1, "Order of checks, and the answers".
"""

import logging
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import count
from secrets import token_hex

from starlette.types import ASGIApp, Receive, Scope, Send

from workflow_mock.api.body import charset_of, check_request
from workflow_mock.api.envelope import JSON_TYPE, NOSNIFF, render
from workflow_mock.api.leniency import Leniencies, Leniency
from workflow_mock.api.wire import start_answer
from workflow_mock.domain.execution import Execution
from workflow_mock.errors import ApiError, Headers
from workflow_mock.oauth.endpoints import request_issuer
from workflow_mock.oauth.verify import TokenVerifier, token_error
from workflow_mock.settings import API_PATH
from workflow_mock.state.clock import Clock
from workflow_mock.state.store import Store
from workflow_mock.state.workflows import Workflows

DOCUMENTED_PATH = "/api/workflow/v1.0/customer/{customerId}/workflow/{workflowId}/WorkflowExecution"

_ROUTE = re.compile(r"/api/workflow/v1\.0/customer/([^/]+)/workflow/([^/]+)/WorkflowExecution")
_ROUTE_IN_ANY_CASE = re.compile(_ROUTE.pattern + "(/?)", re.IGNORECASE)
_REQUEST_HEADERS = frozenset({b"authorization", b"content-type", b"content-length", b"host"})
"""Those that a request may have but once."""

logger = logging.getLogger("workflow_mock.requests")


class Disconnected(Exception):
    """The client went away before its request was complete; there is nobody to answer."""


class WorkflowApi:
    """ASGI middleware that answers everything under `/api/workflow/` and passes on the rest."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        verifier: TokenVerifier,
        workflows: Workflows,
        store: Store,
        clock: Clock,
        new_id: Callable[[], str],
        strict: bool,
        max_body: int,
    ) -> None:
        self._app = app
        self._verifier = verifier
        self._workflows = workflows
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._strict = strict
        self._max_body = max_body
        self._request_ids = map((token_hex(4) + "-{:06x}").format, count(1))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"][: len(API_PATH)].lower() != API_PATH:
            await self._app(scope, receive, send)
            return
        request_id = next(self._request_ids)
        extra: Headers
        try:
            status, extra, body = 200, (), await self._start(scope, receive)
            logger.debug("%s %s %s: 200", request_id, scope["method"], scope["path"])
        except ApiError as error:
            status, extra, body = render(error)
            # The path as it was sent: in it, a line break is still %0A and can't forge a line of the log.
            logger.info("%s %s %a: %d %s", request_id, scope["method"], scope["raw_path"], status, error)
            if any(name == b"expect" for name, _ in scope["headers"]):
                # A client that was not told to continue may or may not send its body: only a new connection is clear.
                extra = (*extra, (b"connection", b"close"))
        except Disconnected:
            logger.info("%s: the client went away before its request was complete", request_id)
            return
        except Exception:
            logger.exception("%s: a fault of the server's own", request_id)
            message = f"A fault of the server's own; its log has more under the request id {request_id}"
            status, extra, body = render(ApiError("internal_error", message))
        headers = [
            JSON_TYPE,
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", request_id.encode()),
            NOSNIFF,
            *extra,
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _start(self, scope: Scope, receive: Receive) -> bytes:
        leniencies = Leniencies(self._strict)
        customer, workflow = _route(scope["method"], scope["path"], leniencies)
        headers = _headers(scope["headers"])
        await self._verifier.verify(
            _bearer_token(headers.get(b"authorization")),
            customer_id=customer.lower(),
            request_issuer=request_issuer(scope["scheme"], headers.get(b"host"), scope["server"]),
        )
        charset = charset_of(headers.get(b"content-type"))
        if charset != "utf-8":
            leniencies.use(Leniency.CHARSET)
        if (accept := headers.get(b"accept")) is not None and not _accepts_json(accept):
            leniencies.use(Leniency.ACCEPT)
        body = await _read_body(receive, headers.get(b"content-length"), self._max_body)
        customer, workflow = check_request(customer, workflow, body, charset, leniencies)
        definition = self._workflows.offered(workflow, customer)
        execution = Execution(self._new_id(), customer, definition, self._clock.now())
        self._store.add(execution)
        return start_answer(execution)


def _route(method: str, path: str, leniencies: Leniencies) -> tuple[str, str]:
    """The customer's and the workflow's id as the path has them. Raises ApiError (404, 405)."""
    match = _ROUTE.fullmatch(path)
    if match is None:
        match = _ROUTE_IN_ANY_CASE.fullmatch(path)
        if match is None:
            raise ApiError("route_not_found", f"No such route; the one there is: POST {DOCUMENTED_PATH}")
        if match[3]:
            leniencies.use(Leniency.TRAILING_SLASH)
        if not _ROUTE.fullmatch(path.rstrip("/")):
            leniencies.use(Leniency.PATH_CASE)
    if method != "POST":
        allow = ((b"allow", b"POST"),)
        raise ApiError("method_not_allowed", f"This route takes POST alone, not {method}", headers=allow)
    return match[1], match[2]


def _headers(raw: list[tuple[bytes, bytes]]) -> Mapping[bytes, bytes]:
    """The headers by name. Raises ApiError (401) for two Authorization headers."""
    headers = dict(raw)
    if len(headers) != len(raw) and sum(name == b"authorization" for name, _ in raw) > 1:
        raise token_error("token_malformed", "There are two Authorization headers")
    return headers


def _bearer_token(authorization: bytes | None) -> str:
    """The token of the header (RFC 6750, section 2.1). Raises ApiError (401)."""
    scheme, _, token = (authorization or b"").decode("latin-1").partition(" ")
    token = token.strip(" ")
    if scheme.lower() != "bearer" or not token:
        reason = "There is no Authorization header" if authorization is None else "The Authorization header has none"
        message = f"{reason}: send Authorization: Bearer <token>"
        raise ApiError("token_missing", message, headers=((b"www-authenticate", b"Bearer"),))
    return token


@lru_cache(maxsize=256)
def _accepts_json(accept: bytes) -> bool:
    """Whether an Accept header leaves room for application/json (RFC 9110, section 12.5.1)."""
    weights = {}
    for entry in accept.decode("latin-1").lower().split(","):
        media_range, *parameters = (part.strip() for part in entry.split(";"))
        weights[media_range] = not any(re.fullmatch(r"q\s*=\s*0(\.0*)?", parameter) for parameter in parameters)
    ranges = ("application/json", "application/*", "*/*")
    return next((weights[media_range] for media_range in ranges if media_range in weights), False)


async def _read_body(receive: Receive, content_length: bytes | None, limit: int) -> bytes:
    """The whole body. Raises ApiError (413) as soon as it is known to be over the limit, in bytes."""
    too_large = ApiError("body_too_large", f"The body is over {limit} bytes")
    if content_length is not None and int(content_length) > limit:
        raise too_large
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        body += message.get("body", b"")
        if len(body) > limit:
            raise too_large
        if not message.get("more_body", False):
            return bytes(body)
