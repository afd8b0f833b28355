"""What a catalogue file can say, as pydantic models, and the definitions that follow from it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from workflow_mock.domain.client import Client
from workflow_mock.domain.definition import (
    Edge,
    InvalidDefinition,
    Outcome,
    Progression,
    Task,
    WorkflowDefinition,
    define,
)
from workflow_mock.errors import Path, Problem
from workflow_mock.faults.spec import FaultSpec
from workflow_mock.formats import derive_uuid
from workflow_mock.types import Duration, ScopeName, StrictModel, Uuid

MAX_HINTS = 3
"""Unknown references of a workflow that get a hint."""

MAX_COMPARED = 200_000
"""Characters of a reference times those of all keys up to which they are compared for a hint: 20 ms."""

MAX_NAME_CHARACTERS = 40
"""Of an unknown key that is compared with those that are known."""

Name = Annotated[str, Field(min_length=1, max_length=200)]
_KEY: TypeAdapter[str] = TypeAdapter(Name)
_ID: TypeAdapter[str] = TypeAdapter(Uuid)
Customers = Annotated[list[Uuid] | None, Field(description="The customers meant; without it, every customer.")]


class TaskEntry(StrictModel):
    """A task of a workflow: a key or an id names it."""

    key: Name | None = Field(None, description="A name to refer to the task by; its id is derived from it.")
    id: Uuid | None = None
    subject_id: Uuid | None = Field(None, description="What the job works on; derived from the task's id if not given.")
    name: str | None = Field(None, description="What people read; the key if not given.", max_length=1000)
    parameters: dict[str, Any] = Field(default_factory=dict)
    is_trigger: bool | None = Field(None, description="If not given, a task that waits for no other is a trigger.")
    after: list[str] = Field(default_factory=list, description="Keys or ids of the tasks that this one waits for.")
    progression: Progression | None = Field(
        None,
        strict=False,
        description="How it gets done once it is queued: manual if not given, or timed by a duration.",
    )
    duration: Duration | None = Field(None, description="How long it runs, such as 90s or PT1H30M.")
    outcome: Outcome = Field(Outcome.COMPLETE, strict=False, description="How it ends if it is immediate or timed.")

    @property
    def kind(self) -> Progression:
        """The progression; if not given, timed where there is a duration, else manual."""
        return self.progression or (Progression.MANUAL if self.duration is None else Progression.TIMED)

    @model_validator(mode="after")
    def _sensible(self) -> "TaskEntry":
        if self.key is None and self.id is None:
            raise ValueError("a task needs a key or an id")
        if (self.kind is Progression.TIMED) != (self.duration is not None):
            raise ValueError(f"a {self.kind} task {'has no' if self.duration is not None else 'needs a'} duration")
        if self.kind is Progression.MANUAL and self.outcome is not Outcome.COMPLETE:
            raise ValueError("a manual task has no outcome until somebody completes or fails it")
        return self

    def define(self, id: str, *, is_root: bool) -> Task:
        """The task; `is_root`, that it waits for no other, makes it a trigger unless the entry says otherwise."""
        return Task(
            id=id,
            subject_id=self.subject_id or derive_uuid(id, "subject"),
            name=self.name or self.key or id,
            parameters=self.parameters,
            is_trigger=is_root if self.is_trigger is None else self.is_trigger,
            progression=self.kind,
            duration=self.duration,
            outcome=self.outcome,
        )


class EdgeEntry(StrictModel):
    """One line of the hierarchy: the child waits for the parent. Each is a task's id or key."""

    parent: str
    child: str


