"""Injects faults into requests, before or after the work is committed: the one place that knows both."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime

from workflow_mock.errors import BodyTooLarge
from workflow_mock.faults.effects import Outgoing
from workflow_mock.faults.registry import FaultRegistry, Injection
from workflow_mock.http.messages import Request
from workflow_mock.state.clock import Clock
from workflow_mock.state.events import Events
from workflow_mock.state.exchange import Facts, Result, Target, attach

Handle = Callable[[datetime], Awaitable[Result]]
"""An operation's handler for one request; it takes the moment and refuses by a Result, not by an exception."""


class FaultInjector:
    def __init__(self, registry: FaultRegistry, clock: Clock, events: Events, *, max_body: int) -> None:
        self._registry = registry
        self._clock = clock
        self._events = events
        self._max_body = max_body

    async def respond(
        self, request: Request, target: Target, handle: Handle, now: datetime
    ) -> tuple[Result, Outgoing | None]:
        """What becomes of a request that came `now`, and how its response is sent if a fault has a say in it.

        Raises ClientDisconnect, with the facts known so far.
        """
        if self._registry.needs_body(target):
            await self._read_body(request)
        injection = self._registry.pick(request, target, now)
        if injection is None:
            return await handle(now), None
        with attach(Facts(fault_id=injection.spec.id)):
            await self._read_body(request)
            if injection.spec.when == "before":
                return await self._before(injection, request, target, handle)
            return await self._after_commit(injection, request, target, handle)

    async def _read_body(self, request: Request) -> None:
        with suppress(BodyTooLarge):  # refused when its turn comes
            await request.body(self._max_body)

    async def _before(
        self, injection: Injection, request: Request, target: Target, handle: Handle
    ) -> tuple[Result, Outgoing]:
        self._publish(injection, request, target)
        outgoing = Outgoing(request, target, None, injection.source(), injection.retry_after())
        await self._apply(injection, outgoing)
        now = self._clock.now(target.customer_id)
        if outgoing.response is None:
            result = await handle(now)
            outgoing.response = result.response
        else:
            result = Result(outgoing.response, Facts(), now, outgoing.errors)
        return _injected(injection, result), outgoing

    async def _after_commit(
        self, injection: Injection, request: Request, target: Target, handle: Handle
    ) -> tuple[Result, Outgoing | None]:
        result = await handle(self._clock.now(target.customer_id))
        if result.response.status != 200:
            injection.take_back()  # there was nothing to commit
            return result, None
        self._publish(injection, request, target)
        outgoing = Outgoing(request, target, result.response, injection.source(), injection.retry_after())
        with attach(result.facts):
            await self._apply(injection, outgoing)
        response = outgoing.response or result.response
        return _injected(injection, result._replace(response=response, errors=outgoing.errors)), outgoing

    async def _apply(self, injection: Injection, outgoing: Outgoing) -> None:
        for effect in injection.spec.effects:
            await effect.apply(injection.spec, outgoing)

    def _publish(self, injection: Injection, request: Request, target: Target) -> None:
        self._events.publish("fault", target.customer_id, {"id": injection.spec.id, "request": request.id})


def _injected(injection: Injection, result: Result) -> Result:
    return result._replace(
        facts=result.facts._replace(fault_id=injection.spec.id),
        answer_lost=injection.loses_answer and result.facts.execution_id is not None,
    )
