"""Query parameters that routes of the control plane have in common."""

from typing import Annotated

from fastapi import Query

from workflow_mock.fields import Uuid

Customer = Annotated[Uuid | None, Query(alias="customerId", description="The customer meant; else all.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="As many at most.")]
Cursor = Annotated[int, Query(ge=0, description="The `next` of the page before.")]
