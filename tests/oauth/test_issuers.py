"""Where tokens come from: discovery, the names of this server, external issuers, and real OAuth clients."""

import asyncio
import codecs
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from authlib.integrations.httpx_client import OAuth2Client
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session
from workflow_mock.errors import ApiError
from workflow_mock.oauth import issuers
from workflow_mock.oauth.issuers import RemoteIssuer
from workflow_mock.oauth.verifier import TokenVerifier
from workflow_mock.state.clock import Clock, uptime

from tests.oauth.forge import Key, claims, es256, hs256, number
from tests.support import WORKFLOW, Server, path, run, serving

OPENID = "/api/authentication/.well-known/openid-configuration"
RFC8414 = "/.well-known/oauth-authorization-server/api/authentication"
EXTERNAL = "https://login.example.com"
KEY, NEXT_KEY = Key(), Key()
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def jwk(key: Key, **other: Any) -> dict[str, Any]:
    return key.public_jwk | {"kid": key.kid, "use": "sig"} | other


def ec_jwk() -> dict[str, Any]:
    numbers = EC_KEY.public_key().public_numbers()
    return {"kty": "EC", "crv": "P-256", "x": number(numbers.x), "y": number(numbers.y), "kid": "ec"}


class Pages(BaseHTTPRequestHandler):
    """Answers with what the server has been told to, and counts."""

    server: "PageServer"

    def do_GET(self) -> None:
        self.server.asked += 1
        self.server.page(self)

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


class PageServer(ThreadingHTTPServer):
    page: Callable[[Pages], None]
    asked = 0
    daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/jwks"


def sends(document: Any) -> Callable[[Pages], None]:
    def page(request: Pages) -> None:
        body = json.dumps(document).encode()
        request.send_response(200)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return page


@pytest.fixture
def pages() -> Iterator[PageServer]:
    server = PageServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@contextmanager
def trusting(jwks: str) -> Iterator[Server]:
    with serving("--jwks", jwks, "--jwks-issuer", EXTERNAL) as running:
        yield running


def code(server: Server, token: str) -> str:
    meta = server.start(token=token).json()["meta"]
    return str(meta["errors"][0]["code"]) if meta["errors"] else "started"


def of(key: Key, **other: Any) -> str:
    return key.token(key.header(), claims(EXTERNAL, **other))


# Discovery and the names of this server


@pytest.mark.parametrize("address", [OPENID, RFC8414])
def test_the_metadata_names_only_endpoints_that_exist(server: Server, address: str) -> None:
    metadata = server.http.get(address).json()
    assert metadata["issuer"] == f"{server.url}/api/authentication"
    endpoints = {name: value for name, value in metadata.items() if name.endswith(("_endpoint", "_uri"))}
    assert endpoints.keys() == {"token_endpoint", "jwks_uri"}
    assert server.http.get(endpoints["jwks_uri"]).json()["keys"][0]["alg"] == "RS256"
    assert server.http.post(endpoints["token_endpoint"]).json() == {"error": "invalid_request"}


def test_the_keys_are_public(server: Server) -> None:
    (key,) = server.http.get(f"{OPENID}/jwks").json()["keys"]
    assert key.keys() == {"alg", "kty", "n", "e", "use", "kid"}


def test_tokens_are_good_under_every_name_that_the_server_has_issued_them_under(server: Server) -> None:
    form = {"grant_type": "client_credentials", "client_id": "demo", "client_secret": "demo-secret"}
    inside = {"Host": "workflow-mock:8080"}
    token = server.http.post("/api/authentication/connect/token", data=form, headers=inside).json()["access_token"]
    assert server.start(token=token).status_code == 200
    assert server.start(token=token, headers={"Host": "elsewhere"}).status_code == 200


def test_the_own_key_is_good_under_the_name_that_the_request_uses_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(KEY.pem)
    with serving("--signing-key", str(tmp_path / "key.pem")) as own:
        token = KEY.token(KEY.header(), claims("http://elsewhere:1/api/authentication"))
        assert code(own, token) == "token_issuer"
        assert own.start(token=token, headers={"Host": "elsewhere:1"}).status_code == 200


