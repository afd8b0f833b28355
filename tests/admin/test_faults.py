"""What a test can break: which requests, how often, and what the client gets instead of an answer."""

import asyncio
import http.client
import json
import random
import select
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
from starlette.types import Message
from workflow_mock.faults.effects import apply_effects
from workflow_mock.faults.outgoing import Outgoing
from workflow_mock.faults.registry import MAX_FAULTS
from workflow_mock.faults.spec import FaultSpec
from workflow_mock.http.messages import Response
from workflow_mock.state.exchange import Target
from workflow_mock.state.held import Held

from tests.admin.world import FAR, TOKEN_PATH, World, error_of, until
from tests.support import WORKFLOW, Server, read_answers, request_of, serving

ONE_TASK = "11111111-1111-4111-8111-111111111111"
DIAMOND = "22222222-2222-4222-8222-222222222222"
CREDENTIALS = {"grant_type": "client_credentials", "client_id": "demo", "client_secret": "demo-secret"}


@pytest.fixture
def world(server: Server, token: str) -> World:
    return World(server, token)


@pytest.fixture(autouse=True)
def _no_traceback_in_the_log(server: Server) -> Iterator[None]:
    yield
    assert "Traceback" not in server.log.read_text()


def broken(world: World) -> bytes:
    """Every byte that a start gets on a connection of its own, up to its end."""
    with world.server.connect() as connection:
        connection.sendall(world.raw())
        return b"".join(iter(lambda: connection.recv(65536), b""))


# What is answered


def test_a_fault_answers_in_the_envelope_with_its_own_status_code_message_and_headers(world: World) -> None:
    world.fault(status=502, code="bad_gateway", message="no luck", headers={"X-Upstream": "b2"})
    answer = world.start()
    assert answer.status_code == 502
    assert answer.headers["X-Upstream"] == "b2"
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.headers["X-Request-Id"]
    errors = [{"code": "bad_gateway", "message": "no luck"}]
    assert answer.json() == {"meta": {"errors": errors, "validation": [], "info": {}}, "data": None}
    assert world.executions() == []


@pytest.mark.parametrize("status", [400, 401, 404, 418, 429, 500, 503, 599])
def test_any_status_of_a_refusal_can_be_asked_for(world: World, status: int) -> None:
    world.fault(status=status)
    assert world.start().status_code == status


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_in_whole_seconds_rounded_up(world: World, status: int) -> None:
    world.fault(status=status, retryAfter="1500ms")
    answer = world.start()
    assert (answer.status_code, answer.headers["Retry-After"]) == (status, "2")


def test_without_retry_after_there_is_no_such_header(world: World) -> None:
    world.fault(status=503)
    assert "Retry-After" not in world.start().headers


def test_a_fault_may_have_another_content_type_as_a_proxy_does(world: World) -> None:
    world.fault(status=502, headers={"Content-Type": "text/html"})
    assert world.start().headers.get_list("Content-Type") == ["text/html"]


def test_a_fault_may_have_a_body_as_a_gateway_does(world: World) -> None:
    world.fault(status=502, body="<h1>Bad gateway: ö</h1>", contentType="text/html")
    answer = world.start()
    assert (answer.status_code, answer.text) == (502, "<h1>Bad gateway: ö</h1>")
    assert answer.headers.get_list("Content-Type") == ["text/html"]
    assert (world.entry()["status"], world.entry()["errors"]) == (502, [])


def test_half_a_record_can_come_in_a_200(world: World) -> None:
    world.fault(body='{"data": {"id": ', times=1)
    answer = world.start()
    assert (answer.status_code, answer.content) == (200, b'{"data": {"id": ')
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert world.executions() == []
    assert world.start().json()["data"]["id"]


def test_a_body_may_be_json_with_its_nulls(world: World) -> None:
    body = {"data": {"id": None, "ä": [1.5, True]}}
    fault = world.fault(jsonBody=body)
    assert world.start().json() == body
    assert world.admin("GET", f"faults/{fault}")["jsonBody"] == body


def test_after_the_commit_a_body_takes_the_place_of_the_record(world: World) -> None:
    world.fault(when="afterCommit", status=201, jsonBody={"data": None})
    assert (world.start().status_code, world.executions(), world.entry()["answerLost"]) == (
        201,
        [world.entry()["executionId"]],
        True,
    )


def test_a_redirect_has_no_body(world: World) -> None:
    world.fault(status=302, headers={"Location": "https://login.example.com"})
    answer = world.start()
    assert (answer.status_code, answer.headers["Location"], answer.content) == (302, "https://login.example.com", b"")


