"""Injects faults into requests, before or after the work is committed: the one place that knows both."""

import asyncio
from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from time import monotonic

from starlette.requests import ClientDisconnect
from starlette.types import Send

from workflow_mock.errors import BodyTooLarge
from workflow_mock.faults.effects import apply_effects
from workflow_mock.faults.fault import Injection
from workflow_mock.faults.outgoing import Outgoing
from workflow_mock.http.envelope import render
from workflow_mock.http.messages import Request, Response
from workflow_mock.sandbox import Sandbox
from workflow_mock.state.exchange import NO_FACTS, NO_RESPONSE, Facts, Result, Target, attach
from workflow_mock.state.held import Held

Handle = Callable[[datetime], Awaitable[Result]]
"""An operation's handler for one request; it takes the moment and refuses by a Result, not by an exception."""

Identify = Callable[[datetime], Awaitable[Facts | None]]
"""Says who calls, as the operation finds at this moment; None where it would refuse the request before it knows."""


class FaultInjector:
    """Carries out the faults that are there for a request: before its handler, or after what that has done."""

    def __init__(self, sandbox: Sandbox, *, max_body: int) -> None:
        self._sandbox = sandbox
        self._max_body = max_body

    async def respond(
        self, request: Request, target: Target, handle: Handle, identify: Identify, now: datetime
    ) -> tuple[Result, Outgoing | None]:
        """What becomes of a request that came `now`, and how its response is sent if a fault has a say in it.

        What it may wait for has an entry in the journal meanwhile. Raises ClientDisconnect, with the facts known so
        far; ApiError (503) where the server ends, or as many requests are held as may be.
        """
        faults = self._sandbox.faults
        needs = faults.needs(target)
        if needs.body:
            await self._read_body(request)
        caller = await identify(now) if needs.caller else None
        injection = faults.pick(request, target, now, caller)
        if injection is None:
            result, outgoing = await handle(now), None
        else:
            result, outgoing = await self._inject(injection, request, target, handle, now)
        if needs.quota_headers:
            now = self._sandbox.clock.now(target.customer_id)
            more = faults.quota_headers(request, target, now, caller)
            result.response = replace(result.response, headers=(*result.response.headers, *more))
            if outgoing is not None:
                outgoing.response = result.response
        return result, outgoing

    async def _inject(
        self, injection: Injection, request: Request, target: Target, handle: Handle, now: datetime
    ) -> tuple[Result, Outgoing | None]:
        facts = Facts(fault_id=injection.spec.id, fault_step=injection.step, fault_effect=injection.describe())
        if injection.when == "afterToken":
            facts = facts.merge(injection.caller or NO_FACTS)
        self._sandbox.in_flight.inject(injection.spec.id)
        self._note(request, target, facts, now)
        with attach(facts):
            await self._read_body(request)
            outgoing: Outgoing | None
            if injection.when == "afterCommit":
                result, outgoing = await self._after_commit(injection, request, target, handle, facts, now)
            else:
                result, outgoing = await self._before(injection, request, target, handle, facts, now)
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
        self, injection: Injection, request: Request, target: Target, handle: Handle, facts: Facts, came: datetime
    ) -> tuple[Result, Outgoing]:
        self._publish(injection, request, target)
        outgoing = self._outgoing(injection, request, target, None, facts, came)
        await apply_effects(outgoing)
        now = self._sandbox.clock.now(target.customer_id)
        if outgoing.response is None:
            result = await handle(now)
            outgoing.response = result.response
        else:
            result = Result(outgoing.response, NO_FACTS, now, outgoing.errors)
        return _injected(result, outgoing, facts), outgoing

    async def _after_commit(
        self, injection: Injection, request: Request, target: Target, handle: Handle, facts: Facts, came: datetime
    ) -> tuple[Result, Outgoing | None]:
        result = await handle(self._sandbox.clock.now(target.customer_id))
        if result.response.status != 200:
            self._sandbox.faults.take_back(injection)  # there was nothing to commit
            return result, None
        self._publish(injection, request, target)
        known = result.facts.merge(facts)
        self._note(request, target, known, came)
        outgoing = self._outgoing(injection, request, target, result.response, known, came)
        with attach(known):
            await apply_effects(outgoing)
        response = outgoing.response or result.response
        return _injected(replace(result, response=response, errors=outgoing.errors), outgoing, known), outgoing

    def _outgoing(
        self,
        injection: Injection,
        request: Request,
        target: Target,
        response: Response | None,
        facts: Facts,
        came: datetime,
    ) -> Outgoing:
        hold = partial(self._hold, request, target, facts, came)
        return Outgoing(request, target, injection.effects, response, injection.source(), injection.retry_after, hold)

    @contextmanager
    def _hold(self, request: Request, target: Target, facts: Facts, came: datetime, seconds: float) -> Iterator[Held]:
        """Have a request among those that are held; at the end, `facts` know for how long it was."""
        held = Held(request.id, target, came, facts, asyncio.timeout(seconds))
        began = monotonic()
        with self._sandbox.in_flight.held.hold(held):
            try:
                yield held
            finally:
                facts.held = monotonic() - began

    def _note(self, request: Request, target: Target, facts: Facts, now: datetime) -> None:
        """Have an entry for a request that has come and isn't answered; the one that it gets in the end replaces it."""
        result = Result(NO_RESPONSE, replace(facts), now, answer_lost=facts.execution_id is not None)
        self._sandbox.record(request, target, result, is_pending=True)

    def _publish(self, injection: Injection, request: Request, target: Target) -> None:
        self._sandbox.events.publish("fault", target.customer_id, {"id": injection.spec.id, "request": request.id})


def _injected(result: Result, outgoing: Outgoing, facts: Facts) -> Result:
    return replace(
        result,
        facts=result.facts.merge(facts),
        answer_lost=outgoing.loses_answer and result.facts.execution_id is not None,
    )
