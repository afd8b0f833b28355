"""Whose call: a fault for one client of two, or for a claim, looked at once it is known who calls."""

from typing import Any

import pytest

from tests.admin.world import TOKEN_PATH, World
from tests.support import WORKFLOW


def token_of(world: World, client: str = "demo", **spec: Any) -> str:
    minted = world.admin("POST", "tokens", json={"clientId": client, **spec})
    return str(minted["accessToken"])


def status_of(world: World, token: str) -> int:
    return world.server.start(WORKFLOW, customer=world.customer, token=token).status_code


@pytest.mark.parametrize("when", ["afterToken", "afterCommit"])
def test_one_client_of_two_is_refused(world: World, when: str) -> None:
    fault = world.fault(status=403, when=when, matcher={"clientId": "billing"})
    ours, theirs = token_of(world, "billing"), token_of(world, "shipping")
    assert [status_of(world, token) for token in (ours, theirs, ours)] == [403, 200, 403]
    assert len(world.executions()) == (1 if when == "afterToken" else 3)
    entry = world.entry()
    assert (entry["clientId"], entry["faultId"], entry["answerLost"]) == ("billing", fault, when == "afterCommit")
    assert entry["token"]["claims"]["client_id"] == "billing"
    assert world.admin("GET", f"faults/{fault}")["matched"] == 2


CLAIMS: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    "text": ({"tenant": "acme"}, {"tenant": {"equalTo": "acme"}}, True),
    "another text": ({"tenant": "other"}, {"tenant": {"equalTo": "acme"}}, False),
    "in any case": ({"tenant": "Acme"}, {"tenant": {"equalToIgnoreCase": "ACME"}}, True),
    "a part": ({"tenant": "acme-eu"}, {"tenant": {"contains": "eu"}}, True),
    "one of a list": ({"role": ["a", "b"]}, {"role": {"equalTo": "b"}}, True),
    "none of a list": ({"role": ["a", "b"]}, {"role": {"equalTo": "c"}}, False),
    "a number": ({"level": 7}, {"level": {"equalTo": "7"}}, True),
    "a truth value": ({"admin": True}, {"admin": {"equalTo": "true"}}, True),
    "absent": ({}, {"tenant": {"absent": True}}, True),
    "not absent": ({"tenant": "acme"}, {"tenant": {"absent": True}}, False),
    "both": ({"a": "1", "b": "2"}, {"a": {"equalTo": "1"}, "b": {"equalTo": "3"}}, False),
}


@pytest.mark.parametrize(("claims", "wanted", "matches"), CLAIMS.values(), ids=CLAIMS)
def test_a_claim_is_matched_for_a_fault_and_in_the_journal(
    world: World, claims: dict[str, Any], wanted: dict[str, Any], matches: bool
) -> None:
    world.fault(status=403, when="afterToken", matcher={"claims": wanted})
    assert status_of(world, token_of(world, claims=claims)) == (403 if matches else 200)
    assert world.admin("POST", "requests/count", json={"claims": wanted})["count"] == matches
    verdict = world.server.http.post(
        "/__admin/requests/verify",
        params={"customerId": world.customer},
        json={"matcher": {"claims": wanted}, "count": {"exactly": 1}},
    )
    assert verdict.status_code == (200 if matches else 409)
    if not matches:
        (miss,) = verdict.json()["nearest"]
        assert any(each.startswith("claim ") for each in miss["differences"])


@pytest.mark.parametrize("kind", ["expired", "bad-signature", "missing-scope", "algorithm-none"])
def test_a_token_that_is_refused_is_nobodys(world: World, kind: str) -> None:
    fault = world.fault(status=500, when="afterToken", matcher={"clientId": "demo"})
    everybody = world.fault(status=502, when="afterToken")
    assert status_of(world, token_of(world, kind=kind)) in (401, 403)
    assert [world.injected(each) for each in (fault, everybody)] == [0, 0]
    assert world.entry()["faultId"] is None


def test_a_request_without_a_token_or_of_another_method_is_refused_as_ever(world: World) -> None:
    world.fault(status=500, when="afterToken")
    path = world.path
    assert world.server.http.post(path).status_code == 401
    assert world.server.http.get(path).status_code == 405


