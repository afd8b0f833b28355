"""One frozen `Settings`: each setting's name, default, help and check stand here, and nowhere else."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from types import NoneType
from typing import Any, Final, get_args
from urllib.parse import urlsplit

from workflow_mock.errors import ConfigError
from workflow_mock.formats import MAX_DURATION

PREFIX: Final = "WORKFLOW_MOCK_"

Check = Callable[[Any], object]
"""Raises ValueError for a value of the right kind that is no good; the message goes on from the setting's name."""


def flag(name: str) -> str:
    """The command line's option for a setting: `--max-body`."""
    return "--" + name.replace("_", "-")


def is_http_url(text: str, *, query: bool = False) -> bool:
    """Whether this is an absolute http or https address without fragment, and without query unless `query`."""
    try:
        parts = urlsplit(text)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and not parts.fragment
    except ValueError:
        return False
    return is_one and (query or not parts.query)


def without_password(text: str) -> str:
    """An address without user information and query, fit to be shown."""
    scheme, separator, rest = text.partition("://")
    return f"{scheme}{separator}{rest.partition('?')[0].rpartition('@')[2]}" if separator else text


def url(text: str) -> None:
    """An absolute http or https address without query or fragment."""
    if not is_http_url(text):
        raise ValueError(f"{text!r} is not an http(s) address such as https://login.example.com, or its port is wrong")


