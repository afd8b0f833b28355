"""The README's clients in other languages, each run by its own tool. A tool that is missing is a failure."""

import os
import re
import subprocess
from pathlib import Path

from tests.readme import DEFAULT_URL, block
from tests.support import Server


def run(folder: Path, *commands: list[str]) -> str:
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    output = ""
    for command in commands:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        output = done.stdout
    return output


def source(folder: Path, name: str, language: str, server: Server) -> str:
    (folder / name).write_text(block(language).replace(DEFAULT_URL, server.url))
    return name


def test_typescript_prints_the_id_of_an_execution(server: Server, tmp_path: Path) -> None:
    """It has no types to strip, so that it is JavaScript too, which every node runs."""
    assert re.fullmatch(r"[0-9a-f-]{36}\n", run(tmp_path, ["node", source(tmp_path, "start.mjs", "ts", server)]))


def test_java_prints_a_record(server: Server, tmp_path: Path) -> None:
    output = run(tmp_path, ["java", source(tmp_path, "FirstRequest.java", "java", server)])
    assert output.startswith("200 ")


def test_csharp_prints_a_record(server: Server, tmp_path: Path) -> None:
    file = source(tmp_path, "FirstRequest.cs", "csharp", server)
    compiled = ["mcs", "-r:System.Net.Http.dll", "-out:FirstRequest.exe", file]
    assert run(tmp_path, compiled, ["mono", "FirstRequest.exe"]).startswith("200 ")
