"""A fault of the server's own is a 500 in the envelope: the request id goes to the client, the rest to the log."""

import threading
from collections.abc import Iterator

import httpx2 as httpx
import pytest
from workflow_mock.app import create_app
from workflow_mock.faults.registry import FaultRegistry
from workflow_mock.oauth.issuers import OwnIssuer
from workflow_mock.sandbox import Sandbox
from workflow_mock.server import server
from workflow_mock.settings import Settings

from tests.support import path


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server in this process, whose store is broken."""

    def broken(*_: object) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(Sandbox, "start", broken)
    monkeypatch.setattr(OwnIssuer, "signing_keys", property(broken))
    settings = Settings(port=0)
    app = create_app(settings)

    listening = server.bind(settings.host, 0)
    ready = threading.Event()
    running = server.server(app, settings, ready.set, app.sandbox.close)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
    thread.start()
    assert ready.wait(20)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    running.should_exit = True
    thread.join()


def ask(url: str) -> httpx.Response:
    form = {"grant_type": "client_credentials", "client_id": "demo", "client_secret": "demo-secret"}
    with httpx.Client(base_url=url, trust_env=False) as client:
        token = client.post("/api/authentication/connect/token", data=form).json()["access_token"]
        body = {"data": {"workflowId": "3c90c3cc-0d44-4b50-8888-8dd25736052a"}}
        return client.post(path(), json=body, headers={"Authorization": f"Bearer {token}"})


def test_the_answer_has_the_request_id_and_nothing_of_the_fault(url: str, caplog: pytest.LogCaptureFixture) -> None:
    answer = ask(url)
    (error,) = answer.json()["meta"]["errors"]
    assert (answer.status_code, error["code"]) == (500, "internal_error")
    assert answer.headers["x-request-id"] in error["message"]
    assert "secret detail" not in answer.text
    logged = next(record for record in caplog.records if record.exc_info)
    assert answer.headers["x-request-id"] in logged.getMessage()
    assert "a secret detail" in caplog.text


def test_the_rest_of_the_application_fails_the_same_way(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with httpx.Client(base_url=url, trust_env=False) as client:
        answer = client.get("/api/authentication/.well-known/openid-configuration/jwks")
    assert answer.status_code == 500
    assert answer.headers["x-request-id"] in answer.json()["meta"]["errors"][0]["message"]
    assert "secret detail" not in answer.text
    assert "a secret detail" in caplog.text


def test_a_fault_of_ours_where_faults_are_looked_for_has_the_envelope_too(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FaultRegistry, "pick", Sandbox.start)
    httpx.post(f"{url}/__admin/faults", json={"status": 503})
    answer = httpx.post(f"{url}{path()}")
    assert answer.status_code == 500
    assert [error["code"] for error in answer.json()["meta"]["errors"]] == ["internal_error"]
