"""Catalogue files: workflows and clients in YAML or JSON.

`read` gives what the files say, checked, or every fault in them with file, line and key.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from importlib.resources import files
from itertools import repeat
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import ConfigDict, Field, ValidationError, model_validator

from workflow_mock.catalogue.yaml_reader import ParseError, lines, parse
from workflow_mock.domain.definition import (
    Edge,
    InvalidDefinition,
    Outcome,
    Problem,
    Progression,
    Task,
    WorkflowDefinition,
    define,
)
from workflow_mock.domain.definition import Path as Path_
from workflow_mock.faults.spec import FaultSpec
from workflow_mock.formats import derive_uuid
from workflow_mock.oauth.token_provider import Client
from workflow_mock.settings import ConfigError
from workflow_mock.types import Duration, ScopeName, StrictModel, Uuid, explain, place_in

S = TypeVar("S", bound=StrictModel)
DEMO_CLIENT = Client("demo", "demo-secret")
SUFFIXES = (".yaml", ".yml", ".json")
MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_HINTS, MAX_NAMES = 3, 1000
"""So many unknown references of a workflow are compared, with so many keys at most: 30 ms each for a thousand keys."""


class InvalidCatalogue(ConfigError):
    """Catalogue files have faults; the message is a line for each: `file:line: key: what`."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Catalogue:
    workflows: tuple[WorkflowDefinition, ...]
    clients: tuple[Client, ...]
    faults: tuple[FaultSpec, ...] = ()


Name = Annotated[str, Field(min_length=1, max_length=200)]
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
        known = set(ids)
        named: dict[str, str] = {}
        faults: list[Problem] = []
        for place, task in enumerate(self.tasks):
            if task.key in named:
                faults.append(Problem(("tasks", place, "key"), f"repeats the key {task.key}"))
            elif task.key is not None:
                named[task.key] = ids[place]

        def task_id(reference: str, *path: str | int) -> str:
            id = named.get(reference) or reference.lower()
            if id not in known:
                can_hint = len(faults) < MAX_HINTS and len(named) <= MAX_NAMES
                near = get_close_matches(reference, named, n=1) if can_hint else []
                hint = f"; did you mean {near[0]}?" if near else ""
                faults.append(Problem(path, f"names the unknown task {reference}{hint}"))
            return id

        edges: dict[Path_, Edge] = {}
        for place, edge in enumerate(self.tasks_hierarchy):
            path: Path_ = ("tasksHierarchy", place)
            edges[path] = Edge(task_id(edge.parent, *path, "parent"), task_id(edge.child, *path, "child"))
        for place, task in enumerate(self.tasks):
            for number, reference in enumerate(task.after):
                path = ("tasks", place, "after", number)
                edges[path] = Edge(task_id(reference, *path), ids[place])
        if faults:
            raise InvalidDefinition(faults)
        children = {edge.child for edge in edges.values()}
        return define(
            workflow_id,
            self.name,
            [task.define(id, is_root=id not in children) for id, task in zip(ids, self.tasks, strict=True)],
            list(edges.values()),
            customers=None if self.customers is None else frozenset(self.customers),
            edge_paths=list(edges),
            labels=[task.key or id for id, task in zip(ids, self.tasks, strict=True)],
        )


def entry_of(definition: WorkflowDefinition) -> WorkflowEntry:
    """What would define this workflow, with every id written out."""
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
    """A workflow of a catalogue file, which may have faults that strike whoever starts it."""

    faults: list[FaultSpec] = Field(default_factory=list, description="As POST /__admin/faults takes them.")

    def define_faults(self, workflow_id: str) -> list[FaultSpec]:
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


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a catalogue file, for editors."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return head | CatalogueFile.model_json_schema() | {"title": "A catalogue of workflow-mock"}


def demo() -> Catalogue:
    """The built-in catalogue: `demo.yaml`, and a workflow of 200 tasks, in ten stages of twenty lanes."""
    grid = [(stage, lane) for stage in range(10) for lane in range(20)]
    tasks = [{"key": f"{stage}-{lane}", "after": [f"{stage - 1}-{lane}"] if stage else []} for stage, lane in grid]
    large = {"id": "33333333-3333-4333-8333-333333333333", "name": "Two hundred tasks", "tasks": tasks}
    small = partial((files("workflow_mock.catalogue") / "demo.yaml").read_text, "utf-8")
    return _merge([("demo.yaml", small), ("large.json", lambda: json.dumps({"workflows": [large]}))])


