"""The client under test: small, but one that takes refusals as the API means them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any

import requests


class NotAllowed(Exception):
    """The API refused the token, or what it would do."""


class OutcomeUnknown(Exception):
    """The connection broke: whether the workflow was started can't be known. Don't simply try again."""


class TimedOut(OutcomeUnknown):
    """There was no answer in time."""


@dataclass
class Execution:
    """An execution, as the API answers it."""

    id: str
    workflow_id: str
    created: str
    finished: str | None
    execution_queue: list[dict[str, str]]
    tasks: list[dict[str, Any]]


class Client:
    """Starts workflows for one customer, one after the other, whatever thread asks."""

    def __init__(
        self,
        base_url: str,
        token_url: str,
        customer_id: str,
        *,
        client_id: str = "demo",
        client_secret: str = "demo-secret",  # noqa: S107 - of a sandbox
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._base_url = base_url
        self._token_url = token_url
        self._customer_id = customer_id
        self._credentials = (client_id, client_secret)
        self._sleep = sleep
        self._token: str | None = None
        self._http = requests.Session()
        self._lock = Lock()
        self.waited: list[str] = []
        """What Retry-After has said."""

    def start(self, workflow_id: str, *, timeout: float = 10) -> Execution:
        """Start a workflow. Raises NotAllowed, OutcomeUnknown, requests.HTTPError."""
        with self._lock:
            response = self._try(workflow_id, timeout)
        if response.status_code in (401, 403):
            raise NotAllowed(response.json()["meta"]["errors"][0]["message"])
        response.raise_for_status()
        data = response.json()["data"]
        return Execution(
            data["id"], data["workflowId"], data["created"], data["finished"], data["executionQueue"], data["tasks"]
        )

    def _try(self, workflow_id: str, timeout: float) -> requests.Response:
        is_fresh = self._token is None
        response = self._send(workflow_id, timeout)
        if response.status_code == 401 and not is_fresh:
            self._token = None  # it ran out
            response = self._send(workflow_id, timeout)
        while response.status_code in (429, 503) and "Retry-After" in response.headers:
            self.waited.append(response.headers["Retry-After"])
            self._sleep(float(response.headers["Retry-After"]))
            response = self._send(workflow_id, timeout)
        return response

    def _send(self, workflow_id: str, timeout: float) -> requests.Response:
        path = f"/api/workflow/v1.0/customer/{self._customer_id}/workflow/{workflow_id}/WorkflowExecution"
        body = {"data": {"workflowId": workflow_id}}
        headers = {"Authorization": f"Bearer {self._access_token()}"}
        try:
            return self._http.post(self._base_url + path, json=body, headers=headers, timeout=timeout)
        except requests.Timeout as error:
            raise TimedOut(str(error)) from error
        except requests.ConnectionError as error:
            raise OutcomeUnknown(str(error)) from error

    def _access_token(self) -> str:
        if self._token is None:
            form = {"grant_type": "client_credentials"}
            response = self._http.post(self._token_url, data=form, auth=self._credentials, timeout=10)
            response.raise_for_status()
            self._token = str(response.json()["access_token"])
        return self._token

    def close(self) -> None:
        self._http.close()
