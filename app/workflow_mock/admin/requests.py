"""The journal: what was asked, and what became of it. The routes are WireMock's."""

import json
from heapq import nsmallest
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field, model_validator

from workflow_mock.admin.dependencies import (
    Cursor,
    Customer,
    JsonRoute,
    Limit,
    Order,
    json_list,
    json_object,
    owned_or_404,
)
from workflow_mock.admin.lines import RequestLine, line_members
from workflow_mock.admin.readings import InOrder, Matches
from workflow_mock.admin.schemas import JournalEntry
from workflow_mock.admin.waiting import Within, read
from workflow_mock.errors import ApiError
from workflow_mock.faults.effects import MAX_COUNT
from workflow_mock.paths import START_PATH, TOKEN_PATH
from workflow_mock.sandbox import Sandbox
from workflow_mock.settings import Settings
from workflow_mock.state.exchange import Exchange
from workflow_mock.state.matcher import Matcher
from workflow_mock.state.store import in_batches
from workflow_mock.types import Moment, StrictModel

MAX_SEQUENCE = 100
"""Matchers of a sequence."""

NEAREST = 3
"""Requests that are shown where none was as it should be."""


Forgotten = Annotated[
    int, Field(description="Requests, of the customer or of all, that gave way to newer ones: see --max-requests.")
]
RequestId = Annotated[str, Path(alias="requestId")]
Since = Annotated[
    Moment | None, Query(description="Those alone that came at this moment of their customer's clock or later.")
]


class Meta(StrictModel):
    """Numbers of the journal."""

    total: int = Field(description="Requests in the journal, of the customer or of all.")
    forgotten: Forgotten


class JournalPage(StrictModel):
    """A page of requests, and the numbers of the journal."""

    requests: list[JournalEntry]
    meta: Meta
    next: int | None = Field(description="The cursor of the next page, if there may be one.")


class LinePage(StrictModel):
    """A page of requests in lines, newest first, and the numbers of the journal."""

    lines: list[RequestLine]
    meta: Meta
    next: int | None = Field(description="The cursor of the next page, if there may be one.")


class Count(StrictModel):
    """How many requests match."""

    count: int
    forgotten: Forgotten


class RemovedCount(StrictModel):
    """How many requests were removed."""

    count: int


class Nearest(StrictModel):
    """What would have worked, and how the request differs from it."""

    method: str
    path: str
    differences: list[str]


class Unmatched(StrictModel):
    """A request that was refused, and the nearest one that would have worked."""

    request: JournalEntry
    nearest: Nearest


class UnmatchedPage(StrictModel):
    """The newest requests that were refused, oldest first."""

    requests: list[Unmatched]


class Search(Matcher):
    """What a request must be like, and for how long to wait for the first that is."""

    within: Within = None


class VerificationTimes(StrictModel):
    """How many requests there must be; without any member, at least one."""

    exactly: int | None = Field(None, ge=0, le=MAX_COUNT)
    at_least: int | None = Field(None, ge=0, le=MAX_COUNT)
    at_most: int | None = Field(None, ge=0, le=MAX_COUNT)

    @model_validator(mode="after")
    def _sensible(self) -> "VerificationTimes":
        if self.exactly is not None and (self.at_least is not None or self.at_most is not None):
            raise ValueError("exactly excludes atLeast and atMost")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError("atLeast is over atMost")
        return self

    @property
    def least(self) -> int:
        if self.exactly is self.at_least is self.at_most is None:
            return 1
        return self.exactly or self.at_least or 0

    @property
    def most(self) -> int | None:
        """None where there may be any number more."""
        return self.at_most if self.exactly is None else self.exactly

    def allows(self, count: int) -> bool:
        """Whether there may be so many requests."""
        return count >= self.least and (self.most is None or count <= self.most)


class Verification(
    StrictModel,
    json_schema_extra={
        "examples": [
            {"matcher": {"status": 500}, "count": {"exactly": 0}},
            {"sequence": [{"operation": "token"}, {"operation": "start"}]},
        ]
    },
):
    """Which requests there must be, and how many; or in which order."""

    matcher: Matcher = Field(default_factory=Matcher)
    count: VerificationTimes = Field(default_factory=VerificationTimes)
    sequence: list[Matcher] | None = Field(
        None,
        min_length=1,
        max_length=MAX_SEQUENCE,
        description="In place of matcher and count: requests like these came in this order; others may be in between.",
    )
    within: Within = None

    @model_validator(mode="after")
    def _sensible(self) -> "Verification":
        if self.sequence is not None and self.model_fields_set & {"matcher", "count"}:
            raise ValueError("sequence stands in the place of matcher and count")
        return self

    def allows(self, count: int, forgotten: int) -> bool:
        """Whether so many requests that are here are as many as there must be, whatever the forgotten ones were."""
        if self.sequence is not None:
            return count == len(self.sequence)
        # Each that was forgotten may have matched or not; what allows both ends allows all between.
        return self.count.allows(count) and self.count.allows(count + forgotten)

    def is_settled(self, count: int, forgotten: int) -> bool:
        """Whether no request that comes later changes the verdict."""
        most = self.count.most
        return self.allows(count, forgotten) if most is None else count + forgotten > most


