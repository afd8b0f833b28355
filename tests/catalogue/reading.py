"""Catalogue files of one text, read."""

from pathlib import Path

import pytest
from workflow_mock.catalogue.loader import Catalogue, InvalidCatalogue, read
from workflow_mock.domain.definition import WorkflowDefinition


def of(folder: Path, text: str, name: str = "c.yaml") -> Catalogue:
    (folder / name).write_text(text)
    return read([folder / name])


def workflow(folder: Path, text: str) -> WorkflowDefinition:
    (found,) = of(folder, text).workflows
    return found


def faults(folder: Path, text: str, name: str = "c.yaml") -> list[str]:
    with pytest.raises(InvalidCatalogue) as caught:
        of(folder, text, name)
    return [str(fault).removeprefix(str(folder) + "/") for fault in caught.value.problems]
