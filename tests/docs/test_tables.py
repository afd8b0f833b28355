"""The tables of settings, limits and errors are those of the code."""

import re
from dataclasses import MISSING, fields
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from workflow_mock.errors import STATUS_OF_CODE
from workflow_mock.settings import PREFIX, Settings, flag

from tests.docs.pages import PAGES
from tests.support import ROOT, USUAL_EXAMPLES

LIMITS = PAGES["docs/limits.md"].table()
UNITS = {"KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "": 1}


def test_each_setting_is_in_the_table() -> None:
    rows = {row[0]: row[1:] for row in PAGES["docs/settings.md"].table()}
    assert list(rows) == [f"`{flag(setting.name)}`" for setting in fields(Settings)]
    for setting in fields(Settings):
        variable, default, what = rows[f"`{flag(setting.name)}`"]
        assert variable == f"`{PREFIX}{setting.name.upper()}`"
        assert what == setting.metadata["help"]
        assert setting.default is not MISSING
        value = setting.default
        shown = int(value.total_seconds()) if isinstance(value, timedelta) else value
        if isinstance(shown, bool):
            assert default == ("on" if shown else "off")
        else:
            assert default == (f"`{shown}`" if shown not in (None, ()) else "")


def test_each_error_code_is_in_the_table() -> None:
    rows = PAGES["docs/errors.md"].table("Every error code")
    assert {row[1].strip("`"): int(row[0]) for row in rows} == STATUS_OF_CODE
    assert len(rows) == len(STATUS_OF_CODE)


@pytest.mark.parametrize(("shown", "name"), [row[1:] for row in LIMITS], ids=[row[2].strip("`") for row in LIMITS])
def test_each_limit_is_the_one_that_counts(shown: str, name: str) -> None:
    number, _, unit = shown.replace(",", "").partition(" ")
    assert limit(name.strip("`")) == int(number) * UNITS[unit]


def limit(name: str) -> Any:
    """The default of a setting, a constant, or the longest that a list of a model may be. Durations of settings are in
    seconds, others in days."""
    if name.startswith("--"):
        (value,) = (setting.default for setting in fields(Settings) if flag(setting.name) == name)
        return value.total_seconds() if isinstance(value, timedelta) else value
    *folders, constant = name.split(".")
    if folders[-1][0].isupper():
        model = getattr(import_module(".".join(["workflow_mock", *folders[:-1]])), folders[-1])
        return next(rule.max_length for rule in model.model_fields[constant].metadata if hasattr(rule, "max_length"))
    value = getattr(import_module(".".join(["workflow_mock", *folders])), constant)
    return value.days if isinstance(value, timedelta) else value


def test_what_is_random_is_tried_as_often_as_the_page_says() -> None:
    rows = {row[0].partition(":")[0].partition(",")[0]: row[2:] for row in PAGES["docs/security-tests.md"].table()}
    (long,) = re.findall(r"^fuzz:.*\n\tFUZZ_EXAMPLES=(\d+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for name, times in (
        ("schemathesis", 1),
        ("raw HTTP bytes", 10),
        ("hypothesis", 20),
        ("the whole control plane as a state machine", 10),
    ):
        assert [int(number.replace(",", "")) for number in rows[name]] == [times * USUAL_EXAMPLES, times * int(long)]


def test_each_setting_that_limits_is_among_the_limits() -> None:
    named = {row[2].strip("`") for row in LIMITS}
    bounds = [flag(setting.name) for setting in fields(Settings) if setting.name.startswith("max_")]
    assert named.issuperset(bounds)
