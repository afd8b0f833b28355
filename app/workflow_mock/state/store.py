"""Bounded keeping of what comes in: executions, journal entries."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Sequence
from contextlib import aclosing
from time import perf_counter
from typing import Generic, Protocol, TypeVar


class Item(Protocol):
    number: int
    """Its place in the order of arrival; given by whoever keeps it."""

    customer_id: str

    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=Item)

E = TypeVar("E")

LIST_UP_TO = 64

BATCH_SIZE = 10
"""Items between two looks at the time."""

MAX_BLOCKING_SECONDS = 0.005
"""Work on the loop for this long, and other requests have their turn."""

MAX_FORGETFUL = 10_000
"""Customers whose dropped items are counted; the count of the one that lost one longest ago gives way."""


async def in_batches(items: Iterable[E]) -> AsyncGenerator[Sequence[E], None]:
    """Yield the items that there are now, some at a time, whatever comes and goes.

    Others are answered in between whenever the caller has worked on them for MAX_BLOCKING_SECONDS.
    """
    now = tuple(items)
    begun = perf_counter()
    for begin in range(0, len(now), BATCH_SIZE):
        yield now[begin : begin + BATCH_SIZE]
        if perf_counter() - begun >= MAX_BLOCKING_SECONDS:
            await asyncio.sleep(0)
            begun = perf_counter()


class BoundedStore(Generic[T]):
    """The newest `per_customer` items of each customer, and the newest `total` of all; each in the order they came.

    One more drops the customer's oldest, or the oldest of all. A customer's few are in a list, as a deque has room for
    64 from the start, and 10,000 customers have 6 MB of it; many are in a deque, as a list moves all to lose its first.
    """

    def __init__(self, *, per_customer: int, total: int) -> None:
        self._per_customer = per_customer
        self._total = total
        self._number = 0
        self._oldest = 0
        self._ids: dict[str, T] = {}
        self._items: dict[int, T] = {}
        self._by_customer: dict[str, list[T] | deque[T]] = {}
        self._forgotten: OrderedDict[str, int] = OrderedDict()
        self._forgotten_together = 0

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: T) -> None:
        same = self._ids.get(item.id)
        if same is not None:  # a seeded sequence that was begun again, or another customer's item of a snapshot
            self.remove(lambda other: other is same, same.customer_id)
        item.number = self._number = number = self._number + 1
        self._items[number] = item
        self._ids[item.id] = item
        own = self._by_customer.get(item.customer_id)
        if own is None:
            self._by_customer[item.customer_id] = own = []
        else:
            item.customer_id = own[0].customer_id  # one string for all of them: 3 MB less of 40,000 executions
        own.append(item)
        if len(own) == LIST_UP_TO:
            self._by_customer[item.customer_id] = own = deque(own)
        if len(own) > self._per_customer:
            oldest = own[0]
            del own[0], self._items[oldest.number], self._ids[oldest.id]
            self._count_forgotten(oldest.customer_id)
        elif len(self._items) > self._total:
            while self._oldest not in self._items:
                self._oldest += 1
            oldest = self._items.pop(self._oldest)
            del self._ids[oldest.id], self._by_customer[oldest.customer_id][0]
            self._forget_if_empty(oldest.customer_id)
            self._count_forgotten(oldest.customer_id)

    def _count_forgotten(self, customer_id: str) -> None:
        self._forgotten[customer_id] = self._forgotten.pop(customer_id, 0) + 1
        self._forgotten_together += 1
        if len(self._forgotten) > MAX_FORGETFUL:
            self._forgotten.popitem(last=False)

    def forgotten(self, customer_id: str | None) -> int:
        """How many items of a customer, or of all, gave way to newer ones since they were last cleared."""
        return self._forgotten_together if customer_id is None else self._forgotten.get(customer_id, 0)

    def get(self, item_id: str) -> T | None:
        return self._ids.get(item_id)

    def for_customer(self, customer_id: str | None) -> Collection[T]:
        """The items of a customer, or of all, oldest first."""
        return self._items.values() if customer_id is None else self._by_customer.get(customer_id, ())

    async def page(
        self,
        customer_id: str | None,
        wanted: Callable[[T], bool],
        after: int = 0,
        limit: int | None = None,
        *,
        newest_first: bool = False,
    ) -> list[T]:
        """The first `limit` wanted items after the one of this number, of those that there are now; 0 is before all."""
        found: list[T] = []
        items: Iterable[T] = self.for_customer(customer_id)
        if newest_first:
            items = reversed(tuple(items))
        async with aclosing(in_batches(items)) as batches:
            async for batch in batches:
                found += [
                    item
                    for item in batch
                    if (item.number > after if not newest_first else after == 0 or item.number < after) and wanted(item)
                ]
                if limit is not None and len(found) >= limit:
                    break
        return found[:limit]

    def remove(self, unwanted: Callable[[T], bool], customer_id: str | None) -> list[T]:
        """Take out, and return, the items of a customer, or of all, that are unwanted."""
        gone = [item for item in self.for_customer(customer_id) if unwanted(item)]
        for item in gone:
            del self._items[item.number], self._ids[item.id]
        for customer in {item.customer_id for item in gone}:
            own = self._by_customer[customer]
            self._by_customer[customer] = type(own)(item for item in own if item.number in self._items)
            self._forget_if_empty(customer)
        return gone

    def clear(self, customer_id: str | None) -> None:
        """Forget the items of a customer, or of all, in place."""
        if customer_id is None:
            self._items.clear()
            self._ids.clear()
            self._by_customer.clear()
            self._forgotten.clear()
            self._forgotten_together = 0
        else:
            self._forgotten_together -= self._forgotten.pop(customer_id, 0)
            for item in self._by_customer.pop(customer_id, ()):
                del self._items[item.number], self._ids[item.id]

    def _forget_if_empty(self, customer_id: str) -> None:
        if not self._by_customer[customer_id]:
            del self._by_customer[customer_id]
