"""The kit for tests that block: `WorkflowMock` is a server, `World` is a test's own part of it."""

from collections.abc import Callable, Sequence
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, Unpack
from uuid import uuid4

import httpx2

from workflow_mock_kit.calls import (
    Call,
    ClockCalls,
    ExecutionCalls,
    HoldCalls,
    Reply,
    ServerCalls,
    Steps,
    WorldCalls,
)
from workflow_mock_kit.process import Process, find, start
from workflow_mock_kit.records import HeldRequest, Request
from workflow_mock_kit.sending import Target, verify_of
from workflow_mock_kit.wishes import Effects, Moment

__tracebackhide__ = True

P = ParamSpec("P")
T = TypeVar("T")


class Sender:
    """Sends calls to a server, one after the other, and waits for their replies."""

    def __init__(self, target: Target) -> None:
        self.target = target
        # trust_env: the server is here, whatever proxy the environment names.
        self._http = httpx2.Client(trust_env=False, verify=verify_of(target.url))

    def run(self, steps: Steps[T]) -> T:
        try:
            call = next(steps)
            while True:
                call = steps.send(self._send(call))
        except StopIteration as end:
            result: T = end.value
            return result

    def _send(self, call: Call) -> Reply:
        response = self._http.request(**self.target.request(call))
        return self.target.reply(call, response.status_code, response.content)

    def close(self) -> None:
        self._http.close()


class _Blocking:
    """An object whose calls are sent by a Sender."""

    def __init__(self, sender: Sender, calls: Any) -> None:
        self._sender = sender
        self._calls = calls


