"""Injects faults into requests, before or after the work is committed: the one place that knows both."""

from asyncio import CancelledError
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from starlette.requests import ClientDisconnect
from starlette.types import Send

from workflow_mock.errors import BodyTooLarge
from workflow_mock.faults.effects import Outgoing
from workflow_mock.faults.registry import Injection
from workflow_mock.http.envelope import render
from workflow_mock.http.messages import Request
from workflow_mock.sandbox import Sandbox
from workflow_mock.state.exchange import NO_RESPONSE, Facts, Result, Target, attach

Handle = Callable[[datetime], Awaitable[Result]]
"""An operation's handler for one request; it takes the moment and refuses by a Result, not by an exception."""


class FaultInjector:
    """Carries out the faults that are there for a request: before its handler, or after what that has done."""

    def __init__(self, sandbox: Sandbox, *, max_body: int) -> None:
        self._sandbox = sandbox
        self._max_body = max_body

    async def respond(
        self, request: Request, target: Target, handle: Handle, now: datetime
    ) -> tuple[Result, Outgoing | None]:
        """What becomes of a request that came `now`, and how its response is sent if a fault has a say in it.

        What it may wait for has an entry in the journal meanwhile. Raises ClientDisconnect, with the facts known so
        far; ApiError (503) where the server ends.
        """
        if self._sandbox.faults.needs_body(target):
            await self._read_body(request)
        injection = self._sandbox.faults.pick(request, target, now)
        if injection is None:
            return await handle(now), None
        facts = Facts(fault_id=injection.spec.id, fault_effect=injection.effect())
        self._sandbox.in_flight.hold(injection.spec.id)
        self._note(request, target, facts, now)
        with attach(facts):
            await self._read_body(request)
            outgoing: Outgoing | None
            if injection.spec.when == "before":
                result, outgoing = await self._before(injection, request, target, handle)
            else:
                result, outgoing = await self._after_commit(injection, request, target, handle, now)
        return replace(result, time=now), outgoing

    async def send(self, outgoing: Outgoing, send: Send) -> bool:
        """Send a response as its fault has it; whether that wasn't cut short. Raises ConnectionError."""
        try:
            await outgoing.send(send)
        except ClientDisconnect:
            return False
        except CancelledError:
            if (error := self._sandbox.in_flight.released()) is None:
                raise
            await outgoing.break_off(send, render(error))
            return False
        return True

    async def _read_body(self, request: Request) -> None:
        with suppress(BodyTooLarge):  # refused when its turn comes
            await request.body(self._max_body)

    async def _before(
        self, injection: Injection, request: Request, target: Target, handle: Handle
    ) -> tuple[Result, Outgoing]:
        self._publish(injection, request, target)
        outgoing = Outgoing(request, target, None, injection.source(), injection.retry_after)
        await self._apply(injection, outgoing)
        now = self._sandbox.clock.now(target.customer_id)
        if outgoing.response is None:
            result = await handle(now)
            outgoing.response = result.response
        else:
            result = Result(outgoing.response, Facts(), now, outgoing.errors)
        return _injected(injection, result), outgoing

    async def _after_commit(
        self, injection: Injection, request: Request, target: Target, handle: Handle, came: datetime
    ) -> tuple[Result, Outgoing | None]:
        result = await handle(self._sandbox.clock.now(target.customer_id))
        if result.response.status != 200:
            self._sandbox.faults.take_back(injection)  # there was nothing to commit
            return result, None
        self._publish(injection, request, target)
        self._note(request, target, _with_fault(result.facts, injection), came)
        outgoing = Outgoing(request, target, result.response, injection.source(), injection.retry_after)
        with attach(result.facts):
            await self._apply(injection, outgoing)
        response = outgoing.response or result.response
        return _injected(injection, replace(result, response=response, errors=outgoing.errors)), outgoing

    async def _apply(self, injection: Injection, outgoing: Outgoing) -> None:
        for effect in injection.spec.effects:
            await effect.apply(injection.spec, outgoing)

    def _note(self, request: Request, target: Target, facts: Facts, now: datetime) -> None:
        """Have an entry for a request that has come and isn't answered; the one that it gets in the end replaces it."""
        result = Result(NO_RESPONSE, facts, now, answer_lost=facts.execution_id is not None)
        self._sandbox.record(request, target, result, is_pending=True)

    def _publish(self, injection: Injection, request: Request, target: Target) -> None:
        self._sandbox.events.publish("fault", target.customer_id, {"id": injection.spec.id, "request": request.id})


def _with_fault(facts: Facts, injection: Injection) -> Facts:
    return replace(facts, fault_id=injection.spec.id, fault_effect=injection.effect())


def _injected(injection: Injection, result: Result) -> Result:
    return replace(
        result,
        facts=_with_fault(result.facts, injection),
        answer_lost=injection.loses_answer and result.facts.execution_id is not None,
    )