def test_a_quota_may_have_a_body(world: World) -> None:
    world.fault(quota={"limit": 0, "window": "1m"}, body="slowly")
    answer = world.start()
    assert (answer.status_code, answer.text, "Retry-After" in answer.headers) == (429, "slowly", True)


def test_the_token_endpoint_may_have_a_body_of_a_fault(world: World) -> None:
    world.fault(matcher={"operation": "token"}, body="<html>", contentType="text/html")
    answer = world.server.http.post(TOKEN_PATH, params={"customerId": world.customer})
    assert (answer.status_code, answer.text, answer.headers.get_list("Content-Type")) == (200, "<html>", ["text/html"])


def test_the_connection_lives_on_after_a_status(world: World) -> None:
    world.fault(status=503, times=1)
    answers = world.server.send(world.raw() + world.raw(), answers=2)
    assert [answer.status for answer in answers] == [503, 200]


# How often


def test_times_bounds_how_often_it_strikes(world: World) -> None:
    fault = world.fault(status=503, times=2)
    assert world.statuses(4) == [503, 503, 200, 200]
    assert world.injected(fault) == 2


def test_after_lets_the_first_through(world: World) -> None:
    world.fault(status=503, after=2, times=1)
    assert world.statuses(4) == [200, 200, 503, 200]


@pytest.mark.parametrize(("probability", "statuses"), [(0, [200] * 10), (1, [503] * 10)])
def test_a_probability_of_zero_is_never_and_one_is_always(
    world: World, probability: float, statuses: list[int]
) -> None:
    world.fault(status=503, probability=probability)
    assert world.statuses(10) == statuses


def test_a_seed_makes_chance_repeatable(server: Server, token: str) -> None:
    patterns = []
    for seed in (1, 1, 2):
        world = World(server, token)
        world.fault(status=503, probability=0.5, seed=seed)
        patterns.append(world.statuses(24))
    assert patterns[0] == patterns[1]
    assert patterns[0] != patterns[2]
    assert set(patterns[0]) == {200, 503}


def test_a_fault_lives_as_long_as_its_ttl_by_the_customers_clock(world: World) -> None:
    world.freeze()
    world.fault(status=503, ttl="1m")
    assert world.statuses(2) == [503, 503]
    world.advance("59s")
    assert world.start().status_code == 503
    world.advance("1s")
    assert world.start().status_code == 200


def test_a_quota_lets_so_many_through_in_each_window(world: World) -> None:
    world.freeze()
    world.fault(quota={"limit": 2, "window": "1m"})
    assert world.statuses(3) == [200, 200, 429]
    world.advance("40s")
    refused = world.start()
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "20")
    world.advance("20s")
    assert world.statuses(3) == [200, 200, 429]


def test_a_quota_counts_for_each_customer_apart() -> None:
    with serving() as running:
        running.http.post("/__admin/faults", json={"quota": {"limit": 1, "window": "1h"}, "status": 503})
        one, other = World(running, running.token()), World(running, running.token())
        assert [one.statuses(2), other.statuses(2)] == [[200, 503], [200, 503]]


def test_a_quota_of_none_lets_none_through(world: World) -> None:
    world.fault(quota={"limit": 0, "window": "1h"})
    assert world.start().status_code == 429


# What happens to the connection


def test_a_reset_by_peer_is_a_tcp_reset(world: World) -> None:
    world.fault(fault="CONNECTION_RESET_BY_PEER")
    with pytest.raises(ConnectionResetError):
        broken(world)


def test_an_empty_response_is_a_clean_close(world: World) -> None:
    world.fault(fault="EMPTY_RESPONSE")
    assert broken(world) == b""


def test_a_malformed_chunk_is_a_good_beginning_and_then_no_http(world: World) -> None:
    world.fault(fault="MALFORMED_RESPONSE_CHUNK")
    head, _, rest = broken(world).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert rest
    with world.server.connect() as connection:
        connection.sendall(world.raw())
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert response.status == 200
        with pytest.raises(http.client.HTTPException):
            response.read()


def test_random_data_is_no_http_at_all(world: World) -> None:
    world.fault(fault="RANDOM_DATA_THEN_CLOSE")
    one, other = broken(world), broken(world)
    assert one
    assert b"HTTP" not in one[:8]
    assert one != other


CONNECTION_FAULTS = [
    "CONNECTION_RESET_BY_PEER",
    "EMPTY_RESPONSE",
    "MALFORMED_RESPONSE_CHUNK",
    "RANDOM_DATA_THEN_CLOSE",
]


