"""The server's log on standard error, for people or for machines."""

import json
import logging
from datetime import UTC, datetime


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry)


def configure(form: str, level: str) -> None:
    """Log to standard error in this form (`text` or `json`), from this level on."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if form == "json" else logging.Formatter("%(levelname)-7s %(message)s"))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # What uvicorn says of its own life is for those who debug it; its errors are ours too. httpx2 would log the address
    # of every JWK Set, with its password.
    for library in ("uvicorn", "httpx2", "httpcore2"):
        logging.getLogger(library).setLevel(logging.WARNING)