class WorkflowEntry(StrictModel):
    """A workflow that clients can start."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "Order", "tasks": [{"key": "pay"}, {"key": "ship", "after": ["pay"]}]}]
        }
    )

    id: Uuid | None = Field(None, description="Derived from the name if not given.")
    name: Name
    customers: Customers = None
    tasks: list[TaskEntry] = Field(min_length=1)
    tasks_hierarchy: list[EdgeEntry] = Field(default_factory=list)

    def define(self) -> WorkflowDefinition:
        """Raises InvalidDefinition with paths in this entry."""
        workflow_id = self.id or derive_uuid(None, self.name)
        ids = [task.id or derive_uuid(workflow_id, task.key or "") for task in self.tasks]
        problems: list[Problem] = []
        named: dict[str, str] = {}
        for index, task in enumerate(self.tasks):
            if task.key in named:
                problems.append(Problem(("tasks", index, "key"), f"repeats the key {task.key}"))
                if task.id is None:
                    ids[index] = derive_uuid(ids[index], str(index))
            elif task.key is not None:
                named[task.key] = ids[index]
        edges, unknown = self._edges(ids, named)
        problems += unknown
        children = {edge.child for edge in edges.values()}
        # Where an edge or a name is missing, whether a task is reached can't be told: then each is a trigger.
        tasks = [task.define(id, is_root=id not in children) for id, task in zip(ids, self.tasks, strict=True)]
        if problems:
            tasks = [replace(task, is_trigger=True) for task in tasks]
        try:
            definition = define(
                workflow_id,
                self.name,
                tasks,
                list(edges.values()),
                customers=None if self.customers is None else frozenset(self.customers),
                edge_paths=list(edges),
                labels=[task.key or id for id, task in zip(ids, self.tasks, strict=True)],
            )
        except InvalidDefinition as error:
            raise InvalidDefinition([*problems, *error.problems]) from None
        if problems:
            raise InvalidDefinition(problems)
        return definition

    def _edges(self, ids: Sequence[str], named: Mapping[str, str]) -> tuple[dict[Path, Edge], list[Problem]]:
        """The edges by their paths, without those that name an unknown task."""
        known = set(ids)
        problems: list[Problem] = []
        size = sum(map(len, named))

        def task_id(reference: str, *path: str | int) -> str | None:
            id = named.get(reference) or reference.lower()
            if id in known:
                return id
            can_hint = len(problems) < MAX_HINTS and len(reference) * size <= MAX_COMPARED
            near = get_close_matches(reference, named, n=1) if can_hint else []
            hint = f"; did you mean {near[0]}?" if near else ""
            problems.append(Problem(path, f"names the unknown task {reference}{hint}"))
            return None

        edges: dict[Path, Edge] = {}
        for number, edge in enumerate(self.tasks_hierarchy):
            path: Path = ("tasksHierarchy", number)
            parent, child = task_id(edge.parent, *path, "parent"), task_id(edge.child, *path, "child")
            if parent is not None and child is not None:
                edges[path] = Edge(parent, child)
        for index, task in enumerate(self.tasks):
            for number, reference in enumerate(task.after):
                path = ("tasks", index, "after", number)
                if (parent := task_id(reference, *path)) is not None:
                    edges[path] = Edge(parent, ids[index])
        return edges, problems


def entry_of(definition: WorkflowDefinition) -> WorkflowEntry:
    """The entry that defines this workflow, with every id written out."""
    return WorkflowEntry(
        id=definition.id,
        name=definition.name,
        customers=None if definition.customers is None else sorted(definition.customers),
        tasks=[
            TaskEntry.model_validate(task, from_attributes=True, by_alias=False, by_name=True)
            for task in definition.tasks
        ],
        tasks_hierarchy=[EdgeEntry(**edge._asdict()) for edge in definition.hierarchy],
    )


class CatalogueWorkflow(WorkflowEntry):
    """A workflow of a catalogue file, and the faults injected into its starts."""

    faults: list[FaultSpec] = Field(default_factory=list, description="As POST /__admin/faults takes them.")

    def define_faults(self, workflow_id: str) -> list[FaultSpec]:
        """The faults, each matching this workflow alone; an id that isn't written is derived."""
        return [
            fault.model_copy(
                update={
                    "id": fault.id if "id" in fault.model_fields_set else derive_uuid(workflow_id, f"fault {number}"),
                    "matcher": fault.matcher.model_copy(update={"workflow_id": workflow_id}),
                }
            )
            for number, fault in enumerate(self.faults)
        ]


class ClientEntry(StrictModel):
    """A client of the authorization server."""

    id: str = Field(min_length=1, max_length=100)
    secret: str = Field(min_length=1, max_length=100)
    scopes: list[ScopeName] | None = Field(
        None, description="The scopes that it may have; without it, the one that the API asks for."
    )
    customers: Customers = None

    def define(self) -> Client:
        """The client."""
        return Client(
            self.id,
            self.secret,
            None if self.scopes is None else tuple(self.scopes),
            None if self.customers is None else tuple(self.customers),
        )


