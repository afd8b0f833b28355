"""`--open`: a page in the browser of whoever started the server."""

import logging
import os
import sys
import webbrowser
from threading import Thread

logger = logging.getLogger(__name__)


def open_page(url: str) -> None:
    """Open a page, in another thread: a browser in a terminal holds up who opens it. Without a display, say so."""
    has_display = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME")
    )
    if has_display:
        Thread(target=_open, args=[url], daemon=True, name="browser").start()
    else:
        logger.warning("--open: there is no display here; open %s yourself", url)


def _open(url: str) -> None:
    if not webbrowser.open(url):
        logger.warning("--open: no browser was found; open %s yourself", url)
