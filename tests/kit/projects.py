"""Projects whose tests use the kit, and what a run of pytest in them prints."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support import ROOT

PROJECT = ROOT / "examples" / "python"


@dataclass
class Run:
    """What a run of pytest has printed."""

    code: int
    output: str

    def failure(self, test: str) -> str:
        """All that is printed of a failing test."""
        return self.output.split(f"_ {test} _")[1].split("\n_____")[0]

    def section(self, test: str) -> list[str]:
        """The kit's section of a failing test, with `…` for what is another each time."""
        failure = self.failure(test)
        section = re.search(r"^-+ workflow-mock -+\n(.*?)(?=\n(?:-{3,}|={3,})|\Z)", failure, re.MULTILINE | re.DOTALL)
        assert section is not None, failure
        return [anonymous(line) for line in section[1].splitlines()]


def anonymous(text: str) -> str:
    """A text without times, ids and addresses."""
    text = re.sub(r"\d\d:\d\d:\d\d\.\d{3}", "<time>", text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<id>", text)
    text = re.sub(r"fault [0-9a-f]{8}", "fault <id>", text)
    return re.sub(r"http://127\.0\.0\.1:\d+", "<url>", text)


PLUGINS = ("workflow_mock_kit.pytest_plugin", "anyio.pytest_plugin", "syrupy")
"""Those of examples/python. `make test-kit` has them found by their entry points."""

HEAD = """
import pytest
from workflow_client import NotAllowed, OutcomeUnknown, TimedOut
ORDER = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
"""


def run_tests(folder: Path, *options: str, **environment: str) -> Run:
    """Run pytest in a folder, as its people do, with the plugins that they have: to load all of here takes 3 s."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(folder)]
    command += [word for plugin in PLUGINS for word in ("-p", plugin)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "WORKFLOW_MOCK"))}
    kept["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    done = subprocess.run(
        [*command, *options],
        cwd=folder,
        env=kept | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Run(done.returncode, done.stdout + done.stderr)


def prepare(folder: Path, tests: str) -> None:
    """Write a project with the client and the fixtures of examples/python, and these tests."""
    for name in ("conftest.py", "job_service.py", "pytest.ini", "workflow_client.py"):
        (folder / name).write_text((PROJECT / name).read_text())
    (folder / "test_it.py").write_text(HEAD + tests)
