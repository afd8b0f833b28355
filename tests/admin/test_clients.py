"""Clients of the authorization server over HTTP: everybody's, and customers' own."""

from pathlib import Path
from typing import Any

import pytest
from workflow_mock.state.clients import MAX_CLIENTS

from tests.admin.world import TOKEN_PATH, World, error_of, until
from tests.support import Server, serving

SECRET = "a-secret-of-the-tests"


def asked(server: Server, client: str, secret: str = SECRET, customer: str | None = None, **form: str) -> Any:
    """The answer to a token request: what of it is no token, or the error."""
    params = {} if customer is None else {"customerId": customer}
    form |= {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
    answer = server.http.post(TOKEN_PATH, params=params, data=form)
    return answer.json().get("error") or answer.json()["scope"]


def ids(server: Server, **params: str) -> list[str]:
    return [client["id"] for client in server.http.get("/__admin/clients", params=params).json()["clients"]]


def test_a_client_that_was_put_gets_tokens_with_its_scopes_for_its_customers(world: World) -> None:
    spec = {"secret": SECRET, "scopes": ["workflow_api", "reports"], "customers": [world.customer]}
    shown = world.server.http.put("/__admin/clients/billing", json=spec)
    assert shown.status_code == 200
    assert shown.json() == {
        "id": "billing",
        "customerId": None,
        "scopes": ["workflow_api", "reports"],
        "customers": [world.customer],
    }
    assert asked(world.server, "billing") == "reports workflow_api"
    assert asked(world.server, "billing", scope="reports") == "reports"
    assert asked(world.server, "billing", "another") == "invalid_client"
    token = world.server.token("billing", SECRET)
    assert World(world.server, token, world.customer).start().status_code == 200
    assert World(world.server, token).start().status_code == 403


def test_a_client_is_put_in_the_place_of_another_and_deleted(own: Server) -> None:
    own.http.put("/__admin/clients/billing", json={"secret": "first"})
    own.http.put("/__admin/clients/billing", json={"secret": SECRET})
    assert (asked(own, "billing", "first"), asked(own, "billing")) == ("invalid_client", "workflow_api")
    assert own.http.delete("/__admin/clients/billing").status_code == 204
    assert asked(own, "billing") == "invalid_client"
    again = own.http.delete("/__admin/clients/billing")
    assert (again.status_code, error_of(again)) == (404, "not_found")


def test_the_catalogues_client_can_be_changed_and_deleted_until_a_reset(own: Server) -> None:
    own.http.put("/__admin/clients/demo", json={"secret": SECRET})
    assert asked(own, "demo", "demo-secret") == "invalid_client"
    own.http.delete("/__admin/clients/demo")
    assert ids(own) == []
    own.http.post("/__admin/reset")
    assert asked(own, "demo", "demo-secret") == "workflow_api"


def test_a_secret_is_never_shown(world: World) -> None:
    for customer in ({}, {"customerId": world.customer}):
        said = [
            world.server.http.put("/__admin/clients/billing", json={"secret": SECRET}, params=customer).text,
            world.server.http.get("/__admin/clients/billing", params=customer).text,
            world.server.http.get("/__admin/clients", params=customer).text,
            world.server.http.get("/__admin/snapshot").text,
            world.server.http.put("/__admin/clients/x", json={"secret": [SECRET]}, params=customer).text,
            world.server.http.put("/__admin/clients/x", json={"secret": SECRET * 10}, params=customer).text,
        ]
        assert SECRET not in "".join(said)


# Customers' own


def test_a_customers_client_gets_tokens_where_the_customer_is_named_alone(world: World) -> None:
    other = World(world.server, world.token)
    world.admin("PUT", "clients/billing", json={"secret": SECRET})
    assert asked(world.server, "billing", customer=world.customer) == "workflow_api"
    assert asked(world.server, "billing") == asked(world.server, "billing", customer=other.customer) == "invalid_client"


def test_customers_may_have_clients_of_the_same_id(world: World) -> None:
    other = World(world.server, world.token)
    world.admin("PUT", "clients/demo", json={"secret": "one", "scopes": ["one"]})
    other.admin("PUT", "clients/demo", json={"secret": "two", "scopes": ["two"]})
    assert asked(world.server, "demo", "one", world.customer) == "one"
    assert asked(world.server, "demo", "two", other.customer) == "two"
    assert asked(world.server, "demo", "demo-secret") == "workflow_api"
    assert asked(world.server, "demo", "demo-secret", world.customer) == "invalid_client"


def test_a_list_is_of_the_clients_that_the_customer_can_use(world: World) -> None:
    other = World(world.server, world.token)
    world.admin("PUT", "clients/mine", json={"secret": SECRET})
    other.admin("PUT", "clients/demo", json={"secret": SECRET})
    assert ids(world.server, customerId=world.customer) == ["demo", "mine"]
    assert ids(world.server) == ["demo", "mine", "demo"]
    assert world.admin("GET", "clients/demo")["customerId"] is None
    assert other.admin("GET", "clients/demo")["customerId"] == other.customer
    assert world.server.http.get("/__admin/clients/mine").status_code == 404


def test_a_customers_client_is_gone_at_its_reset_and_anothers_stays(world: World) -> None:
    other = World(world.server, world.token)
    for each in (world, other):
        each.admin("PUT", "clients/billing", json={"secret": SECRET})
    world.server.http.put("/__admin/clients/shared", json={"secret": SECRET})
    world.admin("POST", "reset")
    assert ids(world.server, customerId=world.customer) == ["demo", "shared"]
    assert asked(world.server, "billing", customer=other.customer) == "workflow_api"
    world.server.http.post("/__admin/reset")
    assert ids(world.server) == ["demo"]


def test_a_customer_deletes_its_own_client_alone(world: World) -> None:
    answer = world.server.http.delete("/__admin/clients/demo", params={"customerId": world.customer})
    assert (answer.status_code, error_of(answer)) == (404, "not_found")
    world.admin("PUT", "clients/demo", json={"secret": SECRET})
    world.admin("DELETE", "clients/demo")
    assert asked(world.server, "demo", "demo-secret", world.customer) == "workflow_api"


def test_a_token_of_a_client_that_is_gone_stays_good(world: World) -> None:
    world.admin("PUT", "clients/billing", json={"secret": SECRET})
    form = {"grant_type": "client_credentials", "client_id": "billing", "client_secret": SECRET}
    answer = world.server.http.post(TOKEN_PATH, params={"customerId": world.customer}, data=form)
    world.admin("DELETE", "clients/billing")
    assert World(world.server, answer.json()["access_token"], world.customer).start().status_code == 200
    assert world.entry()["clientId"] == "billing"


# Bounds, and files that change


def test_one_client_too_many_is_refused(world: World) -> None:
    for number in range(MAX_CLIENTS):
        world.admin("PUT", f"clients/{number}", json={"secret": SECRET})
    refused = world.server.http.put("/__admin/clients/one-more", json={"secret": SECRET})
    assert (refused.status_code, error_of(refused)) == (503, "limit_reached")
    world.admin("PUT", "clients/0", json={"secret": "another"})
    world.admin("DELETE", "clients/0")
    assert world.server.http.put("/__admin/clients/one-more", json={"secret": SECRET}).status_code == 200


@pytest.mark.parametrize(
    ("spec", "place"),
    [
        ({}, "secret"),
        ({"secret": ""}, "secret"),
        ({"secret": "x" * 101}, "secret"),
        ({"secret": "x", "scopes": ["a b"]}, "scopes[0]"),
        ({"secret": "x", "scopes": ["a"] * 101}, "scopes"),
        ({"secret": "x", "customers": ["me"]}, "customers[0]"),
        ({"secret": "x", "id": "x"}, "id"),
    ],
    ids=str,
)
def test_a_client_that_cant_be_is_refused_with_its_place(own: Server, spec: dict[str, Any], place: str) -> None:
    answer = own.http.put("/__admin/clients/x", json=spec)
    assert (answer.status_code, error_of(answer)) == (400, "validation_failed")
    assert [each["property"] for each in answer.json()["meta"]["validation"]] == [place]
    assert ids(own) == ["demo"]


def test_clients_that_were_put_or_deleted_stay_so_when_files_change(tmp_path: Path) -> None:
    file, text = (
        tmp_path / "c.yaml",
        "workflows: [{name: Any, tasks: [{key: only}]}]\nclients: [{id: %s, secret: %s}]\n",
    )
    file.write_text(text % ("first", SECRET))
    with serving("--catalogue", str(file), "--watch") as server:
        server.http.put("/__admin/clients/mine", json={"secret": SECRET})
        file.write_text(text % ("second", SECRET))
        until(lambda: "second" in ids(server))
        assert sorted(ids(server)) == ["mine", "second"]
        server.http.post("/__admin/reset")
        assert ids(server) == ["second"]
