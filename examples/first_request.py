"""Get a token and start an execution, with the standard library alone: `BASE_URL=http://… python first_request.py`."""

import json
import os
from urllib.parse import urlencode
from urllib.request import Request, urlopen
from uuid import uuid4

WORKFLOW = "3c90c3cc-0d44-4b50-8888-8dd25736052a"


def get_token(base_url: str) -> str:
    form = {"grant_type": "client_credentials", "client_id": "demo", "client_secret": "demo-secret"}
    with urlopen(f"{base_url}/api/authentication/connect/token", urlencode(form).encode()) as answer:
        return str(json.load(answer)["access_token"])


def start_execution(base_url: str, token: str, customer_id: str, workflow_id: str) -> dict[str, object]:
    request = Request(
        f"{base_url}/api/workflow/v1.0/customer/{customer_id}/workflow/{workflow_id}/WorkflowExecution",
        json.dumps({"data": {"workflowId": workflow_id}}).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urlopen(request) as answer:
        execution: dict[str, object] = json.load(answer)["data"]
        return execution


if __name__ == "__main__":
    base_url = os.environ.get("BASE_URL", "http://127.0.0.1:8080")
    execution = start_execution(base_url, get_token(base_url), str(uuid4()), WORKFLOW)
    print(f"started execution {execution['id']}; in its queue:")
    print(json.dumps(execution["executionQueue"], indent=2))
