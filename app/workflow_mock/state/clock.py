"""The one source of time: nothing else reads a clock."""

from datetime import UTC, datetime


class Clock:
    def now(self) -> datetime:
        """This moment, in UTC."""
        return datetime.now(UTC)
