"""A bounded store: executions, journal entries."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from itertools import islice
from time import perf_counter
from typing import Generic, Protocol, TypeVar


class Item(Protocol):
    number: int
    """Its place in the order of arrival; the store sets it."""

    @property
    def id(self) -> str: ...

    @property
    def customer_id(self) -> str | None: ...


T = TypeVar("T", bound=Item)
E = TypeVar("E")

LIST_UP_TO = 64
"""A customer's items are in a list up to here: a deque has room for 64 from the start, 6 MB of 10,000 customers.
Beyond, they are in a deque, as a list moves all its items to lose its first."""

BATCH_SIZE = 10
"""Items between two looks at the time."""

MAX_BLOCKING_SECONDS = 0.005
"""Work on the loop for this long, and other requests have their turn."""

MAX_FORGETFUL = 10_000
"""Customers whose evicted items are counted; the count that began first is dropped first."""


async def in_batches(items: Iterable[E]) -> AsyncGenerator[Sequence[E], None]:
    """Yield the items of this moment, `BATCH_SIZE` at a time, whatever comes and goes.

    Others are served in between whenever the caller has worked on them for `MAX_BLOCKING_SECONDS`.
    """
    now = tuple(items)
    begun = perf_counter()
    for begin in range(0, len(now), BATCH_SIZE):
        yield now[begin : begin + BATCH_SIZE]
        if perf_counter() - begun >= MAX_BLOCKING_SECONDS:
            await asyncio.sleep(0)
            begun = perf_counter()


class BoundedStore(Generic[T]):
    """The newest `per_customer` items of each customer, and the newest `total` of all, in `max_bytes` if given.

    Items are numbered from 1 in the order of arrival. `add` evicts the customer's oldest item, else the oldest of all.
    """

    def __init__(
        self,
        *,
        per_customer: int,
        total: int,
        max_bytes: int | None = None,
        size_of: Callable[[T], int] = lambda _: 0,
    ) -> None:
        self._per_customer = per_customer
        self._total = total
        self._max_bytes = max_bytes
        self._size_of = size_of
        self._bytes = 0
        self._last = 0
        self._items: OrderedDict[str, T] = OrderedDict()
        """By id; a dict would be slow in finding its first item when many were before it."""
        self._by_customer: dict[str | None, list[str] | deque[str]] = {}
        self._forgotten: dict[str | None, int] = {}
        self._forgotten_together = 0

    def __len__(self) -> int:
        return len(self._items)

    def like(self) -> "BoundedStore[T]":
        """Make an empty store with the same bounds. Any thread may call it."""
        return BoundedStore(
            per_customer=self._per_customer, total=self._total, max_bytes=self._max_bytes, size_of=self._size_of
        )

    def add(self, item: T) -> None:
        """Keep an item as the newest. One of the same id gives way, whosever it is."""
        items, item_id, customer_id = self._items, item.id, item.customer_id
        if item_id in items:
            self.remove(lambda each: each.id == item_id, None)
        self._last = item.number = self._last + 1
        items[item_id] = item
        own = self._by_customer.get(customer_id)
        if own is None:
            own = self._by_customer[customer_id] = []
        own.append(item_id)
        count = len(own)
        if count == LIST_UP_TO:
            own = self._by_customer[customer_id] = deque(own)
        if count > self._per_customer:
            self._evict(customer_id)
        elif len(items) > self._total:
            self._evict_oldest()
        if self._max_bytes is not None:
            self._bytes += self._size_of(item)
            if self._bytes > self._max_bytes:
                self._evict_over_bytes(self._max_bytes)

    def take_over(self, other: "BoundedStore[T]", customer_id: str | None) -> None:
        """Have the items of a store like this one in the place of a customer's, or of all (None), as the newest.

        `other` has items of that customer alone, and isn't used any more. A tenth of the time of `add` for each.
        """
        self.clear(customer_id)
        for number, item in enumerate(other._items.values(), self._last + 1):
            item.number = number
        self._last += len(other._items)
        if customer_id is None:
            self._items, self._by_customer = other._items, other._by_customer
        else:
            self._items.update(other._items)
            self._by_customer.update(other._by_customer)
        self._bytes += other._bytes
        self._forgotten.update(other._forgotten)
        self._forgotten_together += other._forgotten_together
        while len(self._items) > self._total:
            self._evict_oldest()
        if self._max_bytes is not None:
            self._evict_over_bytes(self._max_bytes)

    def replace(self, item: T) -> bool:
        """Put an item in the place of the one of the same id and customer, under its number; whether there is one."""
        before = self._items.get(item.id)
        if before is None or before.customer_id != item.customer_id:
            return False
        item.number = before.number
        self._items[item.id] = item
        if self._max_bytes is not None:
            self._bytes += self._size_of(item) - self._size_of(before)
            self._evict_over_bytes(self._max_bytes)
        return True

    def _evict_over_bytes(self, max_bytes: int) -> None:
        while self._bytes > max_bytes and len(self._items) > 1:
            self._evict_oldest()

    def _evict_oldest(self) -> None:
        self._evict(next(iter(self._items.values())).customer_id)

    def _evict(self, customer_id: str | None) -> T:
        """Take out, and return, the oldest item of a customer."""
        own = self._by_customer[customer_id]
        item = self._items.pop(own[0])
        del own[0]
        if not own:
            del self._by_customer[customer_id]
        if self._max_bytes is not None:
            self._bytes -= self._size_of(item)
        self._forgotten_together += 1
        forgotten = self._forgotten.get(customer_id)
        if forgotten is None:
            forgotten = 0
            if len(self._forgotten) >= MAX_FORGETFUL:
                del self._forgotten[next(iter(self._forgotten))]
        self._forgotten[customer_id] = forgotten + 1
        return item

    def forgotten(self, customer_id: str | None) -> int:
        """How many items of a customer, or of all (None), were evicted since they were last cleared."""
        return self._forgotten_together if customer_id is None else self._forgotten.get(customer_id, 0)

    def _pop(self, item_id: str) -> None:
        item = self._items.pop(item_id)
        if self._max_bytes is not None:
            self._bytes -= self._size_of(item)

    def get(self, item_id: str) -> T | None:
        return self._items.get(item_id)

    def for_customer(self, customer_id: str | None) -> Sequence[T]:
        """The items of a customer, or of all (None), oldest first."""
        if customer_id is None:
            return list(self._items.values())
        return [self._items[item_id] for item_id in self._by_customer.get(customer_id, ())]

    def count(self, customer_id: str | None) -> int:
        """How many items a customer has, or all have (None)."""
        return len(self._items) if customer_id is None else len(self._by_customer.get(customer_id, ()))

    def newest_of_all(self, limit: int) -> list[T]:
        """The last `limit` items, newest first."""
        return list(islice(reversed(self._items.values()), limit))

    def arrived(self, customer_id: str | None) -> int:
        """How many items have come: of all since the start, or of a customer since its items were last removed."""
        return self._last if customer_id is None else self.count(customer_id) + self.forgotten(customer_id)

    def newest(self, customer_id: str | None, limit: int) -> list[T]:
        """The last `limit` items of a customer, newest first; `None` stands for those that have no customer."""
        ids = self._by_customer.get(customer_id, ())
        return [self._items[ids[-place]] for place in range(1, min(limit, len(ids)) + 1)]

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
        items = self.for_customer(customer_id)
        if after:
            items = [item for item in items if (item.number < after if newest_first else item.number > after)]
        async with aclosing(in_batches(reversed(items) if newest_first else items)) as batches:
            async for batch in batches:
                found += filter(wanted, batch)
                if limit is not None and len(found) >= limit:
                    break
        return found[:limit]

    def remove(self, unwanted: Callable[[T], bool], customer_id: str | None) -> list[T]:
        """Take out, and return, the items of a customer, or of all (None), that are unwanted."""
        gone = [item for item in self.for_customer(customer_id) if unwanted(item)]
        for item in gone:
            self._pop(item.id)
        for customer in {item.customer_id for item in gone}:
            own = self._by_customer[customer]
            left = type(own)(item_id for item_id in own if item_id in self._items)
            if left:
                self._by_customer[customer] = left
            else:
                del self._by_customer[customer]
        return gone

    def clear(self, customer_id: str | None) -> None:
        """Take out the items of a customer, or of all (None)."""
        if customer_id is None:
            self._items.clear()
            self._by_customer.clear()
            self._bytes = 0
            self._forgotten.clear()
            self._forgotten_together = 0
        else:
            self._forgotten_together -= self._forgotten.pop(customer_id, 0)
            for item_id in self._by_customer.pop(customer_id, ()):
                self._pop(item_id)
