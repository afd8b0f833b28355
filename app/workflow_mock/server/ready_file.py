"""The ready file: where the server is, for whoever started it."""

import json
import os
from contextlib import suppress
from pathlib import Path

from workflow_mock.errors import ConfigError
from workflow_mock.paths import ISSUER_PATH, TOKEN_PATH


def write_ready_file(path: Path, url: str, issuer: str | None) -> None:
    """Write where the server is, whole or not at all. Raises ConfigError."""
    document = {
        "url": url,
        "tokenUrl": url + TOKEN_PATH,
        "issuer": issuer or url + ISSUER_PATH,
        "pid": os.getpid(),
    }
    if path.exists() and not path.is_file():
        raise ConfigError(f"the ready file {path} can't be written: it is something else already; see --ready-file")
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        beside.write_text(json.dumps(document))
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise ConfigError(f"the ready file {path} can't be written: {error.strerror}; see --ready-file") from None


def remove_ready_file(path: Path) -> None:
    """Remove the file if this process wrote it."""
    with suppress(OSError, ValueError, LookupError, TypeError):
        if path.is_file() and json.loads(path.read_text())["pid"] == os.getpid():
            path.unlink()
