"""The log of requests: a line for each, and where they come faster than anybody reads, how many there were besides.

A request leaves its entry here, and a timer makes its line later: so a start pays next to nothing for it.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter
from typing import Any
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workflow_mock.formats import parse_uuid
from workflow_mock.http.envelope import error_of
from workflow_mock.http.messages import Request, Response
from workflow_mock.state.exchange import NO_FACTS, Exchange, Result, Target
from workflow_mock.state.line import Line, reasons

LINES_PER_TICK = 5
TICK_SECONDS = 0.05
"""Together, a hundred lines a second at most."""

MAX_WAITING = 100
"""Requests that wait for their line; as many more of those of which there is something to tell. The rest is counted."""

SUMMARY_SECONDS = 1.0
"""How often what was counted is logged."""

MAX_TARGET = 300
"""Characters of a method and of a path, in the JSON form."""

MAX_REASON = 1000
"""Characters of all that is wrong with a request, in the JSON form."""

logger = logging.getLogger("workflow_mock.requests")

CLIENT_LEFT = 499
"""What a request is answered with that nobody waits for any more; nginx's."""

_LOGGED = "workflow_mock.logged"
"""The member of the ASGI scope's state that says that an operation logs the request itself."""


class RequestLog:
    """Logs requests, at `info`. `line_of` makes the line of an entry."""

    def __init__(self, line_of: Callable[[Exchange], Line]) -> None:
        self._line_of = line_of
        self._waiting: deque[Exchange] = deque()
        self._counted: Counter[str] = Counter()
        """Requests without a line since `_since`, by what they were."""
        self._since = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        """The event loop in which the timer is set."""

    @property
    def is_enabled(self) -> bool:
        return logger.isEnabledFor(logging.INFO)

    def add(self, exchange: Exchange) -> None:
        """Log a request soon."""
        waiting = len(self._waiting)
        if waiting < MAX_WAITING or (waiting < 2 * MAX_WAITING and _is_notable(exchange)):
            self._waiting.append(exchange)
        else:
            if not self._counted:
                self._since = perf_counter()
            self._counted[f"{exchange.target.operation or 'other'} {exchange.status or 'unanswered'}"] += 1
        loop = asyncio.get_running_loop()
        if self._loop is not loop:  # the timer isn't set, or in a loop that has ended
            self._loop = loop
            loop.call_later(TICK_SECONDS, self._tick)

    async def watch(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Call an application, and log the request unless an operation does: a GET that went well at `debug` alone."""
        began, status = perf_counter(), 0

        async def noting_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        state = scope.setdefault("state", {})
        try:
            await app(scope, receive, noting_send)
        finally:
            is_plain = status < 400 and scope["method"] in ("GET", "HEAD", "OPTIONS")
            if _LOGGED not in state and logger.isEnabledFor(logging.DEBUG if is_plain else logging.INFO):
                request, error = Request(scope, receive), error_of(scope)
                customer = parse_qs(request.query.decode("latin-1")).get("customerId", [""])[0]
                result = Result(Response(0 if status == CLIENT_LEFT else status, (), b""), NO_FACTS, datetime.now(UTC))
                if error is not None:
                    result.errors, result.validation = error.errors, error.validation
                seconds = perf_counter() - began
                self.add(Exchange.of(request, Target(None, parse_uuid(customer)), result, seconds=seconds))

    def flush(self) -> None:
        """Log what waits."""
        while self._waiting:
            self._log(self._waiting.popleft())
        self._log_counted()

    def _tick(self) -> None:
        for _ in range(min(LINES_PER_TICK, len(self._waiting))):
            self._log(self._waiting.popleft())
        if perf_counter() - self._since >= SUMMARY_SECONDS:
            self._log_counted()
        if self._waiting or self._counted:
            asyncio.get_running_loop().call_later(TICK_SECONDS, self._tick)
        else:
            self._loop = None

    def _log(self, exchange: Exchange) -> None:
        line = self._line_of(exchange)
        # Not as text: a terminal gets it in colours.
        logger.info(line, extra={name: value for name, value in _fields(exchange, line).items() if value is not None})

    def _log_counted(self) -> None:
        if not self._counted:
            return
        counted, seconds = dict(self._counted.most_common()), perf_counter() - self._since
        self._counted.clear()
        said = ", ".join(f"{count} {what}" for what, count in counted.items())
        total = sum(counted.values())
        extra = {"requests": counted, "seconds": round(seconds, 3)}
        logger.info("%d more requests in %.1f s have no line each: %s", total, seconds, said, extra=extra)


def logs_itself(scope: Scope) -> None:
    """Note that `RequestLog.watch` has nothing to log of a request."""
    scope.setdefault("state", {})[_LOGGED] = True


def _is_notable(exchange: Exchange) -> bool:
    return bool(exchange.errors or exchange.facts.fault_id or exchange.answer_lost or exchange.duplicate_of)


def _fields(exchange: Exchange, line: Line) -> dict[str, Any]:
    """What the JSON form says of a request, under the names that the journal has."""
    facts = exchange.facts
    reason = "; ".join(reasons(exchange.errors, exchange.validation))
    return {
        "time": line.time,
        "requestId": line.id,
        "operation": line.operation,
        "method": exchange.request.method[:MAX_TARGET],
        "path": exchange.request.path[:MAX_TARGET],
        "workflowName": line.name if line.operation == "start" else None,
        "customerId": line.customer_id,
        "workflowId": exchange.target.workflow_id,
        "clientId": facts.client_id,
        "status": line.status,
        "outcome": line.outcome,
        "code": exchange.errors[0].code if exchange.errors else None,
        "reason": f"{reason[: MAX_REASON - 1]}…" if len(reason) > MAX_REASON else reason or None,
        "executionId": facts.execution_id,
        "answerLost": exchange.answer_lost or None,
        "duplicateOf": exchange.duplicate_of,
        "faultId": facts.fault_id,
        "faultEffect": facts.fault_effect,
        "durationInMilliseconds": line.milliseconds,
    }
