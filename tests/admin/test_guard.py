"""Who may use the control plane: whoever has the token, or else whoever calls the server as no foreign page can."""

import json
from collections.abc import Iterator

import pytest

from tests.support import WORKFLOW, Answer, Server, path, run, serving

SETTINGS = "/__admin/settings"
SECRET = "a-long-admin-token"


@pytest.fixture(scope="module")
def guarded() -> Iterator[Server]:
    with serving("--admin-token", SECRET) as running:
        yield running


@pytest.fixture(scope="module")
def named() -> Iterator[Server]:
    with serving("--allowed-host", "mock.test", "--allowed-host", "Workflow-Mock") as running:
        yield running


def ask(server: Server, *headers: str, target: str = SETTINGS, method: str = "GET", body: str = "") -> Answer:
    """One request with exactly these headers, and a length where there is a body."""
    lines = [f"{method} {target} HTTP/1.1", *headers]
    if method != "GET":
        lines.append(f"Content-Length: {len(body)}")
    (answer,) = server.send(("\r\n".join(lines) + "\r\n\r\n" + body).encode("latin-1"))
    return answer


def status(server: Server, *headers: str, **request: str) -> int:
    return ask(server, *headers, **request).status


def code(answer: Answer) -> str:
    assert answer.json()["data"] is None
    return str(answer.json()["meta"]["errors"][0]["code"])


def test_two_hosts_are_refused(guarded: Server, named: Server) -> None:
    assert status(named, "Host: localhost", "Host: evil.example") == 400
    assert status(named, "Host: localhost", "Host: localhost") == 400
    assert status(guarded, "Host: localhost", "Host: evil.example", f"Authorization: Bearer {SECRET}") == 400


# By which name


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8080",
        "LocalHost:8080",
        "localhost.",
        "anything.localhost:1",
        "127.0.0.1",
        "127.0.0.1:8080",
        "127.8.7.6",
        "192.168.1.5:8080",
        "[::1]",
        "[::1]:8080",
        "[2001:db8::7]:8080",
        "[::ffff:127.0.0.1]",
    ],
)
def test_an_address_and_a_loopback_name_are_answered(server: Server, host: str) -> None:
    assert status(server, f"Host: {host}") == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "notlocalhost",
        "localhost:123456",
        "127.1",
        "0x7f000001",
        "2130706433",
        "999.0.0.1",
        "",
        ".",
        "mock.test",
        "0.0.0.0",
        "0.0.0.0:8080",
        "0.0.0.0.",
        "[::]",
        "[::]:8080",
        "[0:0:0:0:0:0:0:0]",
        "[::0.0.0.0]",
        "[::ffff:0.0.0.0]",
        "[::ffff:0:0]:8080",
    ],
)
def test_any_other_name_is_refused(server: Server, host: str) -> None:
    answer = ask(server, f"Host: {host}")
    assert (answer.status, code(answer)) == (403, "admin_forbidden")
    assert "--allowed-host" in answer.json()["meta"]["errors"][0]["message"]


@pytest.mark.parametrize("host", ["mock.test", "mock.test:8080", "MOCK.test.", "[::]", "0.0.0.0", ""])
def test_the_refusal_of_a_name_says_what_to_start_the_server_with(server: Server, host: str) -> None:
    message = ask(server, f"Host: {host}").json()["meta"]["errors"][0]["message"]
    name = "mock.test" if "mock" in host.lower() else "NAME"
    for said in (f"--allowed-host {name} ", f"WORKFLOW_MOCK_ALLOWED_HOST={name})", "--admin-token"):
        assert said in message


@pytest.mark.parametrize(
    "host",
    [
        "localhost:8080:8080",
        "localhost:http",
        "user@localhost",
        "localhost/",
        "localhost, evil.example",
        "local host",
        "::1",
        "[::1",
        "[]",
        "[localhost]",
        "[::1%25lo]",
        "\xc3\xa9",
    ],
)
def test_what_is_no_host_is_no_request(server: Server, host: str) -> None:
    answer = ask(server, f"Host: {host}")
    assert (answer.status, code(answer)) == (400, "malformed_http")


def test_a_request_without_a_host_is_refused(server: Server) -> None:
    (answer,) = server.send(f"GET {SETTINGS} HTTP/1.0\r\n\r\n".encode())
    assert (answer.status, code(answer)) == (403, "admin_forbidden")


