"""Execution ids: random ones, or a repeatable sequence for each customer where there is a seed."""

from binascii import hexlify
from hashlib import sha256
from random import Random
from struct import Struct
from typing import NamedTuple
from uuid import UUID

from workflow_mock.state.per_customer import PerCustomer

_RANDOM = Random()  # noqa: S311 - what it makes is no secret
_PARTS = Struct("8s4sx3sx3s12s")
"""Of the 32 digits of a UUID, without the two that say its version and variant."""


def random_uuid() -> str:
    """A version 4 UUID (RFC 9562, section 5.4). uuid.uuid4 takes a system call and three times as long."""
    digits = hexlify(_RANDOM.getrandbits(128).to_bytes(16, "big"))
    return (b"%b-%b-4%b-a%b-%b" % _PARTS.unpack(digits)).decode()


class Sequence(NamedTuple):
    """A seed, or None for random ids, and the number of the next id in its sequence."""

    seed: str | None
    number: int = 0


class IdSource:
    def __init__(self, seed: str | None) -> None:
        self._sequences = PerCustomer(Sequence(seed))

    def new(self, customer_id: str) -> str:
        """A version 4 UUID: of the customer's sequence, or random where neither it nor the server has a seed."""
        seed, number = self._sequences.get(customer_id)
        if seed is None:
            return random_uuid()
        self._sequences.set(customer_id, Sequence(seed, number + 1))
        return str(UUID(bytes=sha256(f"{seed}/{customer_id}/{number}".encode()).digest()[:16], version=4))

    def seed(self, customer_id: str | None, seed: str | None, number: int = 0) -> None:
        """Begin the customer's sequence of this seed at this number; for the server, each customer's begins again."""
        if customer_id is None:
            self._sequences.clear_own()
        self._sequences.set(customer_id, Sequence(seed, number))

    def seeds(self) -> list[tuple[str | None, str, int]]:
        """Customer (None: the server), seed and number of the next id, of each that has a seed."""
        found = [(None, self._sequences.server), *self._sequences.own()]
        return [(customer_id, seed, number) for customer_id, (seed, number) in found if seed is not None]

    def clear(self, customer_id: str | None) -> None:
        self._sequences.clear(customer_id)
