"""The operation *start workflow execution*: its checks from top to bottom, then one call of the sandbox.

Source: docs/contract.md, 1.2, "Order of checks, and the responses".
"""

from collections.abc import Coroutine
from dataclasses import replace
from datetime import datetime
from functools import partial

from workflow_mock.api.accept import TEXT_JSON, accepts_json, prefers_text_json
from workflow_mock.api.body import charset_of, check_request
from workflow_mock.api.leniency import Leniency, LeniencyLog
from workflow_mock.api.wire import start_response
from workflow_mock.errors import ApiError
from workflow_mock.formats import WHITE_SPACE
from workflow_mock.http.cors import why_not
from workflow_mock.http.hosts import issuer_url
from workflow_mock.http.messages import Request
from workflow_mock.oauth.jws import malformed_token
from workflow_mock.oauth.verifier import TokenVerifier
from workflow_mock.operation import Matched
from workflow_mock.paths import START_PATH
from workflow_mock.sandbox import Sandbox
from workflow_mock.state.exchange import NO_FACTS, Facts, Result, add_facts


class StartExecution:
    """The handler. Each refusal on the way is an ApiError."""

    def __init__(self, sandbox: Sandbox, verifier: TokenVerifier, *, strict: bool, max_body: int) -> None:
        self._sandbox = sandbox
        self._verifier = verifier
        self._strict = strict
        self._max_body = max_body

    async def identify(self, request: Request, matched: Matched, now: datetime) -> Facts:
        """Whose token it is. Raises ApiError (401, 403, 404, 405)."""
        _check_route(request, matched, LeniencyLog(self._strict))
        return await self._verify(request, matched, now)

    def _verify(self, request: Request, matched: Matched, now: datetime) -> Coroutine[None, None, Facts]:
        token = _bearer_token(request)
        issuer = partial(issuer_url, request.scope, request.headers.get(b"host"))
        return self._verifier.verify(token, matched.target.customer_id, now, request_issuer=issuer)

    async def __call__(self, request: Request, matched: Matched, now: datetime) -> Result:
        log = LeniencyLog(self._strict)
        facts = NO_FACTS
        try:
            _check_route(request, matched, log)
            facts = await self._verify(request, matched, now)
            charset, leniencies = charset_of(request.headers.get(b"content-type", b""))
            for leniency in leniencies:
                log.use(leniency)
            accept = request.headers.get(b"accept")
            if accept and not accepts_json(accept):
                log.use(Leniency.ACCEPT)
            body = await request.body(self._max_body)
            customer_id, workflow_id = check_request(body, charset, matched, log)
            execution = self._sandbox.start(customer_id, workflow_id, now)
        except BaseException as error:
            add_facts(error, replace(facts, notes=tuple(log.notes)))
            raise
        facts = Facts(facts.token_digest, facts.claims, facts.client_id, execution.id, notes=tuple(log.notes))
        response = start_response(execution)
        if accept and not self._strict and prefers_text_json(accept):
            response.headers = (TEXT_JSON,)
        return Result(response, facts, now)


def _check_route(request: Request, matched: Matched, log: LeniencyLog) -> None:
    """Raises ApiError (404, 405)."""
    if not matched.is_route:
        raise ApiError("route_not_found", f"No such route; the one there is: POST {START_PATH}")
    for note in matched.leniencies:
        log.use(*note)
    if (method := request.method) == "POST":
        return
    allow = ((b"allow", b"POST"),)
    if method.upper() == "POST":
        log.use(Leniency.METHOD_CASE, headers=allow)
    else:
        message = f"This route takes POST alone, not {method[:40]}{why_not(method, request.headers)}"
        raise ApiError("method_not_allowed", message, headers=allow)


def _bearer_token(request: Request) -> bytes:
    """The token of the header (RFC 6750, section 2.1). Raises ApiError (401)."""
    authorization = request.headers.get(b"authorization")
    if authorization is not None and b"," in authorization and len(request.values(b"authorization")) > 1:
        raise malformed_token("There are two Authorization headers")
    scheme, _, token = (authorization or b"").partition(b" ")
    token = token.strip(b" \t") if token.isascii() else token.decode("utf-8", "replace").strip(WHITE_SPACE).encode()
    if scheme.lower() != b"bearer" or not token:
        reason = "There is no Authorization header" if authorization is None else "The Authorization header has none"
        message = f"{reason}: send Authorization: Bearer <token>"
        raise ApiError("token_missing", message, headers=((b"www-authenticate", b"Bearer"),))
    return token
