"""The ready file: where the server is, for whoever started it."""

import json
import os
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from workflow_mock import __version__
from workflow_mock.errors import ConfigError
from workflow_mock.http.hosts import base_url, issuer_url
from workflow_mock.paths import TOKEN_PATH


def remove_stale(path: Path) -> None:
    """Remove the file if the process that wrote it has ended, killed perhaps: nobody is there."""
    with suppress(OSError, ValueError, LookupError, TypeError, OverflowError, RecursionError):
        pid = json.loads(path.read_text())["pid"] if path.is_file() else None
        # In a container, each server has the number 1.
        if pid is not None and (pid == os.getpid() or not _is_alive(pid)):
            path.unlink()


def _is_alive(pid: int) -> bool:
    if os.name != "posix":  # where kill with 0 ends the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is another user's
        pass
    return True


def write_ready_file(path: Path, url: str, issuer: str | None) -> str:
    """Write where the server is, whole or not at all, and return the text. Raises ConfigError.

    `tokenUrl` and `issuer` are those that discovery names to whoever asks for it at `url`.
    """
    scheme, _, authority = url.partition("://")
    scope, host = {"scheme": scheme}, authority.encode()
    document = {
        "url": url,
        "tokenUrl": base_url(scope, host, issuer) + TOKEN_PATH,
        "issuer": issuer or issuer_url(scope, host),
        "pid": os.getpid(),
        "version": __version__,
    }
    text = json.dumps(document)
    if path.exists() and not path.is_file():
        raise ConfigError(f"the ready file {path} can't be written: it is something else already; see --ready-file")
    beside = path.with_name(f"{path.name}.{token_hex(8)}")
    try:
        with beside.open("x") as file:
            file.write(text)
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise ConfigError(f"the ready file {path} can't be written: {error.strerror}; see --ready-file") from None
    return text


def remove_ready_file(path: Path, text: str) -> None:
    """Remove the file if it still has this text: another server may have written its own since."""
    with suppress(OSError, ValueError):
        if path.is_file() and path.read_text() == text:
            path.unlink()
