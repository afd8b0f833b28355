"""Everything that lives between requests, in one place, so that a reset can't forget a part of it."""

from collections.abc import Sequence
from datetime import datetime

from workflow_mock.domain.client import Client
from workflow_mock.domain.definition import Outcome, WorkflowDefinition
from workflow_mock.domain.execution import Execution
from workflow_mock.faults.registry import FaultRegistry
from workflow_mock.faults.spec import FaultSpec
from workflow_mock.http.messages import Request
from workflow_mock.state.clients import Clients
from workflow_mock.state.clock import Clock
from workflow_mock.state.events import Events, first_number
from workflow_mock.state.exchange import Exchange, Result, Target
from workflow_mock.state.id_source import IdSource
from workflow_mock.state.in_flight import InFlight
from workflow_mock.state.journal import Journal
from workflow_mock.state.line import Line, line_of
from workflow_mock.state.next_tokens import NextTokens
from workflow_mock.state.request_log import RequestLog
from workflow_mock.state.store import BoundedStore
from workflow_mock.state.workflows import Workflows


class Sandbox:
    """The state. Each part of it is kept, and can be reset, by customer; no customer sees another's."""

    def __init__(
        self,
        workflows: Sequence[WorkflowDefinition],
        faults: Sequence[FaultSpec],
        clients: Sequence[Client] = (),
        *,
        seed: str | None,
        max_executions: int,
        max_executions_total: int,
        max_requests: int,
        has_journal: bool,
    ) -> None:
        self.clock = Clock()
        self.ids = IdSource(seed)
        self.workflows = Workflows(workflows)
        self.clients = Clients(clients)
        self.next_tokens = NextTokens()
        self.executions: BoundedStore[Execution] = BoundedStore(per_customer=max_executions, total=max_executions_total)
        self.journal = Journal(max_requests)
        self._has_journal = has_journal
        self.in_flight = InFlight()
        self.faults = FaultRegistry(faults, self.clock, self.in_flight)
        self.events = Events(first_number())
        self.request_log = RequestLog(self.line)
        self.catalogue_error: str | None = None
        """Why catalogue files that were changed aren't in force."""

    def start(self, customer_id: str, workflow_id: str, now: datetime) -> Execution:
        """Start a workflow for a customer. Raises ApiError (404)."""
        definition = self.workflows.get_for_customer(workflow_id, customer_id)
        execution = Execution(self.ids.new(customer_id), customer_id, definition, now)
        self.executions.add(execution)
        self._tell(execution, "started")
        return execution

    def end_task(self, execution: Execution, task_id: str, outcome: Outcome) -> None:
        """Complete or fail a task. Raises InvalidTransition; KeyError where the execution has no such task."""
        execution.end_task(task_id, outcome, self.clock.now(execution.customer_id))
        self._tell(execution, f"task {outcome}", task_id)

    def advance(self, execution: Execution, *, to_end: bool) -> None:
        """Give the tasks in the queue their outcomes. Raises InvalidTransition."""
        execution.advance(self.clock.now(execution.customer_id), to_end=to_end)
        self._tell(execution, "advanced")

    def record(
        self, request: Request, target: Target, result: Result, seconds: float = 0.0, *, is_pending: bool = False
    ) -> Exchange | None:
        """Keep a request in the journal, and tell of it unless it `is_pending`: its entry is made anew in the end.

        Returns the entry; None with --no-journal.
        """
        if not self._has_journal:
            return None
        duplicate_of = None
        if self.journal.lost_answers and result.facts.execution_id:
            duplicate_of = self.journal.lost_before(target, request.id)
        exchange = Exchange.of(request, target, result, duplicate_of, seconds)
        self.journal.record(exchange)
        if not is_pending:
            self.events.publish("request", target.customer_id, exchange)
        return exchange

    def line(self, exchange: Exchange) -> Line:
        """An entry of the journal in one line; with the workflow's name, if the customer may start it."""
        definition = self.workflows.get(exchange.target.workflow_id or "")
        if definition is None or not definition.serves(exchange.customer_id):
            return line_of(exchange, None)
        return line_of(exchange, definition.name)

    def reset(self, customer_id: str | None) -> None:
        """Everything of a customer, or all, back to the state after start; lets go of requests in flight."""
        self.in_flight.reset(customer_id)
        self.journal.watches.reset(customer_id)
        for part in (
            self.clock,
            self.ids,
            self.workflows,
            self.clients,
            self.next_tokens,
            self.executions,
            self.journal,
            self.faults,
        ):
            part.clear(customer_id)
        self.events.forget(customer_id)
        self.events.publish("reset", customer_id, {})

    def close(self) -> None:
        """Let go of listeners, of calls that wait and of what faults hold, as the server ends."""
        self.events.close()
        self.journal.watches.close()
        self.in_flight.close()

    def _tell(self, execution: Execution, what: str, task_id: str | None = None) -> None:
        data = {"id": execution.id, "workflowId": execution.definition.id, "event": what, "taskId": task_id}
        self.events.publish("execution", execution.customer_id, data)
