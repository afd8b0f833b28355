"""What tests share: a server of one's own as a real process, requests of it, and raw bytes on its socket."""

import json
import os
import re
import select
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPResponse
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2 as httpx
from workflow_mock.http.messages import Request
from workflow_mock.paths import START_PATH, TOKEN_PATH

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "app" / "workflow_mock" / "catalogue" / "demo.yaml"
WORKFLOW = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
"""The demo catalogue's first workflow."""
LARGE = "33333333-3333-4333-8333-333333333333"
"""Its workflow of 200 tasks."""
JSON_TYPE = "Content-Type: application/json"
TOKEN_FORM = b"grant_type=client_credentials&client_id=demo&client_secret=demo-secret"
START_SECONDS = 30
WAIT_SECONDS = 20
USUAL_EXAMPLES = 15
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", str(USUAL_EXAMPLES)))
"""The measure of what fuzzers and property tests try; `make fuzz` sets 1,000."""

DEMO_SECRET = "demo-secret"
"""Which everybody knows: the first page shows it."""
SECRETS: deque[str] = deque([DEMO_SECRET], maxlen=500)
"""What tests have sent, or got, that the server must show nobody."""

T = TypeVar("T")


def start_body(workflow: str = WORKFLOW) -> bytes:
    """The body of a start, in as few bytes as it can have."""
    return b'{"data":{"workflowId":"%s"}}' % workflow.encode()


START_BODY = start_body()


@dataclass
class Answer:
    """One HTTP answer read off a raw socket."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def json(self) -> Any:
        return json.loads(self.body)

    def code(self) -> str:
        """Of the first error in the envelope."""
        return str(self.json()["meta"]["errors"][0]["code"])


class Api:
    """The workflow API, over a socket or in this process."""

    http: httpx.Client

    def token(self, client: str = "demo", secret: str = "demo-secret", scope: str | None = None) -> str:
        form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
        answer = self.http.post(TOKEN_PATH, data=form | ({"scope": scope} if scope else {}))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def start(
        self,
        workflow: str = WORKFLOW,
        *,
        customer: str | None = None,
        token: str | None = None,
        **request: Any,
    ) -> httpx.Response:
        """Send the page's request; what `request` says of headers, json or content replaces the default."""
        headers = {"Authorization": f"Bearer {token or self.token()}"} | request.pop("headers", {})
        if not {"json", "content"} & request.keys():
            request["json"] = {"data": {"workflowId": workflow}}
        elif "content" in request and "Content-Type" not in headers:
            headers["Content-Type"] = "application/json"
        return self.http.post(path(workflow, customer=customer), headers=headers, **request)


@dataclass
class Server(Api):
    """A running `workflow-mock serve`."""

    process: subprocess.Popen[str]
    ready: Mapping[str, Any]
    log: Path
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        hooks = {"response": [no_secret_in]}
        self.http = httpx.Client(
            base_url=self.url, trust_env=False, verify=False, event_hooks=hooks, timeout=WAIT_SECONDS
        )

    @property
    def url(self) -> str:
        return str(self.ready["url"])

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 0

    def send(self, *data: bytes, answers: int = 1, half_close: bool = False) -> list[Answer]:
        """Send these bytes on a connection of their own, and read so many answers, or those up to its end."""
        with self.connect() as connection:
            for part in data:
                connection.sendall(part)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            return list(read_answers(connection, answers))

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=10)

    def memory(self) -> int:
        """Resident, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) // 1024

    def banner(self) -> str:
        """What it printed at its start, which comes right after the ready file."""
        until(lambda: re.search(r"\nStart .*\n\n  curl .*\n", self.log.read_text()), "no banner")
        return self.log.read_text()

    def stop(self) -> int:
        """End it as Docker would, and give its exit code."""
        self.http.close()
        self.process.terminate()
        return self.process.wait(START_SECONDS)


def read_answers(connection: socket.socket, count: int) -> Iterator[Answer]:
    """Answers as they come on a connection; fewer where it ends."""
    for _ in range(count):
        readable, _, _ = select.select([connection], [], [], 10)
        assert readable, "no answer within 10 s"
        if not connection.recv(1, socket.MSG_PEEK):
            return
        response = _Response(connection)
        response.begin()
        # Part by part: without a buffer, `read()` takes what has come so far for all of it.
        body = b"".join(iter(partial(response.read, 65536), b""))
        yield Answer(response.status, response.getheaders(), body)


class _Response(HTTPResponse):
    """Reads no byte past its own end, so that the next answer on the connection stays there to be read."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection)
        self.fp = connection.makefile("rb", buffering=0)  # type: ignore[assignment]


