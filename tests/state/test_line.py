"""A journal entry in one line: what it was, whose, what came of it, and why."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from workflow_mock.errors import ErrorDetail, ValidationDetail
from workflow_mock.state.exchange import Exchange, Facts, Target
from workflow_mock.state.line import MAX_BECAUSE, line_of
from workflow_mock.state.recorded_request import recorded

from tests.state.worlds import BEGIN, CUSTOMER, workflow_id

EXECUTION, FIRST, FAULT = (f"{digits}-0000-4000-8000-000000000000" for digits in ("02f2b6a1", "36c7aaaa", "f81a0c3d"))
START = Target("start", CUSTOMER, workflow_id(1))
TOKEN = Target("token")
INVALID = [ErrorDetail("validation_failed", "The request is not valid: see validation")]


def entry(target: Target = START, **members: Any) -> Exchange:
    """A good start, or what these members make of it."""
    request = recorded("POST", b"/api/workflow/nowhere", b"", (), b"", False)
    found = Exchange("5b122702-000007", BEGIN, target, Facts(execution_id=EXECUTION), request, 200, seconds=0.0004)
    return replace(found, **members)


@pytest.mark.parametrize(
    ("exchange", "expected"),
    [
        pytest.param(entry(), ("start", "Order fulfilment", 200, "ok", "execution 02f2b6a1"), id="a good start"),
        pytest.param(
            entry(TOKEN, facts=Facts(client_id="demo")), ("token", "demo", 200, "ok", ""), id="a good token request"
        ),
        pytest.param(
            entry(duplicate_of=FIRST),
            ("start", "Order fulfilment", 200, "duplicate", "execution 02f2b6a1; DUPLICATE of 36c7aaaa"),
            id="a duplicate",
        ),
        pytest.param(
            entry(
                facts=Facts(fault_id=FAULT, fault_effect="status 503, 1 of 2, Retry-After 5"),
                status=503,
                errors=[ErrorDetail("injected_fault", "A fault that was asked for")],
            ),
            ("start", "Order fulfilment", 503, "fault", "fault f81a0c3d (status 503, 1 of 2, Retry-After 5)"),
            id="a fault",
        ),
        pytest.param(
            entry(
                facts=Facts(execution_id=FIRST, fault_id=FAULT, fault_effect="connection reset"),
                status=0,
                answer_lost=True,
            ),
            (
                "start",
                "Order fulfilment",
                0,
                "lost",
                "execution 36c7aaaa was started; fault f81a0c3d (connection reset)",
            ),
            id="a lost answer",
        ),
        pytest.param(
            entry(facts=Facts(fault_id=FAULT), status=401, errors=[ErrorDetail("token_expired", "It is over")]),
            ("start", "Order fulfilment", 401, "fault", "fault f81a0c3d; token_expired: It is over"),
            id="refused behind a delay",
        ),
        pytest.param(
            entry(facts=Facts(), status=400, errors=INVALID, validation=[ValidationDetail("data", "data is required")]),
            ("start", "Order fulfilment", 400, "refused", "data: data is required"),
            id="not valid",
        ),
        pytest.param(
            entry(TOKEN, facts=Facts(), status=400, errors=[ErrorDetail("invalid_client", "There is no client x")]),
            ("token", "no client", 400, "refused", "invalid_client: There is no client x"),
            id="a refused token request",
        ),
        pytest.param(
            entry(Target(None), facts=Facts(), status=404, errors=[ErrorDetail("route_not_found", "No such route")]),
            ("other", "POST /api/workflow/nowhere", 404, "refused", "route_not_found: No such route"),
            id="no route",
        ),
        pytest.param(
            entry(facts=Facts(), status=0),
            ("start", "Order fulfilment", 0, "none", "the client left before it was answered"),
            id="a client that left",
        ),
    ],
)
def test_a_line_says_what_came_of_a_request_and_why(exchange: Exchange, expected: tuple[object, ...]) -> None:
    line = line_of(exchange, "Order fulfilment")
    assert (line.operation, line.name, line.status, line.outcome, line.because) == expected


def test_a_call_of_the_control_plane_has_a_line() -> None:
    errors = [ErrorDetail("admin_forbidden", "Host mock.example is no local name")]
    line = line_of(_call("/__admin/faults", status=403, errors=errors), None)
    assert (line.operation, line.name, line.customer_id) == ("admin", "POST faults", CUSTOMER)
    assert (line.outcome, line.because) == ("refused", "admin_forbidden: Host mock.example is no local name")


def test_a_line_is_aligned_and_short() -> None:
    refused = entry(facts=Facts(), status=400, errors=INVALID, validation=[ValidationDetail("data", "missing")])
    lines = [
        line_of(entry(), "Order fulfilment"),
        line_of(entry(TOKEN, facts=Facts(client_id="demo")), None),
        line_of(refused, "A workflow with a long name"),
    ]
    assert [str(line).partition("  ")[2] for line in lines] == [
        "start  Order fulfilment      customer 10000000  200   execution 02f2b6a1  0.4 ms",
        "token  demo                                     200   0.4 ms",
        "start  A workflow with a l…  customer 10000000  400   data: missing  (5b122702-000007)",
    ]


@pytest.mark.parametrize(
    ("exchange", "failed"),
    [
        pytest.param(entry(), False, id="answered"),
        pytest.param(entry(facts=Facts(fault_id=FAULT)), False, id="answered behind a delay"),
        pytest.param(entry(status=503), True, id="503"),
        pytest.param(entry(status=0), True, id="none"),
        pytest.param(entry(answer_lost=True), True, id="lost"),
    ],
)
def test_a_request_failed_whose_client_has_not_got_a_2xx(exchange: Exchange, failed: bool) -> None:
    assert line_of(exchange, None).failed is failed


@given(st.text(), st.text(), st.text(min_size=1))
def test_what_a_client_sends_reaches_no_terminal_as_it_is(name: str, client: str, reason: str) -> None:
    refused = entry(TOKEN, facts=Facts(client_id=client), status=400, errors=[ErrorDetail("code", reason * 300)])
    for exchange in (entry(), refused, _call(f"/{name}"), _call(f"/__admin/{name}")):
        line = line_of(exchange, name)
        assert str(line).isprintable()
        assert len(line.because) <= MAX_BECAUSE


def _call(path: str, **members: Any) -> Exchange:
    request = recorded("POST", path.encode("utf-8", "replace"), b"", (), b"", False)
    return entry(Target(None, CUSTOMER), request=request, facts=Facts(), **members)
