"""Bounded mappings: results of pure functions, and whatever else is kept by key."""

from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=bytes | tuple[bytes, *tuple[object, ...]])
K = TypeVar("K")
V = TypeVar("V")

MAX_KEY_BYTES = 1024


def fifo_cache(entries: int) -> Callable[[Callable[[Key], V]], Callable[[Key], V]]:
    """Cache a function of request bytes, or of a tuple that begins with them.

    Keeps `entries` results, evicts the oldest, never caches a key over 1 KiB: clients can't fill memory. A hit costs a
    quarter of `lru_cache` behind a check of the length.
    """

    def decorate(function: Callable[[Key], V]) -> Callable[[Key], V]:
        results: dict[Key, V] = {}

        @wraps(function)
        def cached(key: Key) -> V:
            if key in results:
                return results[key]
            value = function(key)
            if len(key if isinstance(key, bytes) else key[0]) <= MAX_KEY_BYTES:
                if len(results) >= entries:
                    del results[next(iter(results))]
                results[key] = value
            return value

        return cached

    return decorate


class BoundedDict(OrderedDict[K, V], Generic[K, V]):
    """A dictionary of at most `bound` entries: to set one makes it the newest, and evicts the oldest over the bound."""

    def __init__(self, bound: int) -> None:
        super().__init__()
        self._bound = bound

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        self.move_to_end(key)
        if len(self) > self._bound:
            self.popitem(last=False)
