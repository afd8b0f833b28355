"""The tree of docs/architecture.md is that of the package."""

import re
from collections.abc import Iterator

from tests.docs.pages import Snippet, text_of
from tests.support import ROOT

TREE = Snippet("docs/architecture.md", "text")


def drawn() -> Iterator[str]:
    """The files that the tree draws, below app/workflow_mock."""
    folder = ""
    for line in text_of(TREE).splitlines()[1:]:
        indent, names = (
            len(line) - len(line.lstrip()),
            re.split(r"\s{2,}(?![\w-]+\.(?:py|yaml|typed)\b)", line.strip())[0],
        )
        if indent == 2:
            folder = names if names.endswith("/") else ""
        if indent in (2, 4):
            for name in re.findall(r"[\w-]+\.(?:py|typed|yaml)", names):
                yield f"{folder if indent == 4 else ''}{name}"


def test_the_tree_draws_each_file_once() -> None:
    files = list(drawn())
    assert len(files) > 60
    assert len(files) == len(set(files))


def test_the_tree_is_that_of_the_package() -> None:
    package = ROOT / "app" / "workflow_mock"
    here = {file.relative_to(package).as_posix() for file in package.rglob("*") if "__pycache__" not in file.parts}
    files = {name for name in here if re.search(r"\.(py|typed|yaml)$", name) and not name.endswith("/__init__.py")}
    assert files == set(drawn())
