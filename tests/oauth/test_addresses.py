"""The addresses that the server says of itself: by Host, behind a proxy that ends TLS, in discovery and contract."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
import yaml
from workflow_mock.app import create_app
from workflow_mock.http.hosts import issuer_url
from workflow_mock.settings import Settings

from tests.in_process import InProcess, asgi_transport

ISSUER_PATH = "/api/authentication"
OPENID = f"{ISSUER_PATH}/.well-known/openid-configuration"
RFC8414 = f"/.well-known/oauth-authorization-server{ISSUER_PATH}"


@contextmanager
def application(**settings: Any) -> Iterator[InProcess]:
    with asgi_transport(create_app(Settings(**settings))) as api:
        yield api


def get(api: InProcess, path: str, host: str) -> httpx.Response:
    answer = api.http.get(path, headers={"Host": host})
    assert answer.status_code == 200, path
    return answer


BEHIND_A_PROXY = [
    ("https://mock.example/api/authentication", "mock.example", "https://mock.example"),
    ("https://mock.example/api/authentication", "MOCK.Example:443", "https://mock.example"),
    ("https://Mock.Example:443/api/authentication", "mock.example", "https://mock.example"),
    ("https://mock.example:8443/other", "mock.example:8443", "https://mock.example:8443"),
    ("https://mock.example:8443/other", "mock.example", "http://mock.example"),
    ("https://mock.example/api/authentication", "workflow-mock:8080", "http://workflow-mock:8080"),
    ("https://mock.example/api/authentication", "mock.example.evil.example", "http://mock.example.evil.example"),
    ("https://[::1]:8443/x", "[::1]:8443", "https://[::1]:8443"),
]


@pytest.mark.parametrize(("issuer", "host", "base"), BEHIND_A_PROXY)
def test_where_host_is_the_fixed_issuers_every_address_is_its(issuer: str, host: str, base: str) -> None:
    with application(issuer=issuer) as api:
        for path in (OPENID, RFC8414):
            metadata = get(api, path, host).json()
            assert metadata["issuer"] == issuer
            addresses = {value for name, value in metadata.items() if name.endswith(("_endpoint", "_uri"))}
            assert addresses == {f"{base}{ISSUER_PATH}/connect/token", f"{base}{OPENID}/jwks"}
        for path in ("/openapi.yaml", "/openapi.json"):
            served = yaml.safe_load(get(api, path, host).text)
            assert served["servers"] == [{"url": "/"}]
            flow = served["components"]["securitySchemes"]["oauth2"]["flows"]["clientCredentials"]
            assert flow["tokenUrl"] == f"{base}{ISSUER_PATH}/connect/token"


@pytest.mark.parametrize(
    ("issuer", "paths"),
    [
        ("https://mock.example", ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"]),
        ("https://mock.example/", ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"]),
        (
            "https://mock.example/tenant/a%20b/",
            [
                "/tenant/a%20b/.well-known/openid-configuration",
                "/.well-known/oauth-authorization-server/tenant/a%20b",
            ],
        ),
        ("https://mock.example/{tenant}", []),
        ("https://mock.example/api/authentication", []),
    ],
)
def test_the_metadata_is_at_the_paths_that_the_issuer_makes(issuer: str, paths: list[str]) -> None:
    with application(issuer=issuer) as api:
        for path in [*paths, OPENID, RFC8414]:
            assert get(api, path, "mock.example").json()["issuer"] == issuer
        assert api.http.get("/x/.well-known/openid-configuration").status_code == 404


def test_discovery_for_a_customer_names_the_token_url_of_its_clock() -> None:
    customer = str(uuid4())
    with application() as api:
        for path in (OPENID, RFC8414):
            plain, own, none = (
                api.http.get(path, params=params).json()
                for params in ({}, {"customerId": customer.upper()}, {"customerId": '"x'})
            )
            assert own == plain | {"token_endpoint": f"{plain['token_endpoint']}?customerId={customer}"}
            assert none == plain


@pytest.mark.parametrize("scopes", ["scopes: []", "", "scopes: [b, a]"])
def test_no_list_of_the_metadata_is_empty(tmp_path: Path, scopes: str) -> None:
    (tmp_path / "c.yaml").write_text(f"clients: [{{id: x, secret: y, {scopes}}}]\nworkflows: []")
    with application(catalogue=(tmp_path / "c.yaml",)) as api:
        metadata = api.http.get(OPENID).json()
        assert [] not in metadata.values()
        assert metadata["response_types_supported"] == ["token"]
        assert metadata.get("scopes_supported") == {"scopes: []": None, "": ["workflow_api"]}.get(scopes, ["a", "b"])


@pytest.mark.parametrize(
    ("scheme", "host", "server", "authority"),
    [
        ("http", "MOCK.Example", None, "mock.example"),
        ("http", "mock:80", None, "mock"),
        ("http", "mock:080", None, "mock"),
        ("https", "mock:443", None, "mock"),
        ("http", "mock:443", None, "mock:443"),
        ("https", "mock:80", None, "mock:80"),
        ("http", "Mock:8080", None, "mock:8080"),
        ("http", "[FE80::1]:80", None, "[fe80::1]"),
        ("http", "no host", ("127.0.0.1", 80), "127.0.0.1"),
        ("https", "", ("::1", 8443), "[::1]:8443"),
        ("http", "", ("/run/socket", None), "/run/socket"),
        ("http", "", None, "localhost"),
    ],
)
def test_the_issuer_is_the_normal_form_of_the_address_that_was_used(
    scheme: str, host: str, server: Any, authority: str
) -> None:
    assert issuer_url({"scheme": scheme, "server": server}, host.encode()) == f"{scheme}://{authority}{ISSUER_PATH}"


def test_a_token_got_under_one_spelling_of_the_host_is_good_under_another() -> None:
    form = {"grant_type": "client_credentials", "client_id": "demo", "client_secret": "demo-secret"}
    spellings = ["mock.example", "MOCK.example", "mock.example:80"]
    with application() as api:
        issuers = {api.http.get(OPENID, headers={"Host": host}).json()["issuer"] for host in spellings}
        for host in spellings:
            answer = api.http.post(f"{ISSUER_PATH}/connect/token", data=form, headers={"Host": host})
            token = answer.json()["access_token"]
            assert [api.start(token=token, headers={"Host": to}).status_code for to in spellings] == [200] * 3
    assert issuers == {f"http://mock.example{ISSUER_PATH}"}
