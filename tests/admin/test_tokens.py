"""Tokens made to order, and keys made anew: what is foretold of a token is what presenting it gets."""

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from workflow_mock.strict_json import check

from tests.oauth.forge import Key
from tests.oauth.forge import claims as good_claims
from tests.support import Server, serving

JWKS = "/api/authentication/.well-known/openid-configuration/jwks"
KINDS = {
    "good": (200, None),
    "expired": (401, "token_expired"),
    "not-yet-valid": (401, "token_not_yet_valid"),
    "wrong-issuer": (401, "token_issuer"),
    "wrong-audience": (401, "token_audience"),
    "bad-signature": (401, "token_signature"),
    "unknown-key": (401, "token_key_unknown"),
    "algorithm-none": (401, "token_algorithm"),
    "hmac-confusion": (401, "token_algorithm"),
    "missing-scope": (403, "insufficient_scope"),
    "other-customer": (403, "customer_forbidden"),
    "no-expiry": (401, "token_claims"),
    "malformed": (401, "token_malformed"),
}
CUSTOMER = "7c9d6c1e-3f1a-4a86-9d3e-0f5b1f3c2a11"
SECRET = b"a secret of thirty-two bytes, or more"


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with every setting that has to do with tokens."""
    secret = tmp_path_factory.mktemp("secret") / "secret"
    secret.write_bytes(SECRET)
    settings = {
        "--hs256-secret": str(secret),
        "--hs256-issuer": "https://login.example.com",
        "--issuer": "https://mock.example.com/auth",
        "--audience": "another-audience",
        "--scope": "another-scope",
        "--token-lifetime": "60",
        "--clock-skew": "7",
    }
    flags = ("--strict", "--require-customer-claim")
    with serving(*flags, *(word for setting in settings.items() for word in setting)) as running:
        yield running


def mint(server: Server, kind: str = "good", *, customer: str | None = None, **wish: Any) -> dict[str, Any]:
    query = {"customerId": customer} if customer else {}
    answer = server.http.post("/__admin/tokens", json={"kind": kind} | wish, params=query)
    assert answer.status_code == 201, answer.text
    minted: dict[str, Any] = answer.json()
    return minted


def token(server: Server, **wish: Any) -> str:
    return str(mint(server, **wish)["accessToken"])


def present(server: Server, token: str, customer: str | None = None, **request: Any) -> dict[str, Any]:
    """What presenting a token got, in the form in which it is foretold."""
    answer = server.start(token=token, customer=customer, **request)
    errors = answer.json()["meta"]["errors"]
    return {
        "status": answer.status_code,
        "code": errors[0]["code"] if errors else None,
        "wwwAuthenticate": answer.headers.get("www-authenticate"),
    }


def claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def faults(server: Server, body: Any, **request: Any) -> dict[str, str]:
    answer = server.http.post("/__admin/tokens", json=body, **request)
    assert answer.status_code == 400, answer.text
    assert answer.json()["meta"]["errors"][0]["code"] == "validation_failed"
    return {fault["property"]: fault["message"] for fault in answer.json()["meta"]["validation"]}


def kids(server: Server) -> list[str]:
    return [key["kid"] for key in server.http.get(JWKS).json()["keys"]]


def rotate(server: Server, **body: str) -> dict[str, Any]:
    answer = server.http.post("/__admin/keys/rotate", json=body)
    assert answer.status_code == 200, answer.text
    rotated: dict[str, Any] = answer.json()
    return rotated


def set_clock(server: Server, customer: str | None = None, **change: str) -> None:
    query = {"customerId": customer} if customer else {}
    answer = server.http.put("/__admin/clock", json=change, params=query)
    assert answer.status_code == 200, answer.text


# What is foretold


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_gets_what_its_name_says_and_what_is_foretold(server: Server, kind: str) -> None:
    minted = mint(server, kind)
    assert (minted["expected"]["status"], minted["expected"]["code"]) == KINDS[kind]
    assert present(server, minted["accessToken"]) == minted["expected"]


def test_each_refusal_says_why_in_its_header(server: Server) -> None:
    headers = {kind: mint(server, kind)["expected"]["wwwAuthenticate"] for kind in KINDS}
    assert [kind for kind, header in headers.items() if header is None] == ["good", "missing-scope", "other-customer"]
    assert headers["malformed"] == 'Bearer error="invalid_token"'
    assert headers["no-expiry"] == 'Bearer error="invalid_token", error_description="The token has no expiration"'
    assert "The issuer 'https://issuer.invalid' is invalid" in headers["wrong-issuer"]
    assert "The audience 'not-workflow_api' is invalid" in headers["wrong-audience"]


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_foretold_for_the_customers_that_the_token_is_for(server: Server, kind: str) -> None:
    minted = mint(server, kind, customers=[CUSTOMER])
    assert (minted["expected"]["status"], minted["expected"]["code"]) == KINDS[kind]
    assert present(server, minted["accessToken"], CUSTOMER) == minted["expected"]


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_foretold_for_the_customer_that_is_meant(server: Server, kind: str) -> None:
    other = str(uuid4())
    minted = mint(server, kind, customers=[CUSTOMER], customer=other)
    assert present(server, minted["accessToken"], other) == minted["expected"]
    assert minted["expected"]["status"] != 200


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_foretold_by_the_clock_of_the_customer(server: Server, kind: str) -> None:
    customer = str(uuid4())
    set_clock(server, customer, action="freeze", to="2000-02-29T12:00:00Z")
    minted = mint(server, kind, customer=customer)
    assert (minted["expected"]["status"], minted["expected"]["code"]) == KINDS[kind]
    assert present(server, minted["accessToken"], customer) == minted["expected"]


def test_a_token_of_a_customers_time_says_that_time(server: Server) -> None:
    customer = str(uuid4())
    set_clock(server, customer, action="freeze", to="2000-02-29T12:00:00Z")
    expired = mint(server, "expired", customer=customer)
    assert "expired at '02/29/2000 10:55:00'" in expired["expected"]["wwwAuthenticate"]
    good = token(server, customer=customer)
    assert claims(good)["iat"] == datetime(2000, 2, 29, 12, tzinfo=UTC).timestamp()
    assert present(server, good)["code"] == "token_expired"


@pytest.mark.parametrize("moment", ["1970-01-01T00:00:00Z", "8999-12-31T23:59:59Z"])
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_foretold_at_the_ends_of_the_calendar(server: Server, kind: str, moment: str) -> None:
    customer = str(uuid4())
    set_clock(server, customer, action="freeze", to=moment)
    minted = mint(server, kind, customer=customer, lifetime="P3650D")
    assert minted["expected"]["code"] == KINDS[kind][1]
    assert present(server, minted["accessToken"], customer) == minted["expected"]


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_foretold_under_other_settings(settled: Server, kind: str) -> None:
    minted = mint(settled, kind, customers=[CUSTOMER])
    assert (minted["expected"]["status"], minted["expected"]["code"]) == KINDS[kind]
    assert present(settled, minted["accessToken"], CUSTOMER) == minted["expected"]


def test_a_token_follows_the_settings(settled: Server) -> None:
    made = claims(token(settled, customers=[CUSTOMER]))
    assert made["iss"] == "https://mock.example.com/auth"
    assert (made["aud"], made["scope"], made["exp"] - made["iat"]) == ("another-audience", ["another-scope"], 60)


def test_where_a_customer_claim_is_required_a_token_for_everybody_is_foretold_to_fail(settled: Server) -> None:
    minted = mint(settled, customer=CUSTOMER)
    assert minted["expected"]["code"] == "customer_forbidden"
    assert present(settled, minted["accessToken"], CUSTOMER) == minted["expected"]


@pytest.mark.parametrize("host", ["localhost:9999", "[::1]:1234", "10.1.2.3"])
def test_a_token_asked_for_under_another_name_is_good_under_this_one(server: Server, host: str) -> None:
    minted = server.http.post("/__admin/tokens", json={}, headers={"Host": host}).json()
    assert claims(minted["accessToken"])["iss"] == f"http://{host}/api/authentication"
    assert present(server, minted["accessToken"]) == minted["expected"]
    assert minted["expected"]["status"] == 200


# What can be asked for


def test_without_any_wish_a_token_is_like_that_of_the_token_endpoint(server: Server) -> None:
    ordinary, made = claims(server.token()), claims(token(server))
    assert made.keys() == ordinary.keys()
    for name in ("iss", "aud", "scope", "client_id", "sub"):
        assert made[name] == ordinary[name]
    assert made["exp"] - made["nbf"] == 3600


def test_every_claim_can_be_asked_for(server: Server) -> None:
    wish = {"clientId": "billing", "scopes": ["a", "workflow_api"], "customers": [CUSTOMER.upper()], "lifetime": "90s"}
    made = claims(token(server, **wish, claims={"jti": "mine", "more": [1, {"a": None}]}))
    assert (made["client_id"], made["sub"], made["scope"]) == ("billing", "billing", ["a", "workflow_api"])
    assert made["customer_id"] == [CUSTOMER]
    assert made["exp"] - made["iat"] == 90
    assert (made["jti"], made["more"]) == ("mine", [1, {"a": None}])


def test_a_lifetime_of_none_at_all_is_one(server: Server) -> None:
    made = claims(token(server, lifetime="0s"))
    assert made["exp"] == made["iat"]


def test_a_token_for_no_customer_is_for_nobody(server: Server) -> None:
    minted = mint(server, customers=[])
    assert minted["expected"]["code"] == "customer_forbidden"
    assert present(server, minted["accessToken"]) == minted["expected"]


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"claims": {"aud": "elsewhere"}}, "token_audience"),
        ({"claims": {"exp": 951004800}}, "token_expired"),
        ({"claims": {"nbf": 2367100800}}, "token_not_yet_valid"),
        ({"claims": {"exp": None}}, "token_claims"),
        ({"claims": {"exp": "soon"}}, "token_claims"),
        ({"claims": {"scope": "other workflow_api"}}, None),
        ({"claims": {"iss": '"\\\r\né'}}, "token_issuer"),
        ({"claims": {"more": "x" * 20_000}}, None),
        ({"claims": {"sub": True}}, "token_claims"),
        ({"scopes": []}, "insufficient_scope"),
        ({"scopes": ["other"]}, "insufficient_scope"),
        ({"kind": "expired", "claims": {"exp": 4102444800}}, None),
        ({"kind": "no-expiry", "claims": {"exp": 4102444800}}, None),
        ({"kind": "wrong-audience", "claims": {"aud": ["x", "workflow_api"]}}, None),
    ],
)
def test_claims_go_over_those_that_the_token_would_have(server: Server, wish: dict[str, Any], code: str | None) -> None:
    minted = server.http.post("/__admin/tokens", json=wish).json()
    assert minted["expected"]["code"] == code
    assert present(server, minted["accessToken"]) == minted["expected"]


def test_minting_leaves_no_trace_in_the_journal(own: Server) -> None:
    for kind in KINDS:
        mint(own, kind)
    assert own.http.get("/__admin/requests").json()["requests"] == []


@pytest.mark.parametrize(
    ("wish", "place"),
    [
        ({"kind": "bad"}, "kind"),
        ({"kind": 1}, "kind"),
        ({"more": 1}, "more"),
        ({"client_id": 1}, "client_id"),
        ({"clientId": ""}, "clientId"),
        ({"clientId": "x" * 101}, "clientId"),
        ({"scopes": "workflow_api"}, "scopes"),
        ({"scopes": ["ok", "not ok"]}, "scopes[1]"),
        ({"scopes": ["x"] * 101}, "scopes"),
        ({"customers": CUSTOMER}, "customers"),
        ({"customers": [CUSTOMER, "me"]}, "customers[1]"),
        ({"customers": [f"{{{CUSTOMER}}}"]}, "customers[0]"),
        ({"lifetime": 60}, "lifetime"),
        ({"lifetime": "-1s"}, "lifetime"),
        ({"lifetime": "P1Y"}, "lifetime"),
        ({"lifetime": "999999999999d"}, "lifetime"),
        ({"claims": []}, "claims"),
        ([], "body"),
        ("good", "body"),
    ],
)
def test_a_wish_that_cant_be_is_refused_with_its_place(server: Server, wish: Any, place: str) -> None:
    assert list(faults(server, wish)) == [place]


def test_all_that_is_wrong_with_a_wish_is_said_at_once(server: Server) -> None:
    assert set(faults(server, {"kind": "bad", "lifetime": "x", "more": 1})) == {"kind", "lifetime", "more"}


@pytest.mark.parametrize("query", [{"customerId": "me"}, {"customer": CUSTOMER}, {"customerid": CUSTOMER}])
def test_a_customer_who_cant_be_is_refused(server: Server, query: dict[str, str]) -> None:
    assert list(faults(server, {}, params=query)) == list(query)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"[" * 100_000,
        b'{"claims":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
        b'{"claims":{"a":' + b"[" * 300 + b"]" * 300 + b"}}",
        b'{"claims":{"a":1e999}}',
        b'{"claims":{"a":"\\ud800"}}',
        b'{"claims":{"\\udc00":1}}',
        b'{"claims":{"a":' + b"9" * 10_000 + b"}}",
        b'{"claims":{"a":NaN}}',
        b'{"claims":{"a":-Infinity}}',
    ],
)
def test_what_isnt_json_is_refused(server: Server, body: bytes) -> None:
    answer = server.http.post("/__admin/tokens", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400, answer.text
    assert answer.json()["meta"]["errors"][0]["code"] in ("malformed_json", "validation_failed")


# Keys


def test_a_new_key_signs_from_now_on(own: Server) -> None:
    (first,) = kids(own)
    rotated = rotate(own)
    assert rotated["kid"] != first
    assert kids(own) == rotated["validKids"] == [rotated["kid"]]
    for made in (own.token(), token(own)):
        assert present(own, made)["status"] == 200


def test_without_an_overlap_the_old_key_counts_no_more_though_its_token_was_in_use(own: Server) -> None:
    old = own.token()
    assert present(own, old)["status"] == 200
    rotate(own)
    assert present(own, old) == {
        "status": 401,
        "code": "token_key_unknown",
        "wwwAuthenticate": 'Bearer error="invalid_token", error_description="The signature key was not found"',
    }


@pytest.mark.parametrize("overlap", ["0s", "1s"])
def test_a_key_that_is_over_does_not_come_back_when_the_clock_goes_back(own: Server, overlap: str) -> None:
    old = own.token()
    set_clock(own, action="freeze")
    before = own.http.get("/__admin/clock").json()["now"]
    rotate(own, overlap=overlap)
    set_clock(own, action="advance", by="2s")
    assert present(own, old)["code"] == "token_key_unknown"
    set_clock(own, action="set", to=before)
    assert present(own, old)["code"] == "token_key_unknown"
    assert len(kids(own)) == 1


@pytest.mark.parametrize("was_used", [True, False])
def test_within_the_overlap_the_old_key_counts_and_then_no_more(own: Server, was_used: bool) -> None:
    (first,) = kids(own)
    old = own.token()
    set_clock(own, action="freeze")
    rotated = rotate(own, overlap="5m")
    assert kids(own) == rotated["validKids"] == [rotated["kid"], first]
    set_clock(own, action="advance", by="59s")
    set_clock(own, action="advance", by="4m")
    if was_used:
        assert present(own, old)["status"] == 200
    assert kids(own) == [rotated["kid"], first]
    set_clock(own, action="advance", by="1s")
    assert present(own, old)["code"] == "token_key_unknown"
    assert kids(own) == [rotated["kid"]]


def test_keys_with_an_overlap_stand_beside_each_other(own: Server) -> None:
    made = [own.token()]
    for _ in range(3):
        rotate(own, overlap="1h")
        made.append(own.token())
    assert len(set(kids(own))) == 4
    assert {present(own, each)["status"] for each in made} == {200}
    rotate(own)
    assert [present(own, each)["status"] for each in made] == [401] * 4


def test_rotations_at_the_same_time_lose_no_key(own: Server) -> None:
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda _: rotate(own, overlap="1h")["kid"], range(6)))
    assert set(made) <= set(kids(own))


def test_no_more_old_keys_are_kept_than_ten(own: Server) -> None:
    (first,) = kids(own)
    made = [rotate(own, overlap="1h")["kid"] for _ in range(11)]
    assert kids(own) == made[::-1]
    assert first not in kids(own)


def test_a_reset_brings_the_first_key_back(own: Server) -> None:
    (first,) = kids(own)
    before = own.token()
    rotate(own, overlap="1h")
    between = own.token()
    assert own.http.post("/__admin/reset").status_code == 204
    assert kids(own) == [first]
    assert present(own, before)["status"] == 200
    assert present(own, between)["code"] == "token_key_unknown"
    assert present(own, own.token())["status"] == 200


def test_the_reset_of_a_customer_leaves_the_keys_alone(own: Server) -> None:
    rotate(own, overlap="1h")
    both = kids(own)
    assert own.http.post("/__admin/reset", params={"customerId": CUSTOMER}).status_code == 204
    assert kids(own) == both


def test_a_key_from_a_file_is_back_after_a_reset(tmp_path: Path) -> None:
    key = Key()
    (tmp_path / "key.pem").write_bytes(key.pem)
    with serving("--signing-key", str(tmp_path / "key.pem")) as running:
        rotate(running)
        assert key.kid not in kids(running)
        running.http.post("/__admin/reset")
        assert kids(running) == [key.kid]


HALVES = ["\\ud800", "\\udfff", "\\udc00\\ud800", "a\\ud83d", "\\ud83d\\ud83d\\ude00", "\\u00e9\\ud800"]
"""Halves of surrogate pairs, as JSON writes them."""
PLACES = {
    **{name: f'"{name}":"%s"' for name in ("client_id", "sub", "jti", "iss", "aud", "scope", "customer_id", "more")},
    **{f"a list of {name}": f'"{name}":["%s"]' for name in ("aud", "scope", "customer_id")},
    "a name": '"%s":1',
    "a name within": '"more":{"%s":[{"%s":"%s"}]}',
    "what is secret": '"more":{"password":"%s","%s password":"x"}',
}


READ_AFTER_THE_SIGNATURE = {"a list of scope", "a list of customer_id", "a name within", "what is secret"}


@pytest.fixture(scope="module")
def with_our_key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Key]]:
    """A server whose key the test has, so that it can sign what no server of ours would."""
    key, file = Key(), tmp_path_factory.mktemp("key") / "key.pem"
    file.write_bytes(key.pem)
    with serving("--signing-key", str(file), "--log-level", "debug") as running:
        yield running, key


def journal_of(server: Server, customer: str) -> list[dict[str, Any]]:
    """What the control plane says of a customer's requests, wherever it says it; all of it is JSON."""
    params = {"customerId": customer}
    found: list[dict[str, Any]] = server.http.get("/__admin/requests", params=params).json()["requests"]
    check(found)
    for entry in found:
        assert server.http.get(f"/__admin/requests/{entry['id']}", params=params).json() == entry
        if entry["clientId"]:
            matcher = {"clientId": entry["clientId"], "customerId": customer}
            assert entry in server.http.post("/__admin/requests/find", json=matcher).json()["requests"]
    return found


