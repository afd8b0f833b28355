"""What calls make of the journal, entry by entry: the requests that match, or those of a sequence."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from operator import attrgetter

from workflow_mock.state.exchange import Exchange
from workflow_mock.state.journal import Journal
from workflow_mock.state.matcher import Matcher


class Matches:
    """The requests that are wanted, of those that are in the journal."""

    is_stale = False

    def __init__(self, wanted: Callable[[Exchange], bool], settles: Callable[[int], bool]) -> None:
        """`settles` says of a number of requests whether nothing that comes later changes the answer."""
        self._wanted = wanted
        self._settles = settles
        self._found: dict[str, Exchange] = {}

    def __len__(self) -> int:
        return len(self._found)

    @property
    def is_settled(self) -> bool:
        return self._settles(len(self._found))

    @property
    def last(self) -> int:
        """The number of the entry behind which more may be found: each may be near."""
        return 0

    def see(self, exchange: Exchange) -> None:
        if self._wanted(exchange):
            self._found[exchange.id] = exchange
        elif self._found:
            self._found.pop(exchange.id, None)

    def lose(self, exchange: Exchange) -> None:
        self._found.pop(exchange.id, None)

    def entries(self, _: Journal) -> list[Exchange]:
        """Oldest first."""
        return sorted(self._found.values(), key=attrgetter("number"))


class InOrder:
    """The first requests that are like these matchers in their order; others may be in between.

    One that came counts on when it gave way to a newer one.
    """

    def __init__(self, matchers: Sequence[Matcher]) -> None:
        self._matchers = matchers
        self._found: list[tuple[int, str]] = []
        """Number and id of each."""
        self._seen = 0
        """The number of the last entry that was seen."""
        self.is_stale = False

    def __len__(self) -> int:
        return len(self._found)

    @property
    def is_settled(self) -> bool:
        return len(self._found) == len(self._matchers)

    @property
    def last(self) -> int:
        """The number of the entry behind which more may be found."""
        return self._found[-1][0] if self._found else 0

    def see(self, exchange: Exchange) -> None:
        number = exchange.number
        if number > self._seen:
            self._seen = number
            if not self.is_settled and self._matchers[len(self._found)].matches(exchange):
                self._found.append((number, exchange.id))
            return
        place = bisect_left(self._found, (number, ""))
        was_found = place < len(self._found) and self._found[place][0] == number
        if place < len(self._matchers) and self._matchers[place].matches(exchange) is not was_found:
            self.is_stale = True

    def lose(self, exchange: Exchange) -> None:
        pass

    def entries(self, journal: Journal) -> list[Exchange]:
        """Those that the journal still has."""
        return [exchange for _, id in self._found if (exchange := journal.get(id)) is not None]
