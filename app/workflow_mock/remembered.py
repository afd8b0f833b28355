"""Results that are remembered, with a bound in bytes as well as in entries."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., Any])

LONGEST = 1024


def remembered(entries: int) -> Callable[[Function], Function]:
    """lru_cache for what comes from a request: where the first argument is over a kilobyte, nothing is kept."""

    def decorate(function: Function) -> Function:
        cached = lru_cache(maxsize=entries)(function)

        @wraps(function)
        def call(key: str | bytes, *rest: Any) -> Any:
            return cached(key, *rest) if len(key) <= LONGEST else function(key, *rest)

        return cast("Function", call)

    return decorate