@pytest.mark.parametrize("place", PLACES)
def test_half_a_surrogate_pair_is_malformed_and_where_nobody_reads_it_is_shown_as_a_question_mark(
    with_our_key: tuple[Server, Key], place: str
) -> None:
    server, key = with_our_key
    customer = str(uuid4())
    good = good_claims(f"{server.url}/api/authentication", **{place.removeprefix("a list of "): None})
    claims = json.dumps(good)
    for half in HALVES:
        member = PLACES[place].replace("%s", half)
        token = key.token(key.header(), f"{claims[:-1]},{member}}}".encode())
        assert server.start(customer=customer, token=token).status_code in (200, 401, 403)
    found = journal_of(server, customer)
    assert len(found) == len(HALVES)
    for entry in found:
        if place in READ_AFTER_THE_SIGNATURE:
            assert "?" in json.dumps(entry["token"]["claims"])
        else:
            assert (entry["errors"][0]["code"], entry["token"]["claims"]) == ("token_malformed", None)
    snapshot = server.http.get("/__admin/snapshot").json()
    assert server.http.put("/__admin/snapshot", json=snapshot).is_success
    assert journal_of(server, customer) == found
    assert server.http.get("/__admin/snapshot").json()["requests"] == snapshot["requests"]
    server.log.read_bytes().decode()
    assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("name", ["client_id", "more"])
