"""The tokens that the token endpoint is to give out next: bad ones, for clients that get theirs themselves."""

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from workflow_mock.errors import ApiError

MAX_NEXT_TOKENS = 1000
"""Calls that asked for the next tokens and aren't used up."""


class NextToken(NamedTuple):
    """What the next tokens are: of a customer, or of everybody (None); of a client, or of each (None)."""

    customer_id: str | None
    client_id: str | None
    kind: str
    lifetime: timedelta | None
    """None: as good ones have it."""
    issue_next: int
    """So many tokens."""


class NextTokens:
    """What was asked for, oldest first."""

    def __init__(self) -> None:
        self._asked: list[NextToken] = []

    def __iter__(self) -> Iterator[NextToken]:
        return iter(tuple(self._asked))

    def add(self, asked: NextToken) -> None:
        """Raises ApiError (503)."""
        if len(self._asked) >= MAX_NEXT_TOKENS:
            raise ApiError("limit_reached", f"{MAX_NEXT_TOKENS} calls that asked for tokens wait for token requests")
        self._asked.append(asked)

    def take(self, customer_id: str | None, client_id: str) -> NextToken | None:
        """What the token that is issued now is to be, if that was asked for: for the customer, else for everybody."""
        for who in dict.fromkeys((customer_id, None)) if self._asked else ():
            for place, asked in enumerate(self._asked):
                if asked.customer_id == who and asked.client_id in (None, client_id):
                    if asked.issue_next > 1:
                        self._asked[place] = asked._replace(issue_next=asked.issue_next - 1)
                    else:
                        del self._asked[place]
                    return asked
        return None

    def clear(self, customer_id: str | None) -> None:
        """Forget what was asked for a customer, or all (None)."""
        self._asked = [each for each in self._asked if customer_id not in (None, each.customer_id)]
