"""Measures the real service, `invoice-watcher run`, from outside: what arrives at the server, and its CPU."""

import os
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL

import anyio
from anyio.abc import Process

from watcher.cli.commands.demo.stage import last_lines, stop
from watcher.core.errors import Refused

_LOOK_SECONDS = 0.02
_START_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Throughput:
    """`cpu_share` is of one core, by the service alone; None where the system does not say it (it is read in /proc)."""

    per_second: float
    count: int
    cpu_share: float | None

    @property
    def cpu_microseconds(self) -> float | None:
        """Of one poll or delivery."""
        return None if self.cpu_share is None or not self.per_second else self.cpu_share / self.per_second * 1e6


class Service:
    def __init__(self, process: Process, log: Path) -> None:
        self._process = process
        self._log = log

    async def until(self, reached: Callable[[], bool], seconds: float) -> bool:
        """Wait; False if it took too long. Raises Refused if the service has ended."""
        ends_at = time.perf_counter() + seconds
        while not reached():
            if self._process.returncode is not None:
                raise Refused(f"the service has ended by itself; the last of its log:\n{last_lines(self._log)}")
            if time.perf_counter() > ends_at:
                return False
            await anyio.sleep(_LOOK_SECONDS)
        return True

    async def throughput(self, count: Callable[[], int], *, until: int | None = None, seconds: float) -> Throughput:
        """From now until the count has reached a number, at most so long."""
        first, began, cpu = count(), time.perf_counter(), _cpu_seconds(self._process.pid)
        await self.until(lambda: until is not None and count() >= until, seconds)
        passed, done = time.perf_counter() - began, count() - first
        spent = _cpu_seconds(self._process.pid)
        share = None if spent is None or cpu is None else (spent - cpu) / passed
        return Throughput(done / passed, done, share)

    async def started(self, count: Callable[[], int]) -> None:
        """Until it does the first of what is counted. Raises Refused."""
        first = count()
        if not await self.until(lambda: count() > first, _START_SECONDS):
            raise Refused(f"the service did nothing for {_START_SECONDS} seconds: {last_lines(self._log)}")


@asynccontextmanager
async def running(config: Path) -> AsyncGenerator[Service]:
    """`run` as a process of its own, stopped in order at the end."""
    log = config.with_name("service.log")
    command = [sys.executable, "-m", "watcher", "run", "--config", str(config)]
    with log.open("wb") as output:
        # A session of its own: Ctrl-C is for the command, which then stops the service in order.
        process = await anyio.open_process(
            command, stdin=DEVNULL, stdout=DEVNULL, stderr=output, start_new_session=True
        )
    try:
        yield Service(process, log)
    finally:
        with anyio.CancelScope(shield=True):
            await stop(process)
            await process.aclose()


def _cpu_seconds(pid: int) -> float | None:
    """Of all threads of a process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    user, system = fields[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
