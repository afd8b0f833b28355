"""The log of requests: a line for each, and where they come faster than anybody reads, how many there were besides.

A request leaves its entry here, and a timer makes its line later: so a start pays next to nothing for it.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable
from datetime import UTC, datetime
from operator import attrgetter
from time import perf_counter
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workflow_mock.formats import parse_uuid
from workflow_mock.http.envelope import error_of
from workflow_mock.http.messages import Request, Response
from workflow_mock.state.exchange import NO_FACTS, Exchange, Result, Target
from workflow_mock.state.line import Line, reasons

LINES_PER_TICK = 5
LINES_PER_TICK_UNDER_LOAD = 2
TICK_SECONDS = 0.05
"""Together, a hundred lines a second at most; forty where there are more requests than that."""

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

_KIND = attrgetter("target.operation", "status")

_LOGGED = "workflow_mock.logged"
"""The member of the ASGI scope's state that says that an operation logs the request itself."""


class RequestLog:
    """Logs requests, at `info`. `line_of` makes the line of an entry."""

    def __init__(self, line_of: Callable[[Exchange], Line]) -> None:
        self._line_of = line_of
        self._new: list[Exchange] = []
        self._waiting: deque[Exchange] = deque()
        self._counted: Counter[tuple[str | None, int]] = Counter()
        """Requests without a line since `_since`, by what they were."""
        self._since = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        """The event loop in which the timer is set."""

    def add(self, exchange: Exchange) -> None:
        """Log a request soon."""
        self._new.append(exchange)
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
        self._take_new()
        while self._waiting:
            self._log(self._waiting.popleft())
        self._log_counted()

    def _tick(self) -> None:
        self._take_new()
        lines = LINES_PER_TICK if not self._counted else LINES_PER_TICK_UNDER_LOAD
        for _ in range(min(lines, len(self._waiting))):
            self._log(self._waiting.popleft())
        if perf_counter() - self._since >= SUMMARY_SECONDS:
            self._log_counted()
        if self._waiting or self._counted:
            asyncio.get_running_loop().call_later(TICK_SECONDS, self._tick)
        else:
            self._loop = None

    def _take_new(self) -> None:
        """Have what is new wait for its line, or count it."""
        new, self._new = self._new, []
        waiting = self._waiting
        room = max(0, MAX_WAITING - len(waiting))
        waiting.extend(new[:room])
        rest = new[room:]
        if not rest:
            return
        if not self._counted:
            self._since = perf_counter()
        # Without a call for each: there may be thousands.
        notable = [each for each in rest if each.errors or each.facts.fault_id or each.answer_lost or each.duplicate_of]
        notable = notable[: 2 * MAX_WAITING - len(waiting)]
        waiting.extend(notable)
        self._counted += Counter(map(_KIND, rest)) - Counter(map(_KIND, notable))

    def _log(self, exchange: Exchange) -> None:
        # Not as text: a terminal gets it in colours, and JSON its members.
        logger.info(_LoggedLine(self._line_of(exchange), exchange))

    def _log_counted(self) -> None:
        if not self._counted:
            return
        seconds, total = perf_counter() - self._since, self._counted.total()
        kinds = {
            f"{operation or 'other'} {status or 'unanswered'}": count
            for (operation, status), count in self._counted.most_common()
        }
        self._counted.clear()
        said = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        extra = {"requests": kinds, "seconds": round(seconds, 3)}
        logger.info("%d more requests in %.1f s have no line each: %s", total, seconds, said, extra=extra)


class _LoggedLine(NamedTuple):
    """A message of the log, whose texts are made when they are asked for."""

    line: Line
    exchange: Exchange

    def __str__(self) -> str:
        return str(self.line)

    def coloured(self) -> str:
        return self.line.coloured()

    def members(self) -> dict[str, Any]:
        return {name: value for name, value in _fields(self.exchange, self.line).items() if value is not None}


def logs_itself(scope: Scope) -> None:
    """Note that `RequestLog.watch` has nothing to log of a request."""
    scope.setdefault("state", {})[_LOGGED] = True


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
        "faultStep": facts.fault_step,
        "faultEffect": facts.fault_effect,
        "heldInMilliseconds": None if facts.held is None else round(facts.held * 1000, 3),
        "clientLeft": exchange.client_left or None,
        "durationInMilliseconds": line.milliseconds,
    }
