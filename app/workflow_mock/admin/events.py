"""What happens, as server-sent events (HTML Living Standard, section 9.2)."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent

from workflow_mock.admin.parameters import Customer
from workflow_mock.admin.shapes import Entry
from workflow_mock.errors import ApiError
from workflow_mock.state.events import MAX_LISTENERS, Event
from workflow_mock.state.journal import Exchange
from workflow_mock.state.sandbox import Sandbox


def router(sandbox: Sandbox) -> APIRouter:
    routes = APIRouter()

    @routes.get("/events", tags=["Events"], response_class=EventSourceResponse)
    async def events(
        customer: Customer = None,
        last_event_id: Annotated[int | None, Header(ge=0, description="Go on after this one.")] = None,
    ) -> AsyncIterator[ServerSentEvent]:
        """`request`, `execution`, `fault`, `clock`, `reset` as they happen; `dropped` if the listener is too slow."""
        if sandbox.events.is_full:
            raise ApiError("limit_reached", f"There are {MAX_LISTENERS} listeners already")
        async for event in sandbox.events.listen(last_event_id):
            if event is None:
                yield ServerSentEvent(event="dropped", data={"reason": "too many events were waiting for you"})
            elif customer is None or event.customer_id in (customer, None):
                yield _render(event)

    return routes


def _render(event: Event) -> ServerSentEvent:
    data = (
        Entry.of(event.data).model_dump(mode="json", by_alias=True) if isinstance(event.data, Exchange) else event.data
    )
    return ServerSentEvent(
        event=event.kind, id=str(event.number), data={"customerId": event.customer_id, event.kind: data}
    )
