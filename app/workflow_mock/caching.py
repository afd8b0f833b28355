"""Results that are remembered, with a bound in bytes as well as in entries."""

from collections.abc import Callable
from typing import TypeVar

Key = TypeVar("Key", bound=bytes | tuple[bytes, *tuple[object, ...]])
Value = TypeVar("Value")

LONGEST = 1024


class _Remembered(dict[Key, Value]):
    """Works out what it doesn't have; the result that was remembered first gives way."""

    def __init__(self, entries: int, function: Callable[[Key], Value]) -> None:
        super().__init__()
        self._entries = entries
        self._function = function

    def __missing__(self, key: Key) -> Value:
        value = self._function(key)
        if len(key if isinstance(key, bytes) else key[0]) <= LONGEST:
            if len(self) >= self._entries:
                del self[next(iter(self))]
            self[key] = value
        return value


def fifo_cache(entries: int) -> Callable[[Callable[[Key], Value]], Callable[[Key], Value]]:
    """For functions of what comes in a request: bytes, or a tuple that begins with them; of over a kilobyte, nothing is
    kept. A hit costs a quarter of lru_cache with a look at the length: a start has six.
    """
    return lambda function: _Remembered(entries, function).__getitem__
