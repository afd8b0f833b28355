"""The generators: how each is run, and how the program that calls its client is built and run. One entry each.

A program is in the folder named as its generator. It reads calls as lines of JSON and answers each with one line: what
the generated client made of the response. What the calls are is in typescript/lines.ts.
"""

import json
import os
import re
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import ROOT

HERE = Path(__file__).parent
CACHE = ROOT / ".clients"
"""Where `make test-clients` installs the generators, and where the clients are generated and built."""
CONTRACTS = {api: ROOT / "openapi" / f"{api}-api.yaml" for api in ("workflow", "admin")}
ANSWER_SECONDS = 60


@dataclass(frozen=True)
class Generator:
    """Command lines of a shell, run in the folder of the program.

    `generate` is run for each contract: `$CONTRACT` is its file and `$API` is `workflow` or `admin`. `package` is what
    the registry calls the generator.
    """

    package: str
    folder: str
    generate: str
    build: str
    run: str

    @property
    def name(self) -> str:
        return self.folder.replace("/", " ")

    @property
    def version(self) -> str:
        """The version that is pinned."""
        files = ("python/requirements.in", "typescript/package.json", "go/go.mod")
        pin = rf'^[\s"]*{re.escape(self.package)}(?:==|": "| v)([\d.]+)'
        (version,) = re.findall(pin, "\n".join((HERE / file).read_text() for file in files), re.MULTILINE)
        return str(version)


GENERATORS = (
    Generator(
        "openapi-generator-cli",
        "python/openapi-generator",
        "openapi-generator-cli generate -g python -i $CONTRACT -o $API --package-name ${API}_api",
        "python -m compileall -q .",
        "PYTHONPATH=..:workflow:admin python program.py",
    ),
    Generator(
        "openapi-python-client",
        "python/openapi-python-client",
        "openapi-python-client generate --path $CONTRACT --output-path ${API}_api --meta none --config config.yaml"
        " --fail-on-warning",
        # It forgets an import where an operation takes a body in several media types.
        "sed -i 's/import Response, UNSET/import UNSET, Response, Unset/' workflow_api/api/*/start_*.py"
        " && python -m compileall -q .",
        "PYTHONPATH=.. python program.py",
    ),
    Generator(
        "openapi-generator-cli",
        "typescript/typescript-fetch",
        "openapi-generator-cli generate -g typescript-fetch -i $CONTRACT -o $API"
        " --additional-properties importFileExtension=.js",
        "tsc",
        "node compiled/typescript-fetch/program.js",
    ),
    Generator(
        "orval",
        "typescript/orval",
        "orval",
        "tsc",
        "node compiled/orval/program.js",
    ),
    Generator(
        "openapi-typescript",
        "typescript/openapi-typescript",
        "openapi-typescript $CONTRACT -o $API.ts",
        "tsc",
        "node compiled/openapi-typescript/program.js",
    ),
    Generator(
        "github.com/oapi-codegen/oapi-codegen/v2",
        "go/oapi-codegen",
        "mkdir $API && go tool oapi-codegen -generate types,client -package $API -o $API/client.go $CONTRACT",
        "go build -o program .",
        "./program",
    ),
    Generator(
        "github.com/ogen-go/ogen",
        "go/ogen",
        "go tool ogen -package $API -target $API $CONTRACT",
        "go build -o program .",
        "./program",
    ),
    Generator(
        "openapi-generator-cli",
        "java/restclient",
        "openapi-generator-cli generate -g java --library restclient -i $CONTRACT -o $API"
        " --invoker-package $API --api-package $API.api --model-package $API.model",
        "mkdir sources && mv Program.java */src/main/java/* sources && mvn -q -B package",
        "java -jar target/program.jar",
    ),
    Generator(
        "openapi-generator-cli",
        "kotlin/jvm-okhttp4",
        "openapi-generator-cli generate -g kotlin --library jvm-okhttp4 -i $CONTRACT -o $API --package-name $API",
        "mkdir sources && mv Program.kt */src/main/kotlin/* sources && mvn -q -B package",
        "java -jar target/program.jar",
    ),
)


class Program:
    """A program that calls a generated client, as it runs."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.stdin, self.stdout = process.stdin, process.stdout

    def __call__(self, call: str, /, **given: Any) -> Any:
        """The answer to a call."""
        self.stdin.write(json.dumps({"call": call, **given}).encode() + b"\n")
        readable, _, _ = select.select([self.stdout], [], [], ANSWER_SECONDS)
        assert readable, f"no answer within {ANSWER_SECONDS} s"
        line = self.stdout.readline()
        assert line, "the program has ended"
        answer = json.loads(line)
        assert "raised" not in answer, answer["raised"]
        return answer


def build(generator: Generator) -> Path:
    """Generate the clients of both contracts anew and build the program; its folder."""
    source, folder = HERE / generator.folder, CACHE / generator.folder
    shutil.rmtree(folder, ignore_errors=True)
    for file in source.parent.iterdir():
        if file.is_file():
            folder.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, folder.parent)
    shutil.copytree(source, folder)
    for api, contract in CONTRACTS.items():
        _shell(generator.generate, folder, CONTRACT=str(contract), API=api)
    _shell(generator.build, folder)
    return folder


def _shell(command: str, folder: Path, **variables: str) -> None:
    done = subprocess.run(
        ["bash", "-ec", command],
        cwd=folder,
        env=_environment() | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}"


def _environment() -> dict[str, str]:
    path = [str(CACHE / "venv" / "bin"), str(CACHE / "typescript" / "node_modules" / ".bin"), os.environ["PATH"]]
    return os.environ | {"PATH": os.pathsep.join(path)}


@contextmanager
def running(generator: Generator, url: str) -> Iterator[Program]:
    """The program of a generator, built and run against the server at this address, until the block ends."""
    with subprocess.Popen(
        ["bash", "-c", f"exec env {generator.run}"],
        cwd=build(generator),
        env=_environment() | {"WORKFLOW_MOCK_URL": url},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    ) as process:
        try:
            yield Program(process)
        finally:
            process.kill()