@pytest.mark.parametrize("fault", CONNECTION_FAULTS)
def test_a_client_sees_a_transport_error_and_no_work_is_done(world: World, fault: str) -> None:
    world.fault(fault=fault)
    with pytest.raises(httpx.TransportError):
        world.start()
    assert world.executions() == []
    status = 200 if fault == "MALFORMED_RESPONSE_CHUNK" else 0  # that has a status line
    assert (world.entry()["status"], world.entry()["answerLost"]) == (status, False)


@pytest.mark.parametrize("fault", CONNECTION_FAULTS)
def test_what_was_answered_before_on_the_connection_still_arrives(world: World, fault: str) -> None:
    world.fault(fault=fault, after=1)
    with world.server.connect() as connection:
        connection.sendall(world.raw())
        assert [answer.status for answer in read_answers(connection, 1)] == [200]
        connection.sendall(world.raw())
        with pytest.raises((OSError, http.client.HTTPException, AssertionError)):
            assert [answer.body for answer in read_answers(connection, 1)]


def test_a_truncated_body_is_shorter_than_its_content_length(world: World) -> None:
    world.fault(truncateBodyAt=10)
    head, _, body = broken(world).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    (length,) = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")]
    assert len(body) == 10 < length
    assert len(world.executions()) == 1
    assert world.entry()["answerLost"] is True


@pytest.mark.parametrize("at", [0, 10**9])
def test_a_truncated_body_always_lacks_something(world: World, at: int) -> None:
    world.fault(truncateBodyAt=at)
    with pytest.raises(httpx.RemoteProtocolError):
        world.start()


def test_a_dribbled_body_comes_bit_by_bit(world: World) -> None:
    world.fault(chunkedDribbleDelay={"numberOfChunks": 1000, "totalDuration": FAR})
    with world.server.connect() as connection:
        connection.sendall(world.raw())
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert response.status == 200
        assert 0 < len(response.read1()) < (response.length or 0)


def test_a_dribbled_body_comes_whole_in_the_end(world: World) -> None:
    world.fault(chunkedDribbleDelay={"numberOfChunks": 7, "totalDuration": 7})
    answer = world.start()
    assert answer.json()["data"]["id"] == world.executions()[0]
    assert world.entry()["answerLost"] is False


@pytest.mark.parametrize(
    ("size", "wanted", "pieces"), [(100, 1, 1), (100, 7, 7), (100, 60, 60), (100, 100, 100), (3, 7, 3)]
)
def test_a_dribbled_body_comes_in_that_many_pieces_of_one_byte_or_more(size: int, wanted: int, pieces: int) -> None:
    spec = FaultSpec.model_validate({"chunkedDribbleDelay": {"numberOfChunks": wanted, "totalDuration": 0}})
    sent: list[bytes] = []

    async def send(message: Message) -> None:
        if message.get("body"):
            sent.append(message["body"])

    def not_held(seconds: float) -> AbstractContextManager[Held]:
        raise AssertionError(seconds)

    async def answer() -> None:
        response = Response(200, (), b"x" * size)
        outgoing = Outgoing(request_of(), Target(None), spec, response, random.Random(), None, not_held)
        await apply_effects(outgoing)
        await outgoing.send(send)

    asyncio.run(answer())
    assert b"".join(sent) == b"x" * size
    assert len(sent) == pieces


# Delays

DELAYS: list[dict[str, Any]] = [
    {"fixedDelayMilliseconds": FAR},
    {"delayDistribution": {"type": "uniform", "lower": FAR, "upper": FAR}},
    {"delayDistribution": {"type": "lognormal", "median": FAR, "sigma": 0}},
]


@pytest.mark.parametrize("delay", DELAYS)
def test_a_later_request_without_delay_is_answered_first(world: World, delay: dict[str, Any]) -> None:
    fault = world.fault(times=1, **delay)
    with world.server.connect() as delayed:
        delayed.sendall(world.raw())
        until(lambda: world.injected(fault))
        assert world.start().status_code == 200
        assert select.select([delayed], [], [], 0)[0] == []


def test_a_delayed_request_is_answered_in_the_end(world: World) -> None:
    fault = world.fault(fixedDelayMilliseconds=500, times=1)
    with world.server.connect() as delayed:
        delayed.sendall(world.raw())
        until(lambda: world.injected(fault))
        first = world.start()
        assert [answer.status for answer in read_answers(delayed, 1)] == [200]
    held, later = world.entries()
    assert (held["faultId"], held["status"]) == (fault, 200)
    assert later["id"] == first.headers["X-Request-Id"]


def test_a_delay_goes_with_a_status(world: World) -> None:
    world.fault(fixedDelayMilliseconds=1, status=503)
    assert world.start().status_code == 503


