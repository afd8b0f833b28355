"""The way of a documented operation: request → fault → handler → journal entry → response.

A response is on the wire only after its entry is in the journal: a client that has the response finds the entry.
"""

import logging
from asyncio import CancelledError
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple, Protocol

from starlette.requests import ClientDisconnect
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from workflow_mock.errors import ApiError, ValidationDetail, internal_error, server_ending
from workflow_mock.faults.outgoing import Outgoing
from workflow_mock.http.envelope import render
from workflow_mock.http.messages import Request, Response
from workflow_mock.http.routing import UnnamedRoute
from workflow_mock.injector import FaultInjector
from workflow_mock.paths import ADMIN_PATH
from workflow_mock.sandbox import Sandbox
from workflow_mock.state.exchange import NO_RESPONSE, Exchange, Facts, Result, Target, facts_of
from workflow_mock.state.request_log import logs_itself

MATCHED = "workflow_mock.matched"
"""The member of the ASGI scope in which `matches` leaves for `handle` what it read in the path."""

logger = logging.getLogger("workflow_mock.requests")


class Matched(NamedTuple):
    """What a path says. A path that is no route is a match too: its 404 is recorded."""

    handler: "Handler"
    target: Target
    is_route: bool = True
    leniencies: Sequence[Any] = ()
    """What of the path isn't as documented and is let pass."""
    problems: tuple[ValidationDetail, ...] = ()
    """Ids in the path that are none."""


class Handler(Protocol):
    """A documented operation."""

    async def __call__(self, request: Request, matched: Matched, now: datetime) -> Result:
        """Answer a request at a moment, by the customer's clock. Raises ApiError, ClientDisconnect."""

    async def identify(self, request: Request, matched: Matched, now: datetime) -> Facts:
        """Who calls, as `__call__` would find; nothing comes of it. Raises ApiError, ClientDisconnect."""


class OperationRoute(UnnamedRoute):
    """The route of one or more documented operations in a FastAPI or Starlette application."""

    def __init__(
        self,
        match: Callable[[Scope], Matched | None],
        sandbox: Sandbox,
        injector: FaultInjector,
        *,
        links_entry: bool = False,
    ) -> None:
        """With `links_entry`, an error says by a Link where its entry in the journal is."""
        self.match = match
        """What the path of a request says, or None where it is no path of these operations."""
        self._links_entry = links_entry
        self._sandbox = sandbox
        self._injector = injector

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        matched = self.match(scope) if scope["type"] == "http" else None
        return (Match.NONE, {}) if matched is None else (Match.FULL, {MATCHED: matched})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        logs_itself(scope)
        await self.answer(scope[MATCHED], scope, receive, send)

    async def answer(self, matched: Matched, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that `match` matched."""
        began = perf_counter()
        request = Request(scope, receive)
        in_flight = self._sandbox.in_flight
        task = in_flight.enter(matched.target)
        try:
            result, outgoing = await self._respond(request, matched)
            seconds = perf_counter() - began
            exchange = None
            if not in_flight.was_reset(task):
                if result.response.status >= 400 and self._links_entry:
                    _link_entry(result.response, request.id)
                try:
                    exchange = self._sandbox.record(request, matched.target, result, seconds)
                except Exception as error:  # noqa: BLE001 - as in `_respond`
                    result, outgoing = _internal_error(request, error, result.time), None
            try:
                if outgoing is not None and not await self._injector.send(outgoing, send):
                    exchange = exchange and self._sandbox.journal.lose(request.id)
            finally:
                if logger.isEnabledFor(logging.INFO):
                    exchange = exchange or Exchange.of(request, matched.target, result, seconds=seconds)
                    self._sandbox.request_log.add(exchange)
        finally:
            in_flight.leave(task)
        if outgoing is None and result.response.status:
            await result.response.send(send, request.id)

    async def _respond(self, request: Request, matched: Matched) -> tuple[Result, Outgoing | None]:
        """Run fault and handler; turn every exception into a Result."""
        now = self._sandbox.clock.now(matched.target.customer_id)
        try:
            if self._sandbox.faults.in_force:
                handle, identify = partial(_handle, request, matched), partial(_identify, request, matched)
                return await self._injector.respond(request, matched.target, handle, identify, now)
            return await matched.handler(request, matched, now), None
        except ApiError as error:
            return _refused(error, now), None
        except ClientDisconnect as error:
            facts = facts_of(error)
            return Result(NO_RESPONSE, facts, now, answer_lost=facts.execution_id is not None, client_left=True), None
        except CancelledError as error:
            reason = self._sandbox.in_flight.released() or server_ending()
            return _refused(reason, now, facts_of(error)), None
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets the envelope and the log the rest
            return _internal_error(request, error, now), None


def _link_entry(response: Response, request_id: str) -> None:
    """Add where the journal's entry is (RFC 8288; docs/decisions/0008-an-error-links-its-journal-entry.md)."""
    link = f'<{ADMIN_PATH}/requests/{request_id}>; rel="help"'
    response.headers = (*response.headers, (b"link", link.encode()))


async def _handle(request: Request, matched: Matched, now: datetime) -> Result:
    """What the operation's handler says; what it refuses by ApiError is rendered."""
    try:
        return await matched.handler(request, matched, now)
    except ApiError as error:
        return _refused(error, now)


async def _identify(request: Request, matched: Matched, now: datetime) -> Facts | None:
    """Who calls; None where the operation refuses the request before it knows."""
    try:
        return await matched.handler.identify(request, matched, now)
    except ApiError:
        return None


def _internal_error(request: Request, error: Exception, now: datetime) -> Result:
    logger.error("%s: an error of the server's own", request.id, exc_info=error, extra={"requestId": request.id})
    return _refused(internal_error(request.id), now, facts_of(error))


def _refused(error: ApiError, now: datetime, facts: Facts | None = None) -> Result:
    """A refusal; the answer to a start is lost with it where the start was made before."""
    facts = facts_of(error) if facts is None else facts
    is_lost = facts.execution_id is not None
    return Result(render(error), facts, now, error.errors, error.validation, answer_lost=is_lost)
