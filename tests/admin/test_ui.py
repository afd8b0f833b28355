"""Who is sent to the page, who may see it, and what it may load."""

import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.support import ROOT, Server, serving

SECRET = "a-long-admin-token"
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PAGES = ["", "ui/executions", "ui/executions/5f0c1e0a-7d5b-4b5e-9c57-2f1f6c3a9d10"]
PAGES += ["ui/workflows", "ui/faults", "ui/tokens"]
UI = ROOT / "app" / "workflow_mock" / "admin" / "ui"
FILES = sorted(file.name for file in (UI / "static").iterdir())


@pytest.fixture(scope="module")
def guarded() -> Iterator[Server]:
    with serving("--admin-token", SECRET) as running:
        yield running


@pytest.fixture
def browser(guarded: Server) -> Iterator[httpx.Client]:
    """As a browser: it keeps cookies, and asks for pages."""
    with httpx.Client(base_url=guarded.url, headers=HTML, trust_env=False) as client:
        yield client


def log_in(browser: httpx.Client, token: str = SECRET, **form: str) -> httpx.Response:
    return browser.post("/__admin/ui/login", data={"token": token} | form)


# The way there


def test_a_browser_that_asks_for_the_server_is_sent_to_the_page(server: Server) -> None:
    answer = server.http.get("/", headers=HTML)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/__admin/")


@pytest.mark.parametrize("accept", ["*/*", "application/json", ""])
def test_to_any_other_client_there_is_no_such_route(server: Server, accept: str) -> None:
    answer = server.http.get("/", headers={"Accept": accept})
    assert (answer.status_code, answer.json()["meta"]["errors"][0]["code"]) == (404, "route_not_found")


def test_a_form_that_is_sent_to_the_server_finds_no_route(server: Server) -> None:
    assert server.http.post("/", headers=HTML).status_code == 404


def test_without_a_control_plane_there_is_no_page() -> None:
    with serving("--no-admin") as own:
        assert own.http.get("/", headers=HTML).status_code == 404
        assert own.http.get("/__admin/", headers=HTML).status_code == 404


def test_the_path_without_its_slash_leads_to_the_page(server: Server) -> None:
    answer = server.http.get("/__admin", headers=HTML)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/__admin/")


# Pages


@pytest.mark.parametrize("page", PAGES)
def test_a_page_may_load_its_own_files_alone_and_has_nothing_inline(server: Server, page: str) -> None:
    answer = server.http.get(f"/__admin/{page}", headers=HTML)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    policy = dict(each.strip().split(" ", 1) for each in answer.headers["Content-Security-Policy"].split(";"))
    assert policy.pop("default-src") == policy.pop("base-uri") == policy.pop("frame-ancestors") == "'none'"
    assert set(policy.values()) == {"'self'"}
    assert not re.findall(r"<style|\son\w+=|\sstyle=|<script(?![^>]* src=)", answer.text)
    for address in re.findall(r'(?:src|href)="(/[^"]*\.(?:js|css|svg))"', answer.text):
        assert server.http.get(address).status_code == 200


@pytest.mark.parametrize("name", FILES)
def test_a_file_has_its_type(server: Server, name: str) -> None:
    answer = server.http.get(f"/__admin/ui/static/{name}")
    kinds = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    assert answer.headers["Content-Type"].partition(";")[0] == kinds[Path(name).suffix]
    assert answer.content == (UI / "static" / name).read_bytes()


@pytest.mark.parametrize("name", ["nothing.js", "..%2Fpages.py", "%2E%2E/pages.py"])
def test_no_other_file_is_served(server: Server, name: str) -> None:
    assert server.http.get(f"/__admin/ui/static/{name}").status_code == 404


@pytest.mark.parametrize("page", PAGES)
def test_a_customer_that_is_none_is_refused(server: Server, page: str) -> None:
    assert server.http.get(f"/__admin/{page}", params={"customerId": '"><script>'}).status_code == 400


def test_the_addresses_are_those_by_which_the_page_was_asked_for(server: Server) -> None:
    customer = "5f0c1e0a-7d5b-4b5e-9c57-2f1f6c3a9d10"
    text = server.http.get("/__admin/", headers={"Host": "localhost:1234"}, params={"customerId": customer}).text
    assert ">http://localhost:1234<" in text
    assert f">http://localhost:1234/api/authentication/connect/token?customerId={customer}<" in text
    assert ">demo / demo-secret<" in text


def test_secrets_of_other_clients_are_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("workflows: [{name: One, tasks: [{key: a}]}]\nclients: [{id: mine, secret: mine-alone}]\n")
    with serving("--catalogue", str(file)) as own:
        text = own.http.get("/__admin/").text
    assert ">mine<" in text
    assert "mine-alone" not in text


