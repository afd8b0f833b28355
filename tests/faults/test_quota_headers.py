"""What answers tell of a quota: the good ones too, and as it is for the next call."""

import re
from datetime import datetime
from math import ceil
from typing import Any

import httpx2 as httpx
import pytest

from tests.admin.world import TOKEN_PATH, World

LIMIT, WINDOW = 3, 60


def told(answer: httpx.Response, kind: str) -> tuple[int, int]:
    """How many are left, and for how long the window is open; and what must be said beside."""
    found = {name: value for name, value in answer.headers.items() if "ratelimit" in name}
    if kind == "RateLimit-Policy":
        assert found["ratelimit-policy"] == f'"default";q={LIMIT};w={WINDOW}'
        read = re.fullmatch(r'"default";r=(\d+);t=(\d+)', found["ratelimit"])
        assert read is not None
        assert len(found) == 2
        return int(read[1]), int(read[2])
    prefix = kind.lower().removesuffix("limit")
    assert found.keys() == {f"{prefix}{name}" for name in ("limit", "remaining", "reset")}
    assert found[f"{prefix}limit"] == str(LIMIT)
    return int(found[f"{prefix}remaining"]), int(found[f"{prefix}reset"])


def quota(world: World, kind: str, **spec: Any) -> str:
    return world.fault(quota={"limit": LIMIT, "window": f"{WINDOW}s", "headers": kind}, **spec)


KINDS = ["RateLimit-Limit", "X-RateLimit-Limit", "RateLimit-Policy"]


@pytest.mark.parametrize("kind", KINDS)
def test_each_answer_tells_what_the_next_call_gets(world: World, kind: str) -> None:
    world.freeze()
    quota(world, kind)
    begin = datetime.fromisoformat(world.admin("GET", "clock")["now"]).timestamp()
    for passed in range(10):
        answer = world.start(json={}) if passed == 1 else world.start()
        left, reset = told(answer, kind)
        assert answer.status_code == (400 if passed == 1 else 200 if passed < LIMIT else 429)
        assert left == max(0, LIMIT - 1 - passed)
        assert reset == (ceil(begin + WINDOW) if kind.startswith("X-") else WINDOW - passed)
        if answer.status_code == 429:
            assert float(answer.headers["Retry-After"]) == WINDOW - passed
        world.advance("1s")
    world.advance(f"{WINDOW - 10}s")
    assert told(world.start(), kind)[0] == LIMIT - 1


def test_a_call_that_another_fault_took_counts_for_no_quota(world: World) -> None:
    world.freeze()
    quota(world, "RateLimit-Limit")
    held = world.fault(hold="1ms", times=1)
    assert told(world.start(), "RateLimit-Limit") == (LIMIT, WINDOW)
    assert world.injected(held) == 1
    assert told(world.start(), "RateLimit-Limit") == (LIMIT - 1, WINDOW)


def test_it_is_told_beside_another_fault_and_after_the_commit(world: World) -> None:
    quota(world, "RateLimit-Limit")
    world.fault(status=503, when="afterCommit", times=1)
    world.fault(status=500, headers={"X-A": "b"}, times=1)
    for status, header in ((500, "b"), (503, None), (200, None)):
        answer = world.start()
        assert (answer.status_code, answer.headers.get("X-A")) == (status, header)
        told(answer, "RateLimit-Limit")


def test_whom_it_is_not_for_is_told_nothing(world: World) -> None:
    world.freeze()
    quota(world, "RateLimit-Limit", matcher={"headers": {"x-a": {"equalTo": "b"}}}, **{"from": "1m"}, ttl="1m")
    mine = {"X-A": "b"}
    seen = [["ratelimit-limit" in world.start(headers=headers).headers for headers in (mine, {})]]
    for _ in range(2):
        world.advance("1m")
        seen.append(["ratelimit-limit" in world.start(headers=headers).headers for headers in (mine, {})])
    assert seen == [[False, False], [True, False], [False, False]]


def test_a_quota_without_them_tells_nothing(world: World) -> None:
    world.fault(quota={"limit": 1, "window": "1m"})
    assert not [name for _ in range(2) for name in world.start().headers if "ratelimit" in name]


def test_the_token_endpoint_tells_too(world: World) -> None:
    quota(world, "RateLimit-Policy", matcher={"operation": "token"})
    form = {"grant_type": "client_credentials", "client_id": "demo", "client_secret": "demo-secret"}
    answer = world.server.http.post(TOKEN_PATH, params={"customerId": world.customer}, data=form)
    assert (answer.status_code, told(answer, "RateLimit-Policy")[0]) == (200, LIMIT - 1)
    assert answer.headers["cache-control"]
    assert "ratelimit" not in world.start().headers


def test_each_client_of_a_customer_may_have_its_own(world: World) -> None:
    quota(world, "RateLimit-Limit", when="afterToken", matcher={"clientId": "billing"})
    for client, is_told in (("billing", True), ("shipping", False)):
        world.token = world.admin("POST", "tokens", json={"clientId": client})["accessToken"]
        assert ("ratelimit-limit" in world.start().headers) is is_told


def test_other_names_are_refused(world: World) -> None:
    refused = world.server.http.post(
        "/__admin/faults", json={"quota": {"limit": 1, "window": "1m", "headers": "X-Rate-Limit"}}
    )
    assert refused.status_code == 400
    assert "'RateLimit-Limit', 'X-RateLimit-Limit' or 'RateLimit-Policy'" in refused.text
