"""The clients of docs/clients.md in other languages, each run by its own tool. A tool that is missing is a failure."""

import re
import subprocess
from pathlib import Path

from tests.docs.pages import DEFAULT_URL, UUID_LINE, Snippet, environment, text_of
from tests.support import Server


def printed(folder: Path, *commands: list[str]) -> str:
    """What the last of these commands printed."""
    output = ""
    for command in commands:
        done = subprocess.run(
            command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        output = done.stdout
    return output


def source(folder: Path, name: str, language: str, server: Server) -> str:
    text = text_of(Snippet("docs/clients.md", language))
    assert DEFAULT_URL in text
    (folder / name).write_text(text.replace(DEFAULT_URL, server.url))
    return name


def test_typescript_prints_the_id_of_an_execution(server: Server, tmp_path: Path) -> None:
    """It has no types to strip, so that it is JavaScript too, which every node runs."""
    assert re.fullmatch(UUID_LINE, printed(tmp_path, ["node", source(tmp_path, "start.mjs", "ts", server)]))


def test_java_prints_the_id_of_an_execution(server: Server, tmp_path: Path) -> None:
    assert re.fullmatch(UUID_LINE, printed(tmp_path, ["java", source(tmp_path, "FirstRequest.java", "java", server)]))


def test_csharp_prints_the_id_of_an_execution(server: Server, tmp_path: Path) -> None:
    file = source(tmp_path, "FirstRequest.cs", "csharp", server)
    compiled = ["mcs", "-warnaserror", "-r:System.Net.Http.dll", "-out:FirstRequest.exe", file]
    assert re.fullmatch(UUID_LINE, printed(tmp_path, compiled, ["mono", "FirstRequest.exe"]))


def test_go_prints_the_id_of_an_execution(server: Server, tmp_path: Path) -> None:
    assert re.fullmatch(UUID_LINE, printed(tmp_path, ["go", "run", source(tmp_path, "start.go", "go", server)]))
