"""What the program costs when it does nothing: CPU to start, CPU and memory while idle.

    python -m tests.benchmarks.footprint [--watches 1000 100000] [--seconds 30] [--starts 5]

The commands are run as a user runs them. `run` has SQLite, one source, one endpoint and the page; no watch is due while
it is measured, and nothing answers at the source's address. CPU is that of all threads, as the scheduler counts it, so
that what else the machine does counts little; wall time is the shortest of all starts.
"""

import argparse
import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from watcher.ports import DesiredWatch, SourceRow
from watcher.store import SqlWatches, open_store

_CHUNK = 10_000
_SETTLING_SECONDS = 10
"""After the start the first forecasts are made, and lists are checked."""
_READY_SECONDS = 60

_CONFIG = """
[watcher]
watchlists = []
[http]
listen = "127.0.0.1:0"
[log]
level = "warning"
[sources.acme]
provider = "meteroid"
base_url = "http://127.0.0.1:9"
api_key = { file = "secret" }
[endpoints.ledger]
url = "http://127.0.0.1:9/hook"
secrets = [{ file = "secret" }]
allow_private = ["127.0.0.0/8"]
"""
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""An installed program has its bytecode; compiling it at each start would double the CPU."""
_SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


async def prepare(folder: Path, watches: int) -> Path:
    """A configuration, and a database with watches that are due in a month."""
    secret = folder / "secret"
    secret.touch(mode=0o600)
    secret.write_text(_SECRET)
    config = folder / "watcher.toml"
    config.write_text(_CONFIG)
    async with open_store(f"sqlite:///{folder / 'invoice-watcher.db'}", create=True) as store:
        now, stored = datetime.now(UTC), SqlWatches(store)
        await stored.sync_sources([SourceRow("acme", "meteroid")], now)
        for start in range(0, watches, _CHUNK):
            entries = [DesiredWatch("acme", f"inv_{number}") for number in range(start, min(start + _CHUNK, watches))]
            await stored.import_entries(entries, "cli", now + timedelta(days=30))
    return config


def command_cost(argument: str, starts: int) -> tuple[float, float]:
    """The least milliseconds of CPU and of wall time that a command took."""
    found: list[tuple[float, float]] = []
    for _ in range(starts + 1):  # the first one fills the caches
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        command = [sys.executable, "-m", "watcher", argument]
        subprocess.run(command, env=_ENVIRONMENT, stdout=subprocess.DEVNULL, check=True)  # noqa: S603 - our own program
        wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        found.append((cpu * 1000, wall * 1000))
    return min(cpu for cpu, _ in found[1:]), min(wall for _, wall in found[1:])


@contextmanager
def started(config: Path) -> Generator[tuple[int, float]]:
    """`run` once it says that it is ready, as it says to systemd: its pid, and its seconds of CPU until then."""
    address = config.parent / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        notices.bind(str(address))
        notices.settimeout(_READY_SECONDS)
        command = [sys.executable, "-m", "watcher", "run", "--config", str(config)]
        with subprocess.Popen(command, env=_ENVIRONMENT | {"NOTIFY_SOCKET": str(address)}) as process:  # noqa: S603 - same
            try:
                while b"READY=1" not in notices.recv(4096):
                    pass
                yield process.pid, cpu_seconds(process.pid)
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(30)
                address.unlink()


def cpu_seconds(pid: int) -> float:
    """Of all its threads that live."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def memory_mib(pid: int) -> dict[str, float]:
    """Resident memory; and what of it no other process shares."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kib = {name: int(value.split()[0]) for name, _, value in (line.partition(":") for line in lines)}
    private = kib["Private_Clean"] + kib["Private_Dirty"]
    return {"resident": kib["Rss"] / 1024, "private": private / 1024}


def measure_run(watches: int, seconds: float, starts: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = asyncio.run(prepare(Path(folder), watches))
        costs: list[float] = []
        for _ in range(starts):
            with started(config) as (_pid, cost):
                costs.append(cost)
        with started(config) as (pid, _cost):
            time.sleep(_SETTLING_SECONDS)
            before, began = cpu_seconds(pid), time.perf_counter()
            time.sleep(seconds)
            share = (cpu_seconds(pid) - before) / (time.perf_counter() - began)
            memory = memory_mib(pid)
    print(
        f"run, {watches:7d} watches   start {min(costs):4.2f} s of CPU   idle {share:6.2%} of a core   "
        f"{memory['resident']:4.0f} MiB resident, {memory['private']:4.0f} of them its own",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--watches", type=int, nargs="+", default=[1000, 100_000])
    parser.add_argument("--seconds", type=float, default=30, help="of idleness that are measured")
    parser.add_argument("--starts", type=int, default=5)
    chosen = parser.parse_args()
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores")
    for argument in ("--version", "--help"):
        cpu, wall = command_cost(argument, chosen.starts)
        print(f"{argument:<21}   {cpu:4.0f} ms of CPU, {wall:4.0f} ms", flush=True)
    for watches in chosen.watches:
        measure_run(watches, chosen.seconds, chosen.starts)


if __name__ == "__main__":
    main()
