"""The simulated machine: the processes of the service on it, one after another and sometimes two at once."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any, cast

import anyio
from anyio.abc import TaskGroup

from tests.simulation.disk import Disk, opened
from tests.simulation.files import ENVIRONMENT, SOURCES, WITH_MESSAGES, Files
from tests.simulation.hints import Hints
from tests.simulation.loop import VirtualClock, VirtualLoop
from tests.simulation.messages import Messages
from tests.simulation.monitor import Monitor
from tests.simulation.network import SimulatedProvider, SimulatedSender, World
from tests.simulation.processes import CURRENT, Process, Step
from watcher.clock import Clock
from watcher.config.reload import ConfigFiles, reader
from watcher.core.errors import ConfigError, NotFound, StoreUnavailable
from watcher.daemon.replica import Replica
from watcher.daemon.runtime import Runtime
from watcher.daemon.service import Service
from watcher.ports import Provider
from watcher.providers.toolkit.kind import Account, ProviderKind
from watcher.store import SqlEndpoints, open_store, rescue_leases

IDLE = timedelta(minutes=30)
"""Far longer than the second of the real program: idle loops would take most of the time."""
_JOBS_SECONDS = {2: 1800.0}
"""How often a maintenance job runs that the real program runs so often, in seconds; else every `_RARELY_SECONDS`."""
_RARELY_SECONDS = 4 * 3600.0
_STOPPED_SHARE = 0.7
"""How many processes are stopped in the middle of a request while another one takes over."""


class _Scheduler:
    """An APScheduler that rings the bells of the maintenance jobs in virtual time, and not more often than needed."""

    def __init__(self, group: TaskGroup) -> None:
        self._group = group

    def add_job(self, ring: Any, trigger: Any, **_: object) -> None:  # noqa: ANN401 -- as APScheduler has it
        every = trigger.interval.total_seconds()
        self._group.start_soon(self._repeat, ring, _JOBS_SECONDS.get(every, _RARELY_SECONDS))

    async def _repeat(self, ring: Any, seconds: float) -> None:  # noqa: ANN401 -- same
        while True:
            await anyio.sleep(seconds)
            await ring()

    def start(self) -> None: ...

    def shutdown(self, *, wait: bool) -> None: ...


@dataclass
class Machine:
    """Runs the service until a given time, and begins it again when it has ended."""

    rng: Random
    world: World
    clock: VirtualClock
    disk: Disk
    files: Files
    note: Callable[[str], None]
    monitor: Monitor
    messages: Messages
    deaths: int = 0
    rivals: int = 0
    """How often a second process ran beside a first one that was stopped."""
    hangup: anyio.Event = field(default_factory=anyio.Event)
    _begun: int = 0

    def __post_init__(self) -> None:
        self.hints = Hints(self.world, self.note)

    def reload(self) -> None:
        """Every running process gets SIGHUP."""
        self.hangup.set()
        self.hangup = anyio.Event()

    async def live_until(self, ends_at: float, *, is_mortal: bool = False) -> None:
        """One process after another; mortal ones die, and are stopped while others take over."""
        while anyio.current_time() < ends_at:
            process = self._mortal() if is_mortal else Process()
            async with anyio.create_task_group() as lives:
                lives.start_soon(self._overtake, process, ends_at)
                lives.start_soon(self._live, process, ends_at)
            self.disk.lose_what_was_not_synced()
            await anyio.sleep(min(self.rng.expovariate(1 / 600), max(0.0, ends_at - anyio.current_time())))

    def _mortal(self) -> Process:
        rng = self.rng
        process = Process(kill_in=int(10 ** rng.uniform(1.3, 4.5)))
        if self.disk.seen and rng.random() < 0.5:
            process.kill_at = rng.choice(list(self.disk.seen))
        if rng.random() < _STOPPED_SHARE:
            process.stop_at, process.stop_in = rng.choice(list(Step)), rng.randrange(1, 20)
        return process

    async def _overtake(self, first: Process, ends_at: float) -> None:
        """Another process takes over from one that is stopped, which goes on later and knows nothing of it.

        As replicas on one PostgreSQL do it; on SQLite the run lock rules it out, and the simulation goes round it.
        """
        await first.halted.wait()
        if not first.is_stopped:
            return
        self.note(f"{first.name} is stopped")
        self._lost(first)
        self.rivals += 1
        async with anyio.create_task_group() as lives:
            await anyio.sleep(self.rng.expovariate(1 / 60))
            second = Process(kill_in=int(10 ** self.rng.uniform(2.5, 4.5)))
            lives.start_soon(self._live, second, ends_at)
            stopped_for = 10 ** self.rng.uniform(1.5, 4.8)
            await anyio.sleep(max(0.0, min(stopped_for, ends_at - anyio.current_time() - 1)))
            self.note(f"{first.name} goes on")
            self.world.ledger.busy = None
            cast("VirtualLoop", asyncio.get_running_loop()).go_on(first)
            await anyio.sleep(self.rng.expovariate(1 / 600))
            if not first.is_dead:
                self.disk.die(first, "after it was stopped")

    async def _live(self, process: Process, ends_at: float) -> None:
        """One process, until it dies, is stopped, or `ends_at`."""
        CURRENT.set(process)
        self._begun += 1
        process.name = f"process {self._begun}"
        self.note(f"{process.name} begins")
        stops_in = self.rng.expovariate(1 / 200_000)
        with anyio.CancelScope() as life:
            process.on_death = life.cancel
            try:
                async with self._opened() as (service, group):
                    service.start(group, lambda _: None)
                    group.start_soon(self._obey, service)
                    group.start_soon(self.hints.serve, service)
                    group.start_soon(self.monitor.watch_rescue)
                    group.start_soon(self._pause, service, process)
                    await anyio.sleep(min(stops_in, ends_at - anyio.current_time()))
                    self.monitor.measure(service)
                    with anyio.move_on_after(self.rng.choice([0.1, 30])):
                        await service.stop()
                    group.cancel_scope.cancel()
            except (StoreUnavailable, ConfigError) as error:
                self.note(f"{process.name} ends: {str(error).replace(str(self.files.folder), '')}")
        process.on_death = lambda: None
        self._lost(process)
        process.halted.set()
        process.kill_in = process.stop_at = None
        self.deaths += process.is_dead
        self.note(f"{process.name} is dead" if process.is_dead else f"{process.name} has ended")

    def _lost(self, process: Process) -> None:
        with closing(opened(self.files.database)) as database:
            self.messages.lost(process, database)

    async def _pause(self, service: Service, process: Process) -> None:
        """An operator disables a notification for a while; when all is calm, none is."""
        endpoints = SqlEndpoints(service.store)
        while process.kill_in is not None:
            await anyio.sleep(self.rng.expovariate(1 / 20_000))
            name = self.rng.choice(WITH_MESSAGES)
            with suppress(StoreUnavailable, NotFound):
                await endpoints.disable(name, "operator", self.clock.now())
                await anyio.sleep(self.rng.expovariate(1 / 20_000))
                await endpoints.enable(name, self.clock.now())
        for name in WITH_MESSAGES:
            with suppress(NotFound):
                await endpoints.enable(name, self.clock.now())

    async def _obey(self, service: Service) -> None:
        while True:
            await self.hangup.wait()
            await service.reload(forced=True)

    @asynccontextmanager
    async def _opened(self) -> AsyncGenerator[tuple[Service, TaskGroup]]:
        kinds = {name: self._kind(name, has_lists=lists) for name, lists in SOURCES.values()}
        read = reader(self.files.config, kinds, ENVIRONMENT)
        async with open_store(f"sqlite:///{self.files.database}", create=True) as store:
            self.monitor.see_leases()
            loaded, clock = read(), cast("Clock", self.clock)
            await rescue_leases(store)
            groups: list[TaskGroup] = []
            runtime = Runtime(
                cast("Any", None), SimulatedSender(self.world), clock, self.rng.random, anyio.current_time, IDLE,
                kinds, lambda: cast("Any", _Scheduler(groups[0])), self.messages.send,
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
