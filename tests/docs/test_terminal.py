"""What docs/terminal.md shows is what a terminal shows."""

import re
import shlex
import subprocess
import sys
from contextlib import suppress

import httpx2

from tests.docs.pages import DEFAULT_URL, Snippet, text_of
from tests.support import Server, raw_request, serving, until

LINES = Snippet("docs/terminal.md", "text")
TAIL = Snippet("docs/terminal.md", "sh")
CUSTOMER = "5f0c1e0a-7d5b-4b5e-9c57-2f1f6c3a9d10"


def without_what_differs(line: str) -> str:
    """A line without times, durations and the ids of this run; and without what the page leaves out."""
    line = re.sub(r"^\S+|[\d.]+ ms$| \([0-9a-f]{8}-[0-9a-f]{6}\)$|(?<=localhost ).*", "", line)
    return re.sub(r"(?<=execution )\w+|(?<=DUPLICATE of )\w+|(?<=fault )\w{8}", "id", line).rstrip()


def replay(server: Server) -> None:
    token, mine = server.token(), {"customerId": CUSTOMER}
    server.start(customer=CUSTOMER, token=token)
    faults: list[dict[str, object]] = [
        {"status": 503, "retryAfter": "5s", "times": 2},
        {"fault": "CONNECTION_RESET_BY_PEER", "when": "afterCommit"},
    ]
    for fault in faults:
        added = server.http.post("/__admin/faults", params=mine, json=fault).json()["id"]
        with suppress(httpx2.TransportError):
            server.start(customer=CUSTOMER, token=token)
        server.http.delete(f"/__admin/faults/{added}")
    server.start(customer=CUSTOMER, token=token)
    server.start(customer=CUSTOMER, token=token, json={})
    server.send(raw_request("POST", "/__admin/faults", "Host: mock.example"))


def test_the_lines_are_those_of_these_requests() -> None:
    with serving() as own:
        replay(own)
        until(lambda: "admin_forbidden" in own.log.read_text())
        seen = [each for each in own.log.read_text().splitlines() if re.match(r"\d\d:\d\d:\d\d", each)]
        of_the_page = [each for each in seen if not re.search(r"  admin  \w+ \S+ .* 20[14] ", each)]
    assert [without_what_differs(each) for each in of_the_page] == [
        without_what_differs(each) for each in text_of(LINES).splitlines()
    ]


def test_tail_shows_those_that_failed() -> None:
    with serving() as own:
        program, *words = shlex.split(text_of(TAIL).replace(DEFAULT_URL, own.url))
        assert program == "workflow-mock"
        command = [sys.executable, "-m", "workflow_mock", *words]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as tail:
            assert tail.stderr is not None
            assert tail.stdout is not None
            assert "watching" in tail.stderr.readline()
            own.start(customer=CUSTOMER)
            id = own.start(customer=CUSTOMER, json={}).headers["x-request-id"]
            assert id in tail.stdout.readline()
            tail.terminate()
