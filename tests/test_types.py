"""What holds for every model of JSON that is sent to the server: of the control plane, and of catalogue files."""

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from workflow_mock.admin import app as admin_app
from workflow_mock.formats import MAX_DURATION, parse_duration, short_duration
from workflow_mock.types import Duration, StrictModel


def models(model: type[StrictModel] = StrictModel) -> Iterator[type[StrictModel]]:
    for each in model.__subclasses__():
        yield each
        yield from models(each)


MODELS = sorted(set(models()), key=lambda model: f"{model.__module__}.{model.__name__}")


def problems(model: type[StrictModel], document: object) -> set[tuple[str, str]]:
    """The first step of the path of each problem, and its kind."""
    try:
        model.model_validate(document)
    except ValidationError as error:
        return {(str(each["loc"][0]), each["type"]) for each in error.errors() if each["loc"]}
    return set()


def test_the_models_are_found() -> None:
    assert admin_app.__name__ in sys.modules
    assert {"FaultSpec", "Matcher", "TextMatch", "WorkflowEntry", "Snapshot"} <= {model.__name__ for model in MODELS}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_null_counts_as_not_given(model: type[StrictModel]) -> None:
    for name, field in model.model_fields.items():
        alias = field.alias or name
        if not field.is_required():
            assert problems(model, {alias: None}) == problems(model, {}), alias


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_in_json_a_member_has_its_camel_case_name_alone(model: type[StrictModel]) -> None:
    for name, field in model.model_fields.items():
        if field.alias != name:
            assert (name, "extra_forbidden") in problems(model, {name: None})


def test_null_is_no_way_to_say_what_is_unknown() -> None:
    for model in MODELS:
        assert ("unheardOf", "extra_forbidden") in problems(model, {"unheardOf": None})


def test_health_needs_no_control_plane() -> None:
    code = """
import sys
from starlette.routing import Router
from starlette.testclient import TestClient
from workflow_mock.admin.health import health_route
from workflow_mock.sandbox import Sandbox
from workflow_mock.settings import Settings

sandbox = Sandbox([], [], max_executions=1, max_executions_total=1, max_requests=1, seed=None, has_journal=True)
answer = TestClient(Router([health_route(Settings(), sandbox)]), base_url="http://localhost").get("/__admin/health")
assert answer.json()["store"] == {"workflows": 0, "executions": 0, "requests": 0, "faults": 0}, answer.text
assert not {"workflow_mock.admin.app", "workflow_mock.admin.dependencies"} & sys.modules.keys()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("1.5s", 1.5),
        ("500ms", 0.5),
        ("1m30s", 90),
        ("1h0m0s", 3600),
        ("1h1m1.5s", 3661.5),
        ("1d2h3m4s5ms", 93784.005),
        ("PT1H30M", 5400),
        ("P1DT1S", 86401),
    ],
)
def test_a_duration_is_read_as_go_and_iso_8601_write_it(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (90, "1m30s"), (93784.005, "1d2h3m4s5ms"), (0.0015, "1.5ms"), (3600, "1h")]
)
def test_a_duration_is_shown_in_as_few_characters_as_people_write(seconds: float, text: str) -> None:
    assert short_duration(timedelta(seconds=seconds)) == text


@given(st.timedeltas(timedelta(0), MAX_DURATION))
def test_a_duration_that_is_shown_is_read_as_the_same(duration: timedelta) -> None:
    assert parse_duration(short_duration(duration)) == duration


UNITS = ["ms", "s", "m", "h", "d", "P", "T", "H", "M", "S", "D", "-"]
PARTS = st.sampled_from(["1", "0.5", "90", "1s", "2m", "3h", *UNITS])
DURATION = TypeAdapter(Duration).json_schema()


@given(st.lists(PARTS, max_size=8).map("".join))
@example("")
@example("1s1m")
@example("1s1s")
@example("PT")
def test_the_schema_of_a_duration_takes_what_the_server_takes(text: str) -> None:
    allowed = len(text) >= DURATION["minLength"] and re.search(DURATION["pattern"], text) is not None
    try:
        parse_duration(text)
    except ValueError:
        assert not allowed
    else:
        assert allowed
