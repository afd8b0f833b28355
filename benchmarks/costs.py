"""What thousands of things cost beside none or few of them, in this process: `make costs`.

Each line has the two times and their ratio; a time is the best of five.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1])]

from workflow_mock.catalogue.loader import InvalidCatalogue, demo, read
from workflow_mock.domain.definition import WorkflowDefinition
from workflow_mock.domain.execution import Execution
from workflow_mock.errors import ApiError
from workflow_mock.faults.registry import MAX_FAULTS
from workflow_mock.faults.spec import FaultSpec
from workflow_mock.sandbox import Sandbox
from workflow_mock.state.clock import Action
from workflow_mock.state.exchange import Exchange, Facts, Target
from workflow_mock.state.matcher import Matcher
from workflow_mock.state.recorded_request import recorded
from workflow_mock.state.workflows import MAX_WORKFLOWS

from tests.state.worlds import CUSTOMER, defined, workflow_id
from tests.support import request_of

BEGIN = datetime.now(UTC)
LATER = BEGIN + timedelta(hours=2)
ENTRIES = 10_000


def seconds(work: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(5):
        begin = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begin)
    return best


def compare(what: str, name: str, of: float, other: str, beside: float) -> None:
    print(f"{what}: {name} {of * 1e6:,.1f} µs, {other} {beside * 1e6:,.1f} µs: {of / beside:.2f}", flush=True)


def sandbox(workflows: list[WorkflowDefinition]) -> Sandbox:
    return Sandbox(
        workflows,
        [],
        max_executions=ENTRIES,
        max_executions_total=ENTRIES,
        max_requests=ENTRIES,
        seed=None,
        has_journal=True,
    )


def executions() -> None:
    """In a list, those in which nothing has happened are not worked out."""
    large = max(demo().workflows, key=lambda each: len(each.tasks))
    listed = [Execution(str(number), CUSTOMER, large, BEGIN) for number in range(100)]
    untouched = seconds(lambda: [each.status_at(BEGIN) for each in listed])
    worked_out = seconds(lambda: [Execution("x", CUSTOMER, large, BEGIN).progress_at(LATER) for _ in listed])
    compare("the status of 100 executions", "untouched", untouched, "worked out", worked_out)


def faults() -> None:
    """Those that are over stay in force, and are passed over by each start."""
    over, none = sandbox([defined(1)]), sandbox([defined(1)])
    for _ in range(MAX_FAULTS):
        over.faults.add(FaultSpec.model_validate({"status": 503, "ttl": "1s", "matcher": {"customerId": CUSTOMER}}))

    over.clock.change(Action.ADVANCE, None, by=timedelta(minutes=1))

    def pick(whose: Sandbox) -> Callable[[], object]:
        return lambda: whose.faults.pick(request_of(), Target(None, CUSTOMER), LATER)

    compare("the choice of a fault", f"{MAX_FAULTS:,} over", seconds(pick(over)), "none", seconds(pick(none)))
    spent = sandbox([])
    for _ in range(MAX_FAULTS):
        spent.faults.add(FaultSpec.model_validate({"status": 503, "times": 1, "matcher": {"customerId": CUSTOMER}}))
        pick(spent)()
    compare("the choice of a fault", f"{MAX_FAULTS:,} spent", seconds(pick(spent)), "none", seconds(pick(none)))


def workflows() -> None:
    """One that is known is not searched; for one that isn't, the nearest is."""
    many, few = (sandbox([defined(number) for number in range(count)]) for count in (MAX_WORKFLOWS, 3))

    def find(whose: Sandbox, workflow: str) -> Callable[[], object]:
        def work() -> None:
            with suppress(ApiError):
                whose.workflows.get_for_customer(workflow, CUSTOMER)

        return work

    for name, wanted in (("known", workflow_id(2)), ("unknown", f"a{workflow_id(2)[1:]}")):
        compare(
            f"a workflow that is {name}", "of 10,000", seconds(find(many, wanted)), "of 3", seconds(find(few, wanted))
        )


def catalogue() -> None:
    """Unknown references are told, few of them with what was meant."""

    def check(count: int) -> float:
        tasks = [{"key": f"task-{n}", "after": [f"tusk-{n - 1}"] if n else []} for n in range(count)]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "c.json"
            file.write_text(json.dumps({"workflows": [{"name": "A", "tasks": tasks}]}))

            def work() -> None:
                with suppress(InvalidCatalogue):
                    read([file])

            return seconds(work)

    compare("a check of unknown references", "1,000", check(1000), "100", check(100))


def journal() -> None:
    """While a full one is searched, the others have their turn."""
    full = sandbox([defined(1)])
    for number in range(ENTRIES):
        request = recorded("POST", b"/", b"", (), b"%d" % number + b"a" * 1000, False)
        full.journal.add(Exchange(str(number), BEGIN, Target(None), Facts(), request, 200))
    wanted = Matcher.model_validate({"bodyPatterns": [{"contains": "b"}]})
    waits: list[float] = []

    async def others() -> None:
        while True:
            begin = time.perf_counter()
            await asyncio.sleep(0)
            waits.append(time.perf_counter() - begin)

    async def search() -> float:
        task = asyncio.create_task(others())
        begin = time.perf_counter()
        await full.journal.page(None, wanted.matches)
        task.cancel()
        return time.perf_counter() - begin

    whole = asyncio.run(search())
    compare(f"a search of {ENTRIES:,} requests", "longest wait of another", max(waits), "the search", whole)


if __name__ == "__main__":
    for part in (executions, faults, workflows, catalogue, journal):
        part()
