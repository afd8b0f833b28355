"""The documented operation, as the API's page has it."""

from tests.support import START_BODY, WORKFLOW, Server, raw_request, raw_start


def test_a_start_answers_with_the_execution_record(server: Server) -> None:
    answer = server.start()
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    envelope = answer.json()
    assert envelope["meta"] == {"errors": [], "validation": [], "info": {}}
    record = envelope["data"]
    assert list(record) == ["id", "workflowId", "executionQueue", "created", "finished", "tasks", "tasksHierarchy"]
    assert record["workflowId"] == WORKFLOW
    assert record["finished"] is None


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    good, bad = raw_start(body=b""), raw_request("GET", "/api/workflow/nothing")
    assert [a.status for a in server.send(good + bad + good, answers=3)] == [401, 404, 401]


def test_an_offer_to_upgrade_is_ignored_and_the_body_read(server: Server, token: str) -> None:
    """Java's HttpClient offers h2c with every first request of a connection."""
    start = raw_start(token, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEA")
    head = len(start) - len(START_BODY)
    for parts in ((start,), (start[:head], start[head:]), (start[: head + 10], start[head + 10 :])):
        assert [answer.status for answer in server.send(*parts)] == [200]
    assert [answer.status for answer in server.send(start * 3, answers=3)] == [200, 200, 200]


def test_a_tunnel_is_refused(server: Server) -> None:
    (answer,) = server.send(raw_request("CONNECT", "example.com:443", "Host: example.com:443"))
    assert answer.status == 400
    assert answer.code() == "malformed_http"