def _string_or_uri(text: str) -> None:
    """A StringOrURI (RFC 7519, section 2): with a colon in it, it must be a URI."""
    if not text or not text.isprintable() or (":" in text and not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:\S+", text)):
        raise ValueError(f"{text!r} is not a name such as https://login.example.com or urn:example:issuer")


def _host_name(text: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9._-]+", text):
        raise ValueError(f"{text!r} is not a name such as mock.example.com: leave the port out")


def _origin(text: str) -> None:
    if text != "*" and (not is_http_url(text) or text.count("/") != 2):
        raise ValueError(f"{text!r} is not an origin such as http://localhost:3000")


def _word(text: str) -> None:
    if not re.fullmatch(r"[!#-\[\]-~]+", text):
        raise ValueError("must be printable ASCII without spaces, quotes and backslashes")


def _admin_token(text: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9._~+/=-]{8,200}", text):
        raise ValueError("must be 8 to 200 letters, digits or ._~+/=-")


def _between(lowest: int, highest: int | None = None) -> Check:
    def check(number: int) -> None:
        if number < lowest or (highest is not None and number > highest):
            bounds = f"{lowest} or more" if highest is None else f"between {lowest} and {highest}"
            raise ValueError(f"{number} is not {bounds}")

    return check


def _duration(duration: timedelta) -> None:
    if duration < timedelta(0):
        raise ValueError("must not be negative")
    if duration > MAX_DURATION:
        raise ValueError(f"must be at most {MAX_DURATION.total_seconds():.0f} seconds, which are ten years")


def _one_of(*values: str) -> Check:
    def check(text: str) -> None:
        if text not in values:
            raise ValueError(f"must be one of {', '.join(values)}, not {text!r}")

    return check


def file_or_folder(path: Path) -> None:
    """A file or folder that can be read."""
    if not path.exists():
        raise ValueError(f"{str(path)!r} does not exist")
    if not os.access(path, os.R_OK):
        raise ValueError(f"{str(path)!r} is not readable")


def _file(path: Path) -> None:
    file_or_folder(path)
    _no_folder(path)


def _no_folder(path: Path) -> None:
    if path.is_dir():
        raise ValueError(f"{str(path)!r} is a folder")


def setting(default: Any, help: str, check: Check | None = None, metavar: str | None = None) -> Any:
    """A field of Settings. Of one with several values, `check` is called with each of them."""
    check = _duration if isinstance(default, timedelta) else check
    return field(default=default, metadata={"help": help, "check": check, "metavar": metavar})


_POSITIVE = _between(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a server, of `workflow-mock serve` or of a program that embeds it.

    Durations are at most ten years. Raises ConfigError.
    """

    host: str = setting("127.0.0.1", "Address to listen on; 0.0.0.0 for every interface.")
    port: int = setting(8080, "Port to listen on; 0 takes a free one.", _between(0, 65535))
    catalogue: tuple[Path, ...] = setting(
        (), "Catalogue file, or folder of them; replaces the demo. Repeatable.", file_or_folder, "FILE"
    )
    strict: bool = setting(False, "Refuse what the API's page doesn't document, rather than only note it.")
    issuer: str | None = setting(None, "The issuer's one name; else that of the host that a request names.", url, "URL")
    audience: str = setting("workflow_api", "Audience that tokens need, and get.", _word, "NAME")
    scope: str = setting("workflow_api", "Scope that starting an execution needs.", _word, "NAME")
    jwks: str | None = setting(None, "Keys of an external issuer: a JWKS file or URL.", metavar="FILE|URL")
    jwks_issuer: str | None = setting(None, "The name (iss) of that issuer.", _string_or_uri, "NAME")
    hs256_secret: Path | None = setting(
        None, "File with an HS256 secret shared with an external issuer, 32 bytes or more.", _file, "FILE"
    )
    hs256_issuer: str | None = setting(None, "The name (iss) of that issuer.", _string_or_uri, "NAME")
    signing_key: Path | None = setting(
        None, "RSA private key that signs this server's tokens; else one is made at start.", _file, "PEM"
    )
    token_lifetime: timedelta = setting(timedelta(hours=1), "How long issued tokens are valid, in seconds.")
    clock_skew: timedelta = setting(timedelta(minutes=5), "How far clocks may differ when a token's times are checked.")
    require_customer_claim: bool = setting(False, "Refuse tokens that aren't bound to customers (403).")
    max_body: int = setting(1024 * 1024, "Size limit of a request's body.", _POSITIVE, "BYTES")
    max_connections: int = setting(4096, "Connections at once; more are told to wait.", _POSITIVE, "COUNT")
    max_headers: int = setting(100, "Headers of a request.", _POSITIVE, "COUNT")
    max_header_bytes: int = setting(32 * 1024, "Size limit of a request's headers together.", _between(1024), "BYTES")
    request_timeout: timedelta = setting(
        timedelta(seconds=30), "How long a client may take to send a request, or to read on."
    )
    idle_timeout: timedelta = setting(timedelta(seconds=130), "How long a connection may wait for its next request.")
    max_executions: int = setting(10_000, "Executions kept for each customer, newest first.", _POSITIVE, "COUNT")
    max_executions_total: int = setting(40_000, "Executions kept for all customers together.", _POSITIVE, "COUNT")
    max_requests: int = setting(10_000, "Requests kept in the journal.", _POSITIVE, "COUNT")
    journal: bool = setting(True, "Keep a journal of requests.")
    seed: str | None = setting(None, "Makes the ids of executions repeatable, by customer.", metavar="TEXT")
    watch: bool = setting(False, "Read catalogue files again when they change.")
    admin: bool = setting(True, "Offer the control plane under /__admin.")
    admin_token: str | None = setting(
        None, "What every call of the control plane needs as a bearer token.", _admin_token, "TEXT"
    )
    allowed_host: tuple[str, ...] = setting(
        (),
        "Name that the control plane may be called by, besides addresses and localhost. Repeatable.",
        _host_name,
        "NAME",
    )
    cors_origin: tuple[str, ...] = setting(
        (), "Origin whose pages may call the API from a browser. Repeatable.", _origin, "ORIGIN"
    )
    tls_cert: Path | None = setting(None, "Certificate chain to serve https with.", _file, "PEM")
    tls_key: Path | None = setting(None, "Private key of that certificate.", _file, "PEM")
    log_format: str = setting("text", "Form of the log on standard error.", _one_of("text", "json"), "[text|json]")
    log_level: str = setting(
        "info",
        "info has a line for each request, debug for those too that only look, warning for none.",
        _one_of("debug", "info", "warning", "error"),
        "[debug|info|warning|error]",
    )
    open: bool = setting(False, "Open the page of the control plane in a browser, once the server is ready.")
    quiet: bool = setting(False, "Log errors alone, and print nothing once the server is ready.")
    ready_file: Path | None = setting(
        None,
        "File to write url, tokenUrl, issuer, pid and version to, once connections are accepted.",
        _no_folder,
        "PATH",
    )
    until_stdin_closes: bool = setting(False, "End once standard input is closed, as whoever started it ends.")

    def __post_init__(self) -> None:
        """Raises ConfigError."""
        for name, kind in KINDS.items():
            _check(name, kind, getattr(self, name))
        for one, other in (("jwks", "jwks_issuer"), ("hs256_secret", "hs256_issuer"), ("tls_cert", "tls_key")):
            if (getattr(self, one) is None) != (getattr(self, other) is None):
                raise ConfigError(f"{flag(one)} and {flag(other)} go together: give both or neither")
        issuers = [name for name in (self.issuer, self.jwks_issuer, self.hs256_issuer) if name]
        if len(set(issuers)) < len(issuers):
            raise ConfigError("--issuer, --jwks-issuer and --hs256-issuer must differ: each has keys of its own")
        if self.open and not self.admin:
            raise ConfigError("--open opens the page of the control plane, which --no-admin switches off")
        if not self.request_timeout:
            raise ConfigError("--request-timeout must be over 0")


def _kind_of(annotation: Any) -> type:
    """`Path` of `tuple[Path, ...]` and of `Path | None`."""
    kinds = [kind for kind in get_args(annotation) or (annotation,) if kind not in (NoneType, ...)]
    found: type = kinds[0]
    return found


FIELDS: Final = {each.name: each for each in fields(Settings)}
KINDS: Final = {name: _kind_of(each.type) for name, each in FIELDS.items()}
"""The type of each setting's value; of one with several, that of each of them."""


def _check(name: str, kind: type, value: object) -> None:
    default, check = FIELDS[name].default, FIELDS[name].metadata["check"]
    is_many = isinstance(default, tuple)
    if value is None and default is None:
        return
    if is_many and not isinstance(value, tuple):
        raise ConfigError(f"{name} must be a tuple, not {type(value).__name__}")
    for one in value if isinstance(value, tuple) and is_many else (value,):
        if not isinstance(one, kind) or (isinstance(one, bool) and kind is not bool):
            raise ConfigError(f"{name} must be of type {kind.__name__}, not {type(one).__name__}")
        try:
            if check is not None:
                check(one)
        except ValueError as error:
            raise ConfigError(f"{name}: {error}") from None
