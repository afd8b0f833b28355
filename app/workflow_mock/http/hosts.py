"""The Host header: the issuer's URL as the client sees it, and which names are local."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from starlette.types import Scope

from workflow_mock.caching import fifo_cache
from workflow_mock.paths import ISSUER_PATH

# Narrower than the `host` of RFC 3986 that `server/head.py` lets pass: a name that is put into URLs and compared with
# local names. A Host such as `a!b`, or none at all, is good HTTP, and counts here as none.
_HOST = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(:(?P<port>[0-9]{1,5}))?")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_Asked = tuple[bytes, str, tuple[str, int | None] | None]


def issuer_url(scope: Scope, host: bytes | None) -> str:
    """The URL by which the sender of a request knows our issuer: `scheme://host[:port]/api/authentication`.

    The host is in lower case, the port left out where it is the scheme's (RFC 3986, sections 6.2.2.1 and 6.2.3). A Host
    that is no host name or address counts as none; then it is the address that the request came to.
    """
    server = scope.get("server")  # a list, a tuple or nothing, as the ASGI server likes
    return _issuer_url((host or b"", scope.get("scheme", "http"), server and (server[0], server[1])))


@fifo_cache(256)
def _issuer_url(asked: _Asked) -> str:
    host, scheme, server = asked
    name = host.decode("latin-1")
    authority = _authority(name, scheme)
    if authority is None:
        address, port = server or ("localhost", None)
        name = f"[{address}]" if ":" in address else address
        authority = _authority(f"{name}:{port}" if port else name, scheme) or name
    return f"{scheme}://{authority}{ISSUER_PATH}"


def _authority(host: str, scheme: str) -> str | None:
    """A host and its port in their normal form; None for what is no host."""
    match = _HOST.fullmatch(host)
    if match is None:
        return None
    is_default = not match["port"] or int(match["port"]) == _DEFAULT_PORTS.get(scheme)
    return match["name"].lower() if is_default else f"{match['name']}:{int(match['port'])}".lower()


def base_url(scope: Scope, host: bytes | None, fixed_issuer: str | None) -> str:
    """The URL under which the sender of a request reaches this server's paths: `scheme://host[:port]`.

    Where Host is that of the fixed issuer, it is the issuer's: a proxy that ends TLS hands requests on by http.
    """
    if fixed_issuer is not None:
        issuer = urlsplit(fixed_issuer)
        authority = _authority(issuer.netloc, issuer.scheme)
        if authority is not None and authority == _authority((host or b"").decode("latin-1"), issuer.scheme):
            return f"{issuer.scheme}://{authority}"
    return issuer_url(scope, host).removesuffix(ISSUER_PATH)


def is_local(host: str, allowed: Iterable[str]) -> bool:
    """Whether a Host is an address, a loopback name or one of the `allowed` names, with any port or none.

    0.0.0.0 and [::] are no addresses to call: some systems take them for loopback, and any page can name them.
    """
    name = _name_of(host)
    if name is None:
        return False
    if name == "localhost" or name.endswith(".localhost") or name in (each.lower() for each in allowed):
        return True
    address = _address_of(name)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address is not None and not (mapped or address).is_unspecified


def name_to_allow(host: str) -> str | None:
    """The name in a Host, without its port; None for an address, and for what is no host."""
    name = _name_of(host)
    return name if name and _address_of(name) is None else None


def _name_of(host: str) -> str | None:
    match = _HOST.fullmatch(host)
    return match["name"].lower().rstrip(".") if match else None


def _address_of(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name.strip("[]"))
    except ValueError:
        return None
