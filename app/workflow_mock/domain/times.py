"""Moments as text."""

from datetime import datetime


def timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC with `Z`, and no trailing zeros in the fraction, as .NET writes it (docs/contract.md, 1.3)."""
    text = moment.isoformat()[:26]
    return f"{text.rstrip('0') if moment.microsecond else text[:19]}Z"
