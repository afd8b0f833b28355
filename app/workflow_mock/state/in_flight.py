"""The requests that have come and aren't answered yet, and what lets go of them.

A reset ends the customer's requests, whatever they wait for: they came into a state that is no more.
"""

from asyncio import Task, current_task
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from workflow_mock.errors import ApiError, server_ending
from workflow_mock.state.exchange import Target
from workflow_mock.state.held import HeldRequests


class Release(NamedTuple):
    """Why a request was let go."""

    error: ApiError
    """What its client is told, if nothing was sent yet."""
    by_reset: bool
    """Whether the state that it came into is gone, so that it has no entry in the journal."""


def _current_task() -> Task[Any]:
    task = current_task()
    assert task is not None  # noqa: S101 - every ASGI server answers a request in a task
    return task


class InFlight:
    """The requests in flight, by the task that answers each."""

    def __init__(self) -> None:
        self._targets: dict[Task[Any], Target] = {}
        self._injected: dict[Task[Any], str] = {}
        """The id of the fault that was injected."""
        self.held = HeldRequests()
        """Of these, the requests that wait for a release."""
        self._released: dict[Task[Any], Release] = {}
        self._is_closed = False

    def enter(self, target: Target) -> Task[Any]:
        """Note that the current task answers a request; `leave` must follow."""
        task = _current_task()
        self._targets[task] = target
        return task

    def leave(self, task: Task[Any]) -> None:
        del self._targets[task]
        if self._injected:
            self._injected.pop(task, None)
        if self._released:
            self._released.pop(task, None)

    def inject(self, fault_id: str) -> None:
        """Note that this fault has a say in the current task's request. Raises ApiError (503) once it is closed."""
        if self._is_closed:
            raise server_ending()
        self._injected[_current_task()] = fault_id

    def was_reset(self, task: Task[Any]) -> bool:
        """Whether the customer was reset since the request came."""
        return task in self._released and self._released[task].by_reset

    def released(self) -> ApiError | None:
        """Why the current task was let go, for whoever catches its CancelledError; None where another cancelled it."""
        task = _current_task()
        release = self._released.get(task)
        if release is None:
            return None
        task.uncancel()
        return release.error

    def reset(self, customer_id: str | None) -> None:
        """Let go of the requests of a customer, or of all (None)."""
        error = ApiError("world_reset", "The sandbox was reset while this request was in flight")
        tasks = (task for task, target in self._targets.items() if customer_id in (None, target.customer_id))
        self._release(tasks, Release(error, by_reset=True))
        self.held.watches.reset(customer_id)

    def end_faults(self, fault_ids: Collection[str]) -> None:
        """Let go of the requests that wait for these faults, as they were removed."""
        error = ApiError("world_reset", "The fault that held this request was removed")
        tasks = (task for task, fault_id in self._injected.items() if fault_id in fault_ids)
        self._release(tasks, Release(error, by_reset=False))
        self.held.watches.wake()

    def close(self) -> None:
        """Let go of what faults hold, now and from now on: the server ends."""
        self._is_closed = True
        self._release(self._injected, Release(server_ending(), by_reset=False))
        self.held.watches.close()

    def _release(self, tasks: Iterable[Task[Any]], release: Release) -> None:
        for task in tasks:
            if task not in self._released:
                task.cancel()
                self._released[task] = release
            elif release.by_reset:
                self._released[task] = release
