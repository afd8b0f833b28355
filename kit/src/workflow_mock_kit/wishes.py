"""What a test asks for, as the server reads it: which requests are meant, what they meet, how long and when."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, TypedDict, cast

from workflow_mock_kit.records import camel

Duration = str | timedelta
"""`"90s"`, `"1h30m"`, `"PT1H"`, or a timedelta."""
Moment = str | datetime
"""ISO 8601 with a zone, or a datetime with one."""
Operation = Literal["start", "token"]
QuotaHeaders = Literal["RateLimit-Limit", "X-RateLimit-Limit", "RateLimit-Policy"]
When = Literal["before", "afterToken", "afterCommit"]
Break = Literal["reset", "empty", "malformed", "random"]
BREAKS = {
    "reset": "CONNECTION_RESET_BY_PEER",
    "empty": "EMPTY_RESPONSE",
    "malformed": "MALFORMED_RESPONSE_CHUNK",
    "random": "RANDOM_DATA_THEN_CLOSE",
}


class Conditions(TypedDict, total=False):
    """Which requests are meant: those for which all of these hold."""

    operation: Operation | None
    """A start if it isn't given; None is every operation."""
    status: int
    code: str
    """Of an error in its answer."""
    workflow_id: str
    client_id: str
    claims: Mapping[str, str | Mapping[str, Any]]
    """Of the verified token, by name: the value, or a matcher such as `{"contains": "eu"}`."""
    execution_id: str
    fault_id: str
    client_left: bool
    """Whether it left before its request was answered."""
    method: str
    url_path: str
    headers: Mapping[str, str | Mapping[str, Any]]
    """By name: the value, or a matcher such as `{"contains": "python"}`."""
    body_contains: str


class Effects(TypedDict, total=False):
    """How often a fault applies, to which requests, and what else it does. Durations are texts or timedeltas."""

    operation: Operation
    workflow_id: str
    client_id: str
    claims: Mapping[str, str | Mapping[str, Any]]
    headers_match: Mapping[str, str | Mapping[str, Any]]
    body_contains: str
    when: When
    """`before` anything is looked at if it isn't given; with `client_id` or `claims`, `afterToken`."""
    times: int
    after: int
    probability: float
    seed: int
    from_: Duration
    """It begins so long after it was made; its `ttl` counts from there."""
    ttl: Duration
    hold: Duration
    code: str
    message: str
    headers: Mapping[str, str]
    retry_after: Duration
    body: Any
    content_type: str
    delay: Duration


class Released(TypedDict, total=False):
    """How what was held goes on, beside its status."""

    body: Any
    content_type: str
    headers: Mapping[str, str]
    code: str
    message: str
    retry_after: Duration
    broken: Break


_NUMBER = r"\d+(?:\.\d+)?"
_SHORT = re.compile(
    rf"(?:(?P<days>{_NUMBER})d)?(?:(?P<hours>{_NUMBER})h)?(?:(?P<minutes>{_NUMBER})m)?(?:(?P<seconds>{_NUMBER})s)?"
    rf"(?:(?P<milliseconds>{_NUMBER})ms)?"
)
_ISO = re.compile(
    rf"P(?=[\dT])(?:(?P<days>\d+)D)?(?:T(?=\d)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>{_NUMBER})S)?)?"
)


def duration(value: Duration) -> str:
    """A duration as the server reads it."""
    return value if isinstance(value, str) else f"{round(value.total_seconds() * 1000)}ms"


def moment(value: Moment) -> str:
    """A moment as the server reads it."""
    return value if isinstance(value, str) else value.isoformat()


def seconds(value: Duration) -> float:
    """How long a duration is. Raises ValueError for a text that is none."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    found = _SHORT.fullmatch(value) or _ISO.fullmatch(value)
    if not value or found is None:
        raise ValueError(f"a duration is a text such as 90s, 1m30s or PT1H, or a timedelta, not {value!r}")
    parts = {unit: float(number) for unit, number in found.groupdict().items() if number}
    return timedelta(**parts).total_seconds()


def _texts(matchers: Mapping[str, str | Mapping[str, Any]]) -> dict[str, Any]:
    return {name: {"equalTo": each} if isinstance(each, str) else each for name, each in matchers.items()}


def matcher(conditions: Conditions) -> dict[str, Any]:
    """The matcher of these conditions, as the server reads it."""
    given: dict[str, Any] = {"operation": "start", **conditions}
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name in ("headers", "claims"):
            found[name] = _texts(value)
        elif name == "body_contains":
            found["bodyPatterns"] = [{"contains": value}]
        elif name == "code":
            found["errorCode"] = value
        else:
            found[camel(name)] = value
    return {name: value for name, value in found.items() if value is not None}


def fault(what: Mapping[str, Any], effects: Effects) -> dict[str, Any]:
    """The fault that does this, as the server reads it."""
    given: dict[str, Any] = {**what, **effects}
    which: dict[str, Any] = {}
    found: dict[str, Any] = {}
    for name, value in given.items():
        match name:
            case "operation" | "workflow_id" | "client_id":
                which[camel(name)] = value
            case "claims":
                which[name] = _texts(value)
            case "headers_match":
                which["headers"] = _texts(value)
            case "body_contains":
                which["bodyPatterns"] = [{"contains": value}]
            case "body":
                found["body" if isinstance(value, str) else "jsonBody"] = value
            case "ttl" | "from_" | "hold" | "retry_after":
                found[camel(name)] = duration(value)
            case "delay":
                found["fixedDelayMilliseconds"] = seconds(value) * 1000
            case _:
                found[camel(name)] = value
    if which.keys() & {"clientId", "claims"}:
        found.setdefault("when", "afterToken")
    return {**found, "matcher": which} if which else found


def released(status: int | None, effects: Released) -> dict[str, Any]:
    """How what was held goes on, as the server reads it."""
    given: dict[str, Any] = {} if status is None else {"status": status}
    for name, value in effects.items():
        if name == "broken":
            given["fault"] = BREAKS[cast("Break", value)]
        else:
            given |= fault({name: value}, Effects())
    return given


Answer = int | str | Mapping[str, Any]
"""What becomes of one call: a status, of which 200 is the good answer; `"lost"` or a Break; or effects by name."""


def step(answer: Answer) -> dict[str, Any]:
    """The step of a sequence that does this, as the server reads it. Raises ValueError."""
    if isinstance(answer, Mapping):
        return fault(answer, Effects())
    if isinstance(answer, int):
        return {} if answer == 200 else {"status": answer}
    if answer == "lost":
        return {"when": "afterCommit", "fault": BREAKS["reset"]}
    if answer not in BREAKS:
        raise ValueError(f"an answer is a status, 'lost', {', '.join(map(repr, BREAKS))} or effects, not {answer!r}")
    return {"fault": BREAKS[answer]}
