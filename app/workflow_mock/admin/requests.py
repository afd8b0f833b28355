"""The journal: what was asked, and what became of it. The routes are WireMock's."""

from heapq import nsmallest
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import Field, model_validator

from workflow_mock.admin.dependencies import Cursor, Customer, JsonRoute, Limit, json_list, json_object, owned_or_404
from workflow_mock.admin.schemas import JournalEntry
from workflow_mock.errors import ApiError
from workflow_mock.faults.effects import MAX_COUNT
from workflow_mock.paths import START_PATH, TOKEN_PATH
from workflow_mock.sandbox import Sandbox
from workflow_mock.settings import Settings
from workflow_mock.state.exchange import Exchange
from workflow_mock.state.matcher import Matcher
from workflow_mock.state.store import in_batches
from workflow_mock.types import StrictModel

NEAREST = 3
"""Requests that are shown where none was as it should be."""


Forgotten = Annotated[
    int, Field(description="Requests, of the customer or of all, that gave way to newer ones: see --max-requests.")
]
Order = Annotated[
    Literal["asc", "desc"], Query(description="Oldest first, or newest first; oldest first if not given.")
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

    def allows(self, count: int) -> bool:
        """Whether there may be so many requests."""
        if self.exactly is self.at_least is self.at_most is None:
            return count >= 1
        least, most = (self.at_least, self.at_most) if self.exactly is None else (self.exactly, self.exactly)
        return (least is None or count >= least) and (most is None or count <= most)


class Verification(
    StrictModel, json_schema_extra={"examples": [{"matcher": {"status": 500}, "count": {"exactly": 0}}]}
):
    """Which requests there must be, and how many."""

    matcher: Matcher = Field(default_factory=Matcher)
    count: VerificationTimes = Field(default_factory=VerificationTimes)


class NearMiss(StrictModel):
    """A request that the matcher almost matched, and how it differs."""

    request: JournalEntry
    differences: list[str]


class VerificationResult(StrictModel):
    """Whether there were as many requests as there must be, and what was seen."""

    verified: bool = Field(description="False too where it hangs on requests that were forgotten.")
    count: int
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

    async def page(
        matcher: Matcher, customer: str | None, limit: int, cursor: int, *, newest_first: bool = False
    ) -> Response:
        found = await journal.page(customer, matcher.matches, cursor, limit, newest_first=newest_first)
        return json_object(
            requests=await json_list(found, JournalEntry.of),
            meta=Meta(total=journal.count(customer), forgotten=journal.forgotten(customer)),
            next=found[-1].number if len(found) == limit else None,
        )

    @routes.get("", response_model=JournalPage)
    async def get_all_requests(
        customer: Customer = None, limit: Limit = 100, cursor: Cursor = 0, order: Order = "asc"
    ) -> Response:
        """The requests of the workflow API and the token endpoint, refused ones too."""
        return await page(Matcher(), customer, limit, cursor, newest_first=order == "desc")

    @routes.delete("", status_code=204)
    async def remove_all_requests(customer: Customer = None) -> None:
        """Remove all requests, of a customer or of all."""
        journal.clear(customer)

    @routes.get("/unmatched", response_model=UnmatchedPage)
    async def unmatched_requests(customer: Customer = None, limit: Limit = 100) -> Response:
        """The newest requests that were refused (4xx), each with the nearest thing that would have worked."""
        refused = (await journal.page(customer, lambda each: 400 <= each.status < 500))[-limit:]
        return json_object(
            requests=await json_list(
                refused, lambda each: Unmatched(request=JournalEntry.of(each), nearest=_nearest(each, sandbox))
            )
        )

    @routes.post("/find", response_model=JournalPage)
    async def find_requests(
        matcher: Matcher, customer: Customer = None, limit: Limit = 100, cursor: Cursor = 0
    ) -> Response:
        """The requests that match, oldest first."""
        return await page(matcher, customer, limit, cursor)

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
        verification: Verification, response: Response, customer: Customer = None
    ) -> VerificationResult:
        """Say how many requests there must be like this one: 200 if so, 409 if not, or if too many were forgotten."""
        newest = list(journal.for_customer(customer))[-1000:]
        found = await journal.page(customer, verification.matcher.matches)
        forgotten, times = journal.forgotten(customer), verification.count
        # Each that was forgotten may have matched or not; what allows both ends allows all between.
        if times.allows(len(found)) and times.allows(len(found) + forgotten):
            return VerificationResult(verified=True, count=len(found), forgotten=forgotten, requests=[], nearest=[])
        response.status_code = 409
        misses = [
            (verification.matcher.differences(each), each) async for batch in in_batches(newest) for each in batch
        ]
        nearest = nsmallest(NEAREST, (miss for miss in misses if miss[0]), key=lambda miss: len(miss[0]))
        return VerificationResult(
            verified=False,
            count=len(found),
            forgotten=forgotten,
            requests=[JournalEntry.of(each) for each in found[-100:]],
            nearest=[NearMiss(request=JournalEntry.of(each), differences=said) for said, each in nearest],
        )

    @routes.get("/{requestId}")
    async def get_request(
        request_id: Annotated[str, Path(alias="requestId")], customer: Customer = None
    ) -> JournalEntry:
        """The request with this id, which its response had in X-Request-Id."""
        return JournalEntry.of(
            owned_or_404(journal.get(request_id), f"request {request_id[:100]} in the journal", customer)
        )

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
