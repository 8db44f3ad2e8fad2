"""Where a webhook may go: to public hosts over TLS, and never into a network of our own.

An address is looked at when it is registered, and its host is resolved and looked at again whenever
something is sent. The connection is then made to exactly the address that was looked at.
"""

import asyncio
import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

URL_MAX = 500
PORTS = (443, 8443)
RESOLVE_S = 5.0
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)+(?:[a-z]{{2,63}}|xn--[a-z0-9-]{{2,59}})", re.ASCII)
_OURS = ("localhost", "internal", "local", "localdomain", "lan", "home", "corp", "intranet",
         "private", "test", "invalid", "example", "onion", "arpa")  # fmt: skip
"""Last labels that are nobody's on the public Internet."""
_LOOPBACK = ("127.0.0.1", "localhost")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class UnsafeAddressError(ValueError):
    """Nothing is sent there, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a webhook goes."""

    tls: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The header Host."""
        default = 443 if self.tls else 80
        return self.host if self.port == default else f"{self.host}:{self.port}"


def target_of(url: str, *, loopback: bool = False, own: frozenset[str] = frozenset()) -> Target:
    """Read an address. Raises UnsafeAddressError.

    `loopback` lets http://127.0.0.1 through, for a demo on one machine; `own` are our own hosts.
    """
    if len(url) > URL_MAX or not url.isascii() or not url.isprintable() or " " in url:
        raise UnsafeAddressError(f"an address has at most {URL_MAX} visible ASCII characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UnsafeAddressError("this is no address") from None
    host = (parts.hostname or "").lower()
    if "@" in parts.netloc or "\\" in url or parts.fragment:
        raise UnsafeAddressError("no user, password, fragment or backslash in the address")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if loopback and parts.scheme == "http" and host in _LOOPBACK:
        return Target(tls=False, host=host, port=port or 80, path=path)
    if parts.scheme != "https":
        raise UnsafeAddressError("only https")
    if (port or 443) not in PORTS:
        raise UnsafeAddressError("only the ports 443 and 8443")
    if not _HOST.fullmatch(host) or host.rpartition(".")[2] in _OURS or host in own:
        raise UnsafeAddressError("the host must be a public name, and no number")
    return Target(tls=True, host=host, port=port or 443, path=path)


async def resolved(target: Target, *, loopback: bool = False) -> str:
    """The one address to connect to. Raises UnsafeAddressError where any of them is not public.

    Raises OSError where the name is not known, or nobody says within five seconds.
    """
    async with asyncio.timeout(RESOLVE_S):
        found = await asyncio.get_running_loop().getaddrinfo(
            target.host, target.port, type=socket.SOCK_STREAM
        )
    addresses = [ipaddress.ip_address(str(one[4][0])) for one in found]
    if not addresses:
        raise OSError(f"{target.host} has no address")
    if loopback and not target.tls and all(one.is_loopback for one in addresses):
        return str(addresses[0])
    for one in addresses:
        if not is_public(one):
            raise UnsafeAddressError(f"{target.host} is at {one}, which is not public")
    return str(addresses[0])


def is_public(address: Address) -> bool:
    """Whether an address is one of the public Internet, however it is dressed up."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or _nat64(address)
        if inner is not None:
            return is_public(inner)
        if address.teredo is not None:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _nat64(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address in ipaddress.IPv6Network("64:ff9b::/96"):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None
