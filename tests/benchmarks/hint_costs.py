"""What one hint costs the daemon, by what becomes of it, and hence how many a second cost a tenth of a core.

    python -m tests.benchmarks.hint_costs

The daemon runs as a process on SQLite and polls almost nothing; its CPU time is that of all its threads, of which what
it uses while idle is taken off. Another process sends over ten connections, each of which waits for its answers.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio

from tests.acceptance.daemon import Site, environment, until
from tests.acceptance.hinted import take_hints
from watcher.sandbox import DEMO_HINT_SECRETS, Receiver, Sandbox

_INVOICES = 500
_CONNECTIONS = 10
_IDLE_SECONDS = 3
_TICKS = os.sysconf("SC_CLK_TCK")
_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Flood:
    """`name` as in the output; `secret` signs; each hint names the next of so many invoices."""

    name: str
    status: int
    count: int
    secret: str
    invoices: int = 1


_SECRET = DEMO_HINT_SECRETS["meteroid"]
_WRONG = "whsec_" + base64.b64encode(b"guessed by somebody else").decode()
FLOODS = (
    Flood("accepted, about different invoices", 202, 450, _SECRET, _INVOICES),
    Flood("accepted, about one invoice", 202, 450, _SECRET),
    Flood("beyond the limit of 50/s", 429, 5000, _SECRET),
    Flood("refused: its signature is wrong", 401, 2000, _WRONG),
)


def cpu_seconds(pid: int) -> float:
    """Of all threads of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


@asynccontextmanager
async def hinted_daemon() -> AsyncGenerator[tuple[int, str]]:
    """Its process id and the address for hints; a new one has its whole burst."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sandbox = await stack.enter_async_context(Sandbox())
        site = Site(folder, sandbox, await stack.enter_async_context(Receiver()))
        ids = [sandbox.ledger.create("meteroid", f"inv_{number}", "EUR", 1000).id for number in range(_INVOICES)]
        address = take_hints(site, "meteroid", rate="1/m")
        site.watch("meteroid", *ids)
        daemon = await stack.enter_async_context(site.running())
        await until(lambda: daemon.has_logged("service.started"), "it runs")
        await anyio.sleep(1)
        yield daemon.process.pid, address


async def measured(flood: Flood) -> tuple[float, Counter[int]]:
    """CPU seconds above those of an idle daemon, and the answers by status."""
    async with hinted_daemon() as (pid, address):
        began_at, before = time.monotonic(), cpu_seconds(pid)
        await anyio.sleep(_IDLE_SECONDS)
        idle = (cpu_seconds(pid) - before) / (time.monotonic() - began_at)
        began_at, before = time.monotonic(), cpu_seconds(pid)
        arguments = [sys.executable, "-m", "tests.benchmarks.hint_costs", address, str(FLOODS.index(flood))]
        done = await anyio.run_process(arguments, env=environment(), stderr=None)
        used = cpu_seconds(pid) - before - idle * (time.monotonic() - began_at)
    return used, Counter({int(status): count for status, count in json.loads(done.stdout).items()})


async def report() -> None:
    """Print a line for each kind of hint. What comes beyond the limit is preceded by a burst that is accepted."""
    accepted = 0.0
    for flood in FLOODS:
        used, answers = await measured(flood)
        others = answers.total() - answers[flood.status]
        if not answers[flood.status]:
            print(f"{flood.name:<36} not reached: the sender was too slow")
            continue
        each = (used - others * accepted) / answers[flood.status]
        accepted = each if flood.status == 202 else accepted
        print(
            f"{flood.name:<36} {each * 1e6:6.0f} µs of CPU   {_SHARE / each:6.0f} a second cost a tenth of a core",
            flush=True,
        )


async def send(address: str, flood: Flood) -> Counter[int]:
    answers: Counter[int] = Counter()
    numbers = iter(range(flood.count))

    async def one_connection() -> None:
        reader, writer = await asyncio.open_connection(*address.split(":"))
        for number in numbers:
            writer.write(_request(address, flood, number))
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
            answers[int(head.split(b" ", 2)[1])] += 1
        writer.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(_CONNECTIONS):
            group.create_task(one_connection())
    return answers


def _request(address: str, flood: Flood, number: int) -> bytes:
    body = json.dumps({"type": "invoice.paid", "data": {"invoice_id": f"inv_{number % flood.invoices}"}}).encode()
    now, key = str(int(time.time())), base64.b64decode(flood.secret.removeprefix("whsec_"))
    signed = hmac.new(key, f"msg_{number}.{now}.".encode() + body, hashlib.sha256).digest()
    lines = (
        "POST /hints/meteroid HTTP/1.1",
        f"Host: {address}",
        "Content-Type: application/json",
        f"webhook-id: msg_{number}",
        f"webhook-timestamp: {now}",
        f"webhook-signature: v1,{base64.b64encode(signed).decode()}",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join((*lines, "", "")).encode() + body


def main() -> None:
    if arguments := sys.argv[1:]:
        print(json.dumps(asyncio.run(send(arguments[0], FLOODS[int(arguments[1])]))))
    else:
        anyio.run(report)


if __name__ == "__main__":
    main()
