"""One seed: a world, the lives and deaths of the service in it, and the account at the end."""

import asyncio
import gc
import tempfile
import time
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any, cast
from unittest.mock import patch

import anyio
import structlog
from anyio._backends._asyncio import CancelScope  # in sets, by their addresses in memory
from anyio.abc import TaskGroup

from tests.simulation import account
from tests.simulation.disk import Disk, simulated
from tests.simulation.files import SOURCES, Files, ids
from tests.simulation.invoices import Ledger
from tests.simulation.loop import NothingWillHappen, VirtualClock, VirtualLoop
from tests.simulation.machine import Machine
from tests.simulation.messages import Messages
from tests.simulation.monitor import Monitor
from tests.simulation.network import DENIED_SECONDS, World
from watcher.store import open_store

CALM_DAYS = 3
"""After the faults end: longer than the longest pause of anything that waits."""
_GARBAGE = 100_000
"""Objects until the next collection of garbage: SQLAlchemy makes many, and few in cycles."""


_MIGRATING = 8
"""One seed of so many makes the tables itself, which takes longer than a simulated day."""


@dataclass
class Outcome:
    """What one seed came to. `problems` is empty where every promise was kept."""

    seed: int
    problems: tuple[str, ...] = ()
    trace: list[str] = field(default_factory=list[str])
    events: int = 0
    deaths: int = 0
    rivals: int = 0
    statements: int = 0
    seconds: float = 0.0
    """Of a core."""


@dataclass
class Simulation:
    """The world of one seed and the machine in it."""

    seed: int
    days: float
    folder: Path
    trace: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self.rng = self._random(0)
        self.clock = VirtualClock(self._random(4))
        self.files = Files(self.folder, self._random(5))
        self.disk = Disk(self._random(1), self.files.database)
        self.monitor = Monitor(self.files.database)
        self.world = World(self.rng, self.clock, self.note, Ledger(self._random(2)))
        self.messages = Messages(self.world, self.disk)
        self.machine = Machine(
            self.rng, self.world, self.clock, self.disk, self.files, self.note, self.monitor, self.messages
        )

    def _random(self, number: int) -> Random:
        return _random(self.seed, number)

    def note(self, what: str) -> None:
        self.trace.append(f"{anyio.current_time():.6f} {what}")

    async def run(self) -> tuple[str, ...]:
        """Live for `days`, then calmly until everything must have come to an end; returns what was wrong."""
        self.files.restore()
        for source in SOURCES:
            for one in ids(source):
                self.world.ledger.add(source, one, self.clock.now().date())
        calm_from = self.days * 86400.0
        async with anyio.create_task_group() as outside:
            outside.start_soon(self._life, outside)
            async with anyio.create_task_group() as troubles:
                troubles.start_soon(self._troubles)
                troubles.start_soon(self._changes)
                await self.machine.live_until(calm_from, is_mortal=True)
                troubles.cancel_scope.cancel()
            self._calm()
            await self.machine.live_until(calm_from + 86400.0)
            outside.cancel_scope.cancel()
        await self.machine.live_until(calm_from + CALM_DAYS * 86400.0)
        return (*self.monitor.problems, *account.problems(self.world, self.monitor, self.messages, calm_from))

    async def _life(self, webhooks: TaskGroup) -> None:
        """What happens to the invoices, whoever watches."""
        while True:
            await anyio.sleep(self.rng.expovariate(1 / 3600))
            bill, what = self.world.ledger.happen(self.clock.true_now())
            self.note(what)
            is_calm = anyio.current_time() > self.days * 86400.0
            webhooks.start_soon(partial(self.machine.hints.announce, bill.source, bill.id, is_calm=is_calm))

    async def _changes(self) -> None:
        """An operator changes files, and tells the service of it at once, or lets it find out."""
        while True:
            await anyio.sleep(self.rng.expovariate(1 / 30_000))
            self.note(f"files: {self.files.change()}")
            if self.rng.random() < 0.5:
                self.machine.reload()

    async def _troubles(self) -> None:
        """Weather that changes every few hours."""
        weather, rng = self.world.weather, self.rng
        while True:
            weather.provider = rng.choice([0.0, 0.0, 0.05, 0.3, 0.9])
            weather.receiver = rng.choice([0.0, 0.0, 0.05, 0.3, 1.0])
            weather.skew = timedelta(seconds=rng.choice([0, 0, 0, -2, 400, -4000]))
            self.disk.failing = rng.random() < 0.1
            self.clock.jump(timedelta(seconds=rng.choice([0, 0, 0, 1, -1, 30, -600, 5400])))
            if rng.random() < 0.3:
                weather.denies_until = anyio.current_time() + rng.random() * DENIED_SECONDS
            if rng.random() < 0.2:
                cast("VirtualLoop", asyncio.get_running_loop()).freeze(rng.random() * 600)
            self.note(f"weather {weather} disk {self.disk.failing} clock {self.clock.ahead}")
            await anyio.sleep(rng.expovariate(1 / 10_000))

    def _calm(self) -> None:
        weather = self.world.weather
        weather.provider = weather.receiver = 0.0
        weather.skew = timedelta(0)
        self.clock.jump(timedelta(0))
        self.disk.failing = False
        self.files.restore()


def _random(seed: int, number: int) -> Random:
    return Random(seed * 8 + number)  # noqa: S311 -- nothing secret


@cache
def _empty_database() -> bytes:
    """A database with all tables and nothing in it."""

    async def make(file: Path) -> None:
        async with open_store(f"sqlite:///{file}", create=True):
            pass

    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        file = Path(folder) / "watcher.db"
        anyio.run(make, file)
        return file.read_bytes()


def simulate(seed: int, days: float) -> Outcome:
    """Run one seed from the beginning to its account."""
    structlog.configure(processors=[_drop])
    gc.set_threshold(_GARBAGE)
    began = time.process_time()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        simulation = Simulation(seed, days, Path(folder))
        if seed % _MIGRATING:
            simulation.files.database.write_bytes(_empty_database())
        loop = partial(VirtualLoop, _random(seed, 3))
        try:
            with simulated(simulation.disk), patch.object(CancelScope, "__hash__", _same_hash):
                problems = anyio.run(simulation.run, backend_options={"loop_factory": loop})
        except NothingWillHappen:
            problems = ("every task waits, and no timer is set",)
        events = len({arrival.event_id for arrival in simulation.world.arrivals})
        machine, disk = simulation.machine, simulation.disk
        return Outcome(
            seed, problems, simulation.trace, events, machine.deaths, machine.rivals, disk.statements,
            time.process_time() - began,
        )  # fmt: skip


def _same_hash(_: object) -> int:
    return 0


def _drop(*_: object) -> Any:  # noqa: ANN401 -- as structlog has it
    raise structlog.DropEvent