def test_a_page_whose_name_was_rebound_to_this_address_is_refused(server: Server) -> None:
    """What a browser sends after DNS rebinding: to the page, it is all one origin."""
    headers = ("Host: evil.example:8080", "Origin: http://evil.example:8080", "Sec-Fetch-Site: same-origin")
    assert status(server, *headers, target="/__admin/reset", method="POST") == 403


@pytest.mark.parametrize("host", ["mock.test", "MOCK.test:80", "mock.test.", "workflow-mock:8080", "localhost"])
def test_an_allowed_name_is_answered_in_any_case(named: Server, host: str) -> None:
    assert status(named, f"Host: {host}") == 200


@pytest.mark.parametrize("host", ["other.test", "sub.mock.test", "mock.test.evil.example", "mock"])
def test_what_is_only_like_an_allowed_name_is_refused(named: Server, host: str) -> None:
    assert status(named, f"Host: {host}") == 403


@pytest.mark.parametrize(
    "target",
    [
        *("/__admin", "/__admin/", "/__admin/health/", "/__admin/docs", "/__admin/openapi.json", "/%5F_admin/settings"),
        f"/__admin/workflows/{WORKFLOW}/graph.svg",
    ],
)
def test_no_path_of_the_plane_goes_around_the_guard(server: Server, target: str) -> None:
    assert status(server, "Host: evil.example", target=target) == 403


@pytest.mark.parametrize("target", ["/__ADMIN/settings", "//__admin/settings", "/x/../__admin/settings"])
def test_no_path_that_is_only_like_the_planes_reaches_it(server: Server, target: str) -> None:
    assert status(server, "Host: localhost", target=target) == 404


# From which page


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "http://localhost:1",
        "http://localhost",
        "http://127.0.0.1:8080",
        "http://localhost:8080.evil.example",
        "http://evil@localhost:8080",
        "http://localhost:8080@evil.example",
        "http://[::1",
        "http://[evil]",
        "localhost:8080",
        "",
        "\xc3\xa9",
    ],
)
def test_a_page_of_another_origin_is_refused(server: Server, origin: str) -> None:
    answer = ask(server, "Host: localhost:8080", f"Origin: {origin}")
    assert (answer.status, code(answer)) == (403, "admin_forbidden")
    assert "other origins" in answer.json()["meta"]["errors"][0]["message"]


def test_a_page_of_the_server_itself_is_answered(server: Server) -> None:
    assert status(server, "Host: localhost:8080", "Origin: http://localhost:8080") == 200


@pytest.mark.parametrize("site", ["same-origin", "none", "none ", "\tsame-origin"])
def test_a_request_of_the_servers_own_page_or_of_nobodys_is_answered(server: Server, site: str) -> None:
    assert status(server, "Host: localhost", f"Sec-Fetch-Site: {site}") == 200


@pytest.mark.parametrize(
    "site",
    [
        *(variant(site) for site in ("cross-site", "same-site") for variant in (str, str.upper, str.title)),
        "cross-site ",
        "\tcross-site",
        "cross-site;a",
        "same-origin, cross-site",
        "same-origin\r\nSec-Fetch-Site: cross-site",
        "cross-site\r\nSec-Fetch-Site: same-origin",
        '"same-origin"',
        "Same-Origin",
        "other",
        "",
    ],
)
def test_any_other_word_for_where_a_request_comes_from_is_refused(server: Server, site: str) -> None:
    answer = ask(server, "Host: localhost", f"Sec-Fetch-Site: {site}")
    assert (answer.status, code(answer)) == (403, "admin_forbidden")


HOSTS_OF_PAGES = ("localhost:8080", "127.0.0.1:8080", "192.168.1.5:8080", "[2001:db8::7]:8080")
"""By the last two, browsers send no Sec-Fetch-Site."""


@pytest.mark.parametrize("host", HOSTS_OF_PAGES)
@pytest.mark.parametrize(
    "referer",
    [
        "http://evil.example/",
        "http://evil.example/{host}/",
        "http://evil.example/?http://{host}/",
        "http://{host}.evil.example/",
        "http://{host}@evil.example/",
        "http://evil.example@{host}/",
        "http://{host}0/",
        "http://localhost/",
        "evil.example",
        "about:blank",
        "http://{host}/\r\nReferer: http://evil.example/",
    ],
)
def test_a_link_or_form_of_another_page_is_refused(server: Server, host: str, referer: str) -> None:
    for target in (SETTINGS, "/__admin/snapshot", "/__admin/health"):
        answer = ask(server, f"Host: {host}", f"Referer: {referer.format(host=host)}", target=target)
        assert (answer.status, code(answer)) == (403, "admin_forbidden")


