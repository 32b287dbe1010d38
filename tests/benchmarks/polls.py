"""Polls per second of the real daemon on SQLite, as a ratio to a bare aiohttp GET loop on the same server.

    python -m tests.benchmarks.polls [--watches 10000] [--due 10000] [--seconds 10] [--turns 3]

Of all the watches `due` fall due again and again, the others in a month. They are put into the database as
`watch import` does. The daemon is `python -m watcher run` as a user starts it; the server counts. Bare loop and daemon
take turns, and the ratio is of the means, since machines are shared. The stages are measured in this process, in the
real poller.
"""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from statistics import mean

import aiohttp

from tests.benchmarks.invoice_server import InvoiceServer, invoice_ids
from tests.benchmarks.stages import measure_stages
from watcher.ports import DesiredWatch, SourceRow
from watcher.store import SqlWatches, open_store

AT_ONCE = 64
CHUNK = 10_000

CONFIG = """
[watcher]
watchlists = []
[polling]
policy = "fixed"
every = "1s"
[http]
listen = ""
[log]
level = "warning"
[sources.bench]
provider = "meteroid"
base_url = "{url}"
api_key = {{ file = "api_key" }}
rate = "10000/s"
"""


async def bare_loop(url: str, ids: list[str], seconds: float) -> float:
    """GETs per second of `AT_ONCE` tasks that read each body and do nothing with it."""
    following, count = cycle(ids), 0
    until = time.perf_counter() + seconds

    async def ask(session: aiohttp.ClientSession) -> None:
        nonlocal count
        while time.perf_counter() < until:
            async with session.get(f"{url}/api/v1/invoices/{next(following)}") as response:
                await response.read()
            count += 1

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:
        await asyncio.gather(*(ask(session) for _ in range(AT_ONCE)))
    return count / seconds


async def prepare(database: Path, ids: list[str], due: int) -> None:
    async with open_store(f"sqlite:///{database}", create=True) as store:
        watches, now = SqlWatches(store), datetime.now(UTC)
        await watches.sync_sources([SourceRow("bench", "meteroid")], now)
        for start in range(0, len(ids), CHUNK):
            due_at = now if start < due else now + timedelta(days=30, milliseconds=start)
            entries = [DesiredWatch("bench", one) for one in ids[start : start + CHUNK]]
            await watches.import_entries(entries, "cli", due_at)


def write_config(folder: Path, url: str) -> Path:
    (folder / "api_key").write_text("pv_sand_benchmark/key")
    config = folder / "watcher.toml"
    config.write_text(CONFIG.format(url=url))
    return config


class Daemon:
    """`invoice-watcher run` over one folder, started and ended again for each turn."""

    def __init__(self, config: Path) -> None:
        self._command = [sys.executable, "-m", "watcher", "run", "--config", str(config)]

    def polls_per_second(self, server: InvoiceServer, *, warm_up: int, seconds: float) -> tuple[float, int]:
        """Once it has made `warm_up` polls; and its resident memory in KiB."""
        begun = server.answered
        with subprocess.Popen(self._command, env=os.environ.copy()) as process:  # noqa: S603 - our own program
            try:
                while server.answered - begun < warm_up:
                    if process.poll() is not None:
                        raise SystemExit("the daemon ended by itself")
                    time.sleep(0.05)
                first, started = server.answered, time.perf_counter()
                time.sleep(seconds)
                rate = (server.answered - first) / (time.perf_counter() - started)
                return rate, _resident_kib(process.pid)
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(30)


def _resident_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--watches", type=int, default=10_000)
    parser.add_argument("--due", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--turns", type=int, default=3)
    chosen = parser.parse_args()
    ids = invoice_ids(chosen.watches)
    due = ids[: chosen.due]
    bare, polled, memory = list[float](), list[float](), 0
    with InvoiceServer() as server, tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        asyncio.run(prepare(Path(folder) / "invoice-watcher.db", ids, len(due)))
        print(f"{len(ids)} watches imported in {time.perf_counter() - started:.0f} s", flush=True)
        daemon = Daemon(write_config(Path(folder), server.url))
        for turn in range(chosen.turns):
            bare.append(asyncio.run(bare_loop(server.url, due, chosen.seconds)))
            warm_up = (1 if turn else 2) * len(due)
            rate, memory = daemon.polls_per_second(server, warm_up=warm_up, seconds=chosen.seconds)
            polled.append(rate)
            print(f"turn {turn + 1}: bare {bare[-1]:7.0f} GET/s   daemon {polled[-1]:7.0f} polls/s", flush=True)
        rounds = measure_stages(server.url, ids[:2000])
    print(f"\n{chosen.watches} watches, {len(due)} of them due, {memory // 1024} MiB resident, {os.cpu_count()} cores")
    print(f"bare loop {mean(bare):.0f}/s   daemon {mean(polled):.0f}/s   ratio {mean(polled) / mean(bare):.2f}")
    print("\nmicroseconds a poll, by stage (one process; the stages overlap)")
    for name, stages in rounds.items():
        print(f"  {name}: " + "  ".join(f"{stage} {microseconds:.0f}" for stage, microseconds in stages.items()))


if __name__ == "__main__":
    main()
