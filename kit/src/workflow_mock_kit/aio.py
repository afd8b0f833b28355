"""The kit for tests that await: the same calls under the same names."""

from collections.abc import Awaitable, Callable
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, Unpack
from uuid import uuid4

import httpx2

from workflow_mock_kit.calls import ClockCalls, ExecutionCalls, HoldCalls, ServerCalls, Steps, WorldCalls
from workflow_mock_kit.records import HeldRequest, Request
from workflow_mock_kit.sending import Target, verify_of
from workflow_mock_kit.wishes import Effects, Moment

__tracebackhide__ = True

P = ParamSpec("P")
T = TypeVar("T")


async def run(target: Target, steps: Steps[T]) -> T:
    """Send calls, one after the other. The connection lives no longer than they do, and so fits into any event loop."""
    async with httpx2.AsyncClient(trust_env=False, verify=verify_of(target.url)) as http:
        try:
            call = next(steps)
            while True:
                response = await http.request(**target.request(call))
                call = steps.send(target.reply(call, response.status_code, response.content))
        except StopIteration as end:
            result: T = end.value
            return result


class _Awaiting:
    """An object whose calls are awaited."""

    def __init__(self, target: Target, calls: Any) -> None:
        self._target = target
        self._calls = calls


def awaited(
    steps: Callable[Concatenate[Any, P], Steps[T]],
) -> Callable[Concatenate[Any, P], Awaitable[T]]:
    """A method that sends these calls and is awaited."""

    @wraps(steps)
    async def method(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        __tracebackhide__ = True
        return await run(self._target, steps(self._calls, *args, **kwargs))

    return method


class AsyncExecution(_Awaiting):
    """One execution. It is asked anew each time, so that it follows the clock."""

    def __init__(self, target: Target, calls: ExecutionCalls) -> None:
        super().__init__(target, calls)
        self.id = calls.id

    now = awaited(ExecutionCalls.now)
    complete = awaited(ExecutionCalls.complete)
    fail = awaited(ExecutionCalls.fail)
    advance = awaited(ExecutionCalls.advance)

    @property
    def state(self) -> Awaitable[str]:
        """`running`, `completed` or `failed`."""
        return run(self._target, self._calls.state())

    @property
    def queue(self) -> Awaitable[list[str]]:
        """The ids of the tasks in the execution queue."""
        return run(self._target, self._calls.queue())

    def __repr__(self) -> str:
        return f"AsyncExecution({self.id!r})"


class AsyncHold(_Awaiting):
    """What a fault holds, until it is released or the block of `async with` ends."""

    def __init__(self, target: Target, calls: HoldCalls) -> None:
        super().__init__(target, calls)
        self.fault_id = calls.fault_id

    wait = awaited(HoldCalls.wait)
    release = awaited(HoldCalls.release)
    end = awaited(HoldCalls.end)

    @property
    def requests(self) -> Awaitable[list[HeldRequest]]:
        """The requests that are held now."""
        return run(self._target, self._calls.requests())

    @property
    def client_left(self) -> Awaitable[bool]:
        """Whether a client left while its request was held: waits 5 s, in real time, while one is."""
        return run(self._target, self._calls.client_left())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.end()

    def __repr__(self) -> str:
        return f"AsyncHold({self.fault_id!r})"


class AsyncClock(_Awaiting):
    """The clock of a world. Tokens, faults and tasks follow it."""

    state = awaited(ClockCalls.state)
    now = awaited(ClockCalls.now)
    freeze = awaited(ClockCalls.freeze)
    set = awaited(ClockCalls.set)
    advance = awaited(ClockCalls.advance)
    resume = awaited(ClockCalls.resume)


class AsyncWorld(_Awaiting):
    """A test's own part of the server: one customer, whose state is nobody else's. `await world.starts`."""

    def __init__(self, target: Target, customer_id: str | None = None) -> None:
        calls = WorldCalls(customer_id or str(uuid4()))
        super().__init__(target, calls)
        self.customer_id = calls.customer_id
        self.base_url = target.url
        """For the client under test."""
        self.token_url = target.token_url(calls.customer_id)
        """For the client under test."""
        self.clock = AsyncClock(target, ClockCalls(calls))

    request = awaited(WorldCalls.request)
    find = awaited(WorldCalls.find)
    count = awaited(WorldCalls.count)
    unmatched = awaited(WorldCalls.unmatched)
    nearest = awaited(WorldCalls.nearest)
    lines = awaited(WorldCalls.lines)
    forget = awaited(WorldCalls.forget)
    verify = awaited(WorldCalls.verify)
    verify_sequence = awaited(WorldCalls.verify_sequence)
    wait_for = awaited(WorldCalls.wait_for)
    fail = awaited(WorldCalls.fail)
    fail_next = awaited(WorldCalls.fail_next)
    lose_next_answer = awaited(WorldCalls.lose_next_answer)
    slow = awaited(WorldCalls.slow)
    break_answer = awaited(WorldCalls.break_answer)
    limit = awaited(WorldCalls.limit)
    answers = awaited(WorldCalls.answers)
    held = awaited(WorldCalls.held)
    faults = awaited(WorldCalls.faults)
    fault = awaited(WorldCalls.fault)
    remove_fault = awaited(WorldCalls.remove_fault)
    remove_faults = awaited(WorldCalls.remove_faults)
    mint_token = awaited(WorldCalls.mint_token)
    token = awaited(WorldCalls.token)
    next_token = awaited(WorldCalls.next_token)
    oauth_client = awaited(WorldCalls.oauth_client)
    oauth_clients = awaited(WorldCalls.oauth_clients)
    get_oauth_client = awaited(WorldCalls.get_oauth_client)
    remove_oauth_client = awaited(WorldCalls.remove_oauth_client)
    workflows = awaited(WorldCalls.workflows)
    workflow = awaited(WorldCalls.workflow)
    get_workflow = awaited(WorldCalls.get_workflow)
    add_workflow = awaited(WorldCalls.add_workflow)
    remove_workflow = awaited(WorldCalls.remove_workflow)
    seed = awaited(WorldCalls.seed)
    changes = awaited(WorldCalls.changes)
    reset = awaited(WorldCalls.reset)
    snapshot = awaited(WorldCalls.snapshot)
    restore = awaited(WorldCalls.restore)

    @property
    def requests(self) -> Awaitable[list[Request]]:
        """All requests of this world, oldest first: starts, and those for tokens at its token URL."""
        return run(self._target, self._calls.requests())

    @property
    def starts(self) -> Awaitable[list[Request]]:
        """The requests to start a workflow, answered in whatever way, oldest first."""
        return run(self._target, self._calls.starts())

    @property
    def statuses(self) -> Awaitable[list[int]]:
        """The status of each of `starts`; 0 where there was no response."""
        return run(self._target, self._calls.statuses())

    @property
    def executions(self) -> Awaitable[list[AsyncExecution]]:
        """The executions of this world, oldest first."""
        return self._executions()

    async def _executions(self) -> list[AsyncExecution]:
        return [self.execution(each.id) for each in await run(self._target, self._calls.execution_states())]

    async def hold_next(self, **effects: Unpack[Effects]) -> AsyncHold:
        """Hold the next start, for 30 s at most, until it is released."""
        fault = await run(self._target, self._calls.add_hold(**effects))
        return AsyncHold(self._target, HoldCalls(self._calls, fault.id))

    def execution(self, execution_id: str) -> AsyncExecution:
        """The execution with this id, which a client got."""
        return AsyncExecution(self._target, ExecutionCalls(self._calls, execution_id))

    def __repr__(self) -> str:
        return f"AsyncWorld({self.customer_id!r} at {self.base_url})"


class AsyncWorkflowMock(_Awaiting):
    """A server that runs somewhere. `WorkflowMock.start()` starts one, and its `url` goes here."""

    def __init__(self, url: str, *, admin_token: str | None = None) -> None:
        """Raises ValueError for what is no URL."""
        super().__init__(Target(url, admin_token), ServerCalls())
        self.url = self._target.url

    health = awaited(ServerCalls.health)
    settings = awaited(ServerCalls.settings)
    changes = awaited(ServerCalls.changes)
    rotate_key = awaited(ServerCalls.rotate_key)
    reset = awaited(ServerCalls.reset)
    snapshot = awaited(ServerCalls.snapshot)
    restore = awaited(ServerCalls.restore)

    async def world(
        self, customer_id: str | None = None, *, clock: Moment | None = None, seed: str | None = None
    ) -> AsyncWorld:
        """A new world, or that of a customer. `clock` freezes its time.

        `seed` has execution ids in a sequence that follows from it and from the customer.
        """
        self._target.compare_versions((await self.health()).data)
        world = AsyncWorld(self._target, customer_id)
        if clock is not None:
            await world.clock.freeze(clock)
        if seed is not None:
            await world.seed(seed)
        return world
