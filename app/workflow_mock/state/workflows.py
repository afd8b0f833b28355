"""The workflows that can be started."""

from collections.abc import Iterable, Iterator
from itertools import islice
from operator import eq

from workflow_mock.domain.definition import WorkflowDefinition
from workflow_mock.errors import ApiError

MAX_WORKFLOWS = 10_000


class Workflows:
    """The definitions by id: the catalogue's, and what has been put over them since."""

    def __init__(self, catalogue: Iterable[WorkflowDefinition]) -> None:
        self._definitions: dict[str, WorkflowDefinition] = {}
        self._catalogue: dict[str, WorkflowDefinition] = {}
        self.reload(catalogue)

    def __iter__(self) -> Iterator[WorkflowDefinition]:
        return iter(tuple(self._definitions.values()))

    def reload(self, catalogue: Iterable[WorkflowDefinition]) -> None:
        """Have these for the catalogue from now on; what was put over the old one, or deleted, stays so."""
        own = {id: each for id, each in self._definitions.items() if self._catalogue.get(id) is not each}
        deleted = self._catalogue.keys() - self._definitions.keys()
        self._catalogue = {definition.id: definition for definition in catalogue}
        self._definitions = {id: each for id, each in self._catalogue.items() if id not in deleted} | own

    def get(self, workflow_id: str) -> WorkflowDefinition | None:
        return self._definitions.get(workflow_id)

    def put(self, definition: WorkflowDefinition) -> None:
        """Raises ApiError (503) where there are 10,000 already."""
        if definition.id not in self._definitions and len(self._definitions) >= MAX_WORKFLOWS:
            raise ApiError("limit_reached", f"There are {MAX_WORKFLOWS} workflows already: delete one first")
        self._definitions[definition.id] = definition

    def remove(self, workflow_id: str) -> WorkflowDefinition | None:
        return self._definitions.pop(workflow_id, None)

    def clear(self) -> None:
        """Back to the catalogue."""
        self._definitions = dict(self._catalogue)

    def get_for_customer(self, workflow_id: str, customer_id: str) -> WorkflowDefinition:
        """The definition, where it is one that this customer may start. Raises ApiError (404)."""
        definition = self._definitions.get(workflow_id)
        if definition is None:
            near = self.nearest(workflow_id, customer_id)
            hint = f"did you mean {near.id} ({near.name})?" if near else "there are none at all"
            raise ApiError("workflow_not_found", f"There is no workflow {workflow_id}; {hint}")
        if not definition.serves(customer_id):
            message = f"The workflow {workflow_id} isn't offered to the customer {customer_id}"
            raise ApiError("workflow_not_found", message)
        return definition

    def replace(self, definitions: Iterable[WorkflowDefinition]) -> None:
        """Have these, and no others, until the next reset."""
        self._definitions = {definition.id: definition for definition in definitions}

    def nearest(self, workflow_id: str, customer_id: str | None) -> WorkflowDefinition | None:
        """The customer's definition of this id, or the one most like it in its places, among the first hundred."""
        known = self._definitions.get(workflow_id)
        if known is not None and known.serves(customer_id):
            return known
        offered = islice((each for each in self._definitions.values() if each.serves(customer_id)), 100)
        return max(offered, key=lambda each: sum(map(eq, each.id, workflow_id)), default=None)