@pytest.mark.parametrize(
    ("value", "shown"),
    [("1e999", {"%": None}), *(("[" * deep + "]" * deep, None) for deep in (200, 300, 400, 700, 900))],
    ids=["infinite", "200", "300", "400", "700", "900"],
)
def test_no_claims_of_a_token_make_the_journal_unreadable(
    with_our_key: tuple[Server, Key], name: str, value: str, shown: dict[str, Any] | None
) -> None:
    server, key = with_our_key
    customer = str(uuid4())
    made = json.dumps(good_claims(f"{server.url}/api/authentication"))
    token = key.token(key.header(), f'{made[:-1]},"{name}":{value}}}'.encode())
    assert server.start(customer=customer, token=token).status_code in (200, 401)
    (entry,) = journal_of(server, customer)
    claims = entry["token"]["claims"]
    assert (None if claims is None else {"%": claims[name]}) == shown
    assert server.http.get("/__admin/snapshot").status_code == 200


@pytest.mark.parametrize(
    ("body", "place"),
    [({"overlap": "-5m"}, "overlap"), ({"overlap": 5}, "overlap"), ({"keep": "5m"}, "keep"), (None, "body")],
)
def test_a_rotation_that_cant_be_is_refused_and_changes_nothing(server: Server, body: Any, place: str) -> None:
    before = kids(server)
    answer = server.http.post("/__admin/keys/rotate", json=body)
    assert answer.status_code == 400
    assert [fault["property"] for fault in answer.json()["meta"]["validation"]] == [place]
    assert kids(server) == before
