"""What the tests of the projects in examples/ share."""

import re
import sys
from pathlib import Path

from tests.support import ROOT

COMMAND = f"{sys.executable} -m workflow_mock"
NOBODY = "http://127.0.0.1:9"
"""The port `discard`, where nothing answers."""
NO_SERVER = (
    "there is no workflow-mock: set WORKFLOW_MOCK_URL to the address of one that runs; or install it anywhere"
    " on PATH (pipx install workflow-mock); or say in WORKFLOW_MOCK_COMMAND how to run it (uvx workflow-mock)"
)
"""What a helper says where it finds none: all ways to one."""
NAMES = re.findall(
    r"^(?:async )?def test_(\w+)", (ROOT / "examples" / "python" / "test_client.py").read_text(), re.MULTILINE
)
"""The names of the kit's tests, which each project has."""


def recording(folder: Path) -> tuple[str, Path]:
    """A command that runs the server, and the file to which it writes the id of its process."""
    command, file = folder / "serve.sh", folder / "pid"
    command.write_text(f'#!/bin/sh\necho $$ > {file}\nexec {COMMAND} "$@"\n')
    command.chmod(0o755)
    return str(command), file


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