def test_after_the_token_is_before_the_body_is_looked_at(world: World) -> None:
    world.fault(status=500, when="afterToken", times=1)
    assert world.start(json={}).status_code == 500
    assert world.start(json={}).status_code == 400


def test_the_client_of_a_token_request_is_the_one_that_proved_itself(world: World) -> None:
    for client in ("one", "two"):
        world.admin("PUT", f"clients/{client}", json={"secret": "a-secret-of-it"})
    fault = world.fault(status=503, when="afterToken", matcher={"operation": "token", "clientId": "one"})

    def token(client: str, secret: str = "a-secret-of-it") -> int:
        form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
        params = {"customerId": world.customer}
        return world.server.http.post(TOKEN_PATH, params=params, data=form).status_code

    assert [token("one"), token("two"), token("one", "wrong")] == [503, 200, 400]
    assert world.injected(fault) == 1
    assert [each["clientId"] for each in world.entries()] == ["one", "two", None]


def test_a_fault_for_everybody_applies_to_whom_the_newest_does_not_name(world: World) -> None:
    world.fault(status=503)
    world.fault(status=403, when="afterToken", matcher={"clientId": "billing"})
    assert status_of(world, token_of(world, "billing")) == 403
    assert status_of(world, token_of(world, "shipping")) == 503


def test_a_sequence_is_for_one_client(world: World) -> None:
    world.fault(when="afterToken", matcher={"clientId": "billing"}, sequence=[{"status": 503}, {"status": 500}])
    ours, theirs = token_of(world, "billing"), token_of(world, "shipping")
    assert [status_of(world, token) for token in (ours, theirs, ours, ours)] == [503, 200, 500, 200]


def test_a_snapshot_has_it(world: World) -> None:
    world.fault(status=403, when="afterToken", matcher={"clientId": "billing", "claims": {"a": {"equalTo": "b"}}})
    world.admin("PUT", "snapshot", json=world.admin("GET", "snapshot"))
    assert status_of(world, token_of(world, "billing", claims={"a": "b"})) == 403


def test_a_token_that_is_refused_in_the_journal_has_no_claims(world: World) -> None:
    assert world.server.http.post(world.path).status_code == 401
    assert world.admin("POST", "requests/count", json={"claims": {"x": {"absent": True}}})["count"] == 0


def test_claims_at_the_token_url_are_warned_of(world: World) -> None:
    matcher = {"urlPath": TOKEN_PATH, "claims": {"a": {"absent": True}}}
    added = world.admin("POST", "faults", json={"status": 403, "when": "afterToken", "matcher": matcher})
    assert "matcher.claims: a token request has no claims yet" in added["warnings"][0]


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"status": 403, "matcher": {"clientId": "a"}}, "body", "say when: afterToken or afterCommit"),
    ({"status": 403, "matcher": {"claims": {"a": {"equalTo": "b"}}}}, "body", "say when: afterToken or afterCommit"),
    (
        {"when": "afterToken", "matcher": {"clientId": "a"}, "sequence": [{}, {"when": "before", "status": 503}]},
        "body",
        "say when: afterToken or afterCommit",
    ),
    (
        {"status": 403, "when": "afterToken", "matcher": {"operation": "token", "claims": {"a": {"absent": True}}}},
        "matcher",
        "a token request has no claims yet",
    ),
    ({"status": 403, "matcher": {"clientLeft": True}}, "matcher", "are known too late for a fault"),
    ({"status": 403, "matcher": {"status": 200}}, "matcher", "are known too late for a fault"),
    ({"status": 403, "when": "after"}, "when", "'before', 'afterToken' or 'afterCommit'"),
]


@pytest.mark.parametrize(("spec", "where", "says"), REFUSED, ids=[str(each[0])[:80] for each in REFUSED])
def test_what_strikes_before_it_is_known_who_calls_is_refused_with_what_was_meant(
    world: World, spec: dict[str, Any], where: str, says: str
) -> None:
    refused = world.server.http.post("/__admin/faults", json=spec)
    problem = refused.json()["meta"]["validation"][0]
    assert (refused.status_code, problem["property"]) == (400, where)
    assert says in problem["message"]
