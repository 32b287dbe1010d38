"""Forwards a webhook unchanged to a program on this machine or in its network, and returns the answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import aiohttp

from watcher.config.values.addresses import check_endpoint_url
from watcher.daemon import fault_words
from watcher.egress import Guard, GuardedResolver
from watcher.webhook import Fault
from watcher.webhook.response import detail, explain

_PRIVATE = tuple(
    ip_network(block)
    for block in ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)
_GUARD = Guard(allow_private=_PRIVATE, tls=False)
"""Without TLS the guard allows only addresses inside these networks; https loses nothing by it."""

_ALLOWED = "loopback and private addresses only"
_OF_ONE_CONNECTION = frozenset(
    {
        *("host", "connection", "keep-alive", "content-length", "transfer-encoding", "te", "trailer", "upgrade"),
        *("expect", "accept-encoding", "proxy-authorization", "proxy-authenticate", "proxy-connection"),
    }
)
_PASSED_BACK = ("content-type", "retry-after", "location")
_MOST_READ = 64 * 1024
_TIMEOUT_SECONDS = 15
_BAD_GATEWAY = 502


@dataclass(frozen=True, slots=True)
class Answer:
    """`error` says why there is no answer of the receiver."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    error: str | None = None


def check_forward_url(url: str) -> None:
    """Raises ValueError, with a message for users, if it is no URL or surely leads outside."""
    check_endpoint_url(url)
    parts = urlsplit(url)
    try:
        address = str(ip_address(parts.hostname or ""))
    except ValueError:
        return  # a name: the guard checks its addresses at every connect
    if not _GUARD.allows(address, parts.port or 0):
        raise ValueError(f"leads outside: webhooks are forwarded to {_ALLOWED}")


class Forwarder:
    """Open it with `async with`."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=GuardedResolver(_GUARD), socket_factory=_GUARD.open_socket),
            timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=("user-agent", "accept", "accept-encoding", "content-type"),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def forward(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """The receiver's answer; 502 with the reason if there is none."""
        kept = [(name, value) for name, value in headers.items() if name.lower() not in _OF_ONE_CONNECTION]
        try:
            async with self._session.post(self.url, data=body, headers=kept, allow_redirects=False) as answer:
                received = bytearray()
                while len(received) < _MOST_READ and (piece := await answer.content.read(_MOST_READ - len(received))):
                    received += piece
                back = {name: answer.headers[name] for name in _PASSED_BACK if name in answer.headers}
                return Answer(answer.status, bytes(received), back)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            _, fault = explain(error)
            words = f"it leads outside: {_ALLOWED}" if fault is Fault.ADDRESS_REFUSED else fault_words(fault)
            reason = detail(error)
            return Answer(_BAD_GATEWAY, error=f"{words}{f' ({reason})' if reason else ''}")
