"""How many events a second the lock of the cursor allows on PostgreSQL, with 1, 2 and 3 processes that want it.

    python -m tests.benchmarks.cursor [--processes 1 2 3] [--batches 1 50 500] [--seconds 3]

Each process records events by the real transaction, as fast as it can, and then settles their deliveries, one of each
event. It has a source and an endpoint of its own, so that only the cursor is between them. Both transactions begin with
the lock and end it with their commit, which is on the disk. Waiting and holding are medians; `limit` is what one holder
after the other would do without a pause, each as fast as the fastest tenth was, since machines are shared: no number of
processes does more.
"""

import argparse
import asyncio
import os
import platform
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from statistics import median, quantiles

from sqlalchemy import event

from tests.benchmarks.cpu import cpu_seconds, postmaster
from tests.benchmarks.delivering import body_of
from tests.fakes import stored
from tests.fakes.postgresql import ON_DISK, cluster
from watcher.ports import ClaimedWatch, DesiredWatch, Form, PollRecord, SourceRow
from watcher.store import SqlOutbox, SqlPollQueue, SqlWatches, Store, open_store

_INVOICES = 1000
_RAMP_SECONDS = 1.0
"""Until all processes are at work."""
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Found:
    """By one process: how many it did in how many seconds, and seconds of each transaction's wait for the lock and of
    holding it.
    """

    count: int = 0
    seconds: float = 0.0
    waits: list[float] = field(default_factory=list[float])
    holds: list[float] = field(default_factory=list[float])


class LockWatch:
    """Notes when a store asks for the cursor's lock and gets it."""

    def __init__(self, store: Store) -> None:
        self.found = Found()
        self._asked_at = self._held_since = self._begun_at = 0.0
        event.listen(store.engine.sync_engine, "before_cursor_execute", self._before)
        event.listen(store.engine.sync_engine, "after_cursor_execute", self._after)

    def begin(self) -> None:
        """What was before does not count."""
        self.found, self._begun_at = Found(), time.perf_counter()

    def done(self, count: int) -> None:
        """The transaction has returned, right after its commit."""
        now = time.perf_counter()
        self.found.holds.append(now - self._held_since)
        self.found = replace(self.found, count=self.found.count + count, seconds=now - self._begun_at)

    def _before(self, *executed: object) -> None:
        statement = str(executed[2])
        if "FROM counters" in statement and "FOR UPDATE" in statement:
            self._asked_at = time.perf_counter()

    def _after(self, *executed: object) -> None:
        del executed
        if self._asked_at:
            self._held_since = time.perf_counter()
            self.found.waits.append(self._held_since - self._asked_at)
            self._asked_at = 0.0


