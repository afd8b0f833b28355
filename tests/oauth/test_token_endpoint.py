"""The token endpoint: contract section 3, each row of its table in the order of the table."""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.support import Server, serving, until

URL = "/api/authentication/connect/token"
FORM = "application/x-www-form-urlencoded"
GRANT = {"grant_type": "client_credentials"}
DEMO = {"client_id": "demo", "client_secret": "demo-secret"}
CATALOGUE = """
workflows: [{name: Any, tasks: [{key: only}]}]
clients:
  - {id: two, secret: two-secret, scopes: [workflow_api, reports]}
  - {id: bound, secret: bound-secret, customers: [AAAAAAAA-0000-4000-8000-000000000000]}
  - {id: "o d:d%/é", secret: "p +%&=:é"}
  - {id: uni, secret: "pässwörd-€"}
  - {id: latin, secret: pässwörd}
  - {id: nothing, secret: nothing-secret, scopes: []}
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    file: Path = tmp_path_factory.mktemp("catalogue") / "clients.yaml"
    file.write_text(CATALOGUE)
    with serving("--catalogue", str(file), "--token-lifetime", "60") as running:
        yield running


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def assert_headers(answer: httpx.Response) -> None:
    assert answer.headers["cache-control"] == "no-store, no-cache, max-age=0"
    assert answer.headers["pragma"] == "no-cache"
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"


def test_a_client_gets_a_token(server: Server) -> None:
    answer = server.http.post(URL, data=GRANT | DEMO)
    assert answer.status_code == 200
    assert_headers(answer)
    body = answer.json()
    assert body | {"access_token": ""} == {
        "access_token": "",
        "expires_in": 3600,
        "token_type": "Bearer",
        "scope": "workflow_api",
    }


def test_the_token_says_what_the_platforms_says(server: Server) -> None:
    token = server.token()
    head = token.split(".")[0]
    header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    (key,) = server.http.get("/api/authentication/.well-known/openid-configuration/jwks").json()["keys"]
    assert header == {"alg": "RS256", "kid": key["kid"], "typ": "at+jwt"}
    claims = claims_of(token)
    assert claims.keys() == {"iss", "nbf", "iat", "exp", "aud", "client_id", "sub", "jti", "scope"}
    assert claims["iss"] == f"{server.url}/api/authentication"
    assert claims["exp"] - claims["iat"] == 3600
    assert (claims["aud"], claims["client_id"], claims["sub"]) == ("workflow_api", "demo", "demo")
    assert claims["scope"] == ["workflow_api"]


def test_no_two_tokens_are_the_same(server: Server) -> None:
    assert claims_of(server.token())["jti"] != claims_of(server.token())["jti"]


def test_the_lifetime_is_a_setting(own: Server) -> None:
    answer = own.http.post(URL, data=GRANT | {"client_id": "two", "client_secret": "two-secret"}).json()
    claims = claims_of(answer["access_token"])
    assert answer["expires_in"] == claims["exp"] - claims["iat"] == 60


def test_a_token_of_a_bound_client_names_its_customers(own: Server) -> None:
    assert claims_of(own.token("bound", "bound-secret"))["customer_id"] == ["aaaaaaaa-0000-4000-8000-000000000000"]


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (None, "reports workflow_api"),
        ("", "reports workflow_api"),
        (" \t\r\n\u00a0\u3000", "reports workflow_api"),
        ("reports", "reports"),
        ("reports  workflow_api reports", "reports workflow_api"),
        ("workflow_api reports", "reports workflow_api"),
        ("\tworkflow_api\n", "workflow_api"),
        ("\u2028\x85reports \v", "reports"),
    ],
)
def test_a_client_gets_the_scopes_that_it_asks_for_or_all_sorted(own: Server, asked: str | None, given: str) -> None:
    form = GRANT | {"client_id": "two", "client_secret": "two-secret"} | ({"scope": asked} if asked else {})
    answer = own.http.post(URL, data=form).json()
    assert (answer["scope"], claims_of(answer["access_token"])["scope"]) == (given, given.split())


# Each fault of a token request, in the order in which they are looked for.
FAULTS: dict[str, dict[str, str]] = {
    "invalid_client": {"client_secret": "wrong"},
    "unsupported_grant_type": {"grant_type": "magic"},
    "invalid_scope": {"scope": "other"},
}


@pytest.mark.parametrize("first", FAULTS)
def test_of_several_faults_the_first_in_the_order_is_answered(server: Server, first: str) -> None:
    form = GRANT | DEMO
    for code in list(FAULTS)[list(FAULTS).index(first) :]:
        form |= FAULTS[code]
    answer = server.http.post(URL, data=form)
    assert (answer.status_code, answer.json()) == (400, {"error": first})
    assert_headers(answer)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no form": ({"json": GRANT | DEMO}, "invalid_request"),
    "no body and no type": ({}, "invalid_request"),
    "multipart": ({"files": {"grant_type": (None, "client_credentials")}}, "invalid_request"),
    "a repeated parameter": ({"content": b"client_id=demo&client_id=demo"}, "invalid_request"),
    "two resources": ({"content": b"client_id=demo&resource=a&resource=b"}, "invalid_request"),
    "1 MB of form": ({"content": b"a=" + b"x" * 1_000_000}, "invalid_request"),
    "a hundred parameters": ({"content": b"&".join(b"%d=1" % n for n in range(100))}, "invalid_request"),
    "bytes that are not utf-8": ({"content": b"client_id=%ff%fe"}, "invalid_request"),
    "raw bytes beyond ASCII": ({"content": b"client_id=\xff"}, "invalid_request"),
    "nothing": ({"content": b""}, "invalid_client"),
    "no client id": ({"data": GRANT | {"client_secret": "demo-secret"}}, "invalid_client"),
    "an unknown client": ({"data": GRANT | {"client_id": "nobody", "client_secret": "x"}}, "invalid_client"),
    "no secret": ({"data": GRANT | {"client_id": "demo"}}, "invalid_client"),
    "an empty secret": ({"data": GRANT | {"client_id": "demo", "client_secret": ""}}, "invalid_client"),
    "a wrong secret": ({"data": GRANT | DEMO | {"client_secret": "Demo-secret"}}, "invalid_client"),
    "an escaped NUL in a value": ({"content": b"client_id=demo&client_secret=demo-secret%00"}, "invalid_request"),
    "an escaped NUL in a name": ({"content": b"%00=1"}, "invalid_request"),
    "a NUL": ({"content": b"client_id=demo&x=\0"}, "invalid_request"),
    "a name of 2,049 characters": ({"content": b"n" * 2_049 + b"=1"}, "invalid_request"),
    "a name of 2,049 characters without a value": ({"content": b"n" * 2_049}, "invalid_request"),
    "a repeated parameter in another case": ({"content": b"client_id=demo&Client_Id=demo"}, "invalid_request"),
    "names of 2,048 characters": ({"content": b"n" * 2_048 + b"=1"}, "invalid_client"),
    "half an escape": ({"content": b"client_id=%f&x=%"}, "invalid_client"),
    "an id of 101 characters": ({"data": GRANT | DEMO | {"client_id": "d" * 101}}, "invalid_client"),
    "a secret of 101 characters": ({"data": GRANT | DEMO | {"client_secret": "s" * 101}}, "invalid_client"),
    "no grant": ({"data": DEMO}, "unsupported_grant_type"),
    "an unknown grant": ({"data": DEMO | {"grant_type": "Client_Credentials"}}, "unsupported_grant_type"),
    "another grant": ({"data": DEMO | {"grant_type": "password", "username": "x"}}, "unauthorized_client"),
    "a code": ({"data": DEMO | {"grant_type": "authorization_code", "code": "x"}}, "unauthorized_client"),
    "a device's code": (
        {"data": DEMO | {"grant_type": "urn:ietf:params:oauth:grant-type:device_code"}}, "unauthorized_client"),
    "a refresh without a token": ({"data": DEMO | {"grant_type": "refresh_token"}}, "invalid_request"),
    "a refresh with a token of white space": (
        {"data": DEMO | {"grant_type": "refresh_token", "refresh_token": " \t"}}, "invalid_request"),
    "a refresh with a token": (
        {"data": DEMO | {"grant_type": "refresh_token", "refresh_token": "x"}}, "invalid_grant"),
    "a refresh without a token and with a wrong secret": (
        {"data": DEMO | {"grant_type": "refresh_token", "client_secret": "x"}}, "invalid_client"),
    **{f"a grant that the platform doesn't know, {grant}": (
        {"data": DEMO | {"grant_type": grant}}, "unsupported_grant_type") for grant in (
            "implicit", "urn:openid:params:grant-type:ciba", "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "urn:ietf:params:oauth:grant-type:token-exchange", "client_credentials ")},
    "a tab between scopes": ({"data": GRANT | DEMO | {"scope": "workflow_api\tworkflow_api"}}, "invalid_scope"),
    "U+001C, which is no white space": ({"data": GRANT | DEMO | {"scope": "workflow_api\x1c"}}, "invalid_scope"),
    "an unknown scope": ({"data": GRANT | DEMO | {"scope": "workflow_api other"}}, "invalid_scope"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_says_its_code_and_nothing_more(server: Server, name: str) -> None:
    request, code = REFUSED[name]
    if "content" in request:
        request = request | {"headers": {"Content-Type": "application/x-www-form-urlencoded"}}
    answer = server.http.post(URL, **request)
    assert (answer.status_code, answer.json()) == (400, {"error": code})
    assert_headers(answer)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_another_method_is_an_invalid_request(server: Server, method: str) -> None:
    answer = server.http.request(method, URL)
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})


def test_an_unknown_client_and_a_wrong_secret_look_the_same(server: Server) -> None:
    unknown, wrong = (
        server.http.post(URL, data=GRANT | DEMO | change)
        for change in ({"client_id": "nobody"}, {"client_secret": "nothing"})
    )
    assert unknown.content == wrong.content
    assert set(unknown.headers) == set(wrong.headers)


def test_credentials_by_http_basic_work_too(server: Server) -> None:
    assert server.http.post(URL, data=GRANT, auth=("demo", "demo-secret")).status_code == 200


def test_id_and_secret_are_url_decoded(own: Server) -> None:
    pair = "o+d%3Ad%25%2F%C3%A9:p+%2B%25%26%3D%3A%C3%A9"
    header = {"Authorization": "basic " + base64.b64encode(pair.encode()).decode()}
    assert own.http.post(URL, data=GRANT, headers=header).status_code == 200


@pytest.mark.parametrize(
    "value",
    [
        "Basic",
        "Basic !!!",
        "Basic ZGVtbw==",
        "Basic OmRlbW8=",
        "Basic ZGVtbzp4",
        "Basic ZGVtbzolZmY=",
        "Basic Ã¿",
        "Basic x",
    ],
)
def test_a_failed_basic_authentication_is_an_invalid_client(server: Server, strict_server: Server, value: str) -> None:
    headers = {b"Authorization": value.encode("latin-1")}
    answer = server.http.post(URL, data=GRANT, headers=headers)
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_client"})
    strict = strict_server.http.post(URL, data=GRANT, headers=headers)
    assert (strict.status_code, strict.json()) == (401, {"error": "invalid_client"})
    assert strict.headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize(
    ("address", "status", "strict_status"),
    [
        pytest.param(URL, 200, 200, id="as documented"),
        pytest.param(URL.upper(), 200, 404, id="in upper case"),
        pytest.param(URL.replace("token", "%74oken"), 200, 200, id="with an escaped letter"),
        pytest.param(URL.replace("token", "%54OKEN"), 200, 404, id="with an escaped letter in upper case"),
        pytest.param(URL.replace("/token", "%2Ftoken"), 404, 404, id="with an escaped slash"),
        pytest.param(URL.replace("/token", "%2ftoken"), 404, 404, id="with an escaped slash in lower case"),
        pytest.param(URL + "/", 404, 404, id="with a slash after it"),
        pytest.param(URL.replace("k", "%E2%84%AA"), 404, 404, id="with a letter whose lower case is k"),
    ],
)
def test_the_path_matches_in_any_case(
    server: Server, strict_server: Server, address: str, status: int, strict_status: int
) -> None:
    form = "grant_type=client_credentials&client_id=demo&client_secret=demo-secret"
    head = f"POST {address} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: {len(form)}\r\n\r\n{form}"
    answers = [each.send(head.encode())[0].status for each in (server, strict_server)]
    assert answers == [status, strict_status]


@pytest.mark.parametrize("path", ["", "/jwks"])
@pytest.mark.parametrize(
    ("change", "status"),
    [
        pytest.param(str, 200, id="as documented"),
        pytest.param(str.upper, 200, id="in upper case"),
        pytest.param(lambda path: path.replace("/openid", "%2Fopenid"), 404, id="with an escaped slash"),
        pytest.param(lambda path: path + "/", 404, id="with a slash after it"),
    ],
)
def test_discovery_matches_in_any_case(server: Server, path: str, change: Callable[[str], str], status: int) -> None:
    address = change(f"/api/authentication/.well-known/openid-configuration{path}")
    (answer,) = server.send(f"GET {address} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert answer.status == status
    if status == 200:
        assert answer.header("content-type") == "application/json; charset=UTF-8"


def test_names_match_in_any_case(server: Server, strict_server: Server) -> None:
    form = {"Grant_Type": "client_credentials", "CLIENT_ID": "demo", "client_Secret": "demo-secret"}
    answers = [each.http.post(URL, data=form) for each in (server, strict_server)]
    assert [answer.status_code for answer in answers] == [200, 400]
    assert answers[1].json() == {"error": "invalid_request"}


def test_strict_trims_scopes_of_spaces_alone(server: Server, strict_server: Server) -> None:
    for scope, statuses in ((" workflow_api ", [200, 200]), ("workflow_api\t", [200, 400])):
        form = GRANT | DEMO | {"scope": scope}
        assert [each.http.post(URL, data=form).status_code for each in (server, strict_server)] == statuses


UNI = "grant_type=client_credentials&client_id=uni&client_secret="


@pytest.mark.parametrize("secret", ["pässwörd-€", "p%C3%A4ssw%c3%b6rd-%E2%82%AC", "pässw%C3%B6rd-€"])
@pytest.mark.parametrize(
    "type",
    [
        FORM,
        FORM.upper(),
        f"{FORM};",
        f"{FORM};charset=UTF-8",
        f"{FORM.title()} ; charset=utf-8",
        f"{FORM};charset=nonsense",
        f'{FORM};charset="utf-8"; x="a;b\\"c"',
        f"{FORM};charset=;x",
        f"{FORM};charset=utf-8;charset=utf-16",
        f"{FORM};x=charset",
    ],
)
def test_a_form_is_utf8_under_each_spelling_of_its_type(own: Server, secret: str, type: str) -> None:
    answer = own.http.post(URL, content=(UNI + secret).encode(), headers={"Content-Type": type})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "type",
    [
        "",
        "text/plain",
        f"{FORM}2",
        f"{FORM};;",
        f"{FORM};;charset=utf-8",
        f"{FORM};charset=utf-8;;",
        f"{FORM};=utf-8",
        f"{FORM};charset utf-8",
        f'{FORM};charset="utf-8',
        f"{FORM}, text/plain",
        f"{FORM};charset=utf-8, text/plain",
        f"{FORM};{'a=' * 10_000}",
    ],
)
def test_a_type_that_is_no_forms_or_cannot_be_read_is_an_invalid_request(server: Server, type: str) -> None:
    content = b"grant_type=client_credentials&client_id=demo&client_secret=demo-secret"
    answer = server.http.post(URL, content=content, headers={"Content-Type": type})
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})


@pytest.mark.parametrize(
    ("charset", "codec", "status"),
    [
        pytest.param("utf-16", "utf-8", 400, id="utf-16, which utf-8 isn't"),
        pytest.param("utf-16", "utf-16-le", 200, id="utf-16, which it is"),
        pytest.param("UTF-16BE", "utf-16-be", 200, id="utf-16 the other way round"),
        pytest.param("utf-32", "utf-32-le", 200, id="utf-32"),
        pytest.param("iso-8859-1", "latin-1", 200, id="latin-1"),
        pytest.param("iso-8859-1", "utf-8", 400, id="latin-1, which utf-8 isn't"),
        pytest.param("us-ascii", "utf-8", 400, id="ascii, which utf-8 isn't"),
        pytest.param("nonsense", "utf-8", 200, id="nobody knows it"),
    ],
)
def test_a_form_is_read_in_the_charset_that_its_type_names(own: Server, charset: str, codec: str, status: int) -> None:
    form = "grant_type=client_credentials&client_id=latin&client_secret=pässwörd"
    answer = own.http.post(URL, content=form.encode(codec), headers={"Content-Type": f"{FORM}; charset={charset}"})
    assert answer.status_code == status
    if status != 200:
        assert answer.json() == {"error": "invalid_client"}


@pytest.mark.parametrize("secret", ["pässwörd-€", "p%C3%A4ssw%c3%b6rd-%E2%82%AC"])
def test_a_secret_by_basic_is_utf8(own: Server, secret: str) -> None:
    header = {"Authorization": "Basic " + base64.b64encode(f"uni:{secret}".encode()).decode()}
    assert own.http.post(URL, data=GRANT, headers=header).status_code == 200


def test_a_client_without_any_scope_gets_no_token(own: Server) -> None:
    form = GRANT | {"client_id": "nothing", "client_secret": "nothing-secret"}
    answer = own.http.post(URL, data=form)
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_scope"})


@pytest.mark.parametrize(
    "value", ["Basic", "Basic !!!", "Basic ZGVtbw==", "Basic a b", "Basic ZGVtbzolZmY=", "Basic x"]
)
def test_a_basic_header_that_cannot_be_read_counts_as_none(server: Server, strict_server: Server, value: str) -> None:
    answers = [
        each.http.post(URL, data=GRANT | DEMO, headers={"Authorization": value}) for each in (server, strict_server)
    ]
    assert [answer.status_code for answer in answers] == [200, 401]


def test_two_authorization_headers_are_refused(server: Server) -> None:
    basic = "Basic " + base64.b64encode(b"demo:demo-secret").decode()
    for pair in ([basic, basic], [basic, "Bearer x"], ["Bearer x", basic]):
        answer = server.http.post(URL, data=GRANT | DEMO, headers=[("Authorization", value) for value in pair])
        assert (answer.status_code, answer.json()) == (400, {"error": "invalid_client"})


def test_strict_wants_credentials_in_one_place(server: Server, strict_server: Server) -> None:
    form = GRANT | {"client_secret": "demo-secret"}
    assert server.http.post(URL, data=form, auth=("demo", "demo-secret")).status_code == 200
    answer = strict_server.http.post(URL, data=form, auth=("demo", "demo-secret"))
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})


def test_no_secret_gets_into_the_log(own: Server) -> None:
    own.http.post(URL, data=GRANT | {"client_id": "two", "client_secret": "two-wrong-secret"})
    until(lambda: "wrong secret" in own.log.read_text(), "no line says why")
    text = own.log.read_text()
    assert "two-wrong-secret" not in text
    assert "two-secret" not in text
