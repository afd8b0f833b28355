"""The workflows that can be started."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from itertools import islice

from workflow_mock.domain.definition import WorkflowDefinition
from workflow_mock.errors import ApiError


class Workflows:
    """The definitions by id."""

    def __init__(self, definitions: Iterable[WorkflowDefinition]) -> None:
        self._definitions = {definition.id: definition for definition in definitions}

    def __iter__(self) -> Iterator[WorkflowDefinition]:
        return iter(tuple(self._definitions.values()))

    def offered(self, workflow_id: str, customer_id: str) -> WorkflowDefinition:
        """The definition, where it is one that this customer may start. Raises ApiError (404)."""
        definition = self._definitions.get(workflow_id)
        if definition is None:
            near = get_close_matches(workflow_id, islice(self._definitions, 100), n=1, cutoff=0.8)
            known = near or list(self._definitions)[:3]
            hint = "; ".join(f"{id} ({self._definitions[id].name})" for id in known)
            lead = "did you mean" if near else "there are"
            raise ApiError("workflow_not_found", f"There is no workflow {workflow_id}; {lead} {hint or 'none at all'}")
        if not definition.serves(customer_id):
            message = f"The workflow {workflow_id} isn't offered to the customer {customer_id}"
            raise ApiError("workflow_not_found", message)
        return definition
