"""One seed: a world, the lives and deaths of the service in it, and the account at the end."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
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
from tests.simulation.invoices import Ledger
from tests.simulation.loop import NothingWillHappen, VirtualClock, VirtualLoop
from tests.simulation.network import SimulatedProvider, SimulatedSender, World
from watcher.clock import Clock
from watcher.config.reload import ConfigFiles, reader
from watcher.core.errors import StoreUnavailable
from watcher.daemon.replica import Replica
from watcher.daemon.runtime import Runtime
from watcher.daemon.service import Service
from watcher.ports import Provider
from watcher.providers.toolkit.kind import Account, ProviderKind
from watcher.store import open_store, rescue_leases

IDLE = timedelta(minutes=30)
"""Far longer than the second of the real program: idle loops would take most of the time."""
_DENIED_SECONDS = 3000.0
"""Shorter than `confirm_deleted`."""
CALM_DAYS = 3
"""After the faults end: longer than the longest pause of anything that waits."""
_SOURCES = {"acme": ("meteroid", True), "plain": ("rapyd", False)}
"""The provider whose name each source has, and whether it has lists."""
_CONFIG = """
[watcher]
watchlists = ["*.csv"]
announce_tracked = true
due_soon = ["2d"]
reminders = ["3d"]
[polling]
every = "2h"
fastest = "30m"
slowest = "6h"
confirm_deleted = "1h"
[http]
listen = ""
[sources.acme]
provider = "meteroid"
api_key = { env = "KEY" }
rate = "2/s"
[sources.plain]
provider = "rapyd"
api_key = { env = "KEY" }
rate = "30/m"
[endpoints.ledger]
url = "https://ledger.example.com/hooks"
secrets = [{ env = "SECRET" }]
events = ["*"]
retries = ["0s", "5s", "1m", "5m", "10m", "30m", "1h", "2h", "4h", "8h", "12h", "24h"]
"""
_ENVIRONMENT = {"KEY": "k", "SECRET": "whsec_" + "QUFB" * 12}


class _Silent:
    """An APScheduler that rings the bells of the maintenance jobs in virtual time, and not more often than needed."""

    def __init__(self, group: TaskGroup) -> None:
        self._group = group

    def add_job(self, ring: Any, trigger: Any, **_: object) -> None:  # noqa: ANN401 -- as APScheduler has it
        self._group.start_soon(self._repeat, ring, max(trigger.interval.total_seconds(), 3600.0))

    async def _repeat(self, ring: Any, seconds: float) -> None:  # noqa: ANN401 -- same
        while True:
            await anyio.sleep(seconds)
            await ring()

    def start(self) -> None: ...

    def shutdown(self, *, wait: bool) -> None: ...


@dataclass
class Outcome:
    """What one seed came to. `problems` is empty where every promise was kept."""

    seed: int
    problems: tuple[str, ...] = ()
    trace: list[str] = field(default_factory=list[str])
    events: int = 0
    deaths: int = 0
    statements: int = 0


@dataclass
class Simulation:
    """The world of one seed and the processes in it."""

    seed: int
    days: int
    folder: Path
    trace: list[str] = field(default_factory=list[str])
    deaths: int = 0

    def __post_init__(self) -> None:
        self.rng = Random(self.seed)  # noqa: S311 -- nothing secret
        self.clock = VirtualClock(Random(self.seed + 4))  # noqa: S311 -- same
        self.disk = Disk(Random(self.seed + 1), self.folder / "watcher.db")  # noqa: S311 -- same
        self.world = World(self.rng, self.clock, self.disk, self.note, Ledger(Random(self.seed + 2)))  # noqa: S311 -- same

    def note(self, what: str) -> None:
        self.trace.append(f"{anyio.current_time():.6f} {what}")

    async def run(self) -> tuple[str, ...]:
        """Live for `days`, then calmly until everything must have come to an end; returns what was wrong."""
        self._prepare()
        calm_from = self.days * 86400.0
        async with anyio.create_task_group() as outside:
            outside.start_soon(self._life)
            async with anyio.create_task_group() as troubles:
                troubles.start_soon(self._troubles)
                await self._live_until(calm_from, is_mortal=True)
                troubles.cancel_scope.cancel()
            self._calm()
            await self._live_until(calm_from + 86400.0)
            outside.cancel_scope.cancel()
        self._calm()
        await self._live_until(calm_from + CALM_DAYS * 86400.0)
        return account.problems(self.world, self.folder / "watcher.db", calm_from)

    async def _live_until(self, ends_at: float, *, is_mortal: bool = False) -> None:
        while anyio.current_time() < ends_at:
            if is_mortal:
                self.disk.kill_in = int(10 ** self.rng.uniform(1.3, 4.5))
            await self._live(ends_at)

    def _prepare(self) -> None:
        (self.folder / "watcher.toml").write_text(f'[database]\nurl = "sqlite:///watcher.db"\n{_CONFIG}')
        for source in _SOURCES:
            ids = [f"{source}_{number}" for number in range(8)]
            (self.folder / f"{source}.csv").write_text("source,invoice_id\n" + "".join(f"{source},{i}\n" for i in ids))
            for one in ids:
                self.world.ledger.add(source, one, self.clock.now().date())

    async def _life(self) -> None:
        """What happens to the invoices, whoever watches."""
        while True:
            await anyio.sleep(self.rng.expovariate(1 / 3600))
            self.note(self.world.ledger.happen(self.clock.true_now()))

    async def _troubles(self) -> None:
        """Weather that changes every few hours."""
        weather, rng = self.world.weather, self.rng
        while True:
            weather.provider = rng.choice([0.0, 0.0, 0.05, 0.3, 0.9])
            weather.receiver = rng.choice([0.0, 0.0, 0.05, 0.3, 1.0])
            weather.skew = timedelta(seconds=rng.choice([0, 0, 0, -2, 400, -4000]))
            self.disk.failing = rng.random() < 0.1
            self.clock.ahead = timedelta(seconds=rng.choice([0, 0, 0, 1, -1, 30, -600, 5400]))
            if rng.random() < 0.3:
                weather.denies_until = anyio.current_time() + rng.random() * _DENIED_SECONDS
            if rng.random() < 0.2:
                cast("VirtualLoop", asyncio.get_running_loop()).freeze(rng.random() * 600)
            self.note(f"weather {weather} disk {self.disk.failing} clock {self.clock.ahead}")
            await anyio.sleep(rng.expovariate(1 / 10_000))

    def _calm(self) -> None:
        weather = self.world.weather
        weather.provider = weather.receiver = 0.0
        weather.skew = self.clock.ahead = timedelta(0)
        self.disk.failing, self.disk.kill_in = False, None

    async def _live(self, ends_at: float) -> None:
        """One process, until it dies, is stopped, or `ends_at`."""
        self.disk.is_dead = False
        self.note("a process begins")
        stops_in = self.rng.expovariate(1 / 200_000)
        with anyio.CancelScope() as life:
            self.disk.on_death = life.cancel
            try:
                async with self._opened() as (service, group):
                    service.start(group, lambda _: None)
                    await anyio.sleep(min(stops_in, ends_at - anyio.current_time()))
                    with anyio.move_on_after(self.rng.choice([0.1, 30])):
                        await service.stop()
                    group.cancel_scope.cancel()
            except StoreUnavailable as error:
                self.note(f"the process ends: {str(error).replace(str(self.folder), '')}")
        self.disk.on_death = lambda: None
        self.disk.lose_what_was_not_synced()
        self.deaths += self.disk.is_dead
        self.note("the process is dead" if self.disk.is_dead else "the process has ended")
        self.disk.is_dead, self.disk.kill_in = False, None
        await anyio.sleep(min(self.rng.expovariate(1 / 600), max(0.0, ends_at - anyio.current_time())))

    @asynccontextmanager
    async def _opened(self) -> AsyncGenerator[tuple[Service, TaskGroup]]:
        kinds = {name: self._kind(name, has_lists=lists) for name, lists in _SOURCES.values()}
        read = reader(self.folder / "watcher.toml", kinds, _ENVIRONMENT)
        async with open_store(f"sqlite:///{self.folder}/watcher.db", create=True) as store:
            loaded, clock = read(), cast("Clock", self.clock)
            await rescue_leases(store)
            groups: list[TaskGroup] = []
            runtime = Runtime(
                cast("Any", None), SimulatedSender(self.world), clock, self.rng.random, anyio.current_time, IDLE,
                kinds, lambda: cast("Any", _Silent(groups[0])),
            )  # fmt: skip
            service = Service(loaded, ConfigFiles(loaded, read, clock), Replica(store, "one", clock), runtime)
            await service.apply(loaded)
            async with anyio.create_task_group() as group:
                groups.append(group)
                yield service, group

    def _kind(self, name: str, *, has_lists: bool) -> ProviderKind:
        def build(account: Account, *_: object) -> Provider:
            return SimulatedProvider(self.world, account.name, has_lists)

        return ProviderKind(name, ("api_key",), "https://api.example.com", 2.0, build)


def simulate(seed: int, days: int) -> Outcome:
    """Run one seed from the beginning to its account."""
    structlog.configure(processors=[_drop])
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        simulation = Simulation(seed, days, Path(folder))
        loop = partial(VirtualLoop, Random(seed + 3))  # noqa: S311 -- nothing secret
        try:
            with simulated(simulation.disk), patch.object(CancelScope, "__hash__", _same_hash):
                problems = anyio.run(simulation.run, backend_options={"loop_factory": loop})
        except NothingWillHappen:
            problems = ("every task waits, and no timer is set",)
        events = len({event_id for _, event_id, _ in simulation.world.arrivals})
        return Outcome(seed, problems, simulation.trace, events, simulation.deaths, simulation.disk.statements)


def _same_hash(_: object) -> int:
    return 0


def _drop(*_: object) -> Any:  # noqa: ANN401 -- as structlog has it
    raise structlog.DropEvent