@pytest.mark.parametrize("host", ["", "x:123456"])
def test_a_host_that_is_none_gets_the_address_that_was_asked(server: Server, host: str) -> None:
    (answer,) = server.send(f"GET {OPENID} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert answer.json()["issuer"] == f"{server.url}/api/authentication"


def test_a_fixed_issuer_is_the_only_one(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(KEY.pem)
    with serving("--issuer", EXTERNAL, "--signing-key", str(tmp_path / "key.pem")) as own:
        assert own.http.get(OPENID).json()["issuer"] == EXTERNAL
        assert code(own, own.token()) == "started"
        assert code(own, KEY.token(KEY.header(), claims(f"{own.url}/api/authentication"))) == "token_issuer"


def test_a_token_outlives_a_restart_where_the_key_does(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(KEY.pem)
    options = ["--issuer", EXTERNAL, "--signing-key", str(tmp_path / "key.pem")]
    with serving(*options) as first:
        token = first.token()
    with serving(*options) as second:
        assert code(second, token) == "started"
    with serving("--issuer", EXTERNAL) as third:
        assert code(third, token) == "token_key_unknown"


# External issuers


def test_the_keys_of_an_issuer_can_be_a_file(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "oct"}, ec_jwk(), jwk(KEY)]}))
    with trusting(str(file)) as own:
        assert code(own, of(KEY)) == "started"
        assert code(own, es256(EC_KEY, {"alg": "ES256", "kid": "ec"}, claims(EXTERNAL))) == "started"
        assert code(own, own.token()) == "started"
        assert code(own, of(NEXT_KEY)) == "token_key_unknown"
        assert code(own, KEY.token(KEY.header(), claims(f"{own.url}/api/authentication"))) == "token_issuer"
        symmetric = hs256(b"secret", {"alg": "HS256", "kid": "oct"}, claims(EXTERNAL))
        assert code(own, symmetric) == "token_key_unknown"


def test_the_keys_at_a_url_are_fetched_when_they_are_needed(pages: PageServer) -> None:
    pages.page = sends({"keys": [jwk(KEY)]})
    with trusting(pages.url) as own:
        assert code(own, own.token()) == "started"
        assert pages.asked == 0
        assert code(own, of(KEY)) == "started"
        assert code(own, of(KEY)) == "started"
        assert pages.asked == 1


def test_an_unknown_key_has_them_fetched_again_at_most_once_a_minute(pages: PageServer) -> None:
    pages.page = sends({"keys": [jwk(KEY)]})
    with trusting(pages.url) as own:
        assert code(own, of(NEXT_KEY)) == "token_key_unknown"
        pages.page = sends({"keys": [jwk(NEXT_KEY)]})
        assert [code(own, of(NEXT_KEY)) for _ in range(3)] == ["token_key_unknown"] * 3
        assert pages.asked == 1


def checking(pages: PageServer) -> Callable[[str], str]:
    """What a verifier that trusts this issuer alone says of a token: inside one process, as nobody can set the clock
    that the time between two fetches is on.
    """
    clock = Clock()
    verifier = TokenVerifier(
        (RemoteIssuer(EXTERNAL, pages.url),),
        clock,
        audience="workflow_api",
        scope="workflow_api",
        clock_skew=timedelta(0),
        require_customer_claim=False,
    )

    def check(token: str) -> str:
        try:
            asyncio.run(verifier.verify(token.encode(), None, clock.now(), request_issuer=str))
        except ApiError as error:
            return error.code
        return "passed"

    return check


def test_a_verdict_does_not_outlive_the_key_that_its_issuer_withdraws(
    pages: PageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = checking(pages)
    old, new = of(KEY), of(NEXT_KEY)
    pages.page = sends({"keys": [jwk(KEY)]})
    assert [check(old), check(old), check(new)] == ["passed", "passed", "token_key_unknown"]
    pages.page = sends({"keys": [jwk(NEXT_KEY)]})
    monkeypatch.setattr(issuers, "uptime", lambda: uptime() + timedelta(minutes=1))
    assert [check(old), check(new), check(old)] == ["passed", "passed", "token_key_unknown"]
    pages.page = sends({"keys": [jwk(KEY)]})
    monkeypatch.setattr(issuers, "uptime", lambda: uptime() + timedelta(minutes=1) + issuers.MAX_AGE)
    assert [check(new), check(old)] == ["token_key_unknown", "passed"], "no token has named a key that isn't known"
    pages.page = writes(b"HTTP/1.1 503 Busy\r\n\r\n")
    monkeypatch.setattr(issuers, "uptime", lambda: uptime() + timedelta(minutes=1) + 2 * issuers.MAX_AGE)
    assert [check(old), check(old)] == ["passed", "passed"], "the last good set counts"


@pytest.mark.parametrize(
    "keys",
    [[], [{"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "x"}], [jwk(KEY, alg="PS256")], [jwk(KEY, use="enc")]],
    ids=["none", "of another kind", "for another algorithm", "for another use"],
)
def test_an_issuer_that_withdraws_all_its_keys_is_trusted_no_more(
    pages: PageServer, monkeypatch: pytest.MonkeyPatch, keys: list[dict[str, str]]
) -> None:
    check = checking(pages)
    pages.page = sends({"keys": [jwk(KEY)]})
    assert check(of(KEY)) == "passed"
    pages.page = sends({"keys": keys})
    monkeypatch.setattr(issuers, "uptime", lambda: uptime() + issuers.MAX_AGE)
    assert check(of(KEY)) == "token_key_unknown"


def test_a_fetch_that_fails_is_tried_again_in_a_minute(pages: PageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    check, token = checking(pages), of(KEY)
    pages.page = sends({"keys": [jwk(KEY)]})
    assert check(token) == "passed"
    pages.page = writes(b"HTTP/1.1 503 Busy\r\n\r\n")
    monkeypatch.setattr(issuers, "uptime", lambda: uptime() + issuers.MAX_AGE)
    assert [check(token), check(token), pages.asked] == ["passed", "passed", 2]
    pages.page = sends({"keys": [jwk(NEXT_KEY)]})
    monkeypatch.setattr(issuers, "uptime", lambda: uptime() + issuers.MAX_AGE + issuers.FETCH_INTERVAL)
    assert [check(token), pages.asked] == ["token_key_unknown", 3]


def test_the_password_of_a_url_is_not_logged(pages: PageServer) -> None:
    pages.page = sends({"keys": [jwk(KEY)]})
    with trusting(pages.url.replace("//", "//me:hush-hush@") + "?appid=hush-hush") as own:
        assert code(own, of(KEY)) == "started"
        pages.page = sends([])
        assert code(own, of(NEXT_KEY)) == "token_key_unknown"
        assert "hush-hush" not in own.log.read_text()
        assert "hush-hush" not in own.http.get("/__admin/settings").text


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        (b"s" * 32, None),
        (b"s" * 32 + b"\r\n", None),
        (codecs.BOM_UTF8 + b"s" * 32, "begins with a byte order mark"),
        ("s".join(["\ufeff"] + [""] * 32).encode("utf-16-le"), "begins with a byte order mark"),
        (b"s" * 32 + b" \n", "begins or ends with white space"),
        (b"\n" + b"s" * 32, "begins or ends with white space"),
    ],
)
def test_a_secret_that_an_editor_has_changed_is_told(tmp_path: Path, text: bytes, doubt: str | None) -> None:
    """It is used as it stands: a secret may be any bytes."""
    (tmp_path / "secret").write_bytes(text)
    with serving("--hs256-secret", str(tmp_path / "secret"), "--hs256-issuer", EXTERNAL) as own:
        token = hs256(text.rstrip(b"\r\n"), {"alg": "HS256"}, claims(EXTERNAL))
        assert code(own, token) == "started"
        warnings = [line for line in own.log.read_text().splitlines() if "  WARNING " in line]
        assert [f"the secret {doubt}" in line for line in warnings] == [True] * (doubt is not None)


def test_a_key_without_an_id_is_tried_for_a_token_with_one(tmp_path: Path) -> None:
    """The id is a hint (RFC 7515, section 4.1.4); a shared secret has none."""
    keys, secret = tmp_path / "jwks.json", tmp_path / "secret"
    keys.write_text(json.dumps({"keys": [KEY.public_jwk]}))
    secret.write_text("s" * 32)
    other = "https://other.example.com"
    options = ["--jwks", str(keys), "--jwks-issuer", EXTERNAL, "--hs256-secret", str(secret), "--hs256-issuer", other]
    with serving(*options) as own:
        assert code(own, KEY.token(KEY.header(kid="x"), claims(EXTERNAL))) == "started"
        assert code(own, hs256(b"s" * 32, {"alg": "HS256", "kid": "x"}, claims(other))) == "started"
        assert code(own, hs256(b"t" * 32, {"alg": "HS256", "kid": "x"}, claims(other))) == "token_key_unknown"
        (own_key,) = own.http.get(f"{OPENID}/jwks").json()["keys"]
        assert code(own, KEY.token(KEY.header(kid=own_key["kid"]), claims(EXTERNAL))) == "token_signature"


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512"])
@pytest.mark.parametrize(
    ("named", "accepted"),
    [
        pytest.param({}, {"RS256", "RS384", "RS512"}, id="a key that names no alg"),
        pytest.param({"alg": None}, {"RS256", "RS384", "RS512"}, id="a key whose alg is null"),
        pytest.param({"alg": "RS384"}, {"RS384"}, id="a key that names one"),
    ],
)
def test_a_key_serves_the_algorithm_that_it_names_or_those_of_its_type(
    pages: PageServer, algorithm: str, named: dict[str, Any], accepted: set[str]
) -> None:
    digest = {"RS256": hashes.SHA256(), "RS384": hashes.SHA384(), "RS512": hashes.SHA512()}[algorithm]
    pages.page = sends({"keys": [jwk(KEY, **named)]})
    token = KEY.token(KEY.header(alg=algorithm), claims(EXTERNAL), digest=digest)
    assert checking(pages)(token) == ("passed" if algorithm in accepted else "token_algorithm")
    unsuited = KEY.token(KEY.header(alg=algorithm), claims(EXTERNAL), digest=hashes.SHA224())
    assert checking(pages)(unsuited) == ("token_signature" if algorithm in accepted else "token_algorithm")


@pytest.mark.parametrize(
    "key",
    [
        {"kty": "RSA", "e": "AQAB", "n": number((1 << 2046) + 1), "kid": KEY.kid},
        jwk(KEY, key_ops=["encrypt"]),
        jwk(KEY, e="AQ"),
    ],
    ids=["of 2047 bits", "for another operation", "whose exponent is 1"],
)
def test_a_key_that_must_not_verify_is_passed_over(tmp_path: Path, key: dict[str, Any]) -> None:
    keys = tmp_path / "jwks.json"
    keys.write_text(json.dumps({"keys": [key]}))
    done = run("serve", "--port", "0", "--jwks", str(keys), "--jwks-issuer", EXTERNAL)
    assert (done.returncode, "it has no key for" in done.stderr) == (2, True)


def test_a_set_of_very_many_keys_is_refused(tmp_path: Path) -> None:
    keys = tmp_path / "jwks.json"
    keys.write_text(json.dumps({"keys": [ec_jwk()] * 101}))
    done = run("serve", "--port", "0", "--jwks", str(keys), "--jwks-issuer", EXTERNAL)
    assert (done.returncode, "over 100 keys" in done.stderr) == (2, True)


def endless(request: Pages) -> None:
    request.send_response(200)
    request.end_headers()
    while True:
        request.wfile.write(b" " * 65536)


def elsewhere(request: Pages) -> None:
    request.send_response(302)
    request.send_header("Location", request.server.url + "/other")
    request.end_headers()


def writes(data: bytes) -> Callable[[Pages], None]:
    def page(request: Pages) -> None:
        request.wfile.write(data)

    return page


def slow(request: Pages) -> None:
    request.server.stopped.wait(20)  # type: ignore[attr-defined]


FAILURES: dict[str, Callable[[Pages], None]] = {
    "endless": endless,
    "elsewhere": elsewhere,
    "no keys": sends({"keys": []}),
    "no set": sends([]),
    "not JSON": writes(b"HTTP/1.0 200 OK\r\n\r\n<html>"),
    "not HTTP": writes(b"\x00\x01"),
    "an error": lambda request: request.send_error(500),
}


@pytest.mark.parametrize("name", FAILURES)
def test_an_issuer_that_fails_is_named_in_the_log_and_stops_no_other(pages: PageServer, name: str) -> None:
    pages.page = FAILURES[name]
    with trusting(pages.url) as own:
        assert code(own, of(KEY)) == "token_key_unknown"
        assert code(own, own.token()) == "started"
        assert f"the keys of {EXTERNAL} can't be had" in own.log.read_text()
        assert pages.asked == 1
        assert "Traceback" not in own.log.read_text()


def test_while_an_issuer_is_slow_tokens_of_others_are_checked(pages: PageServer) -> None:
    pages.stopped = threading.Event()  # type: ignore[attr-defined]
    pages.page = slow
    with trusting(pages.url) as own:
        own_token = own.token()
        waiting = own.connect()
        request = f"POST {path()} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {of(KEY)}\r\nContent-Length: 0\r\n\r\n"
        waiting.sendall(request.encode())
        assert code(own, own_token) == "started"
        waiting.close()
        pages.stopped.set()  # type: ignore[attr-defined]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://x"])
def test_a_url_of_another_scheme_is_no_address_of_keys(url: str) -> None:
    done = run("serve", "--port", "0", "--jwks", url, "--jwks-issuer", EXTERNAL)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


# Real clients


def start_with(get: Callable[[str], Any], server: Server) -> None:
    answer = get(f"{server.url}{path()}")
    assert answer.status_code == 200
    assert answer.json()["data"]["workflowId"] == WORKFLOW


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_authlib_with_httpx_starts_an_execution(server: Server, method: str) -> None:
    metadata = server.http.get(RFC8414).json()
    with OAuth2Client("demo", "demo-secret", token_endpoint_auth_method=method, trust_env=False) as client:
        client.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
        start_with(lambda url: client.post(url, json={"data": {"workflowId": WORKFLOW}}), server)


def test_authlib_with_requests_starts_an_execution(server: Server) -> None:
    metadata = server.http.get(OPENID).json()
    with AuthlibSession("demo", "demo-secret", scope="workflow_api") as client:
        client.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
        start_with(lambda url: client.post(url, json={"data": {"workflowId": WORKFLOW}}), server)


def test_requests_oauthlib_starts_an_execution(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    metadata = server.http.get(OPENID).json()
    with OAuth2Session(client=BackendApplicationClient("demo")) as client:
        client.fetch_token(metadata["token_endpoint"], client_id="demo", client_secret="demo-secret")
        start_with(lambda url: client.post(url, json={"data": {"workflowId": WORKFLOW}}), server)
