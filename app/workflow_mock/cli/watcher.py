"""Noticing that catalogue files have changed."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from workflow_mock.catalogue.loader import Catalogue, catalogue_files, read
from workflow_mock.errors import ConfigError

INTERVAL = timedelta(milliseconds=500)

logger = logging.getLogger(__name__)


async def watch(paths: Sequence[Path], seen: object, reload: Callable[[Catalogue | ConfigError], None]) -> None:
    """Hand on what the files say whenever they have changed since their stamps were `seen`, for ever.

    It looks at their times and sizes: the system's own notices don't cross into a container's mounts.
    """
    while True:
        await asyncio.sleep(INTERVAL.total_seconds())
        try:
            now = stamps(paths)
            if now == seen:
                continue
            seen = now
            reload(await asyncio.to_thread(read, paths))
            logger.warning("the catalogue has changed and is in force")
        except ConfigError as error:
            reload(error)
            logger.error("the changed catalogue has faults, the last good one stays in force:\n%s", error)  # noqa: TRY400
        except Exception as error:
            what = "by a fault of workflow-mock's own, the changed catalogue isn't in force"
            reload(ConfigError(f"{what}: its log has the {type(error).__name__}"))  # whose text might say a secret
            logger.exception(what)


def stamps(paths: Sequence[Path]) -> object:
    """Equal as long as nothing has changed. Taken before the files are read, so that no change is missed."""
    found: list[object] = []
    try:
        for file in catalogue_files(paths):
            status = file.stat()
            found.append((file, status.st_mtime_ns, status.st_size))
    except OSError as error:  # one was removed, which reading it will tell
        found.append(str(error))
    return found