def blocking(
    steps: Callable[Concatenate[Any, P], Steps[T]],
) -> Callable[Concatenate[Any, P], T]:
    """A method that sends these calls and waits."""

    @wraps(steps)
    def method(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        __tracebackhide__ = True
        result: T = self._sender.run(steps(self._calls, *args, **kwargs))
        return result

    return method


class Execution(_Blocking):
    """One execution. It is asked anew each time, so that it follows the clock."""

    def __init__(self, sender: Sender, calls: ExecutionCalls) -> None:
        super().__init__(sender, calls)
        self.id = calls.id

    now = blocking(ExecutionCalls.now)
    complete = blocking(ExecutionCalls.complete)
    fail = blocking(ExecutionCalls.fail)
    advance = blocking(ExecutionCalls.advance)

    @property
    def state(self) -> str:
        """`running`, `completed` or `failed`."""
        return str(self._sender.run(self._calls.state()))

    @property
    def queue(self) -> list[str]:
        """The ids of the tasks in the execution queue."""
        return self._sender.run(self._calls.queue())

    def __repr__(self) -> str:
        return f"Execution({self.id!r})"


class Hold(_Blocking):
    """What a fault holds, until it is released or the block of `with` ends."""

    def __init__(self, sender: Sender, calls: HoldCalls) -> None:
        super().__init__(sender, calls)
        self.fault_id = calls.fault_id

    wait = blocking(HoldCalls.wait)
    release = blocking(HoldCalls.release)
    end = blocking(HoldCalls.end)

    @property
    def requests(self) -> list[HeldRequest]:
        """The requests that are held now."""
        return self._sender.run(self._calls.requests())

    @property
    def client_left(self) -> bool:
        """Whether a client left while its request was held: waits 5 s, in real time, while one is."""
        return bool(self._sender.run(self._calls.client_left()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()

    def __repr__(self) -> str:
        return f"Hold({self.fault_id!r})"


class Clock(_Blocking):
    """The clock of a world. Tokens, faults and tasks follow it."""

    state = blocking(ClockCalls.state)
    now = blocking(ClockCalls.now)
    freeze = blocking(ClockCalls.freeze)
    set = blocking(ClockCalls.set)
    advance = blocking(ClockCalls.advance)
    resume = blocking(ClockCalls.resume)


class World(_Blocking):
    """A test's own part of the server: one customer, whose state is nobody else's."""

    def __init__(self, sender: Sender, customer_id: str | None = None) -> None:
        calls = WorldCalls(customer_id or str(uuid4()))
        super().__init__(sender, calls)
        self.customer_id = calls.customer_id
        self.base_url = sender.target.url
        """For the client under test."""
        self.token_url = sender.target.token_url(calls.customer_id)
        """For the client under test."""
        self.clock = Clock(sender, ClockCalls(calls))

    request = blocking(WorldCalls.request)
    find = blocking(WorldCalls.find)
    count = blocking(WorldCalls.count)
    unmatched = blocking(WorldCalls.unmatched)
    nearest = blocking(WorldCalls.nearest)
    lines = blocking(WorldCalls.lines)
    forget = blocking(WorldCalls.forget)
    verify = blocking(WorldCalls.verify)
    verify_sequence = blocking(WorldCalls.verify_sequence)
    wait_for = blocking(WorldCalls.wait_for)
    fail = blocking(WorldCalls.fail)
    fail_next = blocking(WorldCalls.fail_next)
    lose_next_answer = blocking(WorldCalls.lose_next_answer)
    slow = blocking(WorldCalls.slow)
    break_answer = blocking(WorldCalls.break_answer)
    limit = blocking(WorldCalls.limit)
    answers = blocking(WorldCalls.answers)
    held = blocking(WorldCalls.held)
    faults = blocking(WorldCalls.faults)
    fault = blocking(WorldCalls.fault)
    remove_fault = blocking(WorldCalls.remove_fault)
    remove_faults = blocking(WorldCalls.remove_faults)
    mint_token = blocking(WorldCalls.mint_token)
    token = blocking(WorldCalls.token)
    next_token = blocking(WorldCalls.next_token)
    oauth_client = blocking(WorldCalls.oauth_client)
    oauth_clients = blocking(WorldCalls.oauth_clients)
    get_oauth_client = blocking(WorldCalls.get_oauth_client)
    remove_oauth_client = blocking(WorldCalls.remove_oauth_client)
    workflows = blocking(WorldCalls.workflows)
    workflow = blocking(WorldCalls.workflow)
    get_workflow = blocking(WorldCalls.get_workflow)
    add_workflow = blocking(WorldCalls.add_workflow)
    remove_workflow = blocking(WorldCalls.remove_workflow)
    seed = blocking(WorldCalls.seed)
    changes = blocking(WorldCalls.changes)
    reset = blocking(WorldCalls.reset)
    snapshot = blocking(WorldCalls.snapshot)
    restore = blocking(WorldCalls.restore)

    @property
    def requests(self) -> list[Request]:
        """All requests of this world, oldest first: starts, and those for tokens at its token URL."""
        return self._sender.run(self._calls.requests())

    @property
    def starts(self) -> list[Request]:
        """The requests to start a workflow, answered in whatever way, oldest first."""
        return self._sender.run(self._calls.starts())

    @property
    def statuses(self) -> list[int]:
        """The status of each of `starts`; 0 where there was no response."""
        return self._sender.run(self._calls.statuses())

    @property
    def executions(self) -> list[Execution]:
        """The executions of this world, oldest first."""
        return [self.execution(each.id) for each in self._sender.run(self._calls.execution_states())]

    def hold_next(self, **effects: Unpack[Effects]) -> Hold:
        """Hold the next start, for 30 s at most, until it is released."""
        fault = self._sender.run(self._calls.add_hold(**effects))
        return Hold(self._sender, HoldCalls(self._calls, fault.id))

    def execution(self, execution_id: str) -> Execution:
        """The execution with this id, which a client got."""
        return Execution(self._sender, ExecutionCalls(self._calls, execution_id))

    def __repr__(self) -> str:
        return f"World({self.customer_id!r} at {self.base_url})"


class WorkflowMock(_Blocking):
    """A server. `WorkflowMock(url)` is one that runs somewhere, `WorkflowMock.start()` one in a child process."""

    def __init__(self, url: str, *, admin_token: str | None = None, process: Process | None = None) -> None:
        """Raises ValueError for what is no URL, httpx2.HTTPError where nothing answers."""
        target = Target(url, admin_token)
        super().__init__(Sender(target), ServerCalls())
        self.url = target.url
        self.process = process
        """The child process, if it was started here."""
        try:
            target.compare_versions(self.health().data)
        except BaseException:
            self._sender.close()
            raise

    @classmethod
    def start(cls, *options: str, command: str | Sequence[str] | None = None, keep: bool = False) -> Self:
        """Start a server in a child process, on a free port, with these options of `workflow-mock serve`.

        It ends with the block of `with`, with `close`, and whenever this process does. `command` is how to run
        `workflow-mock` where it isn't installed here: `uvx workflow-mock`, or a whole command with `{port}` in it, such
        as `docker run --rm -p 127.0.0.1:{port}:8080 workflow-mock`. One to `keep` goes on after all that. Raises
        NoServer.
        """
        process = start(options, command, keep=keep)
        try:
            return cls(process.url, process=process)
        except BaseException:
            process.end()
            raise

    @classmethod
    def find(
        cls, *options: str, url: str | None = None, command: str | Sequence[str] | None = None, keep: bool = False
    ) -> Self:
        """The server at `url`, else at `WORKFLOW_MOCK_URL`, else one that is started. Raises NoServer."""
        address = find(url)
        return cls.start(*options, command=command, keep=keep) if address is None else cls(address)

    health = blocking(ServerCalls.health)
    settings = blocking(ServerCalls.settings)
    changes = blocking(ServerCalls.changes)
    rotate_key = blocking(ServerCalls.rotate_key)
    reset = blocking(ServerCalls.reset)
    snapshot = blocking(ServerCalls.snapshot)
    restore = blocking(ServerCalls.restore)

    def world(self, customer_id: str | None = None, *, clock: Moment | None = None, seed: str | None = None) -> World:
        """A new world, or that of a customer. `clock` freezes its time.

        `seed` has execution ids in a sequence that follows from it and from the customer.
        """
        world = World(self._sender, customer_id)
        if clock is not None:
            world.clock.freeze(clock)
        if seed is not None:
            world.seed(seed)
        return world

    def close(self) -> None:
        """Close the connection, and end the child process if there is one."""
        self._sender.close()
        if self.process is not None:
            self.process.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
