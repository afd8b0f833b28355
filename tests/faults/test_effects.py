"""Every effect of a fault: described, and as true to what a client on a socket sees as it says of itself."""

from typing import Any

import httpx2 as httpx
import pytest
import yaml
from workflow_mock.faults.effects import EFFECTS
from workflow_mock.faults.outgoing import Effect
from workflow_mock.faults.spec import FaultSpec

from tests.admin.world import World
from tests.support import ROOT

EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "Hold": [{"hold": "20ms"}],
    "Delay": [
        {"fixedDelayMilliseconds": 20},
        {"delayDistribution": {"type": "uniform", "lower": 1, "upper": 9}},
        {"delayDistribution": {"type": "lognormal", "median": 5, "sigma": 0.1}},
    ],
    "InjectedResponse": [
        {"status": 502, "body": "<h1>Bad gateway</h1>", "contentType": "text/html"},
        {"body": '{"data": {"id":'},
        {"jsonBody": {"data": None}},
        {"status": 302, "headers": {"Location": "https://login.example.com"}},
        {"status": 503, "code": "c", "message": "m", "headers": {"X-A": "b"}, "retryAfter": "2s"},
        {"quota": {"limit": 0, "window": "1m"}},
    ],
    "BrokenConnection": [
        {"fault": "CONNECTION_RESET_BY_PEER"},
        {"fault": "EMPTY_RESPONSE"},
        {"fault": "MALFORMED_RESPONSE_CHUNK"},
        {"fault": "RANDOM_DATA_THEN_CLOSE"},
    ],
    "SlowBody": [{"chunkedDribbleDelay": {"numberOfChunks": 3, "totalDuration": 30}}],
    "TruncatedBody": [{"truncateBodyAt": 10}],
}
"""For each effect, faults that together have each of its members."""

CASES = [
    pytest.param(effect, example, when, id=f"{when} {example}")
    for effect in EFFECTS
    for example in EXAMPLES[effect.__name__]
    for when in ("before", "afterCommit")
]


@pytest.mark.parametrize("effect", EFFECTS)
def test_each_member_is_described_in_the_code_the_contract_and_the_examples(effect: type[Effect]) -> None:
    contract = yaml.safe_load((ROOT / "openapi" / "admin-api.yaml").read_text("utf-8"))
    shown = contract["components"]["schemas"]["FaultSpec"]["properties"]
    given = {member for example in EXAMPLES[effect.__name__] for member in example}
    for field in effect.model_fields.values():
        assert field.description
        assert shown[str(field.alias)]["description"] == field.description
        assert field.alias in given


@pytest.mark.parametrize(("effect", "example", "when"), CASES)
def test_an_effect_is_set_by_its_own_members_alone(effect: type[Effect], example: dict[str, Any], when: str) -> None:
    spec = FaultSpec.model_validate({**example, "when": when})
    assert spec.effects == (effect,)
    assert effect.describe(spec)


@pytest.mark.parametrize(("effect", "example", "when"), CASES)
def test_a_client_gets_the_operations_answer_unless_the_effect_loses_it_and_the_journal_has_what_was_sent(
    world: World, effect: type[Effect], example: dict[str, Any], when: str
) -> None:
    world.fault(when=when, **example)
    try:
        answer = world.start()
        is_answered = answer.status_code == 200 and any(id in answer.text for id in world.executions())
        status = answer.status_code
    except httpx.TransportError:
        is_answered = False
        status = 200 if "malformed" in example.get("fault", "").lower() or "truncateBodyAt" in example else 0
    assert is_answered is not effect.loses_answer
    (entry,) = world.entries()
    assert entry["status"] == status
    assert entry["faultEffect"]
    started = world.executions()
    assert entry["executionId"] == (started[0] if started else None)
    assert entry["executionId"] or when == "before"
    assert entry["answerLost"] == (entry["executionId"] is not None and not is_answered)
