"""The server's log on standard error, for people or for machines."""

import json
import logging
import os
import select
import sys
from collections import deque
from contextlib import suppress
from threading import Condition, Thread
from typing import Any, Protocol, TextIO, runtime_checkable

from workflow_mock.formats import iso_milliseconds

MAX_WAITING_BYTES = 1024 * 1024
"""Lines that wait to be written, as the reader of the log is slow; what comes beyond is dropped and counted."""

MAX_TRACEBACK_CHARACTERS = 16 * 1024
"""Of a traceback, whose end is kept. Whatever else is in a line is short."""

_UNBLOCKED_BYTES = getattr(select, "PIPE_BUF", 0)
"""What a pipe takes at once where `select` says that it can be written to; on Windows, which can't ask, nothing."""

CLOSE_SECONDS = 1.0
"""How long the end of the process waits for the reader of the log."""


@runtime_checkable
class Line(Protocol):
    """A message that is a line by itself, with its time; that has colours for a terminal, and members for JSON."""

    def coloured(self) -> str: ...

    def members(self) -> dict[str, Any]: ...


class TextFormatter(logging.Formatter):
    """One line, and the lines of a traceback."""

    default_time_format = "%H:%M:%S"
    default_msec_format = "%s.%03d"

    def __init__(self, *, coloured: bool = False) -> None:
        super().__init__("%(asctime)s  %(levelname)-7s %(message)s")
        self._coloured = coloured

    def format(self, record: logging.LogRecord) -> str:
        if isinstance(record.msg, Line):
            return record.msg.coloured() if self._coloured else str(record.msg)
        return super().format(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name of `logging`
        return super().formatException(ei)[-MAX_TRACEBACK_CHARACTERS:]


_STANDARD = vars(logging.LogRecord("", 0, "", 0, "", (), None)).keys() | {"message", "asctime"}


class JsonFormatter(TextFormatter):
    """One JSON object a line, with what was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": iso_milliseconds(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if isinstance(record.msg, Line):
            entry |= record.msg.members()
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


class PatientHandler(logging.Handler):
    """Writes to a file descriptor; a log that nobody reads holds up no request.

    A line that would block goes to a thread, and so do those behind it until the reader has caught up.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._lines: deque[bytes] = deque()
        self._waiting = 0
        """Bytes that aren't written yet: of `_lines`, and of the line that is being written."""
        self._dropped = 0
        self._changed = Condition()
        self._thread: Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self._line(record)
            with self._changed:
                if self._dropped:
                    line = self._line(_notice(self._dropped)) + line
                if not self._waiting and len(line) <= _UNBLOCKED_BYTES and self._is_writable():
                    self._write(line)
                elif self._waiting + len(line) <= MAX_WAITING_BYTES:
                    self._put(line)
                else:
                    self._dropped += 1
                    return
                self._dropped = 0
        except Exception:  # noqa: BLE001 - as every handler of `logging` does
            self.handleError(record)

    def _line(self, record: logging.LogRecord) -> bytes:
        return self.format(record).encode("utf-8", "backslashreplace") + b"\n"

    def _is_writable(self) -> bool:
        return bool(select.select((), (self._descriptor,), (), 0)[1])

    def _write(self, line: bytes) -> None:
        with suppress(OSError):  # its reader is gone
            while line:
                line = line[os.write(self._descriptor, line) :]

    def _put(self, line: bytes) -> None:
        self._lines.append(line)
        self._waiting += len(line)
        self._changed.notify_all()
        if self._thread is None:
            self._thread = Thread(target=self._write_all, name="log", daemon=True)
            self._thread.start()

    def _write_all(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lines)
                line = self._lines.popleft()
            self._write(line)
            with self._changed:
                self._waiting -= len(line)
                self._changed.notify_all()

    def flush(self) -> None:
        """Wait until all is written, for `CLOSE_SECONDS` at most."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting, CLOSE_SECONDS)

    def close(self) -> None:
        self.flush()
        super().close()


def has_colours(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal that shows colours, and nobody has said that they aren't wanted (NO_COLOR)."""
    if stream is None or not stream.isatty() or os.environ.get("NO_COLOR"):
        return False
    return os.environ.get("TERM") != "dumb" if os.name == "posix" else "WT_SESSION" in os.environ


def _notice(dropped: int) -> logging.LogRecord:
    message = "%d lines of the log were dropped, as nobody read it"
    return logging.LogRecord(__name__, logging.WARNING, __file__, 0, message, (dropped,), None)


def configure(form: str, level: str) -> None:
    """Log to standard error in this form (`text` or `json`), from this level on; nowhere if that is closed."""
    closed: Any = sys.stderr is None  # which the types don't know
    handler = logging.NullHandler() if closed else PatientHandler(sys.stderr.fileno())
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter(coloured=has_colours(sys.stderr)))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # What uvicorn says of its own life is for those who debug it; its errors are ours too. httpx2 would log the address
    # of every JWK Set, with its password.
    for library in ("uvicorn", "httpx2", "httpcore2"):
        logging.getLogger(library).setLevel(logging.WARNING)
