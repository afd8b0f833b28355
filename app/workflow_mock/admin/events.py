"""What happens, as server-sent events (HTML Living Standard, section 9.2)."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent

from workflow_mock.admin.dependencies import Customer
from workflow_mock.admin.schemas import JournalEntry
from workflow_mock.errors import ApiError
from workflow_mock.sandbox import Sandbox
from workflow_mock.state.events import GAP, MAX_LISTENERS
from workflow_mock.state.exchange import Exchange

_OF_ALL = ("clock", "reset")
"""Without a customer these are about every customer; a request without one is about none."""


def router(sandbox: Sandbox) -> APIRouter:
    routes = APIRouter()

    async def check_room() -> None:
        """Raises ApiError (503): once the stream has begun, it is too late for another status."""
        if sandbox.events.is_full:
            raise ApiError("limit_reached", f"There are {MAX_LISTENERS} listeners already")

    @routes.get("/events", tags=["Events"], response_class=EventSourceResponse, dependencies=[Depends(check_room)])
    async def get_events(
        customer: Customer = None,
        last_event_id: Annotated[
            str | None,
            Header(pattern=r"^[0-9]{1,18}$", description="The number of the last event seen: go on after it."),
        ] = None,
    ) -> AsyncIterator[ServerSentEvent]:
        """`request`, `execution`, `fault`, `clock`, `reset` as they happen; `dropped` before a gap, or at the end.

        A `request` has its entry in the journal, and as `line` what a terminal shows of it.
        """
        after = None if last_event_id is None else int(last_event_id)
        async for event in sandbox.events.listen(after):
            if event is None:
                yield ServerSentEvent(
                    event="dropped", data={"reason": "too many events were waiting for you, or the server is ending"}
                )
                return
            number, kind, whose, data = event
            if number == GAP:
                yield ServerSentEvent(event="dropped", data={"reason": "events since that id are no longer known"})
                continue
            if customer in (None, whose) or (whose is None and kind in _OF_ALL):
                more: dict[str, Any] = {}
                if isinstance(data, Exchange):
                    more = {"line": sandbox.line(data).members()}
                    data = JournalEntry.of(data).model_dump(mode="json", by_alias=True)
                yield ServerSentEvent(event=kind, id=str(number), data={"customerId": whose, kind: data, **more})

    return routes