@pytest.mark.parametrize("host", HOSTS_OF_PAGES)
@pytest.mark.parametrize(
    "referer", ["http://{host}/__admin/docs", "http://{host}/", "http://{host}", "https://{host}/"]
)
def test_a_link_of_the_servers_own_page_is_answered(server: Server, host: str, referer: str) -> None:
    assert status(server, f"Host: {host}", f"Referer: {referer.format(host=host)}") == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_form_of_another_page_cant_reset(server: Server, token: str, content_type: str) -> None:
    """Such a form needs no leave of the server's: browsers send it and keep only the answer from the page."""
    customer = "0a4a3a5c-6f5e-4d0d-8b55-2b3f8d2f7c01"
    execution = server.start(customer=customer, token=token).json()["data"]["id"]
    headers = ("Host: localhost:8080", "Origin: http://evil.example", f"Content-Type: {content_type}")
    assert status(server, *headers, target="/__admin/reset", method="POST", body="a=b") == 403
    assert server.http.get(f"/__admin/executions/{execution}").status_code == 200


@pytest.mark.parametrize(
    "declared", ["Content-Type: text/plain", "Content-Type: application/x-www-form-urlencoded", "X: x"]
)
def test_a_body_that_is_not_declared_as_json_is_refused_and_told_how_it_should_be(
    server: Server, declared: str
) -> None:
    headers = ("Host: localhost", declared)
    answer = ask(server, *headers, target="/__admin/clock", method="PUT", body='{"action": "freeze"}')
    (error,) = answer.json()["meta"]["errors"]
    assert (answer.status, error["code"]) == (415, "unsupported_media_type")
    assert "Content-Type: application/json" in error["message"]
    assert not server.http.get("/__admin/clock").json()["frozen"]


def test_a_preflight_of_another_page_is_refused(server: Server) -> None:
    headers = ("Host: localhost", "Origin: http://evil.example", "Access-Control-Request-Method: PUT")
    answer = ask(server, *headers, target="/__admin/clock", method="OPTIONS")
    assert answer.status == 403
    assert answer.header("Access-Control-Allow-Origin") is None


def test_an_origin_that_may_call_the_api_may_not_control_it() -> None:
    with serving("--cors-origin", "http://app.example") as running:
        assert status(running, "Host: localhost", "Origin: http://app.example") == 403


# With a token


@pytest.mark.parametrize("host", ["localhost", "evil.example", "mock:8080"])
def test_with_the_token_any_name_will_do(guarded: Server, host: str) -> None:
    assert status(guarded, f"Host: {host}", f"Authorization: Bearer {SECRET}") == 200


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
def test_the_schemes_name_matches_in_any_case(guarded: Server, scheme: str) -> None:
    assert status(guarded, "Host: localhost", f"Authorization: {scheme} {SECRET}") == 200


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Bearer {SECRET}x",
        f"Bearer {SECRET[:-1]}",
        f"Bearer {SECRET.upper()}",
        f"Bearer x {SECRET}",
        f"Basic {SECRET}",
        SECRET,
        "Bearer \xc3\xa9",
    ],
)
def test_without_the_right_token_nothing_is_answered(guarded: Server, authorization: str | None) -> None:
    headers = [] if authorization is None else [f"Authorization: {authorization}"]
    answer = ask(guarded, "Host: localhost", *headers)
    assert (answer.status, code(answer)) == (401, "admin_token_required")
    assert (answer.header("WWW-Authenticate") or "").startswith("Bearer realm=")
    assert SECRET.encode() not in answer.body


@pytest.mark.parametrize("target", ["/__admin/health/", "/__admin/docs", "/__admin/nothing", "/__admin"])
def test_every_path_of_the_plane_needs_the_token(guarded: Server, target: str) -> None:
    assert status(guarded, "Host: localhost", target=target) == 401


def test_an_access_token_of_the_api_is_no_token_of_the_control_plane(guarded: Server) -> None:
    assert status(guarded, "Host: localhost", f"Authorization: Bearer {guarded.token()}") == 401


def test_the_token_doesnt_help_a_foreign_page(guarded: Server) -> None:
    headers = ("Host: localhost", f"Authorization: Bearer {SECRET}", "Origin: http://evil.example")
    assert status(guarded, *headers) == 403


