"""The requests of the workflow API and the token endpoint, and what became of them.

An entry holds no token and no secret: of a token it has the digest and the claims.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from itertools import islice
from operator import attrgetter

from workflow_mock.state.exchange import Exchange, Target
from workflow_mock.state.store import BoundedStore
from workflow_mock.state.watches import Watches

LOOK_BACK = 20
"""Exchanges of a customer that are searched for a start whose answer was lost."""

MAX_BYTES = 64 * 1024 * 1024
"""Of all entries together; the oldest go first."""


MAX_REPLACED = 100
"""Replaced entries that are remembered; the oldest are forgotten first."""


class Journal(BoundedStore[Exchange]):
    """The newest exchanges."""

    lost_answers = False
    """Whether a start's answer was ever lost, so that the next start may be the client's second try."""

    def __init__(self, max_requests: int) -> None:
        super().__init__(per_customer=max_requests, total=max_requests, max_bytes=MAX_BYTES, size_of=attrgetter("size"))
        self.watches = Watches()
        self.replaced = 0
        """How many entries took the place of one that was there, as their requests were answered at last."""
        self._replaced_ids: deque[str] = deque(maxlen=MAX_REPLACED)

    def record(self, exchange: Exchange) -> None:
        """Keep an exchange: as the newest, or in the place of the entry that was made when its request came."""
        if exchange.answer_lost:
            self.lost_answers = True
        if exchange.id in self._items and self.replace(exchange):
            self.replaced += 1
            self._replaced_ids.append(exchange.id)
        else:
            self.add(exchange)
        if self.watches.waiting:
            self.watches.note(exchange, is_there=True)

    def _evict(self, customer_id: str | None) -> Exchange:
        exchange = super()._evict(customer_id)
        if self.watches.waiting:
            self.watches.note(exchange, is_there=False)
        return exchange

    def remove(self, unwanted: Callable[[Exchange], bool], customer_id: str | None) -> list[Exchange]:
        gone = super().remove(unwanted, customer_id)
        self.watches.look_again(customer_id)
        return gone

    def clear(self, customer_id: str | None) -> None:
        super().clear(customer_id)
        self.watches.look_again(customer_id)

    def take_over(self, other: BoundedStore[Exchange], customer_id: str | None) -> None:
        super().take_over(other, customer_id)
        self.lost_answers |= any(exchange.answer_lost for exchange in self.for_customer(customer_id))
        self.watches.look_again(customer_id)

    def last_replaced(self, count: int) -> list[Exchange]:
        """Those that the last `count` replacements left, as far as they are known, oldest first."""
        ids = islice(reversed(self._replaced_ids), count)
        return [found for each in reversed(dict.fromkeys(ids)) if (found := self.get(each)) is not None]

    def lose(self, request_id: str) -> Exchange | None:
        """Note that the client can't have read the answer to a start; returns the entry as it is now."""
        exchange = self.get(request_id)
        if exchange is not None and exchange.facts.execution_id is not None:
            exchange = replace(exchange, answer_lost=True)
            self.record(exchange)
        return exchange

    def lost_before(self, target: Target, request_id: str) -> str | None:
        """The execution of the customer's last start of this workflow, if the answer to it was lost.

        Looks at what came before the request: of one that a fault held, there is an entry already.
        """
        own = self.get(request_id)
        for earlier in self.newest(target.customer_id, LOOK_BACK):
            if own is not None and earlier.number >= own.number:
                continue
            if earlier.facts.execution_id and earlier.target.workflow_id == target.workflow_id:
                return earlier.facts.execution_id if earlier.answer_lost else None
        return None


def digest(token: bytes) -> str:
    """What a token is called in the journal."""
    return "sha256:" + sha256(token).hexdigest()[:32]
