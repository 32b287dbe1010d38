"""The campaign on PostgreSQL: three replicas, of which one is killed, another one frozen and a third one cut off."""

import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
import asyncpg

from tests.acceptance.daemon import until
from tests.chaos.account import Account
from tests.chaos.campaign import MOST_PROBLEMS, STORM_SECONDS, Campaign
from tests.chaos.lives import PROVIDER
from tests.chaos.messages import AGED, LEASED, WAITING
from tests.chaos.processes import Child
from tests.chaos.proxy import Proxy, Wire
from tests.fakes.postgresql import Server

REPLICAS = 3
_PAUSE = (0.3, 4)
"""Seconds between two kills, without what a start takes."""
_LEASE_SECONDS = (33, 42)
"""What a hanging replica holds is taken over within thirty seconds."""
_ENDING_SHARE = 0.5
"""How often a kill follows the end of a digest's period."""
_LEASED = """SELECT events.id FROM deliveries JOIN events ON events.cursor = deliveries.cursor
WHERE deliveries.state = 'delivering' AND deliveries.endpoint = 'ledger'"""
_OURS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'invoice-watcher%'"
_REFUSED = "is in use by another run"


@dataclass
class Place:
    """Where a replica runs. `is_busy` while something other than a kill is done to it."""

    name: str
    config: Path
    proxy: Proxy
    child: Child | None = None
    is_busy: bool = False


