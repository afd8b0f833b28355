"""Catalogue files: workflows and clients in YAML or JSON.

`read` gives what the files say, checked, or every fault in them with file, line and key.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, ValidationError, model_validator

from workflow_mock.documents import ParseFault, lines, parse
from workflow_mock.domain.definition import (
    Edge,
    Fault,
    InvalidDefinition,
    Kind,
    Outcome,
    Progression,
    Task,
    WorkflowDefinition,
    define,
)
from workflow_mock.domain.definition import Path as FaultPath
from workflow_mock.domain.ids import derive_uuid
from workflow_mock.fields import Duration, Shape, Uuid, explain, place_in
from workflow_mock.oauth.issue import Client
from workflow_mock.settings import Unusable
from workflow_mock.state.faults import FaultSpec

DEMO_CLIENT = Client("demo", "demo-secret")
SUFFIXES = (".yaml", ".yml", ".json")
MAX_FILE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class FileFault:
    """What is wrong with a catalogue file; `line` counts from 1 and is None where the whole file is meant."""

    file: str
    line: int | None
    fault: Fault

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.fault}" if self.line else f"{self.file}: {self.fault}"


class InvalidCatalogue(Unusable):
    """Catalogue files have faults; the message is a line for each."""

    def __init__(self, faults: Sequence[FileFault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Catalogue:
    workflows: tuple[WorkflowDefinition, ...]
    clients: tuple[Client, ...]
    faults: tuple[FaultSpec, ...] = ()


Name = Annotated[str, Field(min_length=1, max_length=200)]
Customers = Annotated[list[Uuid] | None, Field(description="The customers meant; without it, every customer.")]


class TaskEntry(Shape):
    """A task of a workflow: a key or an id names it."""

    key: Name | None = Field(None, description="A name to refer to the task by; its id is derived from it.")
    id: Uuid | None = None
    subject_id: Uuid | None = Field(None, description="What the job works on; derived from the task's id if not given.")
    name: str | None = Field(None, description="What people read; the key if not given.", max_length=1000)
    parameters: dict[str, Any] = Field(default_factory=dict)
    is_trigger: bool | None = Field(None, description="If not given, a task that waits for no other is a trigger.")
    after: list[str] = Field(default_factory=list, description="Keys or ids of the tasks that this one waits for.")
    progression: Kind | None = Field(
        None,
        strict=False,
        description="How it gets done once it is queued: manual if not given, or timed by a duration.",
    )
    duration: Duration | None = Field(None, description="How long it runs, such as 90s or PT1H30M.")
    outcome: Outcome = Field(Outcome.COMPLETE, strict=False, description="How it ends if it is immediate or timed.")

    @model_validator(mode="after")
    def _sensible(self) -> "TaskEntry":
        kind = self.progression or (Kind.TIMED if self.duration is not None else Kind.MANUAL)
        if (kind is Kind.TIMED) != (self.duration is not None):
            raise ValueError(f"a {kind} task {'needs a' if kind is Kind.TIMED else 'has no'} duration")
        if kind is Kind.MANUAL and self.outcome is not Outcome.COMPLETE:
            raise ValueError("a manual task has no outcome until somebody completes or fails it")
        return self

    def define(self, id: str, *, is_root: bool) -> Task:
        kind = self.progression or (Kind.TIMED if self.duration is not None else Kind.MANUAL)
        return Task(
            id=id,
            subject_id=self.subject_id or derive_uuid(id, "subject"),
            name=self.name or self.key or id,
            parameters=self.parameters,
            is_trigger=is_root if self.is_trigger is None else self.is_trigger,
            progression=Progression(kind, self.duration or timedelta(0), self.outcome),
        )

    @property
    def label(self) -> str:
        return self.key or self.id or self.name or "without a key"


class EdgeEntry(Shape):
    """One line of the hierarchy: the child waits for the parent. Each is a task's id or key."""

    parent: str
    child: str


