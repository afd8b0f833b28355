"""One frozen `Settings`: each setting's name, default and help stand here, and nowhere else."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click

PREFIX: Final = "WORKFLOW_MOCK_"
ADMIN_PATH: Final = "/__admin"
API_PATH: Final = "/api/workflow/"
ISSUER_PATH: Final = "/api/authentication"
TOKEN_PATH: Final = f"{ISSUER_PATH}/connect/token"
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def seconds(text: str) -> timedelta:
    """A duration, written as a number of seconds."""
    try:
        duration = timedelta(seconds=float(text))
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is not a number of seconds") from None
    if duration < timedelta(0):
        raise ValueError(f"{text!r} is negative")
    return duration


def url(text: str) -> str:
    """An absolute http or https address without query or fragment, kept as it was written."""
    if not is_http_url(text):
        raise ValueError(f"{text!r} is not an http(s) address such as https://login.example.com, or its port is wrong")
    return text


def host_name(text: str) -> str:
    """A name as a Host header has it, without port."""
    if not re.fullmatch(r"[A-Za-z0-9._-]+", text):
        raise ValueError(f"{text!r} is not a name such as mock.example.com: leave the port out")
    return text


def origin(text: str) -> str:
    """A web origin: `https://host[:port]`, or `*` for all of them."""
    if text != "*" and (not is_http_url(text) or text.count("/") != 2):
        raise ValueError(f"{text!r} is not an origin such as http://localhost:3000")
    return text


def is_http_url(text: str, *, query: bool = False) -> bool:
    try:
        parts = urlsplit(text)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and not parts.fragment
    except ValueError:
        return False
    return is_one and (query or not parts.query)


def without_password(text: str) -> str:
    """An address, fit to be shown."""
    scheme, separator, rest = text.partition("://")
    return f"{scheme}{separator}{rest.partition('?')[0].rpartition('@')[2]}" if separator else text


_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
_FILE_OR_FOLDER = click.Path(exists=True, readable=True, path_type=Path)
_POSITIVE = click.IntRange(min=1)


def setting(default: Any, help: str, type: Any = None, metavar: str | None = None) -> Any:
    """A field whose metadata is what click needs to know of its option."""
    type = seconds if isinstance(default, timedelta) else type
    multiple = isinstance(default, tuple)
    return field(default=default, metadata={"help": help, "type": type, "metavar": metavar, "multiple": multiple})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `workflow-mock serve` can be told, by a flag or by its `WORKFLOW_MOCK_…` variable; a flag wins."""

    host: str = setting("127.0.0.1", "Address to listen on; 0.0.0.0 for every interface.")
    port: int = setting(8080, "Port to listen on; 0 takes a free one.", click.IntRange(0, 65535))
    catalogue: tuple[Path, ...] = setting(
        (), "Catalogue file, or folder of them; replaces the demo. Repeatable.", _FILE_OR_FOLDER, "FILE"
    )
    strict: bool = setting(False, "Refuse what the API's page doesn't document, rather than only note it.")
    issuer: str | None = setting(None, "The issuer's one name; else that of the host that a request names.", url)
    audience: str = setting("workflow_api", "Audience that tokens need, and get.", metavar="NAME")
    scope: str = setting("workflow_api", "Scope that starting an execution needs.", metavar="NAME")
    jwks: str | None = setting(None, "Keys of an external issuer: a JWKS file or URL.", metavar="FILE|URL")
    jwks_issuer: str | None = setting(None, "The name (iss) of that issuer.", url)
    hs256_secret: Path | None = setting(
        None, "File with an HS256 secret shared with an external issuer, 32 bytes or more.", _FILE, "FILE"
    )
    hs256_issuer: str | None = setting(None, "The name (iss) of that issuer.", url)
    signing_key: Path | None = setting(
        None, "RSA private key that signs this server's tokens; else one is made at start.", _FILE, "PEM"
    )
    token_lifetime: timedelta = setting(timedelta(hours=1), "How long issued tokens are valid, in seconds.")
    clock_skew: timedelta = setting(timedelta(minutes=5), "How far clocks may differ when a token's times are checked.")
    require_customer_claim: bool = setting(False, "Refuse tokens that aren't bound to customers (403).")
    max_body: int = setting(1024 * 1024, "Size limit of a request's body.", _POSITIVE, "BYTES")
    max_connections: int = setting(4096, "Connections at once; more are told to wait.", _POSITIVE, "COUNT")
    max_headers: int = setting(100, "Headers of a request.", _POSITIVE, "COUNT")
    max_header_bytes: int = setting(
        64 * 1024, "Size limit of a request's line and headers together.", click.IntRange(min=1024), "BYTES"
    )
    request_timeout: timedelta = setting(
        timedelta(seconds=30), "How long a client may take to send a request, or to read on."
    )
    idle_timeout: timedelta = setting(timedelta(seconds=75), "How long a connection may wait for its next request.")
    max_executions: int = setting(10_000, "Executions kept for each customer, newest first.", _POSITIVE, "COUNT")
    max_executions_total: int = setting(40_000, "Executions kept for all customers together.", _POSITIVE, "COUNT")
    max_requests: int = setting(10_000, "Requests kept in the journal.", _POSITIVE, "COUNT")
    journal: bool = setting(True, "Keep a journal of requests.")
    seed: str | None = setting(None, "Makes the ids of executions repeatable, by customer.", metavar="TEXT")
    watch: bool = setting(False, "Read catalogue files again when they change.")
    admin: bool = setting(True, "Offer the control plane under /__admin.")
    admin_token: str | None = setting(
        None, "What every call of the control plane needs as a bearer token.", metavar="TEXT"
    )
    allowed_host: tuple[str, ...] = setting(
        (),
        "Name that the control plane may be called by, besides addresses and localhost. Repeatable.",
        host_name,
        "NAME",
    )
    cors_origin: tuple[str, ...] = setting(
        (), "Origin whose pages may call the API from a browser. Repeatable.", origin
    )
    tls_cert: Path | None = setting(None, "Certificate chain to serve https with.", _FILE, "PEM")
    tls_key: Path | None = setting(None, "Private key of that certificate.", _FILE, "PEM")
    log_format: str = setting("text", "Form of the log on standard error.", click.Choice(["text", "json"]))
    log_level: str = setting(
        "info",
        "debug logs every request, info the refused ones, warning neither.",
        click.Choice(["debug", "info", "warning", "error"]),
    )
    ready_file: Path | None = setting(
        None,
        "File to write url, tokenUrl, issuer and pid to, once connections are accepted.",
        click.Path(dir_okay=False, path_type=Path),
        "PATH",
    )

    def __post_init__(self) -> None:
        """Raises click.UsageError where one setting needs another."""
        for one, other in (("jwks", "jwks_issuer"), ("hs256_secret", "hs256_issuer"), ("tls_cert", "tls_key")):
            if (getattr(self, one) is None) != (getattr(self, other) is None):
                raise click.UsageError(f"{flag(one)} and {flag(other)} go together: give both or neither")
        for name in ("scope", "audience"):
            if not re.fullmatch(r"[!#-\[\]-~]+", getattr(self, name)):
                raise click.UsageError(f"{flag(name)} must be printable ASCII without spaces, quotes and backslashes")
        if self.admin_token is not None and not re.fullmatch(r"[A-Za-z0-9._~+/=-]{8,200}", self.admin_token):
            raise click.UsageError("--admin-token must be 8 to 200 letters, digits or ._~+/=-")
        issuers = [name for name in (self.issuer, self.jwks_issuer, self.hs256_issuer) if name]
        if len(set(issuers)) < len(issuers):
            raise click.UsageError("--issuer, --jwks-issuer and --hs256-issuer must differ: each has keys of its own")
        if not self.request_timeout:
            raise click.UsageError("--request-timeout must be over 0")


WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - looked up, not listened on
"""Addresses that stand for every interface, and the one to reach a server there from this machine."""


def local_url(host: str, port: int, tls_cert: Path | None) -> str:
    """The address to reach a server with these settings at from this machine."""
    host = WILDCARDS.get(host, host)
    return f"{'https' if tls_cert else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def option(name: str, **attributes: Any) -> Callable[[Any], Any]:
    """A click option that its `WORKFLOW_MOCK_…` variable sets too; a switch can be switched off again by `--no-…`."""
    switch = isinstance(attributes.get("default"), bool)
    flags = f"{flag(name)}/{flag('no_' + name)}" if switch else flag(name)
    return click.option(
        flags, name, envvar=PREFIX + name.upper(), show_envvar=True, show_default=not switch, **attributes
    )


def options(*names: str) -> Callable[[Any], Any]:
    """The options of these settings, or of all of them, in the order of `Settings`."""

    def decorate(command: Any) -> Any:
        for item in reversed(fields(Settings)):
            if not names or item.name in names:
                default = item.default.total_seconds() if isinstance(item.default, timedelta) else item.default
                command = option(item.name, default=default, **item.metadata)(command)
        return command

    return decorate