@dataclass(kw_only=True)
class ReplicaCampaign(Campaign):
    server: Server
    proxies: Sequence[Proxy]
    places: list[Place] = field(default_factory=list[Place])

    def __post_init__(self) -> None:
        self.site.database = {"url": self.server.url()}
        folder = self.site.folder
        self.places += [
            Place(name, folder / f"{name}.toml", one) for name, one in zip("abc", self.proxies, strict=True)
        ]
        super().__post_init__()

    def write(self) -> None:
        super().write()
        for place in self.places:
            url = self.server.url(port=place.proxy.port)
            self.site.write_config(place.config, {"url": url, "wait": "5m"})

    async def break_things(self, kills: int) -> None:
        for place in self.places:
            await self._start(place)
        async with anyio.create_task_group() as group:
            group.start_soon(self._keep, self._brief, (1, 5))
            group.start_soon(self._keep, self._lasting, (2, 10))
            while self.kills < kills and len(self.problems) < MOST_PROBLEMS:
                await anyio.sleep(self.rng.uniform(*_PAUSE))
                self.go_on(self.rng.randint(2, 8))
                await self._replace_ended()
                if self.rng.random() < _ENDING_SHARE:
                    await self.end_periods()
                    await anyio.sleep(self.rng.uniform(0.2, 1.5))  # one of them claims the digest
                await self._kill_one()
            group.cancel_scope.cancel()
        for place in self.places:
            place.proxy.turn(Wire.WHOLE)
            place.is_busy = False
            if place.child is not None:
                place.child.signal(signal.SIGCONT)

    async def _keep(self, fault: Callable[[], Awaitable[None]], pause: tuple[float, float]) -> None:
        while True:
            await anyio.sleep(self.rng.uniform(*pause))
            await fault()

    def _free(self) -> list[Place]:
        return [place for place in self.places if not place.is_busy]

    async def _start(self, place: Place, name: str = "") -> None:
        place.child = await self.run("--name", name or place.name, config=place.config)

    async def _kill_one(self) -> None:
        """Mostly one that has come to work, and at times one that is still starting."""
        ready = [one for one in self._free() if one.child is not None and one.child.is_running]
        if self.rng.random() < 0.8:
            ready = [one for one in ready if one.child is not None and one.child.has_started]
        if not ready:
            return
        place = self.rng.choice(ready)
        assert place.child is not None
        await place.child.kill()
        self.kills += 1
        self.check(place.child)
        await self._note_leases()
        await self._start(place, place.name if self.rng.random() < 0.5 else f"{place.name}-{self.kills}")

    async def _replace_ended(self) -> None:
        """What has ended by itself is a problem, except that a name may still be in use after a kill."""
        for place in self.places:
            child = place.child
            if child is None or child.is_running:
                continue
            if _REFUSED in child.log.read_text():
                self.faults["name in use"] += 1
                self.check(child, may_fail=True)
            else:
                self.check(child)
            await self._start(place, f"{place.name}-again-{self.started}")

    async def _brief(self) -> None:
        kinds = {
            self._provider: 4,
            self._receiver: 4,
            self._mailbox: 2,
            self._reload: 3,
            partial(self._restart, "fast"): 1,
            partial(self._restart, "immediate"): 1,
            self._terminate: 1,
            partial(self._cut, Wire.RESET, (0.2, 4)): 2,
        }
        await self.rng.choices(list(kinds), list(kinds.values()))[0]()

    async def _lasting(self) -> None:
        kinds = [
            self._freeze,
            partial(self._cut, Wire.SILENT, (3, 15)),
            partial(self._cut, Wire.SILENT, _LEASE_SECONDS),
        ]
        await self.rng.choice(kinds)()

    async def _provider(self) -> None:
        self.provider_storm()
        await anyio.sleep(STORM_SECONDS)
        self.site.sandbox.fail_no_more(PROVIDER)

    async def _receiver(self) -> None:
        self.receiver_storm()

    async def _mailbox(self) -> None:
        self.mailbox_storm()

    async def end_periods(self) -> None:
        await self._asked(AGED)

    async def count_waiting(self) -> int:
        return sum(row[0] for row in await self._asked(WAITING))

    async def _reload(self) -> None:
        self.reload([place.child for place in self.places if place.child is not None])

    async def _restart(self, mode: str) -> None:
        await self._note_leases()
        await anyio.to_thread.run_sync(self.server.restart, mode)
        self.faults[f"restart {mode}"] += 1

    async def _terminate(self) -> None:
        await self._note_leases()
        await self._asked(_OURS)
        self.faults["backends terminated"] += 1

    async def _cut(self, wire: Wire, seconds: tuple[float, float]) -> None:
        if not (free := self._free()):
            return
        place = self.rng.choice(free)
        place.is_busy = True
        place.proxy.turn(wire)
        await self._note_leases()
        await anyio.sleep(self.rng.uniform(*seconds))
        await self._note_leases()
        place.proxy.turn(Wire.WHOLE)
        place.is_busy = False
        self.faults[f"network {wire.value}"] += 1

    async def _freeze(self) -> None:
        """Stop one past its leases; the others take over what it holds."""
        if not (free := [one for one in self._free() if one.child is not None and one.child.has_started]):
            return
        place = self.rng.choice(free)
        assert place.child is not None
        place.is_busy = True
        place.child.signal(signal.SIGSTOP)
        await self._note_leases()
        await anyio.sleep(self.rng.uniform(*_LEASE_SECONDS))
        place.child.signal(signal.SIGCONT)
        place.is_busy = False
        self.faults["freeze"] += 1

    async def _note_leases(self) -> None:
        self.leased.update(str(row[0]) for row in await self._asked(_LEASED))
        rows = await self._asked(LEASED)
        self.mailbox.repeats.update((str(name), str(kind), str(number)) for name, kind, number in rows)

    async def _asked(self, query: str) -> Sequence[asyncpg.Record]:
        """Ask the server directly, again and again while it is restarting."""
        while True:
            try:
                connection = await asyncpg.connect(self.server.url(), timeout=5)
                try:
                    return await connection.fetch(query, timeout=10)
                finally:
                    connection.terminate()
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
                await anyio.sleep(0.1)

    async def finish(self) -> Account:
        self.absent.clear()
        self.write()
        await self._replace_ended()
        children = [place.child for place in self.places if place.child is not None]
        await until(lambda: all(one.has_started for one in children), "all run", within=120)
        for child in children:
            child.hang_up()
        history = await self.settle()
        for child in children:
            if await child.stop():
                self.problems.append(f"asked to stop, it ended with {child.code}")
            self.check(child)
        return self.account(history)
