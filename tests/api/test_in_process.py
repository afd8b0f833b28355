"""The application without our server says what it can't do there, and takes no shortcut past others' middleware."""

from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send
from workflow_mock.app import create_app
from workflow_mock.settings import Settings

from tests.in_process import asgi_transport
from tests.support import Api, path


@pytest.mark.parametrize("fault", ["CONNECTION_RESET_BY_PEER", "EMPTY_RESPONSE", "MALFORMED_RESPONSE_CHUNK"])
def test_a_fault_of_the_connection_raises_where_there_is_no_socket(fault: str) -> None:
    with TestClient(create_app(Settings()), base_url="http://127.0.0.1") as client:
        assert client.post("/__admin/faults", json={"fault": fault}).status_code == 201
        with pytest.raises(ConnectionError, match="offers none to break"):
            client.post(path())


def test_middleware_of_an_embedding_program_sees_each_request() -> None:
    seen: list[str] = []

    class Watching:
        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            seen.append(scope["path"])
            await self.app(scope, receive, send)

    app = create_app(Settings())
    app.add_middleware(Watching)
    start = path()
    with asgi_transport(app) as api:
        answers = [api.http.post(start), api.http.get("/__admin/health"), api.http.get("/openapi.yaml")]
    assert [answer.status_code for answer in answers] == [401, 200, 200]
    assert seen == [start, "/__admin/health", "/openapi.yaml"]


def headers_of(api: Api, target: str) -> Any:
    return api.http.get(target).headers


def test_each_response_has_an_id_of_its_own() -> None:
    targets = [path(), "/__admin/health", "/__admin/settings", "/openapi.yaml", "/nowhere", "/__admin/nowhere"]
    with asgi_transport(create_app(Settings())) as api:
        found = [headers_of(api, target) for target in targets]
    assert len({each["x-request-id"] for each in found}) == len(targets)
    assert {each["x-content-type-options"] for each in found} == {"nosniff"}