def read(paths: Sequence[Path], *, or_demo: bool = False) -> Catalogue:
    """What these files say together; where there are none, the demo catalogue if that will do.

    A folder stands for the catalogue files in it, in the order of their names. Raises InvalidCatalogue with every fault
    of every file.
    """
    try:
        found = catalogue_files(paths)
    except OSError as error:
        raise InvalidCatalogue([f"{error.filename}: can't be read: {error}"]) from None
    if not found and not or_demo:
        raise InvalidCatalogue([f"{path}: there are no catalogue files in it" for path in paths])
    return _merge([(str(file), partial(_text, file)) for file in found]) if found else demo()


def _text(file: Path) -> str:
    """Raises ParseError."""
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise OSError(f"it is over {MAX_FILE_BYTES} bytes")
        return file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ParseError(f"can't be read: {error}", None) from None


def catalogue_files(paths: Sequence[Path]) -> list[Path]:
    """The files, and those in the folders, in the order of their names. Raises OSError."""
    return [file for path in paths for file in (_inside(path) if path.is_dir() else [path])]


def _inside(folder: Path) -> list[Path]:
    """What is neither a file nor a dangling link, which reading will tell, might block whoever opens it."""
    found = (file for file in folder.iterdir() if file.suffix in SUFFIXES)
    return sorted(file for file in found if file.is_file() or not file.exists())


def _merge(sources: Iterable[tuple[str, Callable[[], str]]]) -> Catalogue:
    """What these say together, each by its name. Raises InvalidCatalogue."""
    workflows: dict[str, WorkflowDefinition] = {}
    clients: dict[str, Client] = {}
    to_strike: dict[str, FaultSpec] = {}
    faults: list[str] = []
    names_clients = False
    for file, read_text in sources:
        found: list[Problem] = []
        try:
            text = read_text()
            document = parse(text, is_json=file.endswith(".json"))
        except ParseError as error:
            faults.append(_told(file, error.line, error))
            continue
        try:
            names_clients |= CatalogueFile.model_validate(document).clients is not None
        except ValidationError as error:
            found = [
                Problem(_without_secret(place_in(document, each["loc"])), explain(each["msg"]))
                for each in error.errors()
            ]
        for place, workflow in _valid(CatalogueWorkflow, document, "workflows"):
            path: Path_ = ("workflows", place)
            try:
                definition = workflow.define()
            except InvalidDefinition as error:
                found += [Problem((*path, *problem.path), problem.message) for problem in error.problems]
                continue
            if workflows.setdefault(definition.id, definition) is not definition:
                found.append(Problem(path, f"repeats the workflow {definition.id} ({definition.name})"))
                continue
            for number, spec in enumerate(workflow.define_faults(definition.id)):
                if workflow.faults[number].matcher.workflow_id not in (None, definition.id):
                    found.append(Problem((*path, "faults", number, "matcher", "workflowId"), "is another workflow's"))
                if to_strike.setdefault(spec.id, spec) is not spec:
                    found.append(Problem((*path, "faults", number, "id"), f"repeats the fault {spec.id}"))
        for place, entry in _valid(ClientEntry, document, "clients"):
            if clients.setdefault(entry.id, client := entry.define()) is not client:
                found.append(Problem(("clients", place, "id"), f"repeats the client {entry.id}"))
        places = lines(text, [fault.path for fault in found])
        faults += map(_told, repeat(file), places, found)
    if faults:
        raise InvalidCatalogue(faults)
    if not names_clients:
        clients = {DEMO_CLIENT.id: DEMO_CLIENT}
    return Catalogue(tuple(workflows.values()), tuple(clients.values()), tuple(to_strike.values()))


def _valid(shape: type[S], document: Any, name: str) -> Iterator[tuple[int, S]]:
    """The entries under a name that are valid by themselves, and their places."""
    entries = document.get(name) if isinstance(document, dict) else None
    for place, entry in enumerate(entries if isinstance(entries, list) else ()):
        with suppress(ValidationError):
            yield place, shape.model_validate(entry)


def _told(file: str, line: int | None, what: object) -> str:
    """What is wrong with a file, at a line where it isn't all of it."""
    return f"{file}:{line}: {what}" if line else f"{file}: {what}"


def _without_secret(path: Path_) -> Path_:
    """In a client, `secret:x` without a space is a key of that name: no more of one is shown than is a word."""
    if path[:1] != ("clients",):
        return path
    return tuple(re.split(r"\W", step)[0] if isinstance(step, str) else step for step in path)
