"""Sends the requests of the corpus, and says of each answer what a client reads in it.

A line of `cases/GROUP.jsonl` is a case: its name, what it asks, what is sent, and what the platform answered. Texts are
latin-1, a character for a byte, with the names of `Corpus` in double braces; `{{300*x}}` is 300 times x. In a list,
`<await>` waits until something comes, and `<end>` ends the client's half if nothing has.

An answer has its status, and what of these isn't as usual: the header fields in `USUAL`; `bound`, the customer, the
path's workflow and the body's; `faults`, the members at fault; the token endpoint's `error`, or `scope` and `client` of
its token. `closed` says that no other request may follow.
"""

import json
import re
import select
import socket
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import parse_headers
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from tests.platform.tokens import CUSTOMER, ISSUER, Tokens
from tests.support import WORKFLOW, Server, serving

CASES = Path(__file__).with_name("cases")
GROUPS = sorted(file.stem for file in CASES.glob("*.jsonl"))
WAIT_SECONDS = 20
AWAIT_SECONDS = 2
PATH = f"/api/workflow/v1.0/customer/{CUSTOMER}/workflow/{WORKFLOW}/WorkflowExecution"
HTTP = "HTTP/1.1\r\nHost: {{HOST}}\r\n"
GOOD = "Authorization: Bearer {{TOKEN:good}}\r\n"
TEXTS = {
    "PATH": PATH,
    "CUSTOMER": CUSTOMER,
    "WORKFLOW": WORKFLOW,
    "BODY": '{"data": {"workflowId": "%s"}}' % WORKFLOW,  # noqa: UP031 - braces
    "HTTP": HTTP,
    "GOOD": GOOD,
    "JSON": "Content-Type: application/json\r\n",
    "START": f"POST {PATH} {HTTP}{GOOD}",
    "PROPERTIES": ", ".join(f'"p{number}": {number}' for number in range(10_000)),
}
_NAME = re.compile(r"\{\{(?:(\d+)\*([^{}]+)|([A-Z]+)|TOKEN:([a-z0-9-]+))\}\}")
_NOW = re.compile(r"'\d\d/\d\d/20(2[5-9]|3\d) \d\d:\d\d:\d\d'")

USUAL = {
    "www-authenticate": None,
    "allow": None,
    "cache-control": None,
    "pragma": None,
    "location": None,
    "content-encoding": None,
    "content-type": "application/json; charset=utf-8",
}
"""The header fields that clients read, and their values in most answers of the workflow API."""
USUAL_IN = {
    "token": {
        "cache-control": "no-store, no-cache, max-age=0",
        "pragma": "no-cache",
        "content-type": "application/json; charset=UTF-8",
    },
    "discovery": {"content-type": "application/json; charset=UTF-8"},
}

Seen = list[Any]
"""What was seen on a connection: answers as above, and `closed`."""


class Case(NamedTuple):
    name: str
    send: list[str]
    answers: Seen
    """The platform's."""


def cases_of(group: str) -> Iterator[Case]:
    for line in (CASES / f"{group}.jsonl").read_text("utf-8").splitlines():
        case = json.loads(line)
        send = case["send"] if isinstance(case["send"], list) else [case["send"]]
        yield Case(f"{group}/{case['name']}", send, case["answers"])


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


class Client:
    """Replays cases against a server; `bound` says which ids a start was bound to, by the body of its answer."""

    def __init__(self, address: tuple[str, int], tokens: Tokens, bound: Callable[[Any], list[str]]) -> None:
        self._address = address
        self._host = f"{address[0]}:{address[1]}"
        self._tokens = tokens
        self._bound = bound

    def replay(self, case: Case, wanted: int) -> Seen:
        """What comes back; no more is waited for once so many answers came."""
        group = case.name.partition("/")[0]
        steps = [step if step in ("<await>", "<end>") else self._fill(step) for step in case.send]
        is_head = isinstance(steps[0], bytes) and steps[0].startswith(b"HEAD ")
        with socket.create_connection(self._address, timeout=WAIT_SECONDS) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            data = _exchange(connection, steps, lambda data: len(_answers(data, is_head)[0]) >= wanted)
        answers, rest = _answers(data, is_head)
        seen: Seen = [self._seen(answer, group) for answer in answers]
        if rest:
            seen.append({"bytes": rest.hex()})
        if rest or (answers and "close" in answers[-1].headers.get("connection", "")):
            seen.append("closed")
        return seen

    def _fill(self, step: str) -> bytes:
        def filled(found: re.Match[str]) -> str:
            times, text, name, token = found.groups()
            if times:
                if text == "FIELDS":
                    return "".join(f"&p{number}=1" for number in range(int(times)))
                return str(text) * int(times)
            if token:
                return self._tokens[token]
            return self._host if name == "HOST" else _NAME.sub(filled, TEXTS[name])

        return _NAME.sub(filled, step).encode("latin-1")

    def _seen(self, answer: Answer, group: str) -> dict[str, Any]:
        seen: dict[str, Any] = {"status": answer.status}
        if answer.status < 200:
            return seen
        of_api = group not in USUAL_IN
        for name, usual in (USUAL | USUAL_IN.get(group, {})).items():
            value = answer.headers.get(name)
            if value != usual and not (of_api and name == "content-type" and answer.status != 200):
                seen[name] = value and _NOW.sub("'<now>'", value)
        try:
            body = json.loads(answer.body)
        except ValueError:
            return seen
        return seen | (self._api(answer.status, body) if of_api else self._oauth(body, group))

    def _api(self, status: int, body: dict[str, Any]) -> dict[str, Any]:
        if status == 200:
            bound = self._bound(body)
            return {} if bound == [CUSTOMER, WORKFLOW, WORKFLOW] else {"bound": bound}
        if "meta" not in body:
            return {}
        codes = {error["code"] for error in body["meta"]["errors"]}
        faults = {problem["property"] for problem in body["meta"]["validation"]}
        if "malformed_json" in codes:
            faults.add("$")
        return {"faults": sorted(faults)} if faults else {}

    def _oauth(self, body: dict[str, Any], group: str) -> dict[str, Any]:
        if "error" in body:
            return {"error": body["error"]}
        if "access_token" in body:
            payload = body["access_token"].split(".")[1]
            claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
            return {"scope": body["scope"], "client": claims["client_id"]}
        if "issuer" in body:
            names = ("issuer", "jwks_uri", "token_endpoint")
            return {"names": {name: body[name].replace(self._host, "<host>") for name in names}}
        return {"key": sorted(body["keys"][0])} if "keys" in body else {}


