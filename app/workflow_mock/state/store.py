"""Where executions are kept."""

from collections import OrderedDict, deque
from typing import Protocol

from workflow_mock.domain.execution import Execution


class Store(Protocol):
    def add(self, execution: Execution) -> None:
        """Keep an execution; the customer's oldest gives way once the customer has as many as are kept."""

    def get(self, execution_id: str) -> Execution | None:
        """The execution of this id, while it is kept."""

    def clear(self) -> None:
        """Forget all of them, in place."""


class MemoryStore:
    """Executions in memory: the newest `per_customer` of each customer, and at most `total` of all together.

    Past `total`, the customer that has started nothing for the longest time loses its oldest. Either way one execution
    goes for one that comes, in constant time.
    """

    def __init__(self, *, per_customer: int, total: int) -> None:
        self._per_customer = per_customer
        self._total = total
        self._executions: dict[str, Execution] = {}
        self._by_customer: OrderedDict[str, deque[Execution]] = OrderedDict()

    def add(self, execution: Execution) -> None:
        customer_id = execution.customer_id
        own = self._by_customer.get(customer_id)
        if own is None:
            own = self._by_customer[customer_id] = deque()
        else:
            self._by_customer.move_to_end(customer_id)
        own.append(execution)
        self._executions[execution.id] = execution
        if len(own) > self._per_customer:
            self._drop_oldest_of(customer_id)
        elif len(self._executions) > self._total:
            self._drop_oldest_of(next(iter(self._by_customer)))

    def get(self, execution_id: str) -> Execution | None:
        return self._executions.get(execution_id)

    def clear(self) -> None:
        self._executions.clear()
        self._by_customer.clear()

    def _drop_oldest_of(self, customer_id: str) -> None:
        own = self._by_customer[customer_id]
        del self._executions[own.popleft().id]
        if not own:
            del self._by_customer[customer_id]
