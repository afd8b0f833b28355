"""The platform's answers to the corpus are ours, but for the differences that `differences.json` lists with reasons.

Each case was sent to an ASP.NET Core Web API of the documented operation, or to an IdentityServer, everything at its
defaults; docs/contract.md, "What was measured", has the versions.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.platform.replay import GROUPS, Case, Client, Seen, cases_of

DIFFERENCES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("differences.json").read_text("utf-8"))
"""`why`, and `cases`: our answers to those that differ, and shall."""
OURS: dict[str, Seen] = {name: seen for difference in DIFFERENCES for name, seen in difference["cases"].items()}


@pytest.mark.parametrize("group", GROUPS)
def test_a_request_is_answered_as_by_the_platform_or_as_it_is_listed(client: Client, group: str) -> None:
    cases = list(cases_of(group))
    with ThreadPoolExecutor(4) as pool:
        seen = dict(zip((case.name for case in cases), pool.map(partial(replay, client), cases), strict=True))
    wanted = {case.name: OURS.get(case.name, case.answers) for case in cases}
    assert {name: each for name, each in seen.items() if each != wanted[name]} == {}


def replay(client: Client, case: Case) -> Seen:
    """A case's answers; as many are waited for as are expected."""
    expected = OURS.get(case.name, case.answers)
    return client.replay(case, len([each for each in expected if each != "closed"]))


def test_a_listed_difference_is_one_and_has_a_reason() -> None:
    theirs = {case.name: case.answers for group in GROUPS for case in cases_of(group)}
    assert sum(len(difference["cases"]) for difference in DIFFERENCES) == len(OURS)  # each case is listed once
    assert {name for name, seen in OURS.items() if theirs[name] == seen} == set()
    assert all(len(difference["why"]) > 20 for difference in DIFFERENCES)