def no_secret_in(answer: httpx.Response) -> None:
    """Look through whatever the control plane says, in any test, for tokens and secrets."""
    sent = answer.request.headers.get("authorization", "").rpartition(" ")[2]
    if len(sent) > 20:
        SECRETS.append(sent)
    if answer.request.url.path.startswith("/__admin") and "event-stream" not in answer.headers.get("content-type", ""):
        answer.read()
        if answer.request.url.path == "/__admin/tokens" and answer.status_code == 201:
            SECRETS.extend(filter(None, [answer.json()["accessToken"]]))
        else:
            secrets = set(SECRETS) - ({DEMO_SECRET} if answer.request.url.path == "/__admin/" else set())
            assert not [secret for secret in secrets if secret in answer.text]


def request_of(**members: Any) -> Request:
    """A request as an operation sees it, with nothing behind it to read."""

    async def receive() -> Any:
        raise AssertionError("nothing is asked of the client")

    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": []}
    return Request(scope | members, receive)


def path(workflow: str = WORKFLOW, *, customer: str | None = None) -> str:
    return START_PATH.format(customerId=customer or uuid4(), workflowId=workflow)


def raw_request(
    method: str, target: str | bytes, *headers: str | bytes, body: bytes | None = None, version: str = "1.1"
) -> bytes:
    """A request as bytes for a socket. It has a Host, and with a body a Content-Length, unless `headers` say others."""
    lines = [_bytes(line) for line in headers]
    given = {line.partition(b":")[0].lower() for line in lines}
    if b"host" not in given:
        lines.insert(0, b"Host: x")
    if body is not None and not given & {b"content-length", b"transfer-encoding"}:
        lines.append(b"Content-Length: %d" % len(body))
    head = [b" ".join((method.encode(), _bytes(target), b"HTTP/" + version.encode())), *lines, b"", b""]
    return b"\r\n".join(head) + (body or b"")


def raw_start(
    token: str | None = None,
    *headers: str | bytes,
    target: str | bytes = "",
    body: bytes = START_BODY,
    method: str = "POST",
    version: str = "1.1",
) -> bytes:
    """A start of the demo workflow as bytes for a socket; without a token, one that is refused."""
    own = [JSON_TYPE, *([f"Authorization: Bearer {token}"] if token else [])]
    return raw_request(method, target or path(), *own, *headers, body=body, version=version)


def chunked(*chunks: bytes) -> bytes:
    """A body in chunks, as Transfer-Encoding has it."""
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def all_of(connection: socket.socket) -> bytes:
    """What comes on a connection until its end."""
    return b"".join(iter(partial(connection.recv, 65536), b""))


def unverified_tls() -> ssl.SSLContext:
    """For a client that takes any certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def until(look: Callable[[], T], what: str = "it never came") -> T:
    """What it sees as soon as that is something."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, what
        select.select([], [], [], 0.01)
    return found


@contextmanager
def serving(
    *arguments: str, environment: Mapping[str, str] | None = None, stdin: int | None = None
) -> Iterator[Server]:
    """A server of one's own with these arguments, on a free port, until the block ends."""
    with tempfile.TemporaryDirectory() as folder:
        ready, log = Path(folder, "ready.json"), Path(folder, "log")
        command = [sys.executable, "-m", "workflow_mock", "serve", "--port", "0", "--ready-file", str(ready)]
        with log.open("w") as output:
            process = subprocess.Popen(
                [*command, *arguments],
                stdin=stdin,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=_clean_environment() | dict(environment or {}),
                text=True,
            )
        try:
            deadline = time.monotonic() + START_SECONDS
            while not ready.exists():
                assert process.poll() is None, f"the server ended with {process.returncode}: {log.read_text()}"
                assert time.monotonic() < deadline, f"the server isn't ready: {log.read_text()}"
                select.select([], [], [], 0.01)
            server = Server(process, json.loads(ready.read_text()), log)
            with server.http:
                yield server
            said = log.read_text(errors="replace")
            assert not [secret for secret in tuple(SECRETS) if secret in said and secret != "demo-secret"]
        finally:
            process.kill()
            process.wait()
            if process.stdin:
                process.stdin.close()


def without_package(folder: Path, package: str) -> dict[str, str]:
    """The environment of a process in which a package isn't installed."""
    (folder / "sitecustomize.py").write_text(
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {package!r}:\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Missing())\n"
    )
    return {"PYTHONPATH": str(folder)}


def run(*arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the `workflow-mock` command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "workflow_mock", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=_clean_environment() | dict(environment or {}),
        check=False,
    )


def _clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("WORKFLOW_MOCK_")}