@contextmanager
def serving_corpus(tokens: Tokens, folder: Path) -> Iterator[Server]:
    """A server that trusts the corpus' key, with its catalogue. The folder is for the key."""
    jwks = folder / "jwks.json"
    jwks.write_text(tokens.jwks())
    catalogue = Path(__file__).with_name("catalogue.yaml")
    with serving("--catalogue", str(catalogue), "--jwks", str(jwks), "--jwks-issuer", ISSUER) as server:
        yield server


def bound_by(server: Server, started: Any) -> list[str]:
    """The customer and the workflow of an execution; the path's workflow is the body's."""
    execution = server.http.get(f"/__admin/executions/{started['data']['id']}").json()
    return [execution["customerId"], execution["workflowId"], execution["workflowId"]]


def _exchange(connection: socket.socket, steps: list[Any], is_all: Callable[[bytes], bool]) -> bytes:
    """Send the steps, reading what comes meanwhile; once all came, end our half, and read until the server's end."""
    deadline = time.monotonic() + WAIT_SECONDS
    received, unsent, steps = b"", memoryview(b""), list(steps)
    has_ended = is_awaiting = False
    while True:
        while not unsent and steps and not is_awaiting:
            step = steps.pop(0)
            if step == "<await>":
                is_awaiting = True
            elif step == "<end>" and received:  # an end in the middle of an answer would cut it off
                continue
            elif step == "<end>":
                connection.shutdown(socket.SHUT_WR)
                has_ended = True
            else:
                unsent = memoryview(step)
        if not (has_ended or is_awaiting) and is_all(received) and (received or not unsent):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
            has_ended, unsent, steps = True, memoryview(b""), []
        patience = AWAIT_SECONDS if is_awaiting else deadline - time.monotonic()
        readable, writable, _ = select.select([connection], [connection] if unsent else [], [], max(patience, 0))
        if not readable and not writable:
            assert is_awaiting, f"nothing more came after {received[-2000:]!r}"
        is_awaiting = False
        try:
            if readable:
                data = connection.recv(1 << 20)
                if not data:
                    return received
                received += data
            elif writable:
                unsent = unsent[connection.send(unsent[: 1 << 20]) :]
        except ConnectionError:
            return received


def _answers(data: bytes, is_head: bool) -> tuple[list[Answer], bytes]:
    """The answers that are complete, and what is left over."""
    found = []
    while (taken := _take(data, is_head)) is not None:
        answer, data = taken
        found.append(answer)
    return found, data


def _take(data: bytes, is_head: bool) -> tuple[Answer, bytes] | None:
    head, blank, rest = data.partition(b"\r\n\r\n")
    if not blank or not head.startswith(b"HTTP/1.1 "):
        return None
    line, _, fields = head.partition(b"\r\n")
    status = int(line[9:12])
    message = parse_headers(BytesIO(fields + b"\r\n\r\n"))
    headers = {name.lower(): ", ".join(message.get_all(name, [])) for name in message.keys()}  # noqa: SIM118
    length = 0 if is_head or status < 200 else int(headers.get("content-length", 0))
    if headers.get("transfer-encoding") == "chunked" and not is_head:
        return _dechunk(status, headers, rest)
    if length == 0 and headers.get("connection") == "close" and "content-length" not in headers:
        return Answer(status, headers, rest), b""
    if len(rest) < length:
        return None
    return Answer(status, headers, rest[:length]), rest[length:]


def _dechunk(status: int, headers: Mapping[str, str], rest: bytes) -> tuple[Answer, bytes] | None:
    body, size = b"", 1
    while size:
        line, end, rest = rest.partition(b"\r\n")
        size = int(line, 16) if end else 0
        if not end or len(rest) < size + 2:
            return None
        body, rest = body + rest[:size], rest[size + 2 :]
    return Answer(status, headers, body), rest
