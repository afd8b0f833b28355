"""The watch goes on, whatever happens; that it notices what changes is in admin/test_workflows.py."""

import asyncio
import os
from datetime import timedelta
from pathlib import Path

import pytest
from workflow_mock.catalogue.loader import Catalogue
from workflow_mock.cli import watcher as watch
from workflow_mock.errors import ConfigError


def test_a_fault_of_our_own_is_logged_and_told_and_the_watch_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "c.yaml"
    good = Catalogue((), (), ())
    told: list[Catalogue | ConfigError] = []
    outcomes = iter((RecursionError("hush"), good))

    def read(_paths: object) -> Catalogue:
        if isinstance(outcome := next(outcomes), Exception):
            raise outcome
        return outcome

    def reload(content: Catalogue | ConfigError) -> None:
        told.append(content)
        file.write_text("x" * len(told))
        if content is good:
            raise asyncio.CancelledError

    monkeypatch.setattr(watch, "INTERVAL", timedelta(milliseconds=1))
    monkeypatch.setattr(watch, "read", read)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(asyncio.wait_for(watch.watch([file], None, reload), 20))
    assert told[1:] == [good]
    assert "its log has the RecursionError" in str(told[0])
    assert "hush" not in str(told[0])
    assert "Traceback" in caplog.text


def test_a_file_of_the_same_size_and_time_in_anothers_place_is_seen(tmp_path: Path) -> None:
    file, other = tmp_path / "c.yaml", tmp_path / "other"
    for path in (file, other):
        path.write_text(path.name[:1])
        os.utime(path, ns=(0, 0))
    before = watch.stamps([file])
    assert watch.stamps([file]) == before
    other.replace(file)
    assert watch.stamps([file]) != before