def test_the_wheel_has_the_pages_files(tmp_path: Path) -> None:
    """The image installs this wheel, and nothing else of the project."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(tmp_path), str(ROOT)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("static", "templates"):
        for file in (UI / folder).iterdir():
            assert f"workflow_mock/admin/ui/{folder}/{file.name}" in packed


# Logging in


def test_a_browser_without_the_token_is_sent_to_the_form_and_back(browser: httpx.Client) -> None:
    asked = browser.get("/__admin/ui/executions?state=failed")
    assert asked.status_code == 303
    form = browser.get(asked.headers["Location"])
    assert (form.status_code, 'type="password"' in form.text) == (200, True)
    (next,) = re.findall(r'name="next" value="([^"]*)"', form.text)
    entered = log_in(browser, next=next)
    assert (entered.status_code, entered.headers["Location"]) == (303, "/__admin/ui/executions?state=failed")
    assert browser.get(entered.headers["Location"]).status_code == 200


def test_the_cookie_is_no_token_and_stays_with_the_page(browser: httpx.Client) -> None:
    cookie = log_in(browser).headers["Set-Cookie"]
    assert SECRET not in cookie
    attributes = {each.strip().lower() for each in cookie.split(";")[1:]}
    assert attributes == {"httponly", "samesite=strict", "path=/__admin"}


def test_by_https_the_cookie_is_secure(tmp_path: Path) -> None:
    cert, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    subprocess.run([*command, "-out", cert, "-keyout", key], check=True, capture_output=True)
    with serving("--tls-cert", cert, "--tls-key", key, "--admin-token", SECRET) as own:
        answer = own.http.post("/__admin/ui/login", data={"token": SECRET})
    assert "; Secure" in answer.headers["Set-Cookie"]


def test_with_the_cookie_the_control_plane_answers(browser: httpx.Client) -> None:
    assert browser.get("/__admin/settings", headers={"Accept": "*/*"}).status_code == 401
    log_in(browser)
    assert browser.get("/__admin/settings", headers={"Accept": "*/*"}).status_code == 200
    assert browser.post("/__admin/reset").status_code == 204


@pytest.mark.parametrize("origin", ["http://evil.example", "http://localhost:1", "null"])
def test_with_the_cookie_another_pages_form_is_refused(browser: httpx.Client, origin: str) -> None:
    log_in(browser)
    assert browser.post("/__admin/reset", headers={"Origin": origin}).status_code == 403
    assert browser.post("/__admin/reset", headers={"Sec-Fetch-Site": "same-site"}).status_code == 403


def test_another_page_cant_log_a_browser_in(browser: httpx.Client) -> None:
    answer = browser.post("/__admin/ui/login", data={"token": SECRET}, headers={"Origin": "http://evil.example"})
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (403, False)


@pytest.mark.parametrize("token", ["", "wrong", f"{SECRET}x", SECRET.upper(), "\xe9"])
def test_another_token_logs_nobody_in(browser: httpx.Client, token: str) -> None:
    answer = log_in(browser, token)
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (403, False)
    assert "That isn’t the token" in answer.text


def test_a_server_without_a_token_logs_nobody_in(server: Server) -> None:
    answer = server.http.post("/__admin/ui/login", data={"token": ""})
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("value", ["", "x", SECRET, "0" * 64])
def test_another_cookie_is_none(guarded: Server, value: str) -> None:
    cookie = {"Cookie": f"workflow_mock_admin={value}", "Accept": "*/*"}
    assert httpx.get(f"{guarded.url}/__admin/settings", headers=cookie, trust_env=False).status_code == 401


def test_the_cookie_of_another_process_is_none(browser: httpx.Client) -> None:
    log_in(browser)
    with serving("--admin-token", SECRET) as other:
        cookies = dict(browser.cookies)
        answer = httpx.get(f"{other.url}/__admin/settings", cookies=cookies, trust_env=False)
    assert answer.status_code == 401


def test_whoever_logs_out_is_asked_again(browser: httpx.Client) -> None:
    log_in(browser)
    out = browser.post("/__admin/ui/logout")
    assert (out.status_code, out.headers["Location"]) == (303, "/__admin/ui/login")
    assert browser.get("/__admin/").status_code == 303


@pytest.mark.parametrize(
    "next", ["http://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", ""]
)
def test_the_form_leads_nowhere_else(browser: httpx.Client, next: str) -> None:
    assert log_in(browser, next=next).headers["Location"] == "/__admin/"


def test_a_client_that_is_no_browser_gets_the_error_as_before(guarded: Server) -> None:
    answer = guarded.http.get("/__admin/")
    assert (answer.status_code, answer.json()["meta"]["errors"][0]["code"]) == (401, "admin_token_required")


def test_a_long_form_is_refused(browser: httpx.Client) -> None:
    assert log_in(browser, "x" * 10_000).status_code == 413
