"""What routes of the control plane have in common: query parameters and refusals."""

from typing import Annotated, Protocol, TypeVar

from fastapi import Query

from workflow_mock.errors import ApiError, Problem, ValidationDetail, show_path
from workflow_mock.types import Uuid

Customer = Annotated[Uuid | None, Query(alias="customerId", description="The customer meant; else all.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="As many at most.")]
Cursor = Annotated[int, Query(ge=0, description="The `next` of the page before.")]


class Owned(Protocol):
    @property
    def customer_id(self) -> str | None: ...


T = TypeVar("T")
Own = TypeVar("Own", bound=Owned)


def or_404(found: T | None, name: str) -> T:
    """Raises ApiError (404) where nothing was found."""
    if found is None:
        raise ApiError("not_found", f"There is no {name}")
    return found


def owned_or_404(found: Own | None, name: str, customer: str | None) -> Own:
    """Raises ApiError (404) where nothing was found, or what isn't this customer's."""
    return or_404(found if found is None or customer in (None, found.customer_id) else None, name)


def validation_error(*problems: Problem) -> ApiError:
    """What to raise for a request with these faults (400)."""
    details = [ValidationDetail(show_path(path), message) for path, message in problems]
    return ApiError("validation_failed", "The request is not valid: see validation", validation=details)
