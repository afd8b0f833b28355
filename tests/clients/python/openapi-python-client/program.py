"""Calls the server through the clients that openapi-python-client makes."""

from datetime import datetime
from typing import Any
from uuid import UUID

import admin_api
import workflow_api
from admin_api import models as admin
from admin_api.api.clock import change_clock
from admin_api.api.faults import add_fault as adding
from admin_api.api.faults import find_faults as finding
from admin_api.api.faults import get_fault as getting
from admin_api.api.requests import verify_requests
from admin_api.api.sandbox import get_snapshot, put_snapshot
from admin_api.types import UNSET
from lines import SERVER, answer
from workflow_api import models
from workflow_api.api.authorization_server import request_token
from workflow_api.api.workflow_execution import start_workflow_execution
from workflow_api.types import UNSET as NOT_GIVEN

API = workflow_api.Client(base_url=SERVER)
CONTROL = admin_api.Client(base_url=SERVER)


def refused(response: Any) -> dict[str, Any]:
    meta = response.parsed.meta
    return {
        "status": int(response.status_code),
        "code": meta.errors[0].code,
        "properties": [problem.property_ for problem in meta.validation],
        "retryAfter": response.headers.get("Retry-After"),
    }


def start(customer: str, workflow: str, body: str, token: str) -> dict[str, Any]:
    client = workflow_api.AuthenticatedClient(base_url=SERVER, token=token) if token else API
    request = models.StartWorkflowExecutionRequest(data=models.StartWorkflowExecutionData(workflow_id=UUID(body)))
    response = start_workflow_execution.sync_detailed(UUID(customer), UUID(workflow), client=client, body=request)
    if not isinstance(response.parsed, models.WorkflowExecutionEnvelope):
        return refused(response)
    data = response.parsed.data
    return {
        "status": int(response.status_code),
        "workflow": data.workflow_id,
        "queued": len(data.execution_queue),
        "triggers": len([task for task in data.tasks if task.is_trigger]),
        "finished": data.finished,
    }


def token(client: str, secret: str, scope: str | None) -> dict[str, Any]:
    request = models.TokenRequest(
        grant_type=models.TokenRequestGrantType.CLIENT_CREDENTIALS,
        client_id=client,
        client_secret=secret,
        scope=NOT_GIVEN if scope is None else scope,
    )
    response = request_token.sync_detailed(client=API, body=request)
    made = response.parsed
    if isinstance(made, models.TokenResponse):
        return {"status": int(response.status_code), "token": made.access_token, "scope": made.scope}
    return {
        "status": int(response.status_code),
        "code": made.error,
        "description": made.error_description or None,
        "retryAfter": response.headers.get("Retry-After"),
    }


def add_fault(customer: str, fault: dict[str, Any]) -> dict[str, Any]:
    delay = fault.get("delay")
    spec = admin.FaultSpec(
        status=fault.get("status", UNSET),
        code=fault.get("code", UNSET),
        times=fault.get("times", UNSET),
        retry_after=fault.get("retryAfter", UNSET),
        probability=fault.get("probability", UNSET),
        seed=fault.get("seed", UNSET),
        delay_distribution=admin.DelayDistribution(
            type_=admin.DelayDistributionType(delay["type"]),
            lower=delay.get("lower", UNSET),
            upper=delay.get("upper", UNSET),
            median=delay.get("median", UNSET),
            sigma=delay.get("sigma", UNSET),
        )
        if delay
        else UNSET,
        matcher=admin.Matcher(customer_id=UUID(customer)),
    )
    response = adding.sync_detailed(client=CONTROL, body=spec)
    if not isinstance(response.parsed, admin.FaultView):
        return refused(response)
    return {"status": int(response.status_code), "id": response.parsed.id}


def get_fault(id: str) -> dict[str, Any]:
    response = getting.sync_detailed(UUID(id), client=CONTROL)
    if not isinstance(response.parsed, admin.FaultView):
        return refused(response)
    fault = response.parsed
    delay = fault.delay_distribution
    shown = {
        "status": fault.status,
        "code": fault.code,
        "times": fault.times,
        "retryAfter": fault.retry_after,
        "probability": fault.probability,
        "seed": fault.seed,
        "delay": given(
            {
                "type": delay.type_,
                "lower": delay.lower,
                "upper": delay.upper,
                "median": delay.median,
                "sigma": delay.sigma,
            }
        )
        if delay
        else None,
    }
    return {"status": int(response.status_code), "fault": given(shown)}


def given(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not UNSET}


def find_faults(customer: str) -> dict[str, Any]:
    response = finding.sync_detailed(client=CONTROL, customer_id=UUID(customer))
    return {"status": int(response.status_code), "ids": [fault.id for fault in response.parsed.faults]}


def set_clock(customer: str, to: str) -> dict[str, Any]:
    change = admin.ClockChange(action=admin.Action.SET, to=datetime.fromisoformat(to))
    response = change_clock.sync_detailed(client=CONTROL, body=change, customer_id=UUID(customer))
    clock = response.parsed
    return {
        "status": int(response.status_code),
        "now": clock.now.isoformat(),
        "own": clock.own,
        "frozen": clock.frozen,
    }


def restore(customer: str) -> dict[str, Any]:
    snapshot = get_snapshot.sync_detailed(client=CONTROL, customer_id=UUID(customer)).parsed
    response = put_snapshot.sync_detailed(client=CONTROL, body=snapshot, customer_id=UUID(customer))
    return {"status": int(response.status_code)} if response.parsed is None else refused(response)


def verify(customer: str, status: int, exactly: int) -> dict[str, Any]:
    verification = admin.Verification(
        matcher=admin.Matcher(status=status), count=admin.VerificationTimes(exactly=exactly)
    )
    response = verify_requests.sync_detailed(client=CONTROL, body=verification, customer_id=UUID(customer))
    verdict = response.parsed
    return {"status": int(response.status_code), "verified": verdict.verified, "count": verdict.count}


answer(start, token, add_fault, get_fault, find_faults, set_clock, restore, verify)
