"""The daemons of a campaign, started by a `spawner` and ended by their ids."""

import json
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from anyio.abc import Process
from anyio.streams.text import TextReceiveStream

from tests.acceptance.daemon import ALIVE_AFTER, PATIENCE, environment


@dataclass
class Child:
    """A `run`. `ended` is set when it is gone; `code` is negative for a signal, as in `subprocess`."""

    pid: int
    log: Path
    ended: anyio.Event = field(default_factory=anyio.Event)
    code: int | None = None
    is_wanted: bool = True
    """False from the moment it is asked to end."""

    @property
    def is_running(self) -> bool:
        return self.code is None

    @property
    def has_started(self) -> bool:
        """Its signal handlers are in place from then on."""
        return self.has_logged(ALIVE_AFTER)

    def has_logged(self, event: str) -> bool:
        return self.log.exists() and f'"{event}"' in self.log.read_text()

    def signal(self, number: signal.Signals) -> None:
        if self.is_running:
            with suppress(ProcessLookupError):  # it has just ended by itself
                os.kill(self.pid, number)

    def hang_up(self) -> None:
        """Ask it to read its configuration again."""
        self.signal(signal.SIGHUP)

    async def kill(self) -> None:
        """As a crash does: nothing is finished."""
        self.is_wanted = False
        self.signal(signal.SIGKILL)
        await self.gone()

    async def stop(self) -> int:
        """Ask it to stop, and return its exit code."""
        self.is_wanted = False
        self.signal(signal.SIGTERM)
        await self.gone()
        return self.code or 0

    async def gone(self) -> None:
        with anyio.fail_after(PATIENCE):
            await self.ended.wait()


class Spawner:
    def __init__(self, process: Process) -> None:
        self._process = process
        self._children: dict[int, Child] = {}
        self._started: list[tuple[Path, anyio.Event]] = []

    async def run(self, arguments: list[str], log: Path) -> Child:
        """Start a daemon; its process exists when this returns, and no more."""
        came = anyio.Event()
        self._started.append((log, came))
        assert self._process.stdin is not None
        await self._process.stdin.send(json.dumps([arguments, str(log)]).encode() + b"\n")
        await came.wait()
        return next(child for child in self._children.values() if child.log == log)

    async def read(self) -> None:
        """Hear what the spawner says until it ends."""
        assert self._process.stdout is not None
        unread = ""
        with suppress(anyio.EndOfStream):
            async for text in TextReceiveStream(self._process.stdout):
                *lines, unread = (unread + text).split("\n")
                for line in lines:
                    self._hear(*json.loads(line))

    def _hear(self, what: str, pid: int, code: int = 0) -> None:
        if what == "started":
            log, came = self._started.pop(0)
            self._children[pid] = Child(pid, log)
            came.set()
        else:
            child = self._children.pop(pid)
            child.code = code
            child.ended.set()


@asynccontextmanager
async def spawning() -> AsyncGenerator[Spawner]:
    """A spawner that kills what is left at the end."""
    command = [sys.executable, "-m", "tests.chaos.spawner"]
    async with await anyio.open_process(command, stderr=None, env=environment()) as process:
        spawner = Spawner(process)
        async with anyio.create_task_group() as group:
            group.start_soon(spawner.read)
            try:
                yield spawner
            finally:
                group.cancel_scope.cancel()
                assert process.stdin is not None
                with anyio.CancelScope(shield=True):
                    await process.stdin.aclose()
                    await process.wait()
