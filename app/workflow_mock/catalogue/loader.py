"""Catalogue files: workflows and clients in YAML or JSON.

`read` gives what the files say, checked, or every problem in them with file, line and key.
"""

import json
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from workflow_mock.catalogue.schema import (
    CatalogueFile,
    CatalogueWorkflow,
    ClientEntry,
    hierarchy_problems,
    hint_for_unknown,
)
from workflow_mock.catalogue.yaml_reader import Document, ParseError, read_document
from workflow_mock.domain.client import Client
from workflow_mock.domain.definition import InvalidDefinition, WorkflowDefinition
from workflow_mock.errors import ConfigError, Problem, first_problems
from workflow_mock.errors import Path as Place
from workflow_mock.faults.spec import FaultSpec
from workflow_mock.types import NOT_KNOWN, explain, place_in

DEMO_CLIENT = Client("demo", "demo-secret")
SUFFIXES = (".yaml", ".yml", ".json")
MAX_FILE_BYTES = 64 * 1024 * 1024

_CLIENT_FIELDS = tuple(ClientEntry.model_fields)


class InvalidCatalogue(ConfigError):
    """Catalogue files have problems; the message is a line for each: `file:line: key: problem`."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The workflows that can be started, the clients that may get tokens, and the faults injected from the start."""

    workflows: tuple[WorkflowDefinition, ...]
    clients: tuple[Client, ...]
    faults: tuple[FaultSpec, ...]


def demo() -> Catalogue:
    """The built-in catalogue: `demo.yaml`, and a workflow of 200 tasks, in ten stages of twenty lanes."""
    grid = [(stage, lane) for stage in range(10) for lane in range(20)]
    tasks = [{"key": f"{stage}-{lane}", "after": [f"{stage - 1}-{lane}"] if stage else []} for stage, lane in grid]
    large = {"id": "33333333-3333-4333-8333-333333333333", "name": "Two hundred tasks", "tasks": tasks}
    small = partial((files("workflow_mock.catalogue") / "demo.yaml").read_text, "utf-8")
    return _merge([("demo.yaml", small), ("large.json", lambda: json.dumps({"workflows": [large]}))])


def read(paths: Sequence[Path], *, or_demo: bool = False) -> Catalogue:
    """The files' content together; where there are none, the demo catalogue if `or_demo`.

    A folder stands for the catalogue files in it, in the order of their names. Raises InvalidCatalogue with the
    problems of every file, at most 100 of each.
    """
    try:
        found = catalogue_files(paths)
    except OSError as error:
        raise InvalidCatalogue([f"{error.filename}: can't be read: {error}"]) from None
    if not found and not or_demo:
        raise InvalidCatalogue([f"{path}: there are no catalogue files in it" for path in paths])
    return _merge([(str(file), partial(_text, file)) for file in found]) if found else demo()


def catalogue_files(paths: Sequence[Path]) -> list[Path]:
    """The files, and those in the folders, in the order of their names. Raises OSError."""
    return [file for path in paths for file in (_inside(path) if path.is_dir() else [path])]


def _inside(folder: Path) -> list[Path]:
    """The catalogue files of a folder, by suffixes in any case, and dangling links, which reading will tell.

    Names with a dot in front are an editor's or a system's. A pipe or device might block whoever opens it.
    """
    found = (file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and not file.name.startswith("."))
    return sorted(file for file in found if file.is_file() or not file.exists())


def _text(file: Path) -> str:
    """The text of a file in UTF-8, or in UTF-16 with a byte order mark. Raises ParseError."""
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise OSError(f"it is over {MAX_FILE_BYTES} bytes")
        data = file.read_bytes()
    except OSError as error:
        raise ParseError(f"can't be read: {error}", None) from None
    is_utf16 = data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) and not data.startswith((BOM_UTF32_LE, BOM_UTF32_BE))
    try:
        text = data.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text[:4]:  # or UTF-16 and UTF-32 without a mark
        raise ParseError("can't be read: it isn't UTF-8; save it as UTF-8", None)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _merge(sources: Iterable[tuple[str, Callable[[], str]]]) -> Catalogue:
    """The content of these texts together, each by its file's name. Raises InvalidCatalogue."""
    merger = _Merger()
    for file, read_text in sources:
        merger.add(file, read_text)
    return merger.result()