class NearMiss(StrictModel):
    """A request that the matcher almost matched, and how it differs."""

    request: JournalEntry
    differences: list[str]


class VerificationResult(StrictModel):
    """Whether there were as many requests as there must be, and what was seen."""

    verified: bool = Field(description="False too where it hangs on requests that were forgotten.")
    count: int = Field(description="Requests that matched; of a sequence, those that came in its order.")
    forgotten: Forgotten
    requests: list[JournalEntry] = Field(description="Those that matched, if the verdict is no.")
    nearest: list[NearMiss] = Field(description="Those that almost matched, if there were too few.")


def router(settings: Settings, sandbox: Sandbox) -> APIRouter:
    journal = sandbox.journal

    async def check_journal() -> None:
        """Raises ApiError (409): a journal that has nothing can't say that nothing was."""
        if not settings.journal:
            raise ApiError("journal_disabled", "The server was started with --no-journal: it keeps no requests")

    routes = APIRouter(
        prefix="/requests", tags=["Requests"], route_class=JsonRoute, dependencies=[Depends(check_journal)]
    )

    async def shown(found: list[Exchange], customer: str | None, limit: int) -> Response:
        """A JournalPage of what was found."""
        return json_object(
            requests=await json_list(found, JournalEntry.of),
            meta=Meta(total=journal.count(customer), forgotten=journal.forgotten(customer)),
            next=found[-1].number if len(found) == limit else None,
        )

    @routes.get("", response_model=JournalPage)
    async def get_all_requests(
        customer: Customer = None, limit: Limit = 100, cursor: Cursor = 0, order: Order = "asc", since: Since = None
    ) -> Response:
        """The requests of the workflow API and the token endpoint, refused ones too."""

        def wanted(exchange: Exchange) -> bool:
            return since is None or exchange.time >= since

        found = await journal.page(customer, wanted, cursor, limit, newest_first=order == "desc")
        return await shown(found, customer, limit)

    @routes.get("/lines", response_model=LinePage)
    async def get_lines(
        customer: Customer = None,
        limit: Limit = 100,
        cursor: Cursor = 0,
        failed: Annotated[bool, Query(description="Those alone that didn't get what they asked for.")] = False,
    ) -> Response:
        """The requests in a line each, newest first: what came of each, and why."""

        def wanted(exchange: Exchange) -> bool:
            return not failed or sandbox.line(exchange).failed

        found = await journal.page(customer, wanted, cursor, limit, newest_first=True)
        lines = [line_members(sandbox, each) async for batch in in_batches(found) for each in batch]
        return json_object(
            lines=json.dumps(lines).encode(),
            meta=Meta(total=journal.count(customer), forgotten=journal.forgotten(customer)),
            next=found[-1].number if len(found) == limit else None,
        )

    @routes.delete("", status_code=204)
    async def remove_all_requests(customer: Customer = None) -> None:
        """Remove all requests, of a customer or of all."""
        journal.clear(customer)

    @routes.get("/unmatched", response_model=UnmatchedPage)
    async def get_unmatched_requests(customer: Customer = None, limit: Limit = 100) -> Response:
        """The newest requests that were refused (4xx), each with the nearest thing that would have worked."""
        refused = (await journal.page(customer, lambda each: 400 <= each.status < 500))[-limit:]
        return json_object(
            requests=await json_list(
                refused, lambda each: Unmatched(request=JournalEntry.of(each), nearest=_nearest(each, sandbox))
            )
        )

    @routes.post(
        "/find",
        response_model=JournalPage,
        responses={409: {"model": JournalPage, "description": "With `within`: none came in this time"}},
    )
    async def find_requests(
        matcher: Search, request: Request, customer: Customer = None, limit: Limit = 100, cursor: Cursor = 0
    ) -> Response:
        """The requests that match, oldest first; with `within`, as soon as there is one."""

        def is_wanted(exchange: Exchange) -> bool:
            return exchange.number > cursor and matcher.matches(exchange)

        if matcher.within is None:
            found = await journal.page(customer, matcher.matches, cursor, limit)
        else:
            reading = await read(journal, request, matcher.within, customer, lambda: Matches(is_wanted, bool))
            found = reading.entries(journal)[:limit]
        response = await shown(found, customer, limit)
        if matcher.within is not None and not found:
            response.status_code = 409
        return response

    @routes.post("/count")
    async def count_requests(matcher: Matcher, customer: Customer = None) -> Count:
        """Count the requests that match."""
        found = await journal.page(customer, matcher.matches)
        return Count(count=len(found), forgotten=journal.forgotten(customer))

    @routes.post("/remove")
    async def remove_requests(matcher: Matcher, customer: Customer = None) -> RemovedCount:
        """Remove the requests that match."""
        gone = {each.id for each in await journal.page(customer, matcher.matches)}
        return RemovedCount(count=len(journal.remove(lambda each: each.id in gone, customer)))

    @routes.post(
        "/verify",
        responses={
            409: {
                "model": VerificationResult,
                "description": "It isn't so, or can't be known; and what was seen instead",
            }
        },
    )
    async def verify_requests(
        verification: Verification, request: Request, response: Response, customer: Customer = None
    ) -> VerificationResult:
        """Say how many requests there must be like this one, or in which order: 200 if so, 409 if not.

        409 too if too many were forgotten. With `within`, as soon as it is so; where there is an `exactly` or `atMost`,
        it is so at the end of this time, and not so as soon as there are more.
        """

        def begin() -> Matches | InOrder:
            if verification.sequence is not None:
                return InOrder(verification.sequence)
            return Matches(
                verification.matcher.matches,
                lambda count: verification.is_settled(count, journal.forgotten(customer)),
            )

        reading = await read(journal, request, verification.within, customer, begin)
        count, forgotten = len(reading), journal.forgotten(customer)
        verified = verification.allows(count, forgotten)
        if not verified:
            response.status_code = 409
        return VerificationResult(
            verified=verified,
            count=count,
            forgotten=forgotten,
            requests=[] if verified else [JournalEntry.of(each) for each in reading.entries(journal)[-100:]],
            nearest=[] if verified else await nearest(verification, customer, count, reading.last),
        )

    async def nearest(verification: Verification, customer: str | None, count: int, begin: int) -> list[NearMiss]:
        """The newest thousand's near misses: of the matcher, or of the first of the sequence that wasn't found."""
        matcher = verification.sequence[count] if verification.sequence else verification.matcher
        newest = list(journal.for_customer(customer))[-1000:]
        misses = [
            (matcher.differences(each), each)
            async for batch in in_batches(newest)
            for each in batch
            if each.number > begin
        ]
        near = nsmallest(NEAREST, (miss for miss in misses if miss[0]), key=lambda miss: len(miss[0]))
        return [NearMiss(request=JournalEntry.of(each), differences=said) for said, each in near]

    @routes.get("/{requestId}")
    async def get_request(request_id: RequestId, customer: Customer = None) -> JournalEntry:
        """The request with this id, which its response had in X-Request-Id."""
        return JournalEntry.of(exchange_of(request_id, customer))

    @routes.get("/{requestId}/nearest")
    async def get_nearest(request_id: RequestId, customer: Customer = None) -> Nearest:
        """What would have worked in the place of the request with this id, and how the request differs from it."""
        return _nearest(exchange_of(request_id, customer), sandbox)

    def exchange_of(request_id: str, customer: str | None) -> Exchange:
        return owned_or_404(journal.get(request_id), f"request {request_id[:100]} in the journal", customer)

    return routes


def _nearest(exchange: Exchange, sandbox: Sandbox) -> Nearest:
    differences = [error.message for error in exchange.errors]
    differences += [f"{detail.property}: {detail.message}" for detail in exchange.validation]
    path = TOKEN_PATH
    request = exchange.request
    if request.path != TOKEN_PATH:
        workflow = sandbox.workflows.nearest(exchange.target.workflow_id or "", exchange.customer_id)
        path = START_PATH.replace("{customerId}", exchange.customer_id or "{customerId}")
        if workflow is not None:
            path = path.replace("{workflowId}", workflow.id)
        if request.path.lower() != path.lower():
            differences.append(f"path is {request.path}")
    if request.method != "POST":
        differences.append(f"method is {request.method}")
    return Nearest(method="POST", path=path, differences=differences)
