"""The recipes of docs/control-plane.md do what they say."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from workflow_mock.domain.execution import State
from workflow_mock.oauth.bad_tokens import TokenKind

from tests.docs.pages import DEFAULT_URL, PAGES, Snippet, python, run_shell, shell, text_of
from tests.support import Server, serving

PAGE = "docs/control-plane.md"
SETUP = Snippet(PAGE, "sh", "control() {")
FAIL = Snippet(PAGE, "sh", "retryAfter")
HOLD = Snippet(PAGE, "sh", '"hold"')
SEQUENCE = Snippet(PAGE, "sh", '{"sequence": [\n')
OUTAGE = Snippet(PAGE, "sh", '"from"')
ONE_CLIENT = Snippet(PAGE, "sh", "afterToken")
QUOTA = Snippet(PAGE, "sh", '"quota"')
LOSE = Snippet(PAGE, "sh", "duplicateOf")
WAIT = Snippet(PAGE, "sh", '"by": "1h"')
BY_HAND = Snippet(PAGE, "python", "/tasks/")
GRAPH = Snippet(PAGE, "sh", "graph.svg")
SENT = Snippet(PAGE, "sh", "requests/verify")
BAD_TOKENS = Snippet(PAGE, "sh", '"expired"}')
NEXT_TOKEN = Snippet(PAGE, "sh", '"issueNext"')
CLIENTS = Snippet(PAGE, "sh", "PUT clients/")
ROTATE = Snippet(PAGE, "sh", "keys/rotate")
SEED = Snippet(PAGE, "sh", '"seed"')
EVENTS = Snippet(PAGE, "sh", "Last-Event-ID")
RECIPES = [
    *(SETUP, FAIL, HOLD, SEQUENCE, OUTAGE, ONE_CLIENT, QUOTA, LOSE, WAIT, BY_HAND, GRAPH, SENT, BAD_TOKENS),
    *(NEXT_TOKEN, CLIENTS, ROTATE, SEED, EVENTS),
]


@pytest.fixture(scope="module")
def own() -> Iterator[Server]:
    with serving("--log-level", "warning") as running:
        yield running


def cook(recipe: Snippet, server: Server, folder: Path, more: str = "") -> str:
    return shell(f"{text_of(SETUP)}\n{text_of(recipe)}\n{more}", folder, server)


def statuses(printed: str) -> list[int]:
    return [int(status) for status in re.findall(r"^HTTP/1.1 ([0-9]{3})", printed, re.MULTILINE)]


def documents(printed: str) -> list[Any]:
    """The JSON objects in what was printed."""
    found, decoder, place = [], json.JSONDecoder(), 0
    while (place := printed.find("{", place)) >= 0:
        document, place = decoder.raw_decode(printed, place)
        found.append(document)
    return found


def test_the_next_call_fails_and_then_no_more(own: Server, tmp_path: Path) -> None:
    printed = cook(FAIL, own, tmp_path)
    assert statuses(printed) == [503, 200]
    assert "retry-after: 5" in printed


def test_a_refused_call_fails_the_script(own: Server, tmp_path: Path) -> None:
    done = run_shell(f"{text_of(SETUP)}\ncontrol POST faults '{{\"tims\": 1}}'", tmp_path, own)
    assert done.returncode
    assert "tims" in done.stdout


def test_a_call_is_held_and_goes_on_otherwise(own: Server, tmp_path: Path) -> None:
    printed = cook(HOLD, own, tmp_path)
    assert statuses(printed) == [200, 503]
    assert "maintenance" in printed


def test_one_answer_comes_after_the_other(own: Server, tmp_path: Path) -> None:
    printed = cook(SEQUENCE, own, tmp_path)
    assert statuses(printed) == [503, 429, 200]
    assert "no response" in printed


def test_an_outage_begins_and_ends(own: Server, tmp_path: Path) -> None:
    assert statuses(cook(OUTAGE, own, tmp_path)) == [200, 503, 200]


def test_one_client_is_refused(own: Server, tmp_path: Path) -> None:
    printed = cook(ONE_CLIENT, own, tmp_path)
    assert (statuses(printed), documents(printed)[-1]["count"]) == ([403], 1)


def test_a_quota_is_told_of(own: Server, tmp_path: Path) -> None:
    printed = cook(QUOTA, own, tmp_path)
    assert statuses(printed) == [200, 200, 429]
    assert re.findall(r"^ratelimit-remaining: (\d)", printed, re.MULTILINE) == ["1", "0", "0"]
    waits = re.findall(r"^(?:retry-after|ratelimit-reset): (\d+)", printed, re.MULTILINE)
    assert waits[-1] == waits[-2]


def test_the_answer_is_lost_and_the_second_try_known_for_one(own: Server, tmp_path: Path) -> None:
    printed = cook(LOSE, own, tmp_path)
    assert "no response" in printed
    assert statuses(printed) == [200]
    first, second = documents(printed)[-1]["requests"]
    assert second["duplicateOf"] == first["executionId"] is not None


def test_an_hour_passes(own: Server, tmp_path: Path) -> None:
    assert documents(cook(WAIT, own, tmp_path))[-1] == {"now": "2030-01-01T01:00:00Z", "frozen": True, "own": True}


def test_tasks_are_finished_by_hand(own: Server) -> None:
    states, ended = python(text_of(BY_HAND).replace(DEFAULT_URL, own.url)).splitlines()
    assert states == "['completed', 'queued', 'queued', 'waiting']"
    assert re.fullmatch(r"completed [0-9-]+T.*Z", ended)


def test_graphs_are_drawn_and_have_the_classes_that_the_page_names(own: Server, tmp_path: Path) -> None:
    cook(GRAPH, own, tmp_path)
    pictures = [(tmp_path / name).read_text() for name in ("execution.svg", "workflow.svg")]
    assert ["queued" in picture for picture in pictures] == [True, False]
    drawn = {
        name for picture in pictures for names in re.findall(r'class="([^"]*)"', picture) for name in names.split()
    }
    named = set(re.findall(r"`([a-z-]+)`", PAGES[PAGE].section("See a workflow or an execution as a graph")))
    assert drawn | set(State) <= named


def test_what_the_client_sent_is_found(own: Server, tmp_path: Path) -> None:
    verdict, order, found, unmatched = documents(cook(SENT, own, tmp_path))[-4:]
    assert verdict["verified"] is order["verified"] is True
    assert (len(found["requests"]), unmatched["requests"]) == (1, [])


def test_bad_tokens_are_minted(own: Server, tmp_path: Path) -> None:
    (minted,) = documents(cook(BAD_TOKENS, own, tmp_path))
    assert minted["expected"]["code"] == "token_expired"
    section = PAGES[PAGE].section("Expired tokens, and other bad ones")
    assert {f"`{kind}`" for kind in TokenKind} <= set(re.findall(r"`[a-z-]+`", section))


def test_the_next_token_is_bad_and_then_good_again(own: Server, tmp_path: Path) -> None:
    assert statuses(cook(NEXT_TOKEN, own, tmp_path)) == [401]


def test_a_customer_has_a_client_of_its_own(own: Server, tmp_path: Path) -> None:
    put, token, listed = documents(cook(CLIENTS, own, tmp_path))
    assert (token["scope"], put in listed["clients"]) == ("reports workflow_api", True)


def test_keys_are_rotated(tmp_path: Path) -> None:
    with serving("--log-level", "warning") as server:
        assert statuses(cook(ROTATE, server, tmp_path)) == [200, 200, 401]


def test_the_same_seed_gives_the_same_answer(own: Server, tmp_path: Path) -> None:
    again = 'start; control PUT seed \'{"seed": "42"}\'; start'
    first, second = documents(cook(SEED, own, tmp_path, again))[-2:]
    assert first == second
    assert first["data"]["id"]


def test_events_are_told(own: Server, tmp_path: Path) -> None:
    own.http.put("/__admin/clock", json={"action": "resume"})
    assert "event: clock" in cook(EVENTS, own, tmp_path)
