"""FastAPI's telemetry, which is off in every application of this server."""

from typing import Any

NO_TELEMETRY: Any = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""FastAPI's argument `telemetry`: the server calls nobody, whatever the environment says."""
