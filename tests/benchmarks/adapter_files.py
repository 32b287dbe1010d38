"""CPU of a poll by an adapter file, as a ratio to one by code: Dollr and Meteroid, unchanged and changed answers.

    python -m tests.benchmarks.adapter_files [--polls 40] [--turns 60]

A poll here is the request over loopback and what the adapter does with the answer; of a changed one also its
fingerprint, its text to be stored, and the invoice. The database is left out, which would cost both the same and hide
the difference. Code and file take turns on the same server; machines are shared, so the least cost of each counts.
"""

import argparse
import asyncio
import json
import socket
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import cycle
from multiprocessing import get_context
from zoneinfo import ZoneInfo

import aiohttp

from tests.fakes.adapter_files import file_kind
from tests.fakes.provider_server import UnlimitedRate
from tests.fakes.wire_documents import example
from watcher.clock import SystemClock, system_random
from watcher.ports import Found, Known, Provider, Same
from watcher.providers import PROVIDERS
from watcher.providers.toolkit.kind import Account, ProviderKind
from watcher.providers.toolkit.session import open_session

TARGETS = {"unchanged": 1.1, "changed": 1.3}
CHANGES = {"dollr": ("123", {"status": "PAID"}), "meteroid": ("inv_1", {"amount_due": 7})}
TOKEN = b'{"access_token":"token","expires_in":60}'
_WARM_UP = 3


class _Answers(asyncio.Protocol):
    """The bodies one after the other, whatever is asked with GET."""

    def __init__(self, bodies: "cycle[bytes]") -> None:
        self._bodies = bodies

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        body = TOKEN if data.startswith(b"POST") else next(self._bodies)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        self._transport.write(head + body)


async def _answer(listening: socket.socket, bodies: Sequence[bytes]) -> None:
    following = cycle(bodies)
    server = await asyncio.get_running_loop().create_server(lambda: _Answers(following), sock=listening)
    await server.serve_forever()


def _serve(listening: socket.socket, bodies: Sequence[bytes]) -> None:
    asyncio.run(_answer(listening, bodies))


async def _poll(provider: Provider, invoice_id: str, polls: int, known: Known) -> None:
    limiter = UnlimitedRate()
    for _ in range(polls):
        result = (await provider.fetch([invoice_id], limiter, known)).results[invoice_id]
        if known:
            assert result == Same()
            continue
        assert isinstance(result, Found)
        assert result.fingerprint
        assert result.raw
        assert provider.to_invoice(result.document, None).amounts


async def _measured(provider: Provider, invoice_id: str, polls: int, known: Known) -> float:
    started = time.process_time()
    await _poll(provider, invoice_id, polls, known)
    return (time.process_time() - started) * 1_000_000 / polls


def _built(kind: ProviderKind, url: str, session: aiohttp.ClientSession) -> Provider:
    keys = dict.fromkeys(kind.credentials, "key")
    account = Account("bench", url, ZoneInfo("UTC"), timedelta(seconds=15), keys, dict(kind.options))
    return kind.build(account, session, SystemClock(), system_random)


async def _compare(name: str, url: str, *, is_changed: bool, polls: int, turns: int) -> tuple[float, float]:
    """Microseconds of CPU a poll by code and by file."""
    invoice_id, found = CHANGES[name][0], (list[float](), list[float]())
    async with open_session() as session:
        providers = [_built(kind, url, session) for kind in (PROVIDERS[name], file_kind(name))]
        first = (await providers[0].fetch([invoice_id], UnlimitedRate())).results[invoice_id]
        assert isinstance(first, Found)
        known: Known = {} if is_changed else {invoice_id: first.text}
        for turn in range(-_WARM_UP, turns):
            for provider, costs in zip(providers, found, strict=True):
                cost = await _measured(provider, invoice_id, polls, known)
                if turn >= 0:
                    costs.append(cost)
    return min(found[0]), min(found[1])


def _bodies(name: str) -> tuple[bytes, bytes]:
    invoice_id, change = CHANGES[name]
    document = example(name) | {"id": int(invoice_id) if invoice_id.isdecimal() else invoice_id}
    first, second = (json.dumps(one, default=float).encode() for one in (document, document | change))
    return first, second


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--polls", type=int, default=40)
    parser.add_argument("--turns", type=int, default=60)
    arguments = parser.parse_args()
    print("provider  answers     by code  by file  ratio   (CPU µs a poll, the least of all turns)")
    is_met = True
    for name in CHANGES:
        first, second = _bodies(name)
        for answers, bodies in (("unchanged", [first]), ("changed", [first, second])):
            with _server(bodies) as url:
                comparing = _compare(
                    name, url, is_changed=len(bodies) > 1, polls=arguments.polls, turns=arguments.turns
                )
                by_code, by_file = asyncio.run(comparing)
            ratio, target = by_file / by_code, TARGETS[answers]
            is_met &= ratio <= target
            print(f"{name:9} {answers:10} {by_code:8.0f} {by_file:8.0f}   {ratio:.2f}   (at most {target})")
    raise SystemExit(0 if is_met else 1)


@contextmanager
def _server(bodies: Sequence[bytes]) -> Generator[str]:
    listening = socket.create_server(("127.0.0.1", 0))
    process = get_context("spawn").Process(target=_serve, args=(listening, bodies), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        process.terminate()
        process.join()
        listening.close()


if __name__ == "__main__":
    main()
