"""What isn't as it comes here: what a test has changed, and what may make the next one wonder."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from workflow_mock.admin.dependencies import Customer
from workflow_mock.formats import timestamp
from workflow_mock.oauth.issuers import OwnIssuer
from workflow_mock.sandbox import Sandbox
from workflow_mock.settings import Settings
from workflow_mock.types import StrictModel

ChangeKind = Literal["clock", "faults", "workflows", "clients", "tokens", "seed", "keys", "strict", "catalogue"]


class Change(StrictModel):
    """Something that isn't as it is after a start without options."""

    kind: ChangeKind
    summary: str = Field(examples=["2 faults in force, 1 of them never injected"])
    undone_by_reset: bool


class ChangePage(StrictModel):
    """All that isn't as it comes."""

    changes: list[Change]


def router(settings: Settings, sandbox: Sandbox, issuer: OwnIssuer) -> APIRouter:
    routes = APIRouter(tags=["Sandbox"])

    @routes.get("/changes")
    async def find_changes(customer: Customer = None) -> ChangePage:
        """What isn't as it comes here: for one customer, or for the server and all customers."""
        found: tuple[tuple[ChangeKind, Iterator[str]], ...] = (
            ("clock", clocks(customer)),
            ("faults", faults(customer)),
            ("workflows", workflows(customer)),
            ("clients", clients(customer)),
            ("tokens", tokens(customer)),
            ("seed", seeds(customer)),
            ("keys", keys()),
            ("strict", strictness()),
            ("catalogue", catalogue_errors()),
        )
        return ChangePage(
            changes=[
                Change(kind=kind, summary=summary, undone_by_reset=is_undone(kind, customer))
                for kind, summaries in found
                for summary in summaries
            ]
        )

    def is_undone(kind: ChangeKind, customer: str | None) -> bool:
        return kind not in ("strict", "catalogue") and (kind != "keys" or customer is None)

    def clocks(customer: str | None) -> Iterator[str]:
        whose = "the customer's clock" if sandbox.clock.has_own(customer) else "the server's clock"
        state = sandbox.clock.state(customer)
        if state.frozen is not None:
            yield f"{whose} is frozen at {timestamp(state.frozen)}"
        elif state.offset:
            ahead = "ahead" if state.offset.total_seconds() > 0 else "behind"
            yield f"{whose} is {timedelta(seconds=round(abs(state.offset.total_seconds())))} {ahead}"
        own = len(sandbox.clock.states()) - 1 if customer is None else 0
        if own:
            yield f"{counted(own, 'customer')} with a clock of their own"

    def faults(customer: str | None) -> Iterator[str]:
        for_all = [] if customer is None else sandbox.faults.for_everybody()
        added = [each for each in (*sandbox.faults.for_customer(customer), *for_all) if not each.is_permanent]
        in_force = [each for each in added if not sandbox.faults.is_over(each, customer)]
        idle = sum(not each.counts(customer)[1] for each in in_force)
        if in_force:
            all_idle = idle == len(in_force)
            never = ", never injected" if all_idle else f", {idle} of them never injected" if idle else ""
            yield f"{counted(len(in_force), 'fault')} in force{never}"

    def workflows(customer: str | None) -> Iterator[str]:
        put, deleted = sandbox.workflows.changed()
        put = [each for each in put if customer is None or each.serves(customer)]
        if put:
            yield f"{counted(len(put), 'workflow')} put over the catalogue"
        if deleted:
            yield f"{counted(len(deleted), 'workflow')} of the catalogue deleted"

    def clients(customer: str | None) -> Iterator[str]:
        put, deleted = sandbox.clients.changed(customer)
        if put:
            yield f"{counted(put, 'client')} put over the catalogue"
        if deleted:
            yield f"{counted(deleted, 'client')} of the catalogue deleted"

    def tokens(customer: str | None) -> Iterator[str]:
        for each in sandbox.next_tokens:
            if customer is None or each.customer_id in (None, customer):
                yield f"the next {counted(each.issue_next, 'token')}: {each.kind}"

    def seeds(customer: str | None) -> Iterator[str]:
        seeded = [who for who, seed, _ in sandbox.ids.seeds() if who is not None or seed != settings.seed]
        if seeded and (customer is None or customer in seeded or None in seeded):
            yield "execution ids follow a seed"

    def keys() -> Iterator[str]:
        if issuer.is_rotated:
            yield f"keys rotated, {len(issuer.signing_keys)} accepted"

    def strictness() -> Iterator[str]:
        if settings.strict:
            yield "strict: what isn't documented is refused"

    def catalogue_errors() -> Iterator[str]:
        if sandbox.catalogue_error is not None:
            yield f"a catalogue file isn't in force: {sandbox.catalogue_error}"

    return routes


def counted(count: int, noun: str) -> str:
    """`1 fault`, `2 faults`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
