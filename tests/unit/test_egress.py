import socket
import tomllib
from contextlib import closing
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path

import pytest
from aiohttp import ClientConnectionError, ClientSession, InvalidURL, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given
from hypothesis import strategies as st

from watcher.egress import EgressRefused, Guard, GuardedResolver, is_public

ADDRESSES: dict[str, list[str]] = tomllib.loads(
    (Path(__file__).parents[1] / "data" / "addresses.toml").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("address", ADDRESSES["closed"])
def test_an_address_off_the_public_internet_is_refused(address: str) -> None:
    assert not Guard().allows(address, 443)


@pytest.mark.parametrize("address", ADDRESSES["open"])
def test_a_public_address_is_allowed_over_tls_on_443_alone(address: str) -> None:
    assert Guard().allows(address, 443)
    assert not Guard().allows(address, 8443)
    assert not Guard(tls=False).allows(address, 443)
    assert Guard(allow_ports=(8443,)).allows(address, 8443)
    assert not Guard(allow_ports=(80,), tls=False).allows(address, 80)


@pytest.mark.parametrize("text", ADDRESSES["nonsense"])
def test_what_cannot_be_read_as_an_address_is_refused(text: str) -> None:
    assert not Guard(allow_private=(ip_network("0.0.0.0/0"), ip_network("::/0"))).allows(text, 443)


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        ("127.0.0.0/8", "127.0.0.1", "10.0.0.1"),
        ("127.0.0.0/8", "::ffff:127.0.0.1", "::127.0.0.1"),
        ("10.1.0.0/16", "10.1.2.3", "64:ff9b::10.1.2.3"),
        ("fd00::/8", "fd12::1", "::1"),
        ("fe80::/10", "fe80::1%1", "fec0::1"),
    ],
)
def test_inside_allow_private_every_port_is_allowed_with_and_without_tls(
    network: str, inside: str, outside: str
) -> None:
    for tls in (True, False):
        guard = Guard(allow_private=(ip_network(network),), tls=tls)
        assert guard.allows(inside, 443)
        assert guard.allows(inside, 8080)
        assert not guard.allows(outside, 443)


@given(st.integers(0, 2**32 - 1).map(IPv4Address) | st.ip_addresses(v=4))
def test_no_ipv4_address_is_public_that_python_calls_private(address: str | IPv4Address) -> None:
    concrete = IPv4Address(address)
    assert concrete.is_global or not is_public(concrete)


@given(st.integers(0, 2**128 - 1).map(IPv6Address) | st.ip_addresses(v=6))
def test_no_ipv6_address_is_public_that_python_calls_private(address: IPv6Address) -> None:
    assert address.is_global or not is_public(address)


@given(st.ip_addresses(v=4), st.sampled_from(["::ffff:0:0", "64:ff9b::"]))
def test_an_embedded_address_is_as_public_as_the_address_in_it(address: IPv4Address, prefix: str) -> None:
    assert is_public(IPv6Address(int(IPv6Address(prefix)) + int(address))) == is_public(address)


def test_other_kinds_of_sockets_are_refused() -> None:
    with pytest.raises(EgressRefused):
        Guard().open_socket((socket.AF_UNIX, socket.SOCK_STREAM, 0, "", ("/run/docker.sock", 443)))
    with pytest.raises(EgressRefused):
        Guard().open_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", (b"\x7f\0\0\x01", 443)))


class Answers(AbstractResolver):
    """Gives the next list of addresses at each look-up, and the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del family  # these answers are all IPv4
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)
            for address in addresses
        ]

    async def close(self) -> None:
        return None


@pytest.mark.parametrize("answers", [["8.8.8.8", "127.0.0.1"], ["10.0.0.1"], ["169.254.169.254", "1.1.1.1"]])
async def test_a_name_is_refused_if_any_of_its_addresses_is(answers: list[str]) -> None:
    with pytest.raises(EgressRefused):
        await GuardedResolver(Guard(), Answers(answers)).resolve("example.com", 443)


async def test_a_name_with_only_allowed_addresses_is_resolved() -> None:
    answers = await GuardedResolver(Guard(), Answers(["8.8.8.8", "1.1.1.1"])).resolve("example.com", 443)
    assert [answer["host"] for answer in answers] == ["8.8.8.8", "1.1.1.1"]


def _accepts_nobody() -> socket.socket:
    """A listening socket: a connect would sit in its backlog, where `accept` finds it."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(0)
    return listening


def _nobody_came(listening: socket.socket) -> bool:
    try:
        listening.accept()[0].close()
    except BlockingIOError:
        return True
    return False


@pytest.mark.parametrize("host", ADDRESSES["spellings"])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_no_spelling_of_loopback_or_link_local_is_connected_to(host: str, scheme: str) -> None:
    with closing(_accepts_nobody()) as listening:
        port: int = listening.getsockname()[1]
        guard = Guard(allow_ports=(port,))
        connector = TCPConnector(resolver=GuardedResolver(guard), socket_factory=guard.open_socket)
        async with ClientSession(connector=connector) as session:
            with pytest.raises((ClientConnectionError, InvalidURL)):
                await session.post(f"{scheme}://{host}:{port}/")
        assert _nobody_came(listening)


@pytest.mark.parametrize("wrapped", [True, False], ids=["second look-up refused", "connect refused"])
async def test_a_name_that_rebinds_to_loopback_is_not_connected_to(*, wrapped: bool) -> None:
    with closing(_accepts_nobody()) as listening:
        port: int = listening.getsockname()[1]
        guard = Guard(allow_ports=(port,))
        rebinding = Answers(["8.8.8.8"], ["127.0.0.1"])
        resolver = GuardedResolver(guard, rebinding) if wrapped else rebinding
        assert (await resolver.resolve("rebind.example", port))[0]["host"] == "8.8.8.8"
        connector = TCPConnector(resolver=resolver, socket_factory=guard.open_socket)
        async with ClientSession(connector=connector) as session:
            with pytest.raises(ClientConnectionError) as refusal:
                await session.post(f"https://rebind.example:{port}/")
        assert isinstance(refusal.value.__cause__, EgressRefused)
        assert _nobody_came(listening)


MIXED = [["127.0.0.1", "8.8.8.8"], ["8.8.8.8", "127.0.0.1"], ["8.8.8.8", "1.1.1.1", "127.0.0.1"]]


@pytest.mark.parametrize("answers", MIXED)
async def test_a_name_with_loopback_among_public_answers_is_not_connected_to(answers: list[str]) -> None:
    with closing(_accepts_nobody()) as listening:
        port: int = listening.getsockname()[1]
        guard = Guard(allow_ports=(port,))
        connector = TCPConnector(resolver=GuardedResolver(guard, Answers(answers)), socket_factory=guard.open_socket)
        async with ClientSession(connector=connector) as session:
            with pytest.raises(ClientConnectionError) as refusal:
                await session.post(f"https://mixed.example:{port}/")
        assert isinstance(refusal.value.__cause__, EgressRefused)
        assert _nobody_came(listening)


async def test_the_listening_socket_of_these_tests_would_notice_a_connect() -> None:
    with closing(_accepts_nobody()) as listening:
        port: int = listening.getsockname()[1]
        guard = Guard(allow_private=(ip_network("127.0.0.0/8"),), tls=False)
        with guard.open_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))) as connecting:
            connecting.connect(("127.0.0.1", port))
        assert not _nobody_came(listening)