class CatalogueFile(StrictModel):
    """Workflows that clients can start, and the clients that may get tokens."""

    workflows: list[CatalogueWorkflow] = Field(default_factory=list)
    clients: list[ClientEntry] | None = Field(None, description="Where no file has this, the demo client can be used.")


def hint_for_unknown(path: Path) -> str | None:
    """What an unknown key of a catalogue file may have been meant for: another name at its place, or another place."""
    *around, key = path
    here = tuple(step for step in around if isinstance(step, str))
    if not isinstance(key, str) or len(key) > MAX_NAME_CHARACTERS:
        return None
    near = get_close_matches(key, _PLACES.get(here, ()), n=1, cutoff=0.8)
    if near:
        return f"did you mean {near[0]}?"
    near = get_close_matches(key, {name for names in _PLACES.values() for name in names}, n=1, cutoff=0.8)
    if not near:
        return None
    places = [place for place, names in _PLACES.items() if near[0] in names]
    place = max(places, key=lambda place: sum(map(str.__eq__, place, here)))
    return f"{near[0]} belongs to {'.'.join(place) or 'the whole file'}"


def _places(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """The names that an object of a file may have, by its path without indexes."""
    yield path, [field.alias or name for name, field in model.model_fields.items()]
    for name, field in model.model_fields.items():
        for inner in _models_in(field.annotation):
            yield from _places(inner, (*path, field.alias or name))


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


_PLACES = dict(_places(CatalogueFile))


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a catalogue file, for editors."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return head | CatalogueFile.model_json_schema() | {"title": "A catalogue of workflow-mock"}


def hierarchy_problems(entry: object) -> list[Problem]:
    """Problems of the hierarchy in a workflow's entry whose shape is wrong, as far as names and edges can be read.

    Triggers aren't checked. A reference to an unknown task is no problem if a task's own key or id is wrong.
    """
    listed = entry.get("tasks") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(listed, list) or not listed:
        return []
    members = [task if isinstance(task, dict) else {} for task in listed]
    names = [(_valid(_KEY, task.get("key")), _valid(_ID, task.get("id"))) for task in members]
    known = {name for pair in names for name in pair}
    is_sound = all(
        (key is not None or id is not None)
        and (key is None) == ("key" not in task)
        and (id is None) == ("id" not in task)
        for (key, id), task in zip(names, members, strict=True)
    )

    def is_read(reference: object) -> bool:
        return isinstance(reference, str) and (is_sound or reference in known or reference.lower() in known)

    afters = [_numbered(task.get("after"), is_read) for task in members]
    edges = _numbered(
        entry.get("tasksHierarchy"),
        lambda edge: isinstance(edge, dict) and is_read(edge.get("parent")) and is_read(edge.get("child")),
    )
    sketch = WorkflowEntry(
        name="sketch",
        tasks=[
            # Nothing can name a task without a key or an id, so that it is in no cycle.
            TaskEntry(
                key=f"(task {index})" if key is id is None else key, id=id, after=[*after.values()], is_trigger=True
            )
            for index, ((key, id), after) in enumerate(zip(names, afters, strict=True))
        ],
        tasks_hierarchy=[EdgeEntry(parent=edge["parent"], child=edge["child"]) for edge in edges.values()],
    )

    after_numbers, edge_numbers = [[*after] for after in afters], [*edges]

    def path_in_entry(path: Path) -> Path:
        match path:
            case ("tasks", int(index), "after", int(number)):
                return ("tasks", index, "after", after_numbers[index][number])
            case ("tasksHierarchy", int(number), *rest):
                return ("tasksHierarchy", edge_numbers[number], *rest)
        return path

    try:
        sketch.define()
    except InvalidDefinition as error:
        return [Problem(path_in_entry(problem.path), problem.message) for problem in error.problems]
    return []


def _numbered(items: object, is_read: Callable[[Any], bool]) -> dict[int, Any]:
    """The items of a list that can be read, by their indexes; none if it is no list."""
    return {number: item for number, item in enumerate(items if isinstance(items, list) else ()) if is_read(item)}


def _valid(type: TypeAdapter[str], value: object) -> str | None:
    try:
        return type.validate_python(value, strict=True)
    except ValidationError:
        return None
