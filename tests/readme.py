"""The README, taken apart: its code blocks, its tables."""

import os
import re
from typing import NamedTuple

from tests.support import ROOT

README = (ROOT / "README.md").read_text("utf-8")
DEFAULT_URL = "http://127.0.0.1:8080"


class Block(NamedTuple):
    language: str
    text: str
    line: int


def blocks() -> list[Block]:
    return [
        Block(match[1], match[2], README.count("\n", 0, match.start()) + 1)
        for match in re.finditer(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    ]


def block(language: str, containing: str = "") -> str:
    """The one block of this language with this in it."""
    (found,) = (b.text for b in blocks() if b.language == language and containing in b.text)
    return found


def table(heading: str) -> list[list[str]]:
    """The cells of the first table under this heading, without its head."""
    section = README.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def environment() -> dict[str, str]:
    """That of a newcomer, who has set nothing: no setting of the server, no proxy on the way to it."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("WORKFLOW_MOCK_") and not name.lower().endswith("_proxy")
    }