class _Recording:
    """Events of one source after the other invoice, each for the process's endpoint."""

    def __init__(self, store: Store, number: int, watches: Sequence[ClaimedWatch]) -> None:
        self._queue, self._endpoint = SqlPollQueue(store), f"e{number}"
        self._watches, self._place = list(watches), 0
        self._run = f"{number}_{time.monotonic_ns()}"

    async def one(self, batch: int, watch: LockWatch) -> bool:
        places = [(self._place + step) % _INVOICES for step in range(batch)]
        records = [self._record(self._watches[one], self._place + step) for step, one in enumerate(places)]
        await self._queue.record(records, {})
        watch.done(batch)
        self._place += batch
        for one in places:
            self._watches[one] = replace(self._watches[one], lease=self._watches[one].lease + 1)
        return True

    def _record(self, claimed: ClaimedWatch, number: int) -> PollRecord:
        recorded = stored.event(f"evt_{self._run}_{number}", "invoice.updated", self._endpoint)
        change = stored.change(replace(recorded, bodies={Form.FULL: body_of(number)}), version=number // _INVOICES + 1)
        return replace(stored.polled(claimed, datetime.now(UTC), change), raw=body_of(number))


class _Settling:
    """Deliveries of the process's endpoint, as if each had arrived."""

    def __init__(self, store: Store, number: int) -> None:
        self._outbox, self._endpoint = SqlOutbox(store), f"e{number}"

    async def one(self, batch: int, watch: LockWatch) -> bool:
        now = datetime.now(UTC)
        if not (claimed := await self._outbox.claim(now, {self._endpoint: batch}, _DAY)):
            return False
        await self._outbox.settle([stored.delivered(one, now) for one in claimed])
        watch.done(len(claimed))
        return True


async def prepare(url: str, processes: int) -> None:
    async with open_store(url, create=True) as store:
        watches, now = SqlWatches(store), datetime.now(UTC)
        names = [f"source{number}" for number in range(processes)]
        await watches.sync_sources([SourceRow(name, "meteroid") for name in names], now)
        entries = [DesiredWatch(name, f"inv_{number}") for name in names for number in range(_INVOICES)]
        await watches.import_entries(entries, "cli", now)
        await SqlOutbox(store).sync_endpoints({f"e{number}": "http://127.0.0.1:9" for number in range(processes)}, now)


def record(url: str, number: int, batch: int, seconds: float) -> Found:
    """In a process of its own."""
    return asyncio.run(_record(url, number, batch, seconds))


def settle(url: str, number: int, batch: int, seconds: float) -> Found:
    """In a process of its own."""
    return asyncio.run(_settle(url, number, batch, seconds))


async def _record(url: str, number: int, batch: int, seconds: float) -> Found:
    async with open_store(url) as store, _claimed(store, f"source{number}") as watches:
        return await _repeated(_Recording(store, number, watches), store, batch, seconds)


async def _settle(url: str, number: int, batch: int, seconds: float) -> Found:
    async with open_store(url) as store:
        return await _repeated(_Settling(store, number), store, batch, seconds)


@asynccontextmanager
async def _claimed(store: Store, source: str) -> AsyncGenerator[Sequence[ClaimedWatch]]:
    queue, now = SqlPollQueue(store), datetime.now(UTC)
    request = replace(stored.request(source, interval=timedelta(0)), horizon=now + _DAY)
    (claim,) = await queue.claim(now, [request], _DAY)
    assert len(claim.watches) == _INVOICES
    yield claim.watches
    async with store.transaction() as connection:  # due again for the next round, whatever their leases are
        await connection.exec_driver_sql(
            f"UPDATE watches SET due_at = 0, version = 0, lease_ends_at = NULL WHERE source = '{source}'"  # noqa: S608 -- our own words
        )


async def _repeated(doing: "_Recording | _Settling", store: Store, batch: int, seconds: float) -> Found:
    watch, now = LockWatch(store), time.perf_counter()
    begins_at, ends_at = now + _RAMP_SECONDS, now + _RAMP_SECONDS + seconds
    watch.begin()
    has_begun = False
    while time.perf_counter() < ends_at and await doing.one(batch, watch):
        if not has_begun and time.perf_counter() >= begins_at:
            has_begun = True
            watch.begin()
    return watch.found


def measure(processes: Sequence[int], batches: Sequence[int], seconds: float) -> None:
    with cluster(ON_DISK) as server, get_context("spawn").Pool(max(processes)) as pool:
        asyncio.run(prepare(server, max(processes)))
        pool.map(_nothing, range(max(processes)))
        print(f"Python {platform.python_version()}, {os.cpu_count()} cores; milliseconds of a transaction\n")
        print("what     batch  processes  a second   waited    held   the lock is held   limit   PostgreSQL, of a core")
        for batch in batches:
            for count in processes:
                for name, doing in (("events", record), ("settled", settle)):
                    before, began = cpu_seconds(postmaster(server)), time.perf_counter()
                    found = pool.starmap(doing, [(server, number, batch, seconds) for number in range(count)])
                    spent = (cpu_seconds(postmaster(server)) - before) / (time.perf_counter() - began)
                    print(_line(name, batch, found, spent), flush=True)


def _nothing(number: int) -> None:
    del number


def _line(name: str, batch: int, found: Sequence[Found], postgresql: float) -> str:
    rate = sum(one.count / one.seconds for one in found if one.seconds)
    waits, holds = ([value for one in found for value in values(one)] for values in (_waits, _holds))
    each = sum(one.count for one in found) / len(holds)
    fastest = quantiles(holds, n=10)[0]
    share = min(1, sum(holds) / sum(one.seconds for one in found) * len(found))
    return (
        f"{name:<8} {batch:5d}  {len(found):9d}  {rate:8,.0f}  {median(waits) * 1000:7.2f} {median(holds) * 1000:7.2f}"
        f"  {share:17.0%}  {each / fastest:6,.0f}  {postgresql:22.0%}"
    )


def _waits(found: Found) -> list[float]:
    return found.waits


def _holds(found: Found) -> list[float]:
    return found.holds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 50, 500])
    parser.add_argument("--seconds", type=float, default=3)
    chosen = parser.parse_args()
    measure(chosen.processes, chosen.batches, chosen.seconds)


if __name__ == "__main__":
    main()
