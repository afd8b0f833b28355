"""The journal: what was asked, and what became of it. The routes are WireMock's."""

from heapq import nsmallest
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import Field, model_validator

from workflow_mock.admin.dependencies import Cursor, Customer, Limit, owned_or_404
from workflow_mock.admin.schemas import JournalEntry
from workflow_mock.paths import DOCUMENTED_PATH, TOKEN_PATH
from workflow_mock.sandbox import Sandbox
from workflow_mock.state.journal import Exchange
from workflow_mock.state.matcher import Matcher
from workflow_mock.state.store import in_batches
from workflow_mock.types import StrictModel

NEAREST = 3
"""Requests that are shown where none was as it should be."""


class Meta(StrictModel):
    total: int = Field(description="Requests in the journal, of the customer or of all.")


class JournalPage(StrictModel):
    requests: list[JournalEntry]
    meta: Meta
    next: int | None = Field(description="The cursor of the next page, if there may be one.")


class Count(StrictModel):
    count: int


class Nearest(StrictModel):
    """What would have worked, and how the request differs from it."""

    method: str
    path: str
    differences: list[str]


class Unmatched(StrictModel):
    request: JournalEntry
    nearest: Nearest


class UnmatchedPage(StrictModel):
    requests: list[Unmatched]


class VerificationTimes(StrictModel):
    """How many requests there must be; without any member, at least one."""

    exactly: int | None = Field(None, ge=0)
    at_least: int | None = Field(None, ge=0)
    at_most: int | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _sensible(self) -> "VerificationTimes":
        if self.exactly is not None and (self.at_least is not None or self.at_most is not None):
            raise ValueError("exactly excludes atLeast and atMost")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError("atLeast is over atMost")
        return self

    def allows(self, count: int) -> bool:
        if self.exactly is self.at_least is self.at_most is None:
            return count >= 1
        least, most = (self.at_least, self.at_most) if self.exactly is None else (self.exactly, self.exactly)
        return (least is None or count >= least) and (most is None or count <= most)


class Verification(
    StrictModel, json_schema_extra={"examples": [{"matcher": {"status": 500}, "count": {"exactly": 0}}]}
):
    matcher: Matcher = Field(default_factory=Matcher)
    count: VerificationTimes = Field(default_factory=VerificationTimes)


class NearMiss(StrictModel):
    request: JournalEntry
    differences: list[str]


class VerificationResult(StrictModel):
    verified: bool
    count: int
    requests: list[JournalEntry] = Field(description="Those that matched, if the verdict is no.")
    nearest: list[NearMiss] = Field(description="Those that almost matched, if there were too few.")


def router(sandbox: Sandbox) -> APIRouter:
    routes = APIRouter(prefix="/requests", tags=["Requests"])
    journal = sandbox.journal

    async def page(matcher: Matcher, customer: str | None, limit: int, cursor: int) -> JournalPage:
        found = await journal.page(customer, matcher.matches, cursor, limit)
        return JournalPage(
            requests=[JournalEntry.of(each) for each in found],
            meta=Meta(total=len(journal.for_customer(customer))),
            next=found[-1].number if len(found) == limit else None,
        )

    @routes.get("")
    async def get_all(customer: Customer = None, limit: Limit = 100, cursor: Cursor = 0) -> JournalPage:
        """The requests of the documented plane and the token endpoint, refused ones too, oldest first."""
        return await page(Matcher(), customer, limit, cursor)

    @routes.delete("", status_code=204)
    async def remove_all(customer: Customer = None) -> None:
        journal.clear(customer)

    @routes.get("/unmatched")
    async def unmatched(customer: Customer = None, limit: Limit = 100) -> UnmatchedPage:
        """The newest requests that were refused (4xx), each with the nearest thing that would have worked."""
        refused = (await journal.page(customer, lambda each: 400 <= each.status < 500))[-limit:]
        return UnmatchedPage(
            requests=[
                Unmatched(request=JournalEntry.of(e), nearest=_nearest(e, sandbox))
                async for some in in_batches(refused)
                for e in some
            ]
        )

    @routes.post("/find")
    async def find(matcher: Matcher, customer: Customer = None, limit: Limit = 100, cursor: Cursor = 0) -> JournalPage:
        return await page(matcher, customer, limit, cursor)

    @routes.post("/count")
    async def count(matcher: Matcher, customer: Customer = None) -> Count:
        return Count(count=len(await journal.page(customer, matcher.matches)))

    @routes.post("/remove")
    async def remove(matcher: Matcher, customer: Customer = None) -> Count:
        gone = {each.number for each in await journal.page(customer, matcher.matches)}
        return Count(count=len(journal.remove(lambda each: each.number in gone, customer)))

    @routes.post(
        "/verify",
        responses={409: {"model": VerificationResult, "description": "It isn't so, and what was seen instead"}},
    )
    async def verify(wanted: Verification, response: Response, customer: Customer = None) -> VerificationResult:
        """Say how many requests there must be like this one: 200 if so, 409 if not."""
        newest = list(journal.for_customer(customer))[-1000:]
        found = await journal.page(customer, wanted.matcher.matches)
        if wanted.count.allows(len(found)):
            return VerificationResult(verified=True, count=len(found), requests=[], nearest=[])
        response.status_code = 409
        misses = [(wanted.matcher.differences(each), each) async for some in in_batches(newest) for each in some]
        nearest = nsmallest(NEAREST, (miss for miss in misses if miss[0]), key=lambda miss: len(miss[0]))
        return VerificationResult(
            verified=False,
            count=len(found),
            requests=[JournalEntry.of(each) for each in found[-100:]],
            nearest=[NearMiss(request=JournalEntry.of(each), differences=said) for said, each in nearest],
        )

    @routes.get("/{requestId}")
    async def get(request_id: Annotated[str, Path(alias="requestId")], customer: Customer = None) -> JournalEntry:
        return JournalEntry.of(
            owned_or_404(journal.get(request_id), f"request {request_id[:100]} in the journal", customer)
        )

    return routes


def _nearest(exchange: Exchange, sandbox: Sandbox) -> Nearest:
    differences = [error.message for error in exchange.errors]
    differences += [f"{fault.property}: {fault.message}" for fault in exchange.validation]
    path = TOKEN_PATH
    if exchange.path != TOKEN_PATH:
        workflow = sandbox.workflows.nearest(exchange.workflow_id or "", exchange.customer_id)
        path = DOCUMENTED_PATH.replace("{customerId}", exchange.customer_id or "{customerId}")
        if workflow is not None:
            path = path.replace("{workflowId}", workflow.id)
        if exchange.path.lower() != path.lower():
            differences.append(f"path is {exchange.path}")
    if exchange.method != "POST":
        differences.append(f"method is {exchange.method}")
    return Nearest(method="POST", path=path, differences=differences)