@dataclass
class _Merger:
    """Takes one file after the other, and notes its problems."""

    workflows: dict[str, WorkflowDefinition] = field(default_factory=dict)
    clients: dict[str, Client] = field(default_factory=dict)
    faults: dict[str, FaultSpec] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    names_clients: bool = False

    def result(self) -> Catalogue:
        """Raises InvalidCatalogue."""
        if self.problems:
            raise InvalidCatalogue(self.problems)
        clients = self.clients if self.names_clients else {DEMO_CLIENT.id: DEMO_CLIENT}
        for fault in self.faults.values():
            _ = fault.content  # a reload compares it; made here, it holds up nobody
        return Catalogue(tuple(self.workflows.values()), tuple(clients.values()), tuple(self.faults.values()))

    def add(self, file: str, read_text: Callable[[], str]) -> None:
        """Take a file's workflows, faults and clients that are valid, and note the problems of the others."""
        try:
            text = read_text()
            document = read_document(text, is_json=file.lower().endswith(".json")) if text.strip() else None
        except ParseError as error:
            self._note(file, error.line, error)
            return
        if document is None or document.value is None:
            self._note(file, None, "is empty: a catalogue has workflows, clients or both")
            return
        found: list[Problem] = []
        try:
            self.names_clients |= CatalogueFile.model_validate(document.value).clients is not None
        except ValidationError as error:
            found += [
                Problem(place_in(document.value, each["loc"]), explain(each["msg"]))
                for each in error.errors(include_url=False, include_context=False, include_input=False)
            ]
        for index, entry in _entries(document, "workflows"):
            found += self._add_workflow(entry, ("workflows", index))
        for index, entry in _entries(document, "clients"):
            found += self._add_client(entry, ("clients", index))
        for problem in first_problems(found):
            self._note(file, document.line(problem.path), _without_secret(_with_hint(problem)))

    def _note(self, file: str, line: int | None, problem: object) -> None:
        self.problems.append(f"{file}:{line}: {problem}" if line else f"{file}: {problem}")

    def _add_workflow(self, entry: object, path: Place) -> Iterator[Problem]:
        try:
            workflow = CatalogueWorkflow.model_validate(entry)
            definition = workflow.define()
        except ValidationError:  # which the validation of the whole file has told
            yield from (problem._replace(path=path + problem.path) for problem in hierarchy_problems(entry))
            return
        except InvalidDefinition as error:
            yield from (problem._replace(path=path + problem.path) for problem in error.problems)
            return
        if self.workflows.setdefault(definition.id, definition) is not definition:
            yield Problem(path, f"repeats the workflow {definition.id} ({definition.name})")
            return
        for number, spec in enumerate(workflow.define_faults(definition.id)):
            if workflow.faults[number].matcher.workflow_id not in (None, definition.id):
                yield Problem((*path, "faults", number, "matcher", "workflowId"), "is another workflow's")
            if self.faults.setdefault(spec.id, spec) is not spec:
                yield Problem((*path, "faults", number, "id"), f"repeats the fault {spec.id}")

    def _add_client(self, entry: object, path: Place) -> Iterator[Problem]:
        try:
            client = ClientEntry.model_validate(entry).define()
        except ValidationError:  # which the validation of the whole file has told
            return
        if self.clients.setdefault(client.id, client) is not client:
            yield Problem((*path, "id"), f"repeats the client {client.id}")


def _entries(document: Document, name: str) -> Iterable[tuple[int, Any]]:
    entries = document.value.get(name) if isinstance(document.value, dict) else None
    return enumerate(entries if isinstance(entries, list) else ())


def _with_hint(problem: Problem) -> Problem:
    hint = hint_for_unknown(problem.path) if problem.message == NOT_KNOWN else None
    return problem._replace(message=f"{NOT_KNOWN}; {hint}") if hint else problem


def _without_secret(problem: Problem) -> Problem:
    """The problem, without a client's keys but its fields: `secret:x` without a space is a key of that name."""
    path, message = problem
    if path[:1] != ("clients",):
        return problem
    steps: list[str | int] = []
    for step in path[1:]:
        name = next((name for name in _CLIENT_FIELDS if isinstance(step, str) and step.startswith(name)), None)
        if isinstance(step, str) and name is None:
            return Problem(("clients", *steps), "has a key that is not known here")
        steps.append(step if name is None else name)
    return Problem(("clients", *steps), message)
