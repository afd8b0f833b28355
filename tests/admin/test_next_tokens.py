"""Tokens that the token endpoint gives out next: what they are, for whom, and for how long."""

from typing import Any

import pytest
from workflow_mock.oauth.bad_tokens import TokenKind
from workflow_mock.state.next_tokens import MAX_NEXT_TOKENS

from tests.admin.test_clients import SECRET
from tests.admin.world import TOKEN_PATH, World, error_of

DEMO = {"grant_type": "client_credentials", "client_id": "demo", "client_secret": "demo-secret"}


def got(world: World, customer: str | None = None, **form: str) -> dict[str, Any]:
    """What the token endpoint gives out at the customer's token URL."""
    params = {"customerId": customer or world.customer}
    answer = world.server.http.post(TOKEN_PATH, params=params, data=DEMO | form)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def code_of(world: World, token: str) -> str | None:
    """Why a start with this token is refused."""
    answer = World(world.server, token, world.customer).start()
    return None if answer.status_code == 200 else error_of(answer)


def codes(world: World, count: int) -> list[str | None]:
    """Why starts with the next tokens are refused."""
    return [code_of(world, got(world)["access_token"]) for _ in range(count)]


@pytest.mark.parametrize("kind", TokenKind)
def test_the_next_token_is_of_the_kind_that_was_asked_for_and_gets_what_was_foretold(
    world: World, kind: TokenKind
) -> None:
    asked = world.admin("POST", "tokens", json={"kind": kind, "issueNext": 1})
    assert asked["accessToken"] is None
    assert codes(world, 2) == [asked["expected"]["code"], None]


def test_so_many_are_and_then_good_ones(world: World) -> None:
    world.admin("POST", "tokens", json={"kind": "expired", "issueNext": 2})
    assert codes(world, 3) == ["token_expired", "token_expired", None]


def test_what_was_asked_for_first_comes_first(world: World) -> None:
    for kind in ("good", "expired", "bad-signature"):
        world.admin("POST", "tokens", json={"kind": kind, "issueNext": 1})
    assert codes(world, 4) == [None, "token_expired", "token_signature", None]


def test_a_refused_token_request_uses_none_up(world: World) -> None:
    world.admin("POST", "tokens", json={"kind": "expired", "issueNext": 1})
    refused = world.server.http.post(TOKEN_PATH, params={"customerId": world.customer}, data=DEMO | {"scope": "x"})
    assert refused.status_code == 400
    assert codes(world, 1) == ["token_expired"]


def test_the_lifetime_is_said_in_the_answer_and_in_the_token(world: World) -> None:
    world.admin("POST", "tokens", json={"lifetime": "90s", "issueNext": 1})
    world.freeze()
    answer = got(world)
    assert answer["expires_in"] == 90
    world.advance("91s")
    assert code_of(world, answer["access_token"]) is None, "the leeway is five minutes"
    world.advance("5m")
    assert code_of(world, answer["access_token"]) == "token_expired"


# Whose


def test_of_a_customer_they_are_at_its_token_url_alone(world: World) -> None:
    other = World(world.server, world.token)
    world.admin("POST", "tokens", json={"kind": "expired", "issueNext": 1})
    assert codes(other, 1) == [None]
    assert code_of(world, world.server.token()) is None
    assert codes(world, 1) == ["token_expired"]


def test_of_a_client_they_are_that_clients_alone(world: World) -> None:
    world.admin("PUT", "clients/billing", json={"secret": SECRET})
    world.server.http.post("/__admin/tokens", json={"kind": "expired", "issueNext": 1, "clientId": "billing"})
    assert codes(world, 1) == [None]
    token = got(world, client_id="billing", client_secret=SECRET)["access_token"]
    assert code_of(world, token) == "token_expired"


def test_a_customers_come_before_everybodys(world: World) -> None:
    world.server.http.post("/__admin/tokens", json={"kind": "expired", "issueNext": 1})
    world.admin("POST", "tokens", json={"kind": "bad-signature", "issueNext": 1})
    assert codes(world, 3) == ["token_signature", "token_expired", None]


def test_a_reset_of_the_customer_takes_its_own_back(world: World) -> None:
    other = World(world.server, world.token)
    for each in (world, other):
        each.admin("POST", "tokens", json={"kind": "expired", "issueNext": 1})
    world.admin("POST", "reset")
    assert (codes(world, 1), codes(other, 1)) == ([None], ["token_expired"])


def test_they_are_in_a_snapshot(world: World) -> None:
    world.admin("POST", "tokens", json={"kind": "expired", "issueNext": 2, "clientId": "demo", "lifetime": "1m"})
    got(world)
    snapshot = world.server.http.get("/__admin/snapshot").json()
    asked = {"customerId": world.customer, "clientId": "demo", "kind": "expired", "lifetime": "PT60S", "issueNext": 1}
    assert snapshot["nextTokens"] == [asked]
    world.server.http.post("/__admin/reset")
    assert world.server.http.put("/__admin/snapshot", json=snapshot).status_code == 204
    assert codes(world, 2) == ["token_expired", None]


# What is refused


def test_one_more_call_than_may_wait_is_refused(world: World) -> None:
    ask = {"kind": "expired", "issueNext": 1}
    for _ in range(MAX_NEXT_TOKENS):
        world.admin("POST", "tokens", json=ask)
    refused = world.server.http.post("/__admin/tokens", json=ask)
    assert (refused.status_code, error_of(refused)) == (503, "limit_reached")
    got(world)
    world.admin("POST", "tokens", json=ask)


@pytest.mark.parametrize(
    ("wish", "place"),
    [
        ({"issueNext": 0}, "issueNext"),
        ({"issueNext": "1"}, "issueNext"),
        ({"issueNext": 2**53 + 1}, "issueNext"),
        ({"issueNext": 1, "scopes": []}, "body"),
        ({"issueNext": 1, "customers": []}, "body"),
        ({"issueNext": 1, "claims": {}}, "body"),
    ],
    ids=str,
)
def test_a_wish_that_cant_be_is_refused_with_its_place(world: World, wish: Any, place: str) -> None:
    answer = world.server.http.post("/__admin/tokens", json=wish)
    assert (answer.status_code, error_of(answer)) == (400, "validation_failed")
    assert [each["property"] for each in answer.json()["meta"]["validation"]] == [place]
