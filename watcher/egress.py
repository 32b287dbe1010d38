"""Which addresses webhooks may go to, decided on the concrete address of every connect.

A check of the URL or of one DNS answer is not enough: names can resolve differently a moment later, and an address has
many spellings. So the socket factory asks the guard about the very address it is about to connect to.
"""

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[object, ...]]
"""One answer of `getaddrinfo`."""

HTTPS_PORT = 443

_CLOSED_IPV4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network: many systems connect 0.0.0.0 to themselves
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; clouds put metadata services here
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's host agent, a public address by its form
        "169.254.0.0/16",  # link-local: the metadata service of nearly every cloud
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments, Oracle's metadata among them
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)

_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All that is routed in public; loopback, fc00::/7, fe80::/10, fec0::/10, 5f00::/16, `::/96` and the like are not."""

_CLOSED_IPV6 = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarking
        "2001:db8::/32",
        "2002::/16",  # 6to4 carries any IPv4 address
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)

_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
"""Where a network has IPv6 only, its resolver puts every public IPv4 address in here (RFC 6052)."""


class EgressRefused(OSError):
    """The guard does not let this connect happen. Nothing was sent."""


def is_public(address: Address) -> bool:
    """Whether the address is on the public internet. Stricter than `is_global`, which lets embedded IPv4 through."""
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _CLOSED_IPV4)
    if address.scope_id is not None:
        return False
    if address in _MAPPED or address in _NAT64:
        return is_public(_embedded(address))
    return address in _GLOBAL_UNICAST and not any(address in block for block in _CLOSED_IPV6)


@dataclass(frozen=True, slots=True)
class Guard:
    """What one endpoint may connect to.

    Public addresses on 443 and `allow_ports`; inside `allow_private` every port, and only there without TLS.
    As one refused answer refuses the name, a host gets plain http or another port only where *all* its addresses lie
    inside `allow_private`. With `any_port`, public addresses may be reached on each port, if with TLS.
    """

    allow_private: tuple[Network, ...] = ()
    allow_ports: tuple[int, ...] = ()
    tls: bool = True
    any_port: bool = False

    def allows(self, address: str, port: int) -> bool:
        """Decide on a literal address as `getaddrinfo` gives it. What cannot be read as one is refused."""
        try:
            concrete = ip_address(address)
        except ValueError:
            return False
        if isinstance(concrete, IPv6Address) and concrete in _MAPPED:
            concrete = _embedded(concrete)
        if any(concrete in network for network in self.allow_private):
            return True
        return self.tls and (self.any_port or port == HTTPS_PORT or port in self.allow_ports) and is_public(concrete)

    def refuse_unless_allowed(self, addresses: Iterable[str], port: int) -> None:
        """Raise EgressRefused if any of the addresses is refused."""
        for address in addresses:
            if not self.allows(address, port):
                raise EgressRefused(f"webhooks may not go to {address:.60} port {port}")

    def open_socket(self, address_info: AddressInfo) -> socket.socket:
        """For `aiohttp.TCPConnector(socket_factory=…)`: the last check of an address before the connection."""
        family, kind, protocol, _, where = address_info
        if family not in {socket.AF_INET, socket.AF_INET6}:
            raise EgressRefused("webhooks go over IPv4 or IPv6 only")
        address, port = where[:2]
        if not isinstance(address, str) or not isinstance(port, int):
            raise EgressRefused("the address to connect to cannot be read")
        self.refuse_unless_allowed([address], port)
        return socket.socket(family, kind, protocol)


class GuardedResolver(AbstractResolver):
    """Refuses a name with EgressRefused if any of its addresses is refused, before any of them is tried."""

    def __init__(self, guard: Guard, resolver: AbstractResolver | None = None) -> None:
        self._guard = guard
        self._resolver = resolver or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        answers = await self._resolver.resolve(host, port, family)
        self._guard.refuse_unless_allowed([answer["host"] for answer in answers], port)
        return answers

    async def close(self) -> None:
        await self._resolver.close()


def _embedded(address: IPv6Address) -> IPv4Address:
    """The last 32 bits, where mapped and NAT64 addresses carry IPv4."""
    return IPv4Address(int(address) & 0xFFFF_FFFF)
