"""Where requests come in and answers go out.

It is plain ASGI in front of the FastAPI application, and answers a start and a token request itself: FastAPI's own way
to a route costs as much as all the checks of a start together. The rest of the application is ordinary FastAPI.

What it answers itself goes through: the exchange for the journal → a fault, if one strikes → the handler → the answer.
"""

import logging
from asyncio import CancelledError
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from secrets import token_hex
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workflow_mock.api import start
from workflow_mock.errors import ApiError
from workflow_mock.faults import effects as breakage
from workflow_mock.faults.spec import Fault
from workflow_mock.http.envelope import render
from workflow_mock.http.messages import NOSNIFF, WHOLE, Answer, BodyTooLarge, Disconnected, read_body
from workflow_mock.oauth import token_endpoint
from workflow_mock.paths import ADMIN_PATH, API_PATH, TOKEN_PATH
from workflow_mock.sandbox import Sandbox
from workflow_mock.state.journal import Exchange

Handler = Callable[[Exchange, Scope, Receive], Awaitable[Answer]]

logger = logging.getLogger("workflow_mock.requests")


class Front:
    """ASGI middleware: an id for every request, answers for two of them, and the envelope for what goes wrong there."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        admin: ASGIApp,
        sandbox: Sandbox,
        start: Handler,
        token: Handler,
        max_body: int,
        journal: bool,
    ) -> None:
        self._app = app
        self._admin = admin
        self._sandbox = sandbox
        self._start = start
        self._token = token
        self._max_body = max_body
        self._journal = journal
        self._request_ids = map((token_hex(4) + "-{:06x}").format, count(1))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = scope["state"]["request_id"] = next(self._request_ids)
        path = scope["path"]
        if path[: len(API_PATH)].lower() == API_PATH:
            route = start.route_of(scope["raw_path"])
            exchange = Exchange(request_id, scope, route.customer_id, route.workflow_id)
            await self._exchange(self._start, exchange, scope, receive, send)
        elif path == TOKEN_PATH:
            exchange = Exchange(request_id, scope, *token_endpoint.identify(scope["query_string"]))
            exchange.path = path  # with %74 for t it is this path too, and its secrets are none of the journal's
            await self._exchange(self._token, exchange, scope, receive, send)
        else:

            async def send_with_headers(message: Message) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode()), NOSNIFF]
                await send(message)

            app = self._admin if f"{path}/".startswith(f"{ADMIN_PATH}/") else self._app
            await app(scope, receive, send_with_headers)

    async def _exchange(self, handle: Handler, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
        begin = perf_counter()
        sandbox = self._sandbox
        exchange.time = sandbox.clock.now(exchange.customer_id)
        fault: Fault | None = None
        answer: Answer | None = None
        try:
            answer, fault = await self._answer(handle, exchange, scope, receive)
        except Disconnected:
            exchange.answer_lost = exchange.execution_id is not None
            logger.info("%s: the client went away before its request was answered", exchange.id)
        exchange.seconds = perf_counter() - begin
        if exchange.execution_id and sandbox.journal.lost_answers:
            exchange.duplicate_of = sandbox.journal.lost_before(exchange)
        if self._journal:
            sandbox.record(exchange)
        if answer is None:
            return
        headers = [(b"x-request-id", exchange.id.encode()), NOSNIFF, *answer.headers]
        headers.append((b"content-length", b"%d" % len(answer.body)))
        head: Message = {"type": "http.response.start", "status": answer.status, "headers": headers}
        if fault is None or exchange.fault_id is None:
            head[WHOLE] = answer.body
            await send(head)
        else:
            await breakage.send(fault, head, answer.body, send, scope, receive)

    async def _strike(self, exchange: Exchange, receive: Receive) -> Fault | None:
        candidates = self._sandbox.faults.candidates(exchange)
        if any(fault.spec.matcher.body_patterns for fault in candidates):
            await self._read_body(exchange, receive)
        fault = next((fault for fault in candidates if fault.applies(exchange)), None)
        if fault is not None:
            await self._read_body(exchange, receive)
            exchange.fault_id = fault.spec.id
            if fault.spec.when == "before":
                self._tell(fault, exchange)
        return fault

    async def _read_body(self, exchange: Exchange, receive: Receive) -> None:
        with suppress(BodyTooLarge):  # refused when its turn comes
            exchange.body = await read_body(exchange, receive, self._max_body)

    def _tell(self, fault: Fault, exchange: Exchange) -> None:
        data = {"id": fault.spec.id, "request": exchange.id}
        self._sandbox.events.publish("fault", exchange.customer_id or None, data)

    async def _answer(
        self, handle: Handler, exchange: Exchange, scope: Scope, receive: Receive
    ) -> tuple[Answer, Fault | None]:
        """The answer to an exchange: what the handler says, or what a fault says instead, before or after the work."""
        fault = None
        try:
            if self._sandbox.faults:
                fault = await self._strike(exchange, receive)
            if fault is None:
                answer = await handle(exchange, scope, receive)
            elif fault.spec.when == "before":
                await breakage.delay(fault, exchange, receive)
                exchange.time = self._sandbox.clock.now(exchange.customer_id)
                answer = breakage.replacement(fault, exchange) or await handle(exchange, scope, receive)
            else:
                answer = await handle(exchange, scope, receive)
                if answer.status == 200:
                    self._tell(fault, exchange)
                    await breakage.delay(fault, exchange, receive)
                    answer = breakage.replacement(fault, exchange) or answer
                else:
                    fault.miss(exchange)  # a token that was refused
            if fault is not None and fault.loses_answer:
                exchange.answer_lost = exchange.execution_id is not None
        except ApiError as error:
            answer = render(error)
            if fault is not None and fault.spec.when == "afterCommit":
                fault.miss(exchange)  # there was nothing to commit
            exchange.errors, exchange.validation = error.errors, error.validation
            # The path as it was sent: in it, a line break is still %0A and can't forge a line of the log.
            logger.info(
                "%s %s %s: %d %s: %s", exchange.id, exchange.method, exchange.path, error.status, error.code, error
            )
        except Disconnected:
            raise
        except CancelledError:
            ending = ApiError("too_busy", "The server is ending")
            answer, exchange.errors = render(ending), ending.errors
        except Exception:
            logger.exception("%s: a fault of the server's own", exchange.id)
            internal = internal_error(exchange.id)
            answer = render(internal)
            exchange.errors = internal.errors
        else:
            logger.debug("%s %s %s: %d", exchange.id, exchange.method, exchange.path, answer.status)
        exchange.status = answer.status
        return answer, fault


def internal_error(request_id: str) -> ApiError:
    message = f"A fault of the server's own; its log has more under the request id {request_id}"
    return ApiError("internal_error", message)
