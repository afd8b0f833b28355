"""The HTTP calls that `token`, `health` and `tail` make: of a server that is most often on this machine."""

import json
import ssl
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

TIMEOUT_SECONDS = 5
MAX_RESPONSE_BYTES = 1024 * 1024


LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - looked up, not listened on
"""Addresses that stand for every interface, and the one to reach a server there from this machine."""


class ConnectError(OSError):
    """No response that can be read; the message says from where."""


def local_url(host: str, port: int, tls_cert: Path | None) -> str:
    """The address to reach a server with these settings at from this machine."""
    host = WILDCARDS.get(host, host)
    return f"{'https' if tls_cert else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def connection_to(url: str, timeout: float) -> tuple[HTTPConnection, str]:
    """A connection for this address, which isn't open yet, and the target of a request on it."""
    parts = urlsplit(url)
    host, target = parts.hostname or "", f"{parts.path}?{parts.query}" if parts.query else parts.path
    if parts.scheme != "https":
        return HTTPConnection(host, parts.port, timeout=timeout), target
    context = ssl.create_default_context()
    if host in LOOPBACK:  # a server of one's own, with a certificate for a name that is not this
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return HTTPSConnection(host, parts.port, timeout=timeout, context=context), target


def read_error(response: HTTPResponse) -> str:
    """What a response in the envelope says is wrong: `401 admin_token_required: …`. Raises OSError, HTTPException."""
    try:
        meta = json.loads(response.read(MAX_RESPONSE_BYTES))["meta"]
        said = [f"{error['code']}: {error['message']}" for error in meta["errors"]]
        said += [f"{each['property']}: {each['message']}" for each in meta["validation"]]
    except (ValueError, KeyError, TypeError):
        said = ["it is no workflow-mock, or has no control plane"]
    return f"{response.status} {'; '.join(said)}"


def call(url: str, form: Mapping[str, str] | None = None, *, token: str | None = None) -> tuple[int, Mapping[str, Any]]:
    """Status and JSON object of the response to a GET, or to a POST of this form. Raises ConnectError."""
    try:
        connection, target = connection_to(url, TIMEOUT_SECONDS)
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if form is not None else {}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        connection.request("GET" if form is None else "POST", target, urlencode(form or {}) or None, headers)
        response = connection.getresponse()
        document = json.loads(response.read(MAX_RESPONSE_BYTES))
    except (OSError, HTTPException) as error:
        raise ConnectError(f"no answer from {url}: {error}") from None
    except ValueError:
        raise ConnectError(f"{url} answered with something that isn't JSON") from None
    return response.status, document if isinstance(document, dict) else {}
