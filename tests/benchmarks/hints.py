"""How soon changes are sent with hints and without, what that costs, and what a flood of hints does.

    python -m tests.benchmarks.hints [--invoices 10000] [--changes 50] [--seconds 60] [--every 2m] [--rate 150/s]

The daemon runs as a process on SQLite, the sandbox of Meteroid and the receiver in this one. Changes are payments, at
random invoices; a delay is from the change at the provider to the first byte of our webhook. Both runs have the same
payments, interval and rate.
"""

import argparse
import asyncio
import random
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

import aiohttp
import anyio

from tests.acceptance.daemon import Site, until
from tests.acceptance.hinted import TOKEN, take_hints
from tests.benchmarks.hint_costs import report
from watcher.sandbox import Delivery, Receiver, Sandbox

_READ = 4096


@dataclass
class Result:
    """Delays in seconds."""

    name: str
    delays: Sequence[float]
    requests: int
    seconds: float

    def __str__(self) -> str:
        cuts = quantiles(self.delays, n=100)
        shares = "   ".join(f"p{share} {cuts[share - 1]:7.3f} s" for share in (50, 95, 99))
        return (
            f"{self.name:<14} {len(self.delays):>5} changes   {shares}   {self.requests / self.seconds:6.1f} requests/s"
        )


@dataclass
class Arrivals:
    """When the payment of each invoice was first sent, and how many invoices are tracked."""

    paid_at: dict[str, float] = field(default_factory=dict[str, float])
    tracked: int = 0

    def saw(self, delivery: Delivery) -> None:
        self.tracked += delivery.type == "invoice.tracked"
        if delivery.type == "invoice.paid":
            at = delivery.body.find(b'"invoice_id":')
            name = delivery.body[at + 13 : at + 60].split(b'"')[1].decode()
            self.paid_at.setdefault(name, delivery.arrived_at)


async def compared(options: argparse.Namespace, *, hinted: bool) -> Result:
    arrivals = Arrivals()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sandbox = await stack.enter_async_context(Sandbox())
        receiver = await stack.enter_async_context(Receiver(on_delivery=arrivals.saw))
        site = Site(folder, sandbox, receiver)
        site.endpoint(rate="500/s", concurrency=50)
        bills = [
            sandbox.ledger.create("meteroid", f"inv_{number:05}", "EUR", 100_000) for number in range(options.invoices)
        ]
        site.source("meteroid", rate=options.rate)
        address = take_hints(site, "meteroid", rate=options.rate) if hinted else None
        sandbox.hints.targets.clear()  # it sends one webhook after the other, and providers many at once
        session = await stack.enter_async_context(aiohttp.ClientSession())
        sending = await stack.enter_async_context(anyio.create_task_group())
        site.polling |= {"every": options.every}
        site.watch("meteroid", *(bill.id for bill in bills))
        await stack.enter_async_context(site.running())
        await until(lambda: arrivals.tracked >= options.invoices, "all were polled once", within=600)
        before, began_at = len(sandbox.requests), anyio.current_time()
        chosen = random.Random(1).sample(bills, options.changes * options.seconds)  # noqa: S311 -- a life to repeat
        changed_at: dict[str, float] = {}
        for number, bill in enumerate(chosen):
            await anyio.sleep_until(began_at + number / options.changes)
            changed_at[bill.id] = anyio.current_time()
            sandbox.ledger.pay(bill)
            if address is not None:
                sending.start_soon(_webhook, session, address, bill.id)
        seconds, requests = anyio.current_time() - began_at, len(sandbox.requests) - before
        await until(lambda: changed_at.keys() <= arrivals.paid_at.keys(), "all changes were sent", within=900)
        delays = [arrivals.paid_at[one] - at for one, at in changed_at.items()]
    return Result("with hints" if hinted else "without hints", delays, requests, seconds)


async def _webhook(session: aiohttp.ClientSession, address: str, invoice_id: str) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    url, body = f"http://{address}/hints/meteroid", {"invoice_id": invoice_id}
    async with session.post(url, json=body, headers=headers) as response:
        assert response.status == 202


@dataclass
class Flood:
    """`sent` and `accepted` are hints; memory in MiB."""

    name: str
    sent: int = 0
    accepted: int = 0
    seconds: float = 0
    before: float = 0
    after: float = 0
    requests: int = 0
    others: int = 0

    def __str__(self) -> str:
        return (
            f"{self.name:<24} {self.sent / self.seconds:7.0f} hints/s, {self.accepted / self.seconds:5.0f} accepted   "
            f"{self.before:5.0f} → {self.after:5.0f} MiB   {self.requests / self.seconds:5.1f} requests/s of 20, "
            f"{self.others} of them for others (polls, and pages of the list)"
        )


def resident(pid: int) -> float:
    """The memory of a process, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


async def flooded(name: str, ids: Callable[[int], str], seconds: int) -> Flood:
    """Ten connections send as fast as they can, a hundred ids in each hint."""
    flood = Flood(name)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sandbox = await stack.enter_async_context(Sandbox())
        site = Site(folder, sandbox, await stack.enter_async_context(Receiver()))
        site.endpoint()
        for number in range(200):
            sandbox.ledger.create("dollr", str(number + 1), "EUR", 1000)
        address = take_hints(site, "dollr", rate="20/s", discover=True)
        site.polling["every"] = "20s"
        site.watch("dollr", *(str(number + 1) for number in range(200)))
        daemon = await stack.enter_async_context(site.running())
        await until(lambda: len(site.asked("/invoices/", provider="dollr")) >= 200, "all were polled once", within=60)
        before, flood.before = len(site.asked(provider="dollr")), resident(daemon.process.pid)
        ends_at = anyio.current_time() + seconds
        began_at = anyio.current_time()
        async with asyncio.TaskGroup() as group:
            for sender in range(10):
                group.create_task(_send(address, ids, sender, ends_at, flood))
        flood.seconds = anyio.current_time() - began_at
        flood.after = resident(daemon.process.pid)
        asked = [request.path for request in sandbox.requests if request.provider == "dollr"][before:]
        flood.requests, flood.others = len(asked), sum(not path.endswith("/1") for path in asked)
    return flood


async def _send(address: str, ids: Callable[[int], str], sender: int, ends_at: float, flood: Flood) -> None:
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    number = sender * 10_000_000
    while anyio.current_time() < ends_at:
        body = ids(number).encode()
        number += 100
        lines = (
            "POST /hints/dollr HTTP/1.1",
            f"Host: {address}",
            f"Authorization: Bearer {TOKEN}",
            f"Content-Length: {len(body)}",
        )
        writer.write("\r\n".join((*lines, "", "")).encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        await reader.readexactly(length)
        flood.sent += 1
        flood.accepted += answer.startswith(b"HTTP/1.1 202")
    writer.close()


async def measured(options: argparse.Namespace) -> None:
    for hinted in (True, False):
        print(await compared(options, hinted=hinted), flush=True)
    one = '{"invoice_id": "1"}'
    print(await flooded("flood for one invoice", lambda _: one, options.seconds), flush=True)

    def many(first: int) -> str:
        return '{"invoice_ids": [' + ", ".join(f'"{number}"' for number in range(first + 1000, first + 1100)) + "]}"

    print(await flooded("flood for unknown ones", many, options.seconds), flush=True)
    await report()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--invoices", type=int, default=10_000)
    parser.add_argument("--changes", type=int, default=50, help="a second")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--every", default="2m")
    parser.add_argument("--rate", default="150/s")
    anyio.run(measured, parser.parse_args())


if __name__ == "__main__":
    main()