class WorkflowEntry(Shape):
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
        ids: list[str] = []
        named: dict[str, str] = {}
        faults: list[Fault] = []
        for place, task in enumerate(self.tasks):
            if task.id is None and task.key is None:
                faults.append(Fault(("tasks", place), "a task needs a key or an id"))
            ids.append(task.id or derive_uuid(workflow_id, task.key or ""))
            if task.key is not None and named.setdefault(task.key, ids[-1]) != ids[-1]:
                faults.append(Fault(("tasks", place, "key"), f"repeats the key {task.key}"))
        if faults:
            raise InvalidDefinition(faults)
        known = set(ids)

        def task_id(reference: str, path: FaultPath) -> str:
            id = named.get(reference) or reference.lower()
            if id not in known:
                near = get_close_matches(reference, named, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                faults.append(Fault(path, f"names the unknown task {reference}{hint}"))
            return id

        edges: list[Edge] = []
        paths: list[FaultPath] = []
        for place, edge in enumerate(self.tasks_hierarchy):
            path: FaultPath = ("tasksHierarchy", place)
            edges.append(Edge(task_id(edge.parent, (*path, "parent")), task_id(edge.child, (*path, "child"))))
            paths.append(path)
        for place, task in enumerate(self.tasks):
            for number, reference in enumerate(task.after):
                path = ("tasks", place, "after", number)
                edges.append(Edge(task_id(reference, path), ids[place]))
                paths.append(path)
        if faults:
            raise InvalidDefinition(faults)
        children = {edge.child for edge in edges}
        return define(
            workflow_id,
            self.name,
            [task.define(id, is_root=id not in children) for id, task in zip(ids, self.tasks, strict=True)],
            edges,
            customers=None if self.customers is None else frozenset(self.customers),
            edge_paths=paths,
            labels=[task.label for task in self.tasks],
        )


def entry_of(definition: WorkflowDefinition) -> WorkflowEntry:
    """What would define this workflow, with every id written out."""
    return WorkflowEntry(
        id=definition.id,
        name=definition.name,
        customers=None if definition.customers is None else sorted(definition.customers),
        tasks=[
            TaskEntry(
                id=task.id,
                subject_id=task.subject_id,
                name=task.name,
                parameters=dict(task.parameters),
                is_trigger=task.is_trigger,
                progression=task.progression.kind,
                duration=task.progression.duration if task.progression.kind is Kind.TIMED else None,
                outcome=task.progression.outcome,
            )
            for task in definition.tasks
        ],
        tasks_hierarchy=[EdgeEntry(parent=edge.parent, child=edge.child) for edge in definition.hierarchy],
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


class ClientEntry(Shape):
    """A client of the authorization server."""

    id: str = Field(min_length=1, max_length=100)
    secret: str = Field(min_length=1, max_length=100)
    scopes: list[Annotated[str, Field(pattern=r"^[!#-\[\]-~]+$")]] | None = Field(
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


class CatalogueFile(Shape):
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
    text = (files("workflow_mock") / "demo.yaml").read_text("utf-8")
    return _merge([("demo.yaml", text), ("large.json", json.dumps({"workflows": [large]}))])


def read(paths: Sequence[Path]) -> Catalogue:
    """What these files say together; without any, the demo catalogue.

    A folder stands for the catalogue files in it, in the order of their names. Raises InvalidCatalogue with every fault
    of every file.
    """
    try:
        found = catalogue_files(paths)
    except OSError as error:
        raise InvalidCatalogue([FileFault(str(error.filename), None, Fault((), f"can't be read: {error}"))]) from None
    if not found:
        return demo()
    texts: list[tuple[str, str]] = []
    unreadable: list[FileFault] = []
    for file in found:
        try:
            if file.stat().st_size > MAX_FILE_BYTES:
                raise OSError(f"it is over {MAX_FILE_BYTES} bytes")
            texts.append((str(file), file.read_text("utf-8-sig")))
        except (OSError, UnicodeDecodeError) as error:
            unreadable.append(FileFault(str(file), None, Fault((), f"can't be read: {error}")))
    if unreadable:
        raise InvalidCatalogue(unreadable)
    return _merge(texts)


def catalogue_files(paths: Sequence[Path]) -> list[Path]:
    """The files, and those in the folders, in the order of their names. Raises OSError."""
    return [file for path in paths for file in (_inside(path) if path.is_dir() else [path])]


def _inside(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix in SUFFIXES)


def _merge(texts: Sequence[tuple[str, str]]) -> Catalogue:
    workflows: dict[str, WorkflowDefinition] = {}
    clients: dict[str, Client] = {}
    to_strike: list[FaultSpec] = []
    faults: list[FileFault] = []
    names_clients = False
    for file, text in texts:
        found: list[Fault] = []
        try:
            document = parse(text, is_json=file.endswith(".json"))
        except ParseFault as error:
            faults.append(FileFault(file, error.line, Fault((), str(error))))
            continue
        try:
            content = CatalogueFile.model_validate(document)
        except ValidationError as error:
            found = [
                Fault(_without_secret(place_in(document, entry["loc"])), explain(entry["msg"]))
                for entry in error.errors(include_url=False)
            ]
        else:
            names_clients = names_clients or content.clients is not None
            for place, workflow in enumerate(content.workflows):
                path: FaultPath = ("workflows", place)
                try:
                    definition = workflow.define()
                except InvalidDefinition as error:
                    found += [Fault((*path, *fault.path), fault.message) for fault in error.faults]
                    continue
                to_strike += workflow.define_faults(definition.id)
                if workflows.setdefault(definition.id, definition) is not definition:
                    found.append(Fault(path, f"repeats the workflow {definition.id} ({definition.name})"))
            for place, entry in enumerate(content.clients or ()):
                if clients.setdefault(entry.id, client := entry.define()) is not client:
                    found.append(Fault(("clients", place, "id"), f"repeats the client {entry.id}"))
        places = lines(text, [fault.path for fault in found])
        faults += [FileFault(file, line, fault) for fault, line in zip(found, places, strict=True)]
    if faults:
        raise InvalidCatalogue(faults)
    if not names_clients:
        clients = {DEMO_CLIENT.id: DEMO_CLIENT}
    return Catalogue(tuple(workflows.values()), tuple(clients.values()), tuple(to_strike))


def _without_secret(path: FaultPath) -> FaultPath:
    """In a client, `secret:x` without a space is a key of that name: no more of one is shown than is a word."""
    if path[:1] != ("clients",):
        return path
    return tuple(re.split(r"\W", step)[0] if isinstance(step, str) else step for step in path)