def test_a_client_with_a_timeout_gives_up(world: World) -> None:
    world.fault(fixedDelayMilliseconds=FAR)
    with pytest.raises(httpx.ReadTimeout):
        world.start(timeout=0.2)


@pytest.mark.parametrize(
    ("when", "executions"), [("before", 0), ("afterCommit", 1)], ids=["before the work", "after the work"]
)
def test_a_client_that_gives_up_during_a_delay_is_noticed(world: World, when: str, executions: int) -> None:
    fault = world.fault(fixedDelayMilliseconds=FAR, when=when)
    with world.server.connect() as connection:
        connection.sendall(world.raw())
        until(lambda: world.injected(fault))
        (entry,) = until(world.entries)
        assert (entry["status"], entry["answerLost"], entry["durationInMilliseconds"]) == (0, bool(executions), 0)
    (entry,) = until(lambda: [each for each in world.entries() if each["durationInMilliseconds"]])
    assert (entry["status"], entry["answerLost"]) == (0, bool(executions))
    assert len(world.executions()) == executions


def test_a_seed_makes_a_delay_repeatable() -> None:
    spec = FaultSpec.model_validate({"seed": 5, "delayDistribution": {"type": "uniform", "lower": 10, "upper": 20}})
    assert spec.delay_distribution is not None
    drawn = [spec.delay_distribution.draw(random.Random(seed)) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert all(10 <= milliseconds <= 20 for milliseconds in drawn)


# Before or after the work


def test_before_means_that_the_work_is_not_done(world: World) -> None:
    world.fault(status=503, times=1)
    assert world.statuses(2) == [503, 200]
    assert len(world.executions()) == 1
    assert [entry["duplicateOf"] for entry in world.entries()] == [None, None]


AFTER_COMMIT: list[dict[str, Any]] = [
    {"status": 504},
    {"truncateBodyAt": 5},
    *({"fault": fault} for fault in CONNECTION_FAULTS),
]


@pytest.mark.parametrize("loss", AFTER_COMMIT, ids=lambda loss: str(*loss.values()))
def test_after_commit_the_work_is_done_and_the_second_try_is_marked_a_duplicate(
    world: World, loss: dict[str, Any]
) -> None:
    world.fault(when="afterCommit", times=1, **loss)
    try:
        assert world.start().status_code == 504
    except httpx.TransportError:
        assert "status" not in loss
    (lost,) = world.executions()
    second, third = world.start(), world.start()
    assert len(world.executions()) == 3
    assert second.json()["data"]["id"] != lost
    assert [entry["answerLost"] for entry in world.entries()] == [True, False, False]
    assert [entry["duplicateOf"] for entry in world.entries()] == [None, lost, None]
    assert world.entries()[0]["executionId"] == lost
    assert third.status_code == 200


def test_another_workflow_is_no_duplicate(world: World) -> None:
    world.fault(when="afterCommit", status=504, times=1)
    world.start()
    world.start(ONE_TASK)
    assert world.entry()["duplicateOf"] is None


def test_another_customer_is_no_duplicate(world: World) -> None:
    world.fault(when="afterCommit", status=504, times=1)
    world.start()
    other = World(world.server, world.token)
    other.start()
    assert other.entry()["duplicateOf"] is None


def test_after_commit_leaves_a_refusal_as_it_is_and_waits_for_work_that_is_done(world: World) -> None:
    fault = world.fault(when="afterCommit", status=504, times=1)
    assert world.start(json={"data": {}}).status_code == 400
    assert (world.injected(fault), world.entry()["faultId"]) == (0, None)
    assert world.statuses(2) == [504, 200]


def test_after_commit_leaves_a_refused_token_request_as_it_is(world: World) -> None:
    fault = world.fault(when="afterCommit", status=504, matcher={"urlPath": TOKEN_PATH})
    answer = world.server.http.post(
        TOKEN_PATH, params={"customerId": world.customer}, data=CREDENTIALS | {"client_secret": "wrong"}
    )
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_client"})
    assert world.injected(fault) == 0


def test_a_delay_after_commit_delays_the_true_answer(world: World) -> None:
    world.fault(when="afterCommit", fixedDelayMilliseconds=1)
    assert world.start().json()["data"]["id"] == world.executions()[0]


# Which requests

MATCHERS: list[tuple[str, dict[str, Any], bool]] = [
    ("everything", {}, True),
    ("the method", {"method": "POST"}, True),
    ("another method", {"method": "GET"}, False),
    ("another path", {"urlPath": "/api/workflow/v1.0"}, False),
    ("a header", {"headers": {"X-Test": {"equalTo": "One"}}}, True),
    ("a header's name in another case", {"headers": {"x-tEST": {"equalTo": "One"}}}, True),
    ("a header's value in another case", {"headers": {"X-Test": {"equalTo": "one"}}}, False),
    ("a header's value in any case", {"headers": {"X-Test": {"equalToIgnoreCase": "oNE"}}}, True),
    ("a part of a header", {"headers": {"X-Test": {"contains": "ne"}}}, True),
    ("another part", {"headers": {"X-Test": {"contains": "two"}}}, False),
    ("a header that is missing", {"headers": {"X-Other": {"contains": ""}}}, False),
    ("no header of that name", {"headers": {"X-Other": {"absent": True}}}, True),
    ("no header, though it is there", {"headers": {"X-Test": {"absent": True}}}, False),
    ("any header of that name", {"headers": {"X-Test": {"absent": False}}}, True),
    ("any header, though it is missing", {"headers": {"X-Other": {"absent": False}}}, False),
    ("two headers, one wrong", {"headers": {"X-Test": {"equalTo": "One"}, "X-Other": {"equalTo": ""}}}, False),
    ("the body", {"bodyPatterns": [{"contains": WORKFLOW}]}, True),
    ("another body", {"bodyPatterns": [{"contains": DIAMOND}]}, False),
    ("two things of the body, one wrong", {"bodyPatterns": [{"contains": WORKFLOW}, {"equalTo": "x"}]}, False),
    ("the workflow", {"workflowId": WORKFLOW.upper()}, True),
    ("another workflow", {"workflowId": DIAMOND}, False),
]


@pytest.mark.parametrize(("matcher", "strikes"), [each[1:] for each in MATCHERS], ids=[each[0] for each in MATCHERS])
def test_a_matcher_says_which_requests_are_struck(world: World, matcher: dict[str, Any], strikes: bool) -> None:
    world.fault(status=503, matcher=matcher)
    assert world.start(headers={"X-Test": "One"}).status_code == (503 if strikes else 200)


def test_a_matcher_can_name_the_path(world: World) -> None:
    world.fault(status=503, matcher={"urlPath": world.path})
    assert world.start().status_code == 503
    assert world.start(ONE_TASK).status_code == 200


def test_a_matcher_names_the_customer_as_the_query_does(server: Server, token: str) -> None:
    one, other = World(server, token), World(server, token)
    matcher = {"customerId": one.customer.upper()}
    server.http.post("/__admin/faults", json={"status": 503, "matcher": matcher}).raise_for_status()
    assert [one.start().status_code, other.start().status_code] == [503, 200]


def test_a_body_that_is_empty_can_be_asked_for(world: World) -> None:
    world.fault(status=503, matcher={"bodyPatterns": [{"absent": True}]})
    assert world.start(content=b"").status_code == 503
    assert world.start().status_code == 200


def test_a_request_that_would_be_refused_can_be_struck(world: World) -> None:
    world.fault(status=503)
    assert world.start(json={}).status_code == 503


def test_the_newest_fault_wins(world: World) -> None:
    world.fault(status=501)
    newest = world.fault(status=502)
    assert world.start().status_code == 502
    world.server.http.delete(f"/__admin/faults/{newest}")
    assert world.start().status_code == 501


def test_a_fault_that_does_not_strike_lets_the_next_one(world: World) -> None:
    world.fault(status=501)
    world.fault(status=502, times=1)
    assert world.statuses(2) == [502, 501]


def test_the_fault_that_is_for_fewer_wins_over_a_newer_one() -> None:
    with serving() as running:
        world = World(running, running.token())
        for status, matcher in [
            (501, {"customerId": world.customer, "workflowId": WORKFLOW}),
            (502, {"customerId": world.customer}),
            (503, {"workflowId": WORKFLOW}),
            (504, {}),
        ]:
            running.http.post("/__admin/faults", json={"status": status, "times": 1, "matcher": matcher})
        assert world.statuses(5) == [501, 502, 503, 504, 200]


# The token endpoint


def test_a_fault_for_everything_leaves_the_token_endpoint_alone() -> None:
    with serving() as running:
        world = World(running, running.token())
        running.http.post("/__admin/faults", json={"status": 503})
        assert running.token()
        assert world.start().status_code == 503


def test_the_token_endpoint_is_struck_if_it_is_named_and_answers_in_its_own_form(world: World) -> None:
    world.fault(status=503, code="temporarily_unavailable", retryAfter="5s", matcher={"urlPath": TOKEN_PATH})
    answer = world.server.http.post(TOKEN_PATH, params={"customerId": world.customer}, data=CREDENTIALS)
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert answer.json().keys() == {"error", "error_description"}
    assert answer.headers["Retry-After"] == "5"
    assert world.start().status_code == 200
    assert world.server.token()


def test_the_token_endpoint_in_escapes_is_the_token_endpoint() -> None:
    with serving() as running:
        running.http.post("/__admin/faults", json={"status": 503})
        escaped = TOKEN_PATH.replace("token", "%74oken")
        assert running.http.post(escaped, data=CREDENTIALS).status_code == 200


# Faults in the catalogue


@pytest.fixture(scope="module")
def catalogue_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    task = [{"key": "only"}]
    faults = [{"status": 503, "retryAfter": "30s", "times": 1}, {"status": 500, "matcher": {"customerId": LOYAL}}]
    workflows = [
        {"id": WORKFLOW, "name": "breaks once", "tasks": task, "faults": faults[:1]},
        {"id": ONE_TASK, "name": "never breaks", "tasks": task},
        {"id": DIAMOND, "name": "breaks for one customer", "tasks": task, "faults": faults[1:]},
    ]
    file = tmp_path_factory.mktemp("catalogue") / "catalogue.json"
    file.write_text(json.dumps({"workflows": workflows}))
    with serving("--catalogue", str(file)) as running:
        yield running


LOYAL = str(uuid4())


@pytest.fixture
def unlucky(catalogue_server: Server) -> World:
    return World(catalogue_server, catalogue_server.token())


def test_the_id_of_a_workflow_is_enough_to_get_its_fault(unlucky: World) -> None:
    answer = unlucky.start()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert unlucky.start().status_code == 200
    assert unlucky.start(ONE_TASK).status_code == 200


def test_a_fault_of_the_catalogue_counts_for_each_customer_apart(unlucky: World) -> None:
    other = World(unlucky.server, unlucky.token)
    assert [unlucky.statuses(2), other.statuses(2)] == [[503, 200], [503, 200]]


def test_a_customers_reset_sets_the_catalogues_fault_back_for_them_alone(unlucky: World) -> None:
    other = World(unlucky.server, unlucky.token)
    assert [unlucky.statuses(2), other.statuses(2)] == [[503, 200], [503, 200]]
    unlucky.admin("POST", "reset")
    assert [unlucky.statuses(2), other.statuses(2)] == [[503, 200], [200, 200]]


def test_a_fault_of_the_catalogue_that_was_deleted_is_back_after_a_reset(unlucky: World) -> None:
    server = unlucky.server
    assert server.http.delete("/__admin/faults").status_code == 204
    assert unlucky.start().status_code == 200
    server.http.post("/__admin/reset")
    assert unlucky.start().status_code == 503


def test_a_fault_of_the_catalogue_for_one_customer_outlives_their_reset(unlucky: World) -> None:
    loyal = World(unlucky.server, unlucky.token, LOYAL)
    for _ in range(2):
        assert loyal.start(DIAMOND).status_code == 500
        assert unlucky.start(DIAMOND).status_code == 200
        loyal.admin("POST", "reset")


# The list


def test_faults_are_listed_shown_and_deleted(world: World) -> None:
    one, other = world.fault(status=503), world.fault(fault="EMPTY_RESPONSE")
    http_ = world.server.http
    assert [each["id"] for each in world.admin("GET", "faults")["faults"]] == [other, one]
    shown = http_.get(f"/__admin/faults/{one}").json()
    assert (shown["status"], shown["matched"], shown["injected"]) == (503, 0, 0)
    assert http_.delete(f"/__admin/faults/{one}").status_code == 204
    for method in ("GET", "DELETE"):
        gone = http_.request(method, f"/__admin/faults/{one}")
        assert (gone.status_code, error_of(gone)) == (404, "not_found")
    assert [each["id"] for each in world.admin("GET", "faults")["faults"]] == [other]


def test_a_customers_faults_are_deleted_without_anothers(world: World) -> None:
    other = World(world.server, world.token)
    world.fault(status=503)
    other.fault(status=503)
    world.admin("DELETE", "faults")
    assert [world.start().status_code, other.start().status_code] == [200, 503]


def test_what_a_fault_saw_and_struck_is_counted(world: World) -> None:
    fault = world.fault(status=503, after=1, matcher={"workflowId": WORKFLOW})
    world.statuses(3)
    world.start(ONE_TASK)
    shown = world.server.http.get(f"/__admin/faults/{fault}").json()
    assert (shown["matched"], shown["injected"]) == (3, 2)


def test_a_fault_that_is_posted_again_with_its_id_begins_anew(world: World) -> None:
    id = world.fault(status=503, times=1)
    assert world.statuses(2) == [503, 200]
    assert world.fault(id=id, status=500, times=1) == id
    assert world.statuses(2) == [500, 200]
    assert len(world.admin("GET", "faults")["faults"]) == 1


def test_over_ten_thousand_faults_one_that_is_over_goes_and_then_no_more_are_taken() -> None:
    with serving() as running:
        ids = [str(uuid4()) for _ in range(MAX_FAULTS)]
        specs = [{"id": id, "status": 503, "matcher": {"customerId": str(uuid4())}, "times": 1} for id in ids]
        over = [{"customerId": "", "matched": 1, "injected": 1}]
        faults = [{"spec": spec, "tallies": over if spec["id"] == ids[7] else []} for spec in specs]
        running.http.put("/__admin/snapshot", json={"faults": faults}, timeout=30).raise_for_status()
        newest = World(running, running.token()).fault(status=500)
        found = [running.http.get(f"/__admin/faults/{id}").status_code for id in (ids[0], ids[7], newest)]
        assert found == [200, 404, 200]
        refused = running.http.post("/__admin/faults", json={"status": 500})
        assert (refused.status_code, error_of(refused)) == (503, "limit_reached")
        assert running.http.get("/__admin/health").json()["store"]["faults"] == MAX_FAULTS


# What is refused

NAN, INFINITY = float("nan"), float("inf")
BAD: list[tuple[dict[str, Any], str]] = [
    ({"staus": 503}, "staus"),
    ({"id": "x"}, "id"),
    ({"when": "after"}, "when"),
    ({"matcher": {"customerId": "nobody"}}, "matcher.customerId"),
    ({"matcher": {"urlPattern": "(a+)+$"}}, "matcher.urlPattern"),
    ({"matcher": {"bodyPatterns": [{"equalTo": "x"}, {"matches": "(a+)+$"}]}}, "matcher.bodyPatterns[1].matches"),
    ({"matcher": {"bodyPatterns": [{"equalTo": None}]}}, "matcher.bodyPatterns[0]"),
    ({"matcher": {"headers": {"X-A": {"equalTo": "x", "contains": "x"}}}}, "matcher.headers.X-A"),
    ({"matcher": {"headers": {"X-A": {}}}}, "matcher.headers.X-A"),
    ({"matcher": {"status": 200}}, "matcher"),
    ({"matcher": {"errorCode": "token_missing"}}, "matcher"),
    ({"matcher": {"clientLeft": True}}, "matcher"),
    ({"matcher": {"executionId": ONE_TASK}}, "matcher"),
    ({"matcher": {"faultId": ONE_TASK}}, "matcher"),
    ({"times": 0}, "times"),
    ({"times": -1}, "times"),
    ({"times": 1.5}, "times"),
    ({"times": True}, "times"),
    ({"after": -1}, "after"),
    ({"after": "1"}, "after"),
    ({"probability": NAN}, "probability"),
    ({"probability": -0.1}, "probability"),
    ({"probability": 1.1}, "probability"),
    ({"probability": "0.5"}, "probability"),
    ({"probability": True}, "probability"),
    ({"seed": INFINITY}, "seed"),
    ({"ttl": "-1s"}, "ttl"),
    ({"ttl": 60}, "ttl"),
    ({"ttl": "9" * 12 + "d"}, "ttl"),
    ({"ttl": "P999999D"}, "ttl"),
    ({"quota": {"limit": -1, "window": "1m"}}, "quota.limit"),
    ({"quota": {"limit": 1}}, "quota.window"),
    ({"quota": {"limit": 1, "window": "0s"}}, "quota.window"),
    ({"quota": {"limit": 1, "window": "1e400s"}}, "quota.window"),
    ({"status": 199}, "status"),
    ({"status": 204}, "status"),
    ({"status": 304}, "status"),
    ({"body": {}}, "body"),
    ({"body": "é" * (32 * 1024) + "x"}, "body"),
    ({"jsonBody": "x"}, "jsonBody"),
    ({"jsonBody": {"x": "y" * (64 * 1024)}}, "jsonBody"),
    ({"body": "", "jsonBody": {}}, "body"),
    ({"body": "", "fault": "EMPTY_RESPONSE"}, "body"),
    ({"body": "", "contentType": "text/html\r\nX: y"}, "contentType"),
    ({"contentType": "text/html"}, "body"),
    ({"status": 600}, "status"),
    ({"status": "503"}, "status"),
    ({"status": 500, "message": "\ud800"}, "message"),
    ({"status": 500, "headers": {"a b": "x"}}, "headers.a b"),
    ({"status": 500, "headers": {"X-A": "1\r\nSet-Cookie: a=b"}}, "headers.X-A"),
    ({"status": 500, "headers": {"Content-Length": "7"}}, "headers.Content-Length"),
    ({"status": 500, "headers": {"transfer-encoding": "chunked"}}, "headers.transfer-encoding"),
    ({"retryAfter": "-1s"}, "retryAfter"),
    ({"fixedDelayMilliseconds": -1}, "fixedDelayMilliseconds"),
    ({"fixedDelayMilliseconds": "100"}, "fixedDelayMilliseconds"),
    ({"fixedDelayMilliseconds": INFINITY}, "fixedDelayMilliseconds"),
    ({"fixedDelayMilliseconds": FAR + 1}, "fixedDelayMilliseconds"),
    ({"delayDistribution": {"type": "normal"}}, "delayDistribution.type"),
    ({"delayDistribution": {"type": "uniform", "lower": -1, "upper": 1}}, "delayDistribution.lower"),
    ({"delayDistribution": {"type": "uniform", "lower": 2, "upper": 1}}, "delayDistribution"),
    ({"delayDistribution": {"type": "lognormal", "median": 1, "sigma": NAN}}, "delayDistribution.sigma"),
    ({"chunkedDribbleDelay": {"numberOfChunks": 0, "totalDuration": 1}}, "chunkedDribbleDelay.numberOfChunks"),
    ({"chunkedDribbleDelay": {"numberOfChunks": 1}}, "chunkedDribbleDelay.totalDuration"),
    ({"truncateBodyAt": -1}, "truncateBodyAt"),
    ({"fault": "CONNECTION_RESET"}, "fault"),
    ({}, "body"),
    ({"times": 2, "retryAfter": "1s", "code": "x", "when": "afterCommit"}, "body"),
    ({"fixedDelayMilliseconds": 0}, "body"),
    ({"status": 503, "seed": 10**4000}, "seed"),
    ({"status": 503, "after": 2**53 + 1}, "after"),
    ({"status": 503, "matcher": {"bodyPatterns": [{"contains": "x"}] * 11}}, "matcher.bodyPatterns"),
]


def refused(world: World, spec: Any) -> list[str]:
    """The paths of what is refused in a fault."""
    answer = world.server.http.post(
        "/__admin/faults",
        params={"customerId": world.customer},
        content=json.dumps(spec),
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status_code, error_of(answer)) == (400, "validation_failed")
    assert world.admin("GET", "faults")["faults"] == []
    return [fault["property"] for fault in answer.json()["meta"]["validation"]]


@pytest.mark.parametrize(("spec", "place"), BAD, ids=lambda value: json.dumps(value)[:60])
def test_a_bad_fault_is_refused_with_its_path_and_nothing_is_kept(
    world: World, spec: dict[str, Any], place: str
) -> None:
    assert refused(world, spec) == [place]


def test_all_that_is_bad_in_a_fault_is_said_at_once(world: World) -> None:
    assert refused(world, {"times": 0, "after": -1, "more": 1}) == ["times", "after", "more"]


def test_a_connection_fault_has_no_status(world: World) -> None:
    assert len(refused(world, {"fault": "EMPTY_RESPONSE", "status": 503})) == 1


def test_a_fault_is_not_taken_from_another_customer_by_its_id(world: World) -> None:
    fault = world.fault(status=503)
    other = {"id": fault, "status": 500}
    answer = world.server.http.post("/__admin/faults", params={"customerId": str(uuid4())}, json=other)
    assert answer.status_code == 400
    assert [each["property"] for each in answer.json()["meta"]["validation"]] == ["id"]
    assert world.start().status_code == 503


def test_a_body_is_waited_for_only_where_a_fault_depends_on_it(world: World) -> None:
    """A fault that asks for what a head has leaves a request without a token refused by its head alone."""
    world.fault(matcher={"headers": {"X-Test": {"equalTo": "strike"}}}, status=503)
    head = f"POST {world.path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 64\r\n\r\n"
    (answer,) = world.server.send(head.encode())
    assert answer.status == 401


def test_a_customer_in_the_matcher_and_another_in_the_query_is_a_contradiction(world: World) -> None:
    assert refused(world, {"status": 503, "matcher": {"customerId": str(uuid4())}}) == ["matcher.customerId"]


@pytest.mark.parametrize("body", [b"", b"{", b"[", b"[" * 100_000, b'{"times":' + b"9" * 5000 + b"}", b"\xff"])
def test_what_is_no_json_is_no_fault(world: World, body: bytes) -> None:
    answer = world.server.http.post(
        "/__admin/faults",
        params={"customerId": world.customer},
        content=body,
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 400
    assert world.admin("GET", "faults")["faults"] == []
