"""Noticing that catalogue files have changed."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from workflow_mock.catalogue import Catalogue, catalogue_files, read
from workflow_mock.settings import Unusable

INTERVAL = timedelta(milliseconds=500)

logger = logging.getLogger(__name__)


async def watch(paths: Sequence[Path], reload: Callable[[Catalogue | Unusable], None]) -> None:
    """Hand on what the files say whenever they have changed, for ever.

    It looks at their times and sizes: the system's own notices don't cross into a container's mounts.
    """
    seen = _stamps(paths)
    while True:
        await asyncio.sleep(INTERVAL.total_seconds())
        now = _stamps(paths)
        if now == seen:
            continue
        seen = now
        try:
            reload(await asyncio.to_thread(read, paths))
            logger.warning("the catalogue has changed and is in force")
        except Unusable as error:
            reload(error)
            logger.error("the changed catalogue has faults, the last good one stays in force:\n%s", error)  # noqa: TRY400


def _stamps(paths: Sequence[Path]) -> list[object]:
    """Equal as long as nothing has changed."""
    stamps: list[object] = []
    try:
        for file in catalogue_files(paths):
            status = file.stat()
            stamps.append((file, status.st_mtime_ns, status.st_size))
    except OSError as error:  # one was removed, which reading it will tell
        stamps.append(str(error))
    return stamps
