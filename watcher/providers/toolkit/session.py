"""The HTTP session that all providers share. It speaks plain http to loopback and private addresses only."""

import socket
from contextvars import ContextVar
from ipaddress import IPv6Address, ip_address, ip_network

import aiohttp
from aiohttp.abc import AbstractCookieJar

import watcher

_AT_HOME = tuple(ip_network(net) for net in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
_AT_HOME_6 = tuple(ip_network(net) for net in ("::1/128", "fc00::/7"))

encrypted: ContextVar[bool] = ContextVar("encrypted", default=False)
"""Whether the request that opens a connection uses TLS. It fails closed: if unset, only private addresses are allowed.
"""


def open_session() -> aiohttp.ClientSession:
    """Open the session for all providers: no proxies or cookies, no automatic decoding, plain http only at home."""
    jar: AbstractCookieJar = aiohttp.DummyCookieJar()
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=128, keepalive_timeout=60, socket_factory=_open_socket),
        cookie_jar=jar,
        trust_env=False,
        auto_decompress=False,
        headers={
            "User-Agent": f"invoice-watcher/{watcher.__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
        },
    )


def _open_socket(address: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
    family, kind, protocol, _, peer = address
    literal = str(peer[0])
    if not (encrypted.get() or _is_at_home(literal)):
        raise PermissionError(f"plain http is for loopback and private addresses only, not {literal}")
    return socket.socket(family, kind, protocol)


def _is_at_home(literal: str) -> bool:
    address = ip_address(literal.partition("%")[0])
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return any(address in network for network in _AT_HOME_6)
        address = address.ipv4_mapped
    return any(address in network for network in _AT_HOME)