@pytest.mark.parametrize("environment", [{"WORKFLOW_MOCK_ADMIN_TOKEN": SECRET}, {}], ids=["token", "no token"])
def test_the_health_command_needs_no_token(guarded: Server, environment: dict[str, str]) -> None:
    done = run("health", "--url", guarded.url, environment=environment)
    assert (done.returncode, done.stdout) == (0, "healthy\n")


# Health, which is for everybody


ALL_OF_HEALTH = {"status", "version", "uptimeInSeconds", "store", "catalogueError"}


@pytest.mark.parametrize("host", ["evil.example", "docker:32768", ""])
def test_by_another_name_health_says_that_the_server_is_there_and_no_more(server: Server, host: str) -> None:
    answer = ask(server, f"Host: {host}", target="/__admin/health")
    assert (answer.status, set(answer.json())) == (200, {"status", "version"})
    assert set(ask(server, "Host: localhost", target="/__admin/health").json()) == ALL_OF_HEALTH


@pytest.mark.parametrize(
    ("authorization", "members"),
    [
        ((), {"status", "version"}),
        (("Authorization: Bearer wrong",), {"status", "version"}),
        ((f"Authorization: Bearer {SECRET}",), ALL_OF_HEALTH),
    ],
    ids=["none", "wrong", "right"],
)
def test_without_the_token_health_says_that_the_server_is_there_and_no_more(
    guarded: Server, authorization: tuple[str, ...], members: set[str]
) -> None:
    for host in ("localhost", "evil.example"):
        answer = ask(guarded, f"Host: {host}", *authorization, target="/__admin/health")
        assert (answer.status, set(answer.json())) == (200, members)


def test_health_is_not_for_a_foreign_page(server: Server) -> None:
    headers = ("Host: localhost", "Origin: http://evil.example")
    assert status(server, *headers, target="/__admin/health") == 403


# Without a control plane


def test_without_the_control_plane_only_health_is_answered() -> None:
    with serving("--no-admin") as running:
        assert "__admin" not in running.banner()
        assert running.http.get("/__admin/health").json()["status"] == "healthy"
        assert run("health", "--url", running.url).returncode == 0
        for target in (SETTINGS, "/__admin/docs", "/__admin/openapi.json", "/__admin/health/", "/__admin"):
            answer = ask(running, "Host: localhost", target=target)
            assert (answer.status, code(answer)) == (404, "route_not_found")
        assert status(running, "Host: localhost", target="/__admin/reset", method="POST") == 404


# What the guard leaves alone


@pytest.mark.parametrize("host", ["evil.example", "mock:8080", ""])
def test_the_api_and_its_authorization_server_answer_to_every_name(server: Server, token: str, host: str) -> None:
    body = json.dumps({"data": {"workflowId": WORKFLOW}})
    foreign = (f"Host: {host}", "Origin: http://evil.example", "Sec-Fetch-Site: cross-site")
    start = (*foreign, "Content-Type: application/json", f"Authorization: Bearer {token}")
    assert status(server, *start, target=path(), method="POST", body=body) == 200
    form = "grant_type=client_credentials&client_id=demo&client_secret=demo-secret"
    asked = (*foreign, "Content-Type: application/x-www-form-urlencoded")
    assert status(server, *asked, target="/api/authentication/connect/token", method="POST", body=form) == 200
    assert status(server, *foreign, target="/openapi.json") == 200


# What the start says


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--host", "0.0.0.0"), True),
        (("--host", "0.0.0.0", "--admin-token", SECRET), False),
        (("--host", "0.0.0.0", "--no-admin"), False),
        ((), False),
    ],
)
def test_the_start_says_plainly_that_anybody_can_control_it(arguments: tuple[str, ...], says: bool) -> None:
    with serving(*arguments) as running:
        banner = running.banner()
        assert ("anybody who reaches 0.0.0.0 can use it and control it" in banner) is says
        assert ("--admin-token" in banner) is says
        assert SECRET not in banner


@pytest.mark.parametrize("token", ["short", "has a space", "ümlaut-token", "x" * 201])
def test_a_token_that_cant_be_sent_is_refused_at_the_start(token: str) -> None:
    ended = run("serve", "--admin-token", token)
    assert ended.returncode == 2
    assert "--admin-token must be" in ended.stderr
