"""What tests of the state are made of: a moment, two customers, workflows of two tasks."""

from datetime import UTC, datetime
from typing import Any

from workflow_mock.catalogue.schema import WorkflowEntry
from workflow_mock.domain.definition import WorkflowDefinition

BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
CUSTOMERS = CUSTOMER, OTHER = [f"{digit}0000000-0000-4000-8000-000000000000" for digit in "12"]


def workflow_id(number: int) -> str:
    return f"90000000-0000-4000-8000-{number:012}"


def customer_id(number: int) -> str:
    return f"a0000000-0000-4000-8000-{number:012}"


def defined(number: int, **task: Any) -> WorkflowDefinition:
    """Of two tasks, the first with these members."""
    tasks = [{"key": "a", **task}, {"key": "b", "after": ["a"]}]
    return WorkflowEntry.model_validate({"id": workflow_id(number), "name": str(number), "tasks": tasks}).define()
