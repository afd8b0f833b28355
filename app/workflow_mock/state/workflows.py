"""The workflows that can be started."""

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from operator import eq
from weakref import WeakKeyDictionary

from workflow_mock.domain.definition import WorkflowDefinition
from workflow_mock.errors import ApiError

MAX_WORKFLOWS = 10_000

MAX_BYTES = 256 * 1024 * 1024
"""Of all definitions that were put over HTTP, and of those that executions still have."""


class Workflows:
    """The definitions by id: the catalogue's, and what has been put over them since."""

    def __init__(self, catalogue: Iterable[WorkflowDefinition]) -> None:
        self._definitions: dict[str, WorkflowDefinition] = {}
        self._catalogue: dict[str, WorkflowDefinition] = {}
        self._put: WeakKeyDictionary[WorkflowDefinition, int] = WeakKeyDictionary()
        """The size of each that was put, as long as it lives: an execution keeps the definition that it has."""
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
        """Raises ApiError (503) where there are 10,000 already, or those that were put take over 256 MiB with it."""
        before = self._definitions.get(definition.id)
        if before is None and len(self._definitions) >= MAX_WORKFLOWS:
            raise ApiError("limit_reached", f"There are {MAX_WORKFLOWS} workflows already: delete one first")
        if self.held_bytes() + definition.size > MAX_BYTES:
            message = f"Workflows that were put, and those that executions have, would be over {MAX_BYTES} bytes"
            raise ApiError("limit_reached", f"{message}: delete one first, or reset")
        self._definitions[definition.id] = definition
        self._put[definition] = definition.size

    def held_bytes(self, apart_from: Collection[WorkflowDefinition] = ()) -> int:
        """Bytes of the definitions that were put and that somebody still has, an execution perhaps."""
        return sum(size for definition, size in self._put.items() if definition not in apart_from)

    def remove(self, workflow_id: str) -> WorkflowDefinition | None:
        return self._definitions.pop(workflow_id, None)

    def is_own(self, definition: WorkflowDefinition, customer_id: str) -> bool:
        """Whether a definition was put for this customer alone."""
        return (
            definition.customers == frozenset((customer_id,)) and self._catalogue.get(definition.id) is not definition
        )

    def changed(self) -> tuple[list[WorkflowDefinition], list[WorkflowDefinition]]:
        """Those that were put, and those of the catalogue that were deleted."""
        put = [each for id, each in self._definitions.items() if self._catalogue.get(id) is not each]
        return put, [each for id, each in self._catalogue.items() if id not in self._definitions]

    def own(self, customer_id: str) -> list[WorkflowDefinition]:
        """Those that were put for this customer alone."""
        return [each for each in self._definitions.values() if self.is_own(each, customer_id)]

    def clear(self, customer_id: str | None) -> None:
        """Back to the catalogue: all (None), or what was put for a customer alone."""
        if customer_id is None:
            self._definitions = dict(self._catalogue)
        else:
            for definition in self.own(customer_id):
                self.withdraw(definition)

    def withdraw(self, definition: WorkflowDefinition) -> None:
        """Take out a definition that was put; the catalogue's of its id is back."""
        if definition.id in self._catalogue:
            self._definitions[definition.id] = self._catalogue[definition.id]
        else:
            del self._definitions[definition.id]

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

    def take_over(
        self,
        workflows: Iterable[WorkflowDefinition],
        definitions: Iterable[WorkflowDefinition],
        customer_id: str | None,
    ) -> None:
        """Have these workflows beside those of others, or (None) no others, until the next reset.

        `definitions` are all that were put with them, for executions too. Within the bounds: the caller has counted.
        """
        if customer_id is None:
            self._definitions.clear()
        self._definitions.update((definition.id, definition) for definition in workflows)
        self._put.update((definition, definition.size) for definition in definitions)

    def nearest(self, workflow_id: str, customer_id: str | None) -> WorkflowDefinition | None:
        """The customer's definition of this id, or the one most like it in its places, among the first hundred."""
        known = self._definitions.get(workflow_id)
        if known is not None and known.serves(customer_id):
            return known
        offered = islice((each for each in self._definitions.values() if each.serves(customer_id)), 100)
        return max(offered, key=lambda each: sum(map(eq, each.id, workflow_id)), default=None)
