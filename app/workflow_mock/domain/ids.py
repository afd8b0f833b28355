"""Identifiers: UUIDs, kept as text in the 36-character lower-case form that answers carry."""

import re
from uuid import UUID, uuid5

_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")

_NAMESPACE = UUID("8f1d1e0e-6b0a-5c8e-9f4b-2f6f2b7a1c55")
"""Our own UUIDv5 namespace. Changing it changes every id that people did not write themselves."""


def parse_uuid(text: str) -> str | None:
    """The canonical form of a UUID, or None where it isn't 36 characters with dashes (docs/contract.md, 1.3)."""
    return text.lower() if _UUID.fullmatch(text) else None


def derive_uuid(parent: str | None, name: str) -> str:
    """The UUIDv5 (RFC 9562, section 5.5) of a name under another id, or under our namespace: the same each time."""
    return str(uuid5(UUID(parent) if parent else _NAMESPACE, name))
