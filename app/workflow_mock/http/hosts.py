"""The Host header: the issuer's URL as the client sees it, and which names are local."""

import re
from collections.abc import Iterable
from ipaddress import ip_address

from starlette.types import Scope

from workflow_mock.caching import fifo_cache
from workflow_mock.paths import ISSUER_PATH

_HOST = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")
_Asked = tuple[bytes, str, tuple[str, int | None] | None]


def issuer_url(scope: Scope, host: bytes | None) -> str:
    """The URL by which the sender of a request knows our issuer: `scheme://host[:port]/api/authentication`.

    A Host that is no host name or address counts as none; then it is the address that the request came to.
    """
    server = scope.get("server")  # a list, a tuple or nothing, as the ASGI server likes
    return _issuer_url((host or b"", scope.get("scheme", "http"), server and (server[0], server[1])))


@fifo_cache(256)
def _issuer_url(asked: _Asked) -> str:
    host, scheme, server = asked
    name = host.decode("latin-1")
    if not _HOST.fullmatch(name):
        address, port = server or ("localhost", None)
        name = f"[{address}]" if ":" in address else address
        name += f":{port}" if port else ""
    return f"{scheme}://{name}{ISSUER_PATH}"


def is_local(host: str, allowed: Iterable[str]) -> bool:
    """Whether a Host is an address, a loopback name or one of the `allowed` names, with any port or none."""
    match = _HOST.fullmatch(host)
    if match is None:
        return False
    name = match["name"].lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost") or name in (each.lower() for each in allowed):
        return True
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
