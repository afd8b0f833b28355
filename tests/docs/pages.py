"""The documentation taken apart: every page, its code blocks, tables and anchors."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from workflow_mock.settings import PREFIX

from tests.support import ROOT, Server

DEFAULT_URL = "http://127.0.0.1:8080"
UUID_LINE = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    language: str
    text: str
    line: int


class Snippet(NamedTuple):
    """One block: its page, its language, and words that no other block of that language on the page has."""

    page: str
    language: str
    containing: str = ""


@dataclass(frozen=True)
class Page:
    """A Markdown page; its name is its path below the root of the repository."""

    name: str
    text: str

    @property
    def path(self) -> Path:
        return ROOT / self.name

    @cached_property
    def blocks(self) -> list[Block]:
        return [Block(m[1], m[2], self.text.count("\n", 0, m.start()) + 1) for m in _BLOCK.finditer(self.text)]

    @cached_property
    def prose(self) -> str:
        """The text without its code blocks."""
        return _BLOCK.sub("", self.text)

    @cached_property
    def headings(self) -> list[str]:
        return re.findall(r"^#+ (.*)$", self.prose, re.MULTILINE)

    @cached_property
    def anchors(self) -> set[str]:
        """What a link may name after `#`, in GitHub's form."""
        return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in self.headings}

    def section(self, heading: str) -> str:
        """The prose below a heading, up to the next heading of any depth."""
        (found,) = re.findall(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", self.prose, re.MULTILINE | re.DOTALL)
        return str(found)

    def table(self, heading: str = "") -> list[list[str]]:
        """The cells of the first table, of the page or below a heading, without the table's head."""
        text = self.section(heading) if heading else self.prose
        first = re.search(r"^(?:\|.*\n)+", text, re.MULTILINE)
        assert first, f"{self.name} has no table {heading}"
        rows = [line.strip("|").split("|") for line in first[0].splitlines()]
        return [[cell.strip() for cell in row] for row in rows[2:]]


def _read() -> Iterator[Page]:
    top = (ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "SECURITY.md", ROOT / "kit" / "README.md")
    for file in (*top, *sorted(ROOT.glob("docs/**/*.md"))):
        yield Page(file.relative_to(ROOT).as_posix(), file.read_text("utf-8"))


PAGES = {page.name: page for page in _read()}


def text_of(snippet: Snippet) -> str:
    blocks = PAGES[snippet.page].blocks
    (found,) = (b.text for b in blocks if b.language == snippet.language and snippet.containing in b.text)
    return found


def code() -> str:
    """What the pages show as code: inline, and in blocks for a shell."""
    pages = PAGES.values()
    inline = [text for page in pages for text in re.findall(r"`[^`\n]+`", page.prose)]
    return "\n".join([*inline, *(block.text for page in pages for block in page.blocks if block.language == "sh")])


def environment() -> dict[str, str]:
    """That of a newcomer, who has set nothing: no setting of the server, no proxy on the way to it."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(PREFIX) and not name.lower().endswith("_proxy")
    }


def run_shell(script: str, folder: Path, server: Server | None = None) -> subprocess.CompletedProcess[str]:
    """Run a snippet where .venv is this environment, and 8080 the port of this server."""
    (folder / ".venv").mkdir(exist_ok=True)
    if not (folder / ".venv" / "bin").exists():
        (folder / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    port = {f"{PREFIX}PORT": str(server.address[1])} if server else {}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace(DEFAULT_URL, server.url) if server else script],
        cwd=folder,
        env=environment() | port,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def shell(script: str, folder: Path, server: Server | None = None) -> str:
    """What a snippet printed; it has to end well."""
    done = run_shell(script, folder, server)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def python(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def pytest_in(folder: Path) -> str:
    """What pytest prints of the tests in a folder, with this environment's commands on the path."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
        cwd=folder,
        env=environment()
        | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # all that are here take 3 s, and the pages' tests use none
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr
