"""Which keys and names are trusted, for how long, and what of it is remembered: each bound, from both sides."""

import asyncio
import itertools
import json
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from workflow_mock.app import create_app
from workflow_mock.errors import ApiError, ConfigError
from workflow_mock.oauth import issuers
from workflow_mock.oauth.issuers import (
    ISSUED_NAMES,
    MAX_JWKS_BYTES,
    RETIRED_KEYS,
    OwnIssuer,
    RemoteIssuer,
    TrustedIssuer,
    fetch,
)
from workflow_mock.oauth.keys import InvalidKeyError, SigningKey, VerificationKey, read_jwks, shared_secret
from workflow_mock.oauth.verifier import CACHED_TOKENS, MAX_CACHED_BYTES, MAX_TRIED_KEYS, TokenVerifier
from workflow_mock.settings import Settings
from workflow_mock.state.clock import Action, Clock, ClockState, uptime

from tests.in_process import InProcess, asgi_transport
from tests.oauth.forge import Key, claims, hs256
from tests.oauth.test_issuers import Pages, PageServer, jwk, pages, sends, writes
from tests.support import Server

__all__ = ["pages"]

KEY, OTHER_KEY, THIRD_KEY, FOURTH_KEY = Key(), Key(), Key(), Key()
EXTERNAL = "https://login.example.com"
BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
SECRET = b"s" * 32


# Keys that were rotated out


@pytest.fixture
def api() -> Iterator[InProcess]:
    with asgi_transport(create_app(Settings())) as found:
        yield found


def control(api: InProcess, method: str, path: str, **body: Any) -> Any:
    answer = api.http.request(method, f"/__admin/{path}", json=body)
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.content else None


def test_a_key_that_ended_does_not_come_back_with_the_clock(api: InProcess) -> None:
    token = api.token()
    control(api, "POST", "keys/rotate", overlap="1h")
    assert api.start(token=token).status_code == 200
    before = control(api, "GET", "clock")["now"]
    control(api, "PUT", "clock", action="advance", by="2h")
    control(api, "PUT", "clock", action="set", to=before)
    assert api.start(token=token).json()["meta"]["errors"][0]["code"] == "token_key_unknown"


def at(moment: datetime) -> ClockState:
    return ClockState(frozen=moment)


BACK = {
    "change": lambda clock: clock.change(Action.SET, None, to=BEGIN),
    "put": lambda clock: clock.put(None, at(BEGIN)),
    "clear": lambda clock: clock.clear(None),
}


@pytest.mark.parametrize("way", BACK)
@pytest.mark.parametrize("after", [timedelta(minutes=59), timedelta(hours=1), timedelta(hours=2)])
def test_an_end_is_one_whichever_way_the_clock_goes_back(way: str, after: timedelta) -> None:
    clock, made = Clock(), Future[SigningKey]()
    made.set_result(SigningKey.from_pem(KEY.pem))
    own = OwnIssuer(made, None, clock)
    clock.put(None, at(BEGIN))
    asyncio.run(own.rotate(timedelta(hours=1)))
    clock.put(None, at(BEGIN + after))
    BACK[way](clock)
    assert len(own.keys) == (2 if after < timedelta(hours=1) else 1)


def test_an_end_that_came_by_itself_is_one_when_the_clock_then_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, made = Clock(), Future[SigningKey]()
    made.set_result(SigningKey.from_pem(KEY.pem))
    own = OwnIssuer(made, None, clock)
    asyncio.run(own.rotate(timedelta(hours=1)))
    now = clock.now() + timedelta(hours=2)
    monkeypatch.setattr(ClockState, "now", lambda state: state.frozen or now)
    clock.put(None, at(BEGIN - timedelta(days=3650)))
    assert len(own.keys) == 1


def test_a_later_and_shorter_overlap_ends_the_older_keys_too() -> None:
    clock, made = Clock(), Future[SigningKey]()
    made.set_result(SigningKey.from_pem(KEY.pem))
    own = OwnIssuer(made, None, clock)
    clock.put(None, at(BEGIN))
    for overlap in (timedelta(hours=2), timedelta(minutes=1), timedelta(hours=3)):
        asyncio.run(own.rotate(overlap))
    assert len(own.keys) == 4
    for minutes, count in ((1, 2), (179, 2), (180, 1)):
        clock.put(None, at(BEGIN + timedelta(minutes=minutes)))
        assert len(own.keys) == count


# Names of this server


def test_the_name_used_least_recently_is_forgotten_first() -> None:
    own = OwnIssuer(Future(), None, Clock())
    for number in range(ISSUED_NAMES):
        own.remember(str(number))
    assert own.accepts("0", str)
    own.remember("one more")
    assert [own.accepts(name, str) for name in ("0", "1", "2", "one more")] == [True, False, True, True]
    for number in range(2 * ISSUED_NAMES):
        own.remember(f"another {number}")
        assert own.accepts("0", str), "it is in use"


# Odd keys in a set

ODD: list[Any] = [
    None,
    5,
    -1,
    1.5,
    True,
    "",
    "x",
    "AA",
    "é",
    "\ud800",
    [],
    [None],
    {},
    {"a": 1},
    [[["verify"]]],
    "=",
    "A" * 9999,
]
MEMBERS = ["kty", "n", "e", "kid", "use", "alg", "key_ops", "crv", "x", "y", "x5c", "d"]


@pytest.mark.parametrize("member", MEMBERS)
def test_an_odd_key_is_passed_over_alone(member: str) -> None:
    good = jwk(KEY)
    curve = {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "ec"}
    for odd, entry in itertools.product(ODD, (jwk(OTHER_KEY), curve)):
        text = json.dumps({"keys": [entry | {member: odd}, odd, good]}).encode()
        assert KEY.kid in [key.kid for key in read_jwks(text)], odd


@pytest.mark.parametrize("keys", [None, 5, "x", {}, {"kty": "RSA"}, True])
def test_a_set_whose_keys_are_no_list_is_none(keys: Any) -> None:
    with pytest.raises(InvalidKeyError):
        read_jwks(json.dumps({"keys": keys}).encode())


# Fetching keys


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of a CA that nobody knows, for 127.0.0.1, and its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name.from_rfc4514_string("CN=private")
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, none))
    return folder / "ca.pem", folder / "key.pem"


def test_keys_are_fetched_by_https_under_a_private_ca(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ca, key = certificate(tmp_path)
    server = PageServer(("127.0.0.1", 0), Pages)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.page = sends({"keys": [jwk(KEY)]})
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    url = server.url.replace("http:", "https:")
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        asyncio.run(fetch(url))
    monkeypatch.setenv("SSL_CERT_FILE", str(ca))
    assert read_jwks(asyncio.run(fetch(url)))
    server.shutdown()
    server.server_close()


def test_keys_are_not_fetched_by_a_proxy(pages: PageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    pages.page = sends({"keys": []})
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert asyncio.run(fetch(pages.url)) == b'{"keys": []}'


@pytest.mark.parametrize("over", [0, 1])
def test_a_set_is_at_most_so_large(pages: PageServer, over: int) -> None:
    body = json.dumps({"keys": [jwk(KEY)]}).encode().ljust(MAX_JWKS_BYTES + over)
    pages.page = writes(b"HTTP/1.0 200 OK\r\n\r\n" + body)
    if over:
        with pytest.raises(OSError, match=f"over {MAX_JWKS_BYTES} bytes"):
            asyncio.run(fetch(pages.url))
    else:
        assert asyncio.run(fetch(pages.url)) == body


def verifier(*trusted: TrustedIssuer, strict: bool = False) -> TokenVerifier:
    return TokenVerifier(
        trusted,
        Clock(),
        audience="workflow_api",
        scope="workflow_api",
        clock_skew=timedelta(0),
        require_customer_claim=False,
        strict=strict,
    )


def verdict(checks: TokenVerifier, token: str) -> str:
    """The error's message, or nothing."""
    try:
        asyncio.run(checks.verify(token.encode(), None, datetime.now(UTC), request_issuer=str))
    except ApiError as error:
        return str(error)
    return ""


def test_an_issuer_that_starts_later_is_trusted_seconds_later(
    pages: PageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks, token = verifier(RemoteIssuer(EXTERNAL, pages.url)), KEY.token(KEY.header(), claims(EXTERNAL))
    pages.page = writes(b"HTTP/1.1 503 Busy\r\n\r\n")
    assert "issuer can't be had" in verdict(checks, token)
    pages.page = sends({"keys": [jwk(KEY)]})
    assert ("issuer can't be had" in verdict(checks, token), pages.asked) == (True, 1)
    stranger = OTHER_KEY.token(OTHER_KEY.header(), claims("https://other.example.com"))
    assert "iss isn't an issuer" in verdict(checks, stranger)
    monkeypatch.setattr(issuers, "uptime", lambda: uptime() + issuers.RETRY_INTERVAL)
    assert timedelta(seconds=5) >= issuers.RETRY_INTERVAL
    assert (verdict(checks, token), pages.asked) == ("", 2)


def test_tokens_that_wait_for_a_fetch_that_fails_begin_no_other(pages: PageServer) -> None:
    checks, token = verifier(RemoteIssuer(EXTERNAL, pages.url)), KEY.token(KEY.header(), claims(EXTERNAL))
    pages.page = writes(b"HTTP/1.1 503 Busy\r\n\r\n")

    async def all_at_once() -> None:
        now = datetime.now(UTC)
        each = [checks.verify(token.encode(), None, now, request_issuer=str) for _ in range(20)]
        assert all(isinstance(one, ApiError) for one in await asyncio.gather(*each, return_exceptions=True))

    asyncio.run(all_at_once())
    assert pages.asked == 1


# Signatures that stay verified


class Counting(TrustedIssuer):
    """An issuer that counts how often a signature is checked."""

    checked = 0

    def needs_keys(self, issuer: object, kid: str | None) -> bool:
        self.checked += 1
        return False


def signed(**other: Any) -> str:
    return hs256(SECRET, {"alg": "HS256"}, claims(EXTERNAL, **other))


def test_the_signature_of_a_token_that_comes_again_is_not_checked_again() -> None:
    issuer = Counting(EXTERNAL, [shared_secret(SECRET)])
    checks = verifier(issuer)
    first, *others = (signed(jti=str(number)) for number in range(CACHED_TOKENS + 1))
    for token in [first, *others[:-1], first]:
        assert verdict(checks, token) == ""
    assert issuer.checked == CACHED_TOKENS
    verdict(checks, others[-1])
    verdict(checks, first)
    assert issuer.checked == CACHED_TOKENS + 1, "it is the one used most recently"
    verdict(checks, others[0])
    assert issuer.checked == CACHED_TOKENS + 2, "it is the one used least recently, and was forgotten"


def test_a_long_token_is_checked_each_time() -> None:
    issuer = Counting(EXTERNAL, [shared_secret(SECRET)])
    checks = verifier(issuer)
    short, long = signed(), signed(more="x" * MAX_CACHED_BYTES)
    padding = (MAX_CACHED_BYTES - len(signed(more=""))) * 3 // 4
    longest = next(t for n in range(9) if len(t := signed(more="x" * (padding - n))) <= MAX_CACHED_BYTES)
    assert len(longest) > MAX_CACHED_BYTES - 4
    for token, counts in ((short, [1, 1]), (longest, [2, 2]), (long, [3, 4])):
        assert [(verdict(checks, token), issuer.checked) for _ in range(2)] == [("", count) for count in counts]


# What is shown of claims


def test_claims_are_shown_without_what_is_secret_in_them() -> None:
    inner = KEY.token(b'{ "alg": "RS256" }', {"sub": "x"})
    token = hs256(
        SECRET,
        {"alg": "HS256"},
        claims(EXTERNAL, act={"id_token": inner, "list": [{"password": "hush"}, inner]}, client_id=inner, auth_time=7),
    )
    facts = asyncio.run(
        verifier(TrustedIssuer(EXTERNAL, [shared_secret(SECRET)])).verify(
            token.encode(), None, datetime.now(UTC), request_issuer=str
        )
    )
    shown = json.loads(facts.claims or b"")
    assert (shown["iss"], shown["auth_time"]) == (EXTERNAL, 7)
    assert not [text for text in ("hush", inner.rpartition(".")[2]) if text in repr(facts)]


# Names of issuers


@pytest.mark.parametrize("name", ["urn:example:issuer", "https://x/?a#b", "issuer", "my issuer", "did:example:123"])
def test_an_external_issuer_may_have_any_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_bytes(SECRET)
    (tmp_path / "keys").write_text(json.dumps({"keys": [jwk(KEY)]}))
    for settings in (
        Settings(hs256_secret=tmp_path / "secret", hs256_issuer=name),
        Settings(jwks=str(tmp_path / "keys"), jwks_issuer=name),
    ):
        with asgi_transport(create_app(settings)) as api:
            token = (
                hs256(SECRET, {"alg": "HS256"}, claims(name))
                if settings.hs256_secret
                else KEY.token(KEY.header(), claims(name))
            )
            assert api.start(token=token).status_code == 200


@pytest.mark.parametrize("name", ["", "a:b c", ":x", "1:x", "x\n", "\x00"])
def test_a_name_that_is_no_string_or_uri_is_refused(name: str) -> None:
    for setting in ("jwks", "hs256"):
        wrong: dict[str, Any] = {f"{setting}_issuer": name}
        with pytest.raises(ConfigError, match=f"{setting}_issuer"):
            Settings(**wrong)


# Keys that are tried


TRIED: list[str | None] = []
"""The ids of the keys that were tried, in order."""


def rs256(key: Key, kid: str | None) -> VerificationKey:
    """A key of a set under this id, that says when it is tried."""
    (read,) = read_jwks(json.dumps({"keys": [key.public_jwk | {"alg": "RS256"}]}).encode())

    class Telling(VerificationKey):
        def verifies(self, signing_input: bytes, signature: bytes) -> bool:
            TRIED.append(kid)
            return read.verifies(signing_input, signature)

    nothing: Any = None
    return Telling(kid, read.algorithm, nothing)


@pytest.fixture
def tried() -> list[str | None]:
    TRIED.clear()
    return TRIED


@pytest.mark.parametrize(
    ("kid", "signed_with", "message", "keys"),
    [
        pytest.param("a", KEY, "", ["a"], id="a known id: that key"),
        pytest.param("b", KEY, "The signature is invalid", ["b"], id="a known id: no other key"),
        pytest.param("A", KEY, "", ["a"], id="an id in another case is unknown: each, until one fits"),
        pytest.param("x", OTHER_KEY, "", ["a", "b"], id="an unknown id: each, until one fits"),
        pytest.param(None, OTHER_KEY, "", ["a", "b"], id="no id: each, until one fits"),
        pytest.param("x", THIRD_KEY, "No key fits the token", ["a", "b", None], id="an unknown id: none fits"),
        pytest.param(None, THIRD_KEY, "No key fits the token", ["a", "b", None], id="no id: none fits"),
    ],
)
def test_an_id_means_that_key_alone_and_none_means_each(
    tried: list[str | None], kid: str | None, signed_with: Key, message: str, keys: list[str | None]
) -> None:
    issuer = TrustedIssuer(EXTERNAL, [rs256(KEY, "a"), rs256(OTHER_KEY, "b"), rs256(FOURTH_KEY, None)])
    token = signed_with.token({"alg": "RS256", "kid": kid}, claims(EXTERNAL))
    assert verdict(verifier(issuer), token).startswith(message)
    assert tried == keys


@pytest.mark.parametrize("alg", ["HS256", "RS384", "ES256", "none", ""])
def test_a_key_of_another_algorithm_is_not_tried(tried: list[str | None], alg: str) -> None:
    issuer = TrustedIssuer(EXTERNAL, [rs256(KEY, "a"), rs256(OTHER_KEY, None)])
    for kid in ("a", "x", None):
        assert verdict(verifier(issuer), KEY.token({"alg": alg, "kid": kid}, claims(EXTERNAL)))
    assert tried == []


@pytest.mark.parametrize("kid", ["x", "same", None])
def test_of_very_many_keys_some_are_tried(tried: list[str | None], kid: str | None) -> None:
    for place, is_tried in ((MAX_TRIED_KEYS - 1, True), (MAX_TRIED_KEYS, False)):
        keys = [rs256(OTHER_KEY, "same")] * 100
        keys[place] = rs256(KEY, "same")
        verifies = verdict(
            verifier(TrustedIssuer(EXTERNAL, keys)), KEY.token({"alg": "RS256", "kid": kid}, claims(EXTERNAL))
        )
        assert (verifies == "") == is_tried
    assert len(tried) == 2 * MAX_TRIED_KEYS
    assert MAX_TRIED_KEYS > RETIRED_KEYS + 1, "each of the server's own keys"


def test_keys_of_one_issuer_take_no_tries_from_another(tried: list[str | None]) -> None:
    many = TrustedIssuer("https://other.example.com", [rs256(OTHER_KEY, "many")] * 100)
    one = TrustedIssuer(EXTERNAL, [rs256(KEY, "one")])
    assert verdict(verifier(many, one), KEY.token({"alg": "RS256"}, claims(EXTERNAL))) == ""
    assert len(tried) == MAX_TRIED_KEYS + 1


def test_a_key_that_is_tried_vouches_for_its_own_issuer_alone() -> None:
    ours, theirs = TrustedIssuer(EXTERNAL, [rs256(KEY, "a")]), TrustedIssuer("urn:x", [rs256(OTHER_KEY, "b")])
    for kid in ("x", None):
        token = OTHER_KEY.token({"alg": "RS256", "kid": kid}, claims(EXTERNAL))
        assert (
            verdict(verifier(ours, theirs), token) == "The token's iss isn't an issuer whose tokens are accepted here"
        )


# Strict mode


STRICT: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "an unknown kid": ({"kid": "x"}, {}, "no key has the token's kid"),
    "another typ": ({"typ": "id+jwt"}, {}, "typ isn't that of an access token"),
    "a slash after the audience": ({}, {"aud": "workflow_api/"}, "differs from workflow_api by a slash"),
    "exp past the calendar": ({}, {"exp": 10**18}, "exp is of a wrong type or past the calendar"),
    "iat past the calendar": ({}, {"iat": 10**18}, "iat is of a wrong type or past the calendar"),
    "sub a number": ({}, {"sub": 7}, "sub is of a wrong type"),
    "client_id a list": ({}, {"client_id": ["demo"]}, "client_id is of a wrong type"),
}


@pytest.mark.parametrize("name", STRICT)
def test_strict_refuses_what_no_document_has_and_says_what(name: str) -> None:
    header, body, message = STRICT[name]
    issuer = TrustedIssuer(EXTERNAL, [rs256(KEY, "a")])
    token = KEY.token({"alg": "RS256", "kid": "a", "typ": "at+jwt"} | header, claims(EXTERNAL, **body))
    assert verdict(verifier(issuer), token) == ""
    told = verdict(verifier(issuer, strict=True), token)
    assert told.startswith("Refused by --strict: ")
    assert message in told


@pytest.mark.parametrize(
    "typ", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+JWT", "JWT", "application/jwt", None]
)
@pytest.mark.parametrize("kid", ["a", None])
def test_strict_takes_each_spelling_of_a_type_and_no_kid(typ: str | None, kid: str | None) -> None:
    token = KEY.token({"alg": "RS256", "typ": typ, "kid": kid}, claims(EXTERNAL))
    assert verdict(verifier(TrustedIssuer(EXTERNAL, [rs256(KEY, "a")]), strict=True), token) == ""


def test_the_server_hands_strict_on(strict_server: Server) -> None:
    token = strict_server.token()
    assert strict_server.start(token=token).status_code == 200
    header = {"alg": "RS256", "kid": "x"}
    assert strict_server.start(token=KEY.token(header, claims("urn:x"))).status_code == 401
    upper = "/API/AUTHENTICATION/.WELL-KNOWN/OPENID-CONFIGURATION"
    assert [strict_server.http.get(path).status_code for path in (upper, upper.lower())] == [404, 200]
