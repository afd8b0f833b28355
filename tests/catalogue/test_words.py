"""Whatever a catalogue file has wrong is told in words of our own, not in those of pydantic."""

import json
import re
from collections.abc import Iterable, Iterator
from copy import deepcopy
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import yaml
from workflow_mock.catalogue.loader import InvalidCatalogue, read

from tests.support import WORKFLOW

FILE: Any = yaml.safe_load(f"""
workflows:
- id: {WORKFLOW}
  name: A
  customers: [{WORKFLOW}]
  tasks:
  - {{key: a, id: {WORKFLOW}, subjectId: {WORKFLOW}, name: a, parameters: {{}}, isTrigger: true, after: [a]}}
  - {{key: b, progression: timed, duration: 1s, outcome: fail}}
  tasksHierarchy: [{{parent: a, child: a}}]
  faults:
  - id: {WORKFLOW}
    matcher:
      method: POST
      urlPath: x
      operation: token
      customerId: {WORKFLOW}
      status: 1
      headers: {{X-A: {{equalTo: b, absent: true}}}}
      bodyPatterns: [{{contains: b}}]
    when: before
    times: 1
    after: 1
    probability: 0.5
    seed: 1
    ttl: 1s
    fixedDelayMilliseconds: 1
    delayDistribution: {{type: uniform, lower: 1, upper: 2, median: 1, sigma: 1}}
    status: 503
    code: x
    message: x
    headers: {{X-A: b}}
    retryAfter: 1s
    quota: {{limit: 1, window: 1s}}
    fault: EMPTY_RESPONSE
    chunkedDribbleDelay: {{numberOfChunks: 1, totalDuration: 1}}
    truncateBodyAt: 1
clients:
- {{id: a, secret: b, scopes: [c], customers: [{WORKFLOW}]}}
""")
"""Each part of it is left out, and replaced by what it can't be."""

WRONG = [None, "", "x" * 5000, -1, 1.5, 10**18, True, [], ["x"] * 60, {}, {f"X-{number}": "x" for number in range(60)}]

PYDANTICS = re.compile(
    r"Input|[Ff]ield|\bvalid\b|Unable|validation|Extra|should|Value error|Assertion|instance|dictionary|pars(e|ing)"
)
"""Words of pydantic's own messages."""


def places(value: Any, path: tuple[str | int, ...] = ("file",)) -> Iterator[tuple[str | int, ...]]:
    yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in members:
        yield from places(inner, (*path, step))


def around_of(document: Any, way: Iterable[str | int]) -> Any:
    return reduce(lambda value, step: value[step], way, document)


def problems(file: Path, document: object) -> tuple[str, ...]:
    file.write_text(json.dumps(document))
    try:
        read([file])
    except InvalidCatalogue as error:
        return error.problems
    return ()


@pytest.mark.parametrize("place", [*places(FILE)], ids=lambda place: ".".join(map(str, place)))
def test_every_problem_is_told_in_words_of_our_own(tmp_path: Path, place: tuple[str | int, ...]) -> None:
    *way, last = place
    told: list[str] = []
    document: Any
    for wrong in WRONG:
        document = {"file": deepcopy(FILE)}
        around_of(document, way)[last] = wrong
        told += problems(tmp_path / "c.json", document["file"])
    if way:
        document = {"file": deepcopy(FILE)}
        del around_of(document, way)[last]
        told += problems(tmp_path / "c.json", document["file"])
    assert told
    assert [each for each in told if PYDANTICS.search(each)] == []
