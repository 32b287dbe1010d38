"""The campaign on SQLite: one daemon at a time, killed again and again, on a disk of its own."""

import signal
import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import dataclass

import anyio
import anyio.to_thread

from tests.acceptance.daemon import Impatient, until
from tests.chaos.account import Account
from tests.chaos.campaign import MOST_PROBLEMS, Campaign
from tests.chaos.lives import PROVIDER
from tests.chaos.messages import AGED, LEASED, WAITING
from tests.chaos.processes import Child
from tests.chaos.tmpfs import Disk

LONGEST_LIFE = 0.7
"""Seconds after the first request of a daemon: a round of work takes less, so that it is cut anywhere."""
_WORKS_WITHIN = 6
"""An account that has failed is asked again after five seconds: a daemon may have nothing to do before."""
_FROZEN_SECONDS = (34, 40)
"""A delivery is leased for its timeout of two seconds and thirty more."""
_ENDING_SHARE = 0.7
"""How often the period of a digest ends in the life of a daemon, so that the next one begins with sending it."""
_LEASED = """SELECT events.id FROM deliveries JOIN events ON events.cursor = deliveries.cursor
WHERE deliveries.state = 'delivering' AND deliveries.endpoint = 'ledger'"""
_KINDS = {
    "none": 34,
    "provider": 14,
    "receiver": 14,
    "mailbox": 6,
    "reload": 22,
    "full": 6,
    "read-only": 3,
    "freeze": 1,
}


@dataclass(kw_only=True)
class SqliteCampaign(Campaign):
    disk: Disk

    def __post_init__(self) -> None:
        self.site.database = {"url": "sqlite:///disk/invoice-watcher.db"}
        super().__post_init__()

    async def break_things(self, kills: int) -> None:
        while self.kills < kills and len(self.problems) < MOST_PROBLEMS:
            await self._cycle()

    async def _cycle(self) -> None:
        """Let something happen, let the daemon come to work, let something go wrong, and kill it."""
        kind = self.rng.choices(list(_KINDS), list(_KINDS.values()))[0]
        if kind in {"full", "read-only"} and self.disk.why_not:
            kind = "none"
        self.go_on(self.rng.randint(1, 6))
        if kind == "read-only":
            await self._read_only()
        self.site.sandbox.fail_no_more(PROVIDER)
        if kind == "provider":
            self.provider_storm()
        if kind == "receiver":
            self.receiver_storm()
        if kind == "mailbox":
            self.mailbox_storm()
        child = await self._working()
        if self.rng.random() < _ENDING_SHARE:
            await self.end_periods()
        match kind:
            case "reload":
                await self._reload(child)
            case "full":
                await self._full(child)
            case "freeze":
                await self._freeze(child)
            case _:
                pass
        await self.rest(LONGEST_LIFE)
        await self._end(child)

    async def _end(self, child: Child) -> None:
        if child.is_running:
            await child.kill()
            self.kills += 1
        self.check(child)
        self._note_leases()

    async def _working(self) -> Child:
        asked = len(self.site.sandbox.requests)
        self.granted(time.monotonic())
        child = await self.run()

        def works() -> bool:
            return len(self.site.sandbox.requests) > asked or not child.is_running

        try:
            await until(lambda: works() or child.has_started, "starts")
            await until(works, "works", within=_WORKS_WITHIN)
        except Impatient:
            self.faults["start without work"] += 1
        return child

    async def _reload(self, child: Child) -> None:
        await until(lambda: child.has_started or not child.is_running, "has started")
        self.reload([child])
        self.go_on(2)
        await self.rest(0.3)

    async def _full(self, child: Child) -> None:
        """Fill the disk while it works; then free it, or kill it on the full disk and start it there."""
        self.disk.fill(self.rng.choice([0, 0, 1, 4, 16]))
        self.faults["disk full"] += 1
        self.go_on(3)
        await anyio.sleep(self.rng.uniform(0.2, 2))
        try:
            if self.rng.random() < 0.5:
                await self._end(child)
                await self._start_in_vain("start on a full disk")
        finally:
            self.disk.empty()

    async def _read_only(self) -> None:
        self.disk.write_protect()
        try:
            await self._start_in_vain("read-only disk")
        finally:
            self.disk.allow_writes()

    async def _start_in_vain(self, kind: str) -> None:
        """A daemon that cannot write ends with a sentence, or stays and says what it waits for."""
        self.faults[kind] += 1
        self.granted(time.monotonic())
        child = await self.run()
        with anyio.move_on_after(1.5):
            await child.ended.wait()
        if child.is_running:
            await child.kill()
            self.kills += 1
        self.check(child, may_fail=True)

    async def _freeze(self, child: Child) -> None:
        """Stop it for longer than its leases."""
        self._note_leases()
        child.signal(signal.SIGSTOP)
        self.go_on(3)
        await anyio.sleep(self.rng.uniform(*_FROZEN_SECONDS))
        child.signal(signal.SIGCONT)
        self.faults["freeze"] += 1
        await self.rest(1)

    def _note_leases(self) -> None:
        """Read without writing: what a kill left of the file is for the next daemon to mend."""
        file = self.site.folder / "disk" / "invoice-watcher.db"
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
            if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'deliveries'").fetchone():
                return  # the first daemon was killed while it made the tables
            self.leased.update(row[0] for row in database.execute(_LEASED))
            self.mailbox.repeats.update(database.execute(LEASED).fetchall())

    async def end_periods(self) -> None:
        """A full disk takes nothing, and the next time comes soon."""
        await self._execute(AGED)

    async def count_waiting(self) -> int:
        return sum(row[0] for row in await self._execute(WAITING))

    async def _execute(self, statement: str) -> list[tuple[int, ...]]:
        def execute() -> list[tuple[int, ...]]:
            file = self.site.folder / "disk" / "invoice-watcher.db"
            with suppress(sqlite3.OperationalError), closing(sqlite3.connect(file, isolation_level=None)) as database:
                return database.execute(statement).fetchall()
            return [(1,)]

        return await anyio.to_thread.run_sync(execute)

    async def finish(self) -> Account:
        self.absent.clear()
        self.write()
        self.granted(time.monotonic())
        child = await self.run()
        await until(lambda: child.has_started, "the last one starts")
        history = await self.settle()
        if await child.stop():
            self.problems.append(f"asked to stop, it ended with {child.code}")
        self.check(child)
        return self.account(history)
