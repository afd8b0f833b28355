"""The watch goes on, whatever happens; that it notices what changes is in admin/test_admin_workflows.py."""

import asyncio
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
    good = Catalogue((), ())
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
