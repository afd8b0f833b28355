"""`--until-stdin-closes`: a server that ends with whoever started it."""

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from threading import Thread

logger = logging.getLogger(__name__)


def when_closed(end: Callable[[], None]) -> None:
    """Call `end`, in another thread, once standard input is closed: by its writer, or by the writer's death."""
    Thread(target=_read_on, args=[end], daemon=True, name="stdin").start()


def _read_on(end: Callable[[], None]) -> None:
    # Not sys.stdin: a thread that waits in its lock can't be left behind when the interpreter ends.
    with suppress(OSError):
        while os.read(0, 65536):
            pass
    logger.warning("standard input was closed: the server ends (--until-stdin-closes)")
    end()
