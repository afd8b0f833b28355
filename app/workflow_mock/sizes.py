"""What values take in memory, for the bounds in bytes."""

from sys import getsizeof
from typing import Any

REFERENCE_BYTES = 8
"""Of a value in what holds it."""


def size_of_json(value: Any) -> int:
    """Bytes that a value of JSON's types takes, with all that is in it. `[[],[]]` takes 20 times its text."""
    size = 0
    left = [value]
    while left:
        each = left.pop()
        size += REFERENCE_BYTES + getsizeof(each)
        if isinstance(each, dict):
            left += each.keys()
            left += each.values()
        elif isinstance(each, list | tuple):
            left += each
    return size
