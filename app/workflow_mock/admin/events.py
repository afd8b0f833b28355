"""What happens, as server-sent events (HTML Living Standard, section 9.2): each one, or a digest of them."""

import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event

from workflow_mock.admin.dependencies import Customer
from workflow_mock.admin.lines import line_members
from workflow_mock.admin.schemas import JournalEntry
from workflow_mock.caching import BoundedDict
from workflow_mock.errors import ApiError
from workflow_mock.sandbox import Sandbox
from workflow_mock.state.digest import digests
from workflow_mock.state.events import GAP, MAX_LISTENERS, Event, concerns
from workflow_mock.state.exchange import Exchange

MAX_WRITTEN = 200
"""Events, and lines, kept as they are sent: listeners who keep up share them."""

_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
"""No proxy keeps events back."""


def _event(kind: str, data: object) -> bytes:
    return format_sse_event(event=kind, data_str=json.dumps(data))


_THE_END = _event("dropped", {"reason": "too many events were waiting for you, or the server is ending"})
_THE_GAP = _event("dropped", {"reason": "events since that id are no longer known"})


def router(sandbox: Sandbox) -> APIRouter:
    routes = APIRouter()
    written: BoundedDict[int, bytes] = BoundedDict(MAX_WRITTEN)
    lines: BoundedDict[tuple[int, float], str] = BoundedDict(MAX_WRITTEN)

    async def check_room() -> None:
        """Raises ApiError (503): once the stream has begun, it is too late for another status."""
        if sandbox.events.is_full:
            raise ApiError("limit_reached", f"There are {MAX_LISTENERS} listeners already")

    @routes.get("/events", tags=["Events"], response_class=StreamingResponse, dependencies=[Depends(check_room)])
    async def get_events(
        customer: Customer = None,
        digest: Annotated[
            bool, Query(description="Four events a second at most, each of up to 50 requests in a line each.")
        ] = False,
        last_event_id: Annotated[
            str | None,
            Header(pattern=r"^[0-9]{1,18}$", description="The number of the last event seen: go on after it."),
        ] = None,
    ) -> StreamingResponse:
        """`request`, `execution`, `fault`, `clock`, `reset` as they happen; `dropped` before a gap, or at the end.

        A `request` has its entry in the journal, and as `line` what a terminal shows of it. With `digest=true`,
        `digest` alone: first the newest 50 requests, then what is new, whatever the Last-Event-ID.
        """
        after = None if last_event_id is None else int(last_event_id)
        stream = digested(customer) if digest else each(customer, after)
        return StreamingResponse(stream, headers=_HEADERS, media_type=EventSourceResponse.media_type)

    async def each(customer: str | None, after: int | None) -> AsyncIterator[bytes]:
        async for events in sandbox.events.listen(after):
            if events is None:
                yield _THE_END
            elif not events:
                yield KEEPALIVE_COMMENT
            elif wanted := [write(event) for event in events if event[0] == GAP or concerns(event, customer)]:
                yield b"".join(wanted)

    def write(event: Event) -> bytes:
        """An event as it is sent, written once for all who listen."""
        number, kind, whose, data = event
        if number == GAP:
            return _THE_GAP
        if number not in written:
            if isinstance(data, Exchange):
                text = JournalEntry.of(data).model_dump_json(by_alias=True)
                text += f',"line":{json.dumps(sandbox.line(data).members())}'
            else:
                text = json.dumps(data)
            data_str = f'{{"customerId":{json.dumps(whose)},"{kind}":{text}}}'
            written[number] = format_sse_event(event=kind, id=str(number), data_str=data_str)
        return written[number]

    async def digested(customer: str | None) -> AsyncIterator[bytes]:
        async for digest in digests(sandbox.events, sandbox.journal, customer):
            if digest is None:
                yield KEEPALIVE_COMMENT
            else:
                told = ",".join(map(line, digest.exchanges))
                rest = json.dumps({"more": digest.more, "total": digest.total, "kinds": digest.kinds})
                data_str = f'{{"lines":[{told}],{rest[1:]}'
                yield format_sse_event(event="digest", id=str(digest.number), data_str=data_str)

    def line(exchange: Exchange) -> str:
        """The line of a request, written once for all who watch."""
        key = (exchange.number, exchange.recorded_at)
        if key not in lines:
            lines[key] = json.dumps(line_members(sandbox, exchange))
        return lines[key]

    return routes
