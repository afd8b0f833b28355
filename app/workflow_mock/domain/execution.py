"""Executions of a workflow. Time is passed in; nothing here reads a clock."""

from dataclasses import dataclass
from datetime import datetime

from workflow_mock.domain.definition import WorkflowDefinition


@dataclass(slots=True, eq=False)
class Execution:
    """One start of a workflow by a customer.

    It keeps the definition that it started with, whatever happens to the catalogue afterwards.
    """

    id: str
    customer_id: str
    definition: WorkflowDefinition
    created: datetime
    finished: datetime | None = None
