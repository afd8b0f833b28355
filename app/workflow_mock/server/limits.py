"""What connections may use: the limits of each, and one budget in bytes for all of them."""

from typing import NamedTuple, Protocol

MAX_HELD_BYTES = 32 * 1024 * 1024
"""Bytes that all connections together may make the server hold: unparsed input, waiting requests, unsent responses."""

UNCOUNTED_BYTES = 16 * 1024
"""What one connection may hold beside the budget, so that an ordinary one never counts."""

MAX_COUNTED_BYTES = 1024 * 1024
"""More isn't counted for one connection: a large snapshot that is being downloaded must not use up the budget."""

MAX_REQUEST_LINE_BYTES = 8192
"""Of a request's first line with its end, as on the platform."""


class Limits(NamedTuple):
    """The limits of a connection, from the settings."""

    connections: int
    headers: int
    head_bytes: int
    """Bytes of a request's header lines together."""
    request_timeout: float
    """Seconds, for a request to come whole and for the client to take a part of a response."""
    idle_timeout: float
    """Seconds."""


class Holder(Protocol):
    """A connection that can be dropped."""

    def drop(self) -> None: ...


class Budget:
    """The bytes that connections hold. Over `MAX_HELD_BYTES`, the connection that holds most is dropped."""

    def __init__(self) -> None:
        self._held: dict[Holder, int] = {}
        self._total = 0

    def hold(self, holder: Holder, size: int) -> None:
        """Set what `holder` holds now, in bytes. Drops connections, `holder` itself perhaps, until the rest fits."""
        counted = 0 if size <= UNCOUNTED_BYTES else min(size, MAX_COUNTED_BYTES)
        self._total += counted - self._held.pop(holder, 0)
        if counted:
            self._held[holder] = counted
        while self._total > MAX_HELD_BYTES:
            worst = max(self._held, key=self._held.__getitem__)
            self._total -= self._held.pop(worst)
            worst.drop()
