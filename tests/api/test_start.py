"""The documented operation, as the API's page has it."""

from tests.support import WORKFLOW, Server, path


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
    good = f"POST {path()} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode()
    bad = b"GET /api/workflow/nothing HTTP/1.1\r\nHost: x\r\n\r\n"
    assert [a.status for a in server.send(good + bad + good, answers=3)] == [401, 404, 401]


def test_an_offer_to_upgrade_is_ignored_and_the_body_read(server: Server, token: str) -> None:
    """Java's HttpClient offers h2c with every first request of a connection."""
    body = f'{{"data":{{"workflowId":"{WORKFLOW}"}}}}'.encode()
    head = (
        f"POST {path()} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        f"HTTP2-Settings: AAEA\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    for parts in ((head + body,), (head, body), (head + body[:10], body[10:])):
        assert [answer.status for answer in server.send(*parts)] == [200]
    assert [answer.status for answer in server.send((head + body) * 3, answers=3)] == [200, 200, 200]


def test_a_tunnel_is_refused(server: Server) -> None:
    (answer,) = server.send(b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n")
    assert answer.status == 400
    assert answer.json()["meta"]["errors"][0]["code"] == "malformed_http"
