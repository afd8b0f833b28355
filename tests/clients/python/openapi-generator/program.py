"""Calls the server through the clients that openapi-generator makes."""

from datetime import datetime
from typing import Any
from uuid import UUID

import admin_api
import workflow_api
from lines import SERVER, answer

CONTROL = admin_api.ApiClient(admin_api.Configuration(host=SERVER))
FAULTS = admin_api.FaultsApi(CONTROL)


def refused(error: workflow_api.ApiException | admin_api.ApiException) -> dict[str, Any]:
    return {
        "status": error.status,
        "code": error.data.meta.errors[0].code,
        "properties": [problem.var_property for problem in error.data.meta.validation],
        "retryAfter": error.headers.get("Retry-After"),
    }


def start(customer: str, workflow: str, body: str, token: str) -> dict[str, Any]:
    client = workflow_api.ApiClient(workflow_api.Configuration(host=SERVER, access_token=token or None))
    request = workflow_api.StartWorkflowExecutionRequest(
        data=workflow_api.StartWorkflowExecutionData(workflow_id=UUID(body))
    )
    api = workflow_api.WorkflowExecutionApi(client)
    try:
        data = api.start_workflow_execution(UUID(customer), UUID(workflow), request).data
    except workflow_api.ApiException as error:
        return refused(error)
    return {
        "status": 200,
        "workflow": data.workflow_id,
        "queued": len(data.execution_queue),
        "triggers": len([task for task in data.tasks if task.is_trigger]),
        "finished": data.finished,
    }


def token(client: str, secret: str, scope: str | None) -> dict[str, Any]:
    api = workflow_api.AuthorizationServerApi(workflow_api.ApiClient(workflow_api.Configuration(host=SERVER)))
    try:
        made = api.request_token("client_credentials", client_id=client, client_secret=secret, scope=scope)
    except workflow_api.ApiException as error:
        return {
            "status": error.status,
            "code": error.data.error,
            "description": error.data.error_description,
            "retryAfter": error.headers.get("Retry-After"),
        }
    return {"status": 200, "token": made.access_token, "scope": made.scope}


def add_fault(customer: str, fault: dict[str, Any]) -> dict[str, Any]:
    delay = fault.get("delay")
    spec = admin_api.FaultSpec(
        status=fault.get("status"),
        code=fault.get("code"),
        times=fault.get("times"),
        retry_after=fault.get("retryAfter"),
        probability=fault.get("probability"),
        seed=fault.get("seed"),
        delay_distribution=admin_api.DelayDistribution(**delay) if delay else None,
        matcher=admin_api.Matcher(customer_id=UUID(customer)),
    )
    try:
        return {"status": 201, "id": FAULTS.add_fault(spec).id}
    except admin_api.ApiException as error:
        return refused(error)


def get_fault(id: str) -> dict[str, Any]:
    try:
        fault = FAULTS.get_fault(UUID(id))
    except admin_api.ApiException as error:
        return refused(error)
    return {
        "status": 200,
        "fault": {
            "status": fault.status,
            "code": fault.code,
            "times": fault.times,
            "retryAfter": fault.retry_after,
            "probability": fault.probability,
            "seed": fault.seed,
            "delay": fault.delay_distribution and fault.delay_distribution.model_dump(),
        },
    }


def find_faults(customer: str) -> dict[str, Any]:
    return {"status": 200, "ids": [fault.id for fault in FAULTS.find_faults(UUID(customer)).faults]}


def set_clock(customer: str, to: str) -> dict[str, Any]:
    change = admin_api.ClockChange(action=admin_api.Action.SET, to=datetime.fromisoformat(to))
    clock = admin_api.ClockApi(CONTROL).change_clock(change, UUID(customer))
    return {"status": 200, "now": clock.now.isoformat(), "own": clock.own, "frozen": clock.frozen}


def restore(customer: str) -> dict[str, Any]:
    sandbox = admin_api.SandboxApi(CONTROL)
    snapshot = sandbox.get_snapshot(UUID(customer))
    return {"status": sandbox.put_snapshot_with_http_info(snapshot, UUID(customer)).status_code}


def verify(customer: str, status: int, exactly: int) -> dict[str, Any]:
    verification = admin_api.Verification(
        matcher=admin_api.Matcher(status=status), count=admin_api.VerificationTimes(exactly=exactly)
    )
    try:
        verdict, code = admin_api.RequestsApi(CONTROL).verify_requests(verification, UUID(customer)), 200
    except admin_api.ApiException as error:
        verdict, code = error.data, error.status
    return {"status": code, "verified": verdict.verified, "count": verdict.count}


answer(start, token, add_fault, get_fault, find_faults, set_clock, restore, verify)
