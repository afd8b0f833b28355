"""The README's recipes for taking control do what they say."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from workflow_mock.oauth.specimens import Kind

from tests.readme import DEFAULT_URL, README, block, environment, python, shell
from tests.support import Server, serving

SETUP = ("sh", "control() {")
FAIL = ("sh", "retryAfter")
LOSE = ("sh", "afterCommit")
WAIT = ("sh", '"advance"')
BY_HAND = ("python", "/tasks/")
SENT = ("sh", "requests/verify")
BAD_TOKENS = ("sh", '"expired"')
ROTATE = ("sh", "keys/rotate")
PARALLEL = ("python", "class World")
SEED = ("sh", '"seed"')
CATALOGUE_FAULTS = ("yaml", "Unavailable")
EVENTS = ("sh", "Last-Event-ID")
RECIPES = [
    *(SETUP, FAIL, LOSE, WAIT, BY_HAND, SENT, BAD_TOKENS, ROTATE, PARALLEL, SEED, CATALOGUE_FAULTS, EVENTS),
]


@pytest.fixture(scope="module")
def own() -> Iterator[Server]:
    with serving("--log-level", "warning") as running:
        yield running


def cook(recipe: tuple[str, str], server: Server, folder: Path, more: str = "") -> str:
    return shell(f"{block(*SETUP)}\n{block(*recipe)}\n{more}", folder, server)


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


def test_the_answer_is_lost_and_the_second_try_known_for_one(own: Server, tmp_path: Path) -> None:
    printed = cook(LOSE, own, tmp_path)
    assert "no answer" in printed
    assert statuses(printed) == [200]
    first, second = documents(printed)[-1]["requests"]
    assert second["duplicateOf"] == first["executionId"] is not None


def test_an_hour_passes(own: Server, tmp_path: Path) -> None:
    assert documents(cook(WAIT, own, tmp_path))[-1] == {"now": "2030-01-01T01:00:00Z", "frozen": True, "own": True}


def test_tasks_are_finished_by_hand(own: Server) -> None:
    states, ended = python(block(*BY_HAND).replace(DEFAULT_URL, own.url)).splitlines()
    assert states == "['completed', 'queued', 'queued', 'waiting']"
    assert re.fullmatch(r"completed [0-9-]+T.*Z", ended)


def test_what_the_client_sent_is_found(own: Server, tmp_path: Path) -> None:
    verdict, found, unmatched = documents(cook(SENT, own, tmp_path))[-3:]
    assert (verdict["verified"], len(found["requests"]), unmatched["requests"]) == (True, 1, [])


def test_bad_tokens_are_minted(own: Server, tmp_path: Path) -> None:
    (minted,) = documents(cook(BAD_TOKENS, own, tmp_path))
    assert minted["expected"]["code"] == "token_expired"
    section = README.split("### Expired tokens")[1].split("### ")[0]
    assert {f"`{kind}`" for kind in Kind} <= set(re.findall(r"`[a-z-]+`", section))


def test_keys_are_rotated(tmp_path: Path) -> None:
    with serving("--log-level", "warning") as server:
        assert statuses(cook(ROTATE, server, tmp_path)) == [200, 200, 401]


def test_each_parallel_test_has_a_world(own: Server, tmp_path: Path) -> None:
    fixture = f"import pytest\n@pytest.fixture\ndef workflow_api(): return {{'url': {own.url!r}}}\n"
    (tmp_path / "conftest.py").write_text(fixture)
    path = "/api/workflow/v1.0/customer/{world.customer}/workflow/x/WorkflowExecution"
    started = f"    requests.post(world.url + f'{path}')"
    text = block(*PARALLEL).replace("    ...  # let the client start a workflow for world.customer", started)
    assert started in text
    (tmp_path / "test_it.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env=environment() | {"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_the_same_seed_gives_the_same_answer(own: Server, tmp_path: Path) -> None:
    again = 'start; control PUT seed \'{"seed": "42"}\'; start'
    first, second = documents(cook(SEED, own, tmp_path, again))[-2:]
    assert first == second
    assert first["data"]["id"]


def test_the_catalogue_s_faults_strike_and_are_back_after_a_reset(tmp_path: Path) -> None:
    (tmp_path / "faults.yaml").write_text(block(*CATALOGUE_FAULTS))
    with serving("--catalogue", str(tmp_path / "faults.yaml"), "--log-level", "warning") as server:
        (workflow,) = server.http.get("/__admin/workflows").json()["workflows"]
        customer = "5f0c1e0a-7d5b-4b5e-9c57-2f1f6c3a9d10"
        for _ in range(2):
            assert [server.start(workflow["id"], customer=customer).status_code for _ in range(3)] == [503, 503, 200]
            server.http.post(f"/__admin/reset?customerId={customer}")


def test_events_are_told(own: Server, tmp_path: Path) -> None:
    own.http.put("/__admin/clock", json={"action": "resume"})
    assert "event: clock" in cook(EVENTS, own, tmp_path)
