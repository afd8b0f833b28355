"""What may be so large: at the limit it is taken, one over it is refused. docs/limits.md lists them.

Limits of times, connections and of what is kept are tried where their module is: tests/server, admin, state, oauth.
"""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
from workflow_mock.api.body import MAX_BODY_DEPTH
from workflow_mock.catalogue.loader import MAX_FILE_BYTES
from workflow_mock.faults.effects import MAX_DELAY_MILLISECONDS, MAX_HOLD_SECONDS
from workflow_mock.faults.spec import MAX_STEPS
from workflow_mock.formats import MAX_DURATION
from workflow_mock.oauth.form import MAX_FIELDS, MAX_FORM_BYTES
from workflow_mock.paths import TOKEN_PATH
from workflow_mock.server.limits import MAX_REQUEST_LINE_BYTES
from workflow_mock.settings import Settings
from workflow_mock.strict_json import MAX_DEPTH

from tests.support import START_BODY, TOKEN_FORM, WORKFLOW, Answer, Server, raw_start, run

SETTINGS = Settings()
MINE = "a3b1c2d4-0000-4000-8000-000000000001"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def start_with_body(server: Server, size: int) -> httpx.Response:
    return server.start(content=START_BODY.ljust(size))


def start_with_depth(server: Server, levels: int) -> httpx.Response:
    nested = "[" * (levels - 1) + "]" * (levels - 1)
    return server.start(content=f'{{"data": {{"workflowId": "{WORKFLOW}"}}, "x": {nested}}}')


def start_with_line(server: Server, size: int) -> Answer:
    """Its first line, with the line break, is so long."""
    line, _, rest = raw_start(server.token()).partition(b"\r\n")
    method, target, version = line.split(b" ")
    target = (target + b"?x=").ljust(size - len(b"  \r\n") - len(method) - len(version), b"x")
    (answer,) = server.send(b" ".join((method, target, version)) + b"\r\n" + rest)
    return answer


def start_with_headers(server: Server, count: int) -> Answer:
    plain = raw_start(server.token()).partition(b"\r\n\r\n")[0].count(b"\r\n")
    (answer,) = server.send(raw_start(server.token(), *["X-A: b"] * (count - plain)))
    return answer


def start_with_head(server: Server, size: int) -> Answer:
    token = server.token()
    head = raw_start(token, "X: ").partition(START_BODY)[0]
    plain = len(head) - len(b"\r\n") - head.index(b"\r\n") - len(b"\r\n")
    (answer,) = server.send(raw_start(token, "X: " + "x" * (size - plain)))
    return answer


def token_with_form(server: Server, size: int) -> httpx.Response:
    return server.http.post(TOKEN_PATH, content=(TOKEN_FORM + b"&x=").ljust(size, b"x"), headers=FORM)


def token_with_fields(server: Server, count: int) -> httpx.Response:
    more = b"".join(b"&x%d=x" % number for number in range(count - TOKEN_FORM.count(b"=")))
    return server.http.post(TOKEN_PATH, content=TOKEN_FORM + more, headers=FORM)


def workflow_with_depth(server: Server, levels: int) -> httpx.Response:
    """Three levels are around the parameters' own."""
    nested: Any = {}
    for _ in range(levels - 4):
        nested = {"x": nested}
    task = {"key": "a", "parameters": nested}
    return server.http.put(f"/__admin/workflows/{MINE}", json={"name": "x", "tasks": [task]})


def fault(server: Server, spec: dict[str, Any]) -> httpx.Response:
    return server.http.post("/__admin/faults", params={"customerId": str(uuid4())}, json=spec)


def fault_with_patterns(server: Server, count: int) -> httpx.Response:
    return fault(server, {"status": 503, "matcher": {"bodyPatterns": [{"contains": "x"}] * count}})


def fault_with_delay(server: Server, milliseconds: int) -> httpx.Response:
    return fault(server, {"fixedDelayMilliseconds": milliseconds})


def fault_with_hold(server: Server, milliseconds: int) -> httpx.Response:
    return fault(server, {"hold": f"{milliseconds}ms"})


def fault_with_steps(server: Server, count: int) -> httpx.Response:
    return fault(server, {"sequence": [{}] * count})


def fault_with_claims(server: Server, count: int) -> httpx.Response:
    claims = {str(number): {"absent": True} for number in range(count)}
    return fault(server, {"status": 503, "when": "afterToken", "matcher": {"claims": claims}})


def fault_with_ttl(server: Server, milliseconds: int) -> httpx.Response:
    return fault(server, {"status": 503, "ttl": f"{milliseconds}ms"})


TRIED: list[tuple[Callable[[Server, int], httpx.Response | Answer], int, int, str]] = [
    (start_with_body, SETTINGS.max_body, 413, "body_too_large"),
    (start_with_depth, MAX_BODY_DEPTH, 400, "malformed_json"),
    (start_with_line, MAX_REQUEST_LINE_BYTES, 414, "uri_too_long"),
    (start_with_headers, SETTINGS.max_headers, 431, "headers_too_large"),
    (start_with_head, SETTINGS.max_header_bytes, 431, "headers_too_large"),
    (token_with_form, MAX_FORM_BYTES, 400, "invalid_request"),
    (token_with_fields, MAX_FIELDS, 400, "invalid_request"),
    (workflow_with_depth, MAX_DEPTH, 400, "validation_failed"),
    (fault_with_patterns, 10, 400, "validation_failed"),
    (fault_with_delay, MAX_DELAY_MILLISECONDS, 400, "validation_failed"),
    (fault_with_hold, MAX_HOLD_SECONDS * 1000, 400, "validation_failed"),
    (fault_with_steps, MAX_STEPS, 400, "validation_failed"),
    (fault_with_claims, 50, 400, "validation_failed"),
    (fault_with_ttl, int(MAX_DURATION.total_seconds()) * 1000, 400, "validation_failed"),
]
"""What is sent, how large it may be, and how one that is larger by one is refused."""


def status_and_code(answer: httpx.Response | Answer) -> tuple[int, str | None]:
    status = answer.status if isinstance(answer, Answer) else answer.status_code
    document = answer.json()
    if "error" in document:
        return status, document["error"]
    errors = document["meta"]["errors"] if "meta" in document else []
    return status, errors[0]["code"] if errors else None


@pytest.mark.parametrize(("ask", "bound", "status", "code"), TRIED, ids=[each[0].__name__ for each in TRIED])
def test_what_is_at_a_limit_is_taken_and_one_over_it_refused(
    server: Server, ask: Callable[[Server, int], httpx.Response | Answer], bound: int, status: int, code: str
) -> None:
    good, none = status_and_code(ask(server, bound))
    assert (good in (200, 201), none) == (True, None)
    assert status_and_code(ask(server, bound + 1)) == (status, code)


def test_a_catalogue_file_at_its_limit_is_read(tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("large") / "c.json"
    file.write_bytes(b'{"workflows": []}'.ljust(MAX_FILE_BYTES))
    assert run("check", str(file)).returncode == 0
    with file.open("ab") as more:
        more.write(b" ")
    refused = run("check", str(file))
    file.unlink()
    assert (refused.returncode, f"it is over {MAX_FILE_BYTES} bytes" in refused.stderr) == (1, True)
