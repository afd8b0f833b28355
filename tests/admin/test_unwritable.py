"""Values that JSON can say and an answer can't: they are refused where they come in, not met on the way out."""

from uuid import uuid4

import pytest

from tests.support import Server


@pytest.mark.parametrize("value", ['"\\ud800"', "NaN", "-Infinity", "1e999"])
def test_a_workflow_with_a_parameter_that_cannot_be_answered_is_refused_and_not_kept(
    server: Server, value: str
) -> None:
    resource = f"/__admin/workflows/{uuid4()}"
    body = f'{{"name":"x","tasks":[{{"key":"a","parameters":{{"p":{value}}}}}]}}'
    answer = server.http.put(resource, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert [fault["property"] for fault in answer.json()["meta"]["validation"]] == ["tasks[0].parameters.p"]
    assert server.http.get(resource).status_code == 404
    assert server.http.get("/__admin/snapshot").status_code == 200
