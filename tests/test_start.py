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
