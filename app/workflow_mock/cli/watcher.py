"""`--watch`: loads catalogue files again when they change."""

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
    """Call `reload` with the catalogue whenever the files' stamps differ from those `seen` last, for ever.

    Every 500 ms it looks at the files: the system's own notices don't cross into a container's mounts.
    """
    while True:
        await asyncio.sleep(INTERVAL.total_seconds())
        try:
            now = stamps(paths)
            if now == seen:
                continue
            seen = now
            reload(await asyncio.to_thread(read, paths))
            logger.info("the catalogue has changed and is in force")
        except ConfigError as error:
            reload(error)
            logger.error("the changed catalogue has problems, the last good one stays in force:\n%s", error)  # noqa: TRY400
        except Exception as error:
            what = "by an error of workflow-mock's own, the changed catalogue isn't in force"
            reload(ConfigError(f"{what}: its log has the {type(error).__name__}"))  # whose text might say a secret
            logger.exception(what)


def stamps(paths: Sequence[Path]) -> object:
    """A value that is equal as long as no file has changed; it must be taken before the files are read.

    Device, inode and ctime see a file of the same size and mtime that has been moved into another's place.
    """
    found: list[object] = []
    try:
        for file in catalogue_files(paths):
            status = file.stat()
            found.append((file, status.st_dev, status.st_ino, status.st_ctime_ns, status.st_mtime_ns, status.st_size))
    except OSError as error:  # one was removed, which reading it will tell
        found.append(str(error))
    return found
