"""The README, taken apart: its code blocks, its tables."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from workflow_mock.settings import PREFIX

from tests.support import ROOT, Server

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


def shell(script: str, folder: Path, server: Server | None = None) -> str:
    """Run a snippet where .venv is this environment, and 8080 the port of this server; give what it printed."""
    (folder / ".venv").mkdir(exist_ok=True)
    if not (folder / ".venv" / "bin").exists():
        (folder / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    port = {f"{PREFIX}PORT": str(server.address[1])} if server else {}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace(DEFAULT_URL, server.url) if server else script],
        cwd=folder,
        env=environment() | port,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def python(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
