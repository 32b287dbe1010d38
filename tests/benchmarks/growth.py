"""How the costs of claims grow with what is stored: watches on SQLite and PostgreSQL, and endpoints.

    python -m tests.benchmarks.growth [--watches 10000 100000 1000000] [--endpoints 1 10 100 1000] [--databases …]

A claim of watches and the record of its polls, which found nothing new, are transactions of the program's own queue;
half of all watches are due, the others within a month. A claim and the settlement of deliveries are those of the
program's own outbox, of 500 deliveries that wait evenly at all endpoints. Medians, in this process alone.
"""

import argparse
import asyncio
import os
import platform
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import TypeVar

from sqlalchemy import text

from tests.fakes import stored
from tests.fakes.postgresql import ON_DISK, cluster
from watcher.ports import DesiredWatch, SourceRow
from watcher.store import SqlOutbox, SqlPollQueue, SqlWatches, Store, open_store

_Found = TypeVar("_Found")
_DATABASES = ("sqlite", "postgresql")
_CHUNK = 10_000
_BATCH = 500
_REPEATED = 10
_LEASE = timedelta(minutes=5)
_MONTH = timedelta(days=30)


@asynccontextmanager
async def opened(database: str) -> AsyncGenerator[Store]:
    """A new database."""
    async with AsyncExitStack() as stack:
        if database == "sqlite":
            url = f"sqlite:///{Path(stack.enter_context(tempfile.TemporaryDirectory())) / 'bench.db'}"
        else:
            url = stack.enter_context(cluster(ON_DISK))
        yield await stack.enter_async_context(open_store(url, create=True))


async def grow(store: Store, start: int, count: int) -> None:
    """Import watches up to `count`: every second chunk is due, the others within a month."""
    watches, now = SqlWatches(store), datetime.now(UTC)
    await watches.sync_sources([SourceRow("acme", "meteroid")], now)
    for number, first in enumerate(range(start, count, _CHUNK // 2)):
        entries = [DesiredWatch("acme", f"inv_{one:08d}") for one in range(first, min(first + _CHUNK // 2, count))]
        due_at = now if number % 2 == 0 else now + _MONTH * (first / count)
        await watches.import_entries(entries, "cli", due_at)
    async with store.transaction() as connection:
        await connection.execute(text("ANALYZE"))


async def poll_costs(store: Store) -> tuple[float, float]:
    """Microseconds a watch, to claim and to record."""
    queue, claims, records = SqlPollQueue(store), list[float](), list[float]()
    for _ in range(_REPEATED):
        now = datetime.now(UTC)
        request = replace(stored.request(interval=timedelta(0), requests=_BATCH), horizon=now + _MONTH)
        seconds, found = await _timed(queue.claim(now, [request], _LEASE))
        (claim,) = found
        assert len(claim.watches) == _BATCH
        polls = [replace(stored.renewed(one, now), poll_at=now) for one in claim.watches]
        claims.append(seconds)
        records.append((await _timed(queue.record(polls, {"acme": now})))[0])
    return _each(claims), _each(records)


async def delivery_costs(store: Store, endpoints: int) -> tuple[float, float]:
    """Microseconds a delivery, to claim and to settle."""
    now, names = datetime.now(UTC), [f"e{number:04d}" for number in range(endpoints)]
    outbox = SqlOutbox(store)
    await outbox.sync_endpoints(dict.fromkeys(names, "http://127.0.0.1:9"), now)
    await _record_events(store, names)
    wanted, claims, settlements = dict.fromkeys(names, -(-_BATCH // endpoints)), list[float](), list[float]()
    for _ in range(_REPEATED):
        seconds, claimed = await _timed(outbox.claim(datetime.now(UTC), wanted, _LEASE))
        assert len(claimed) >= _BATCH
        claims.append(seconds * _BATCH / len(claimed))
        settled = [stored.delivered(one, datetime.now(UTC)) for one in claimed]
        settlements.append((await _timed(outbox.settle(settled)))[0] * _BATCH / len(claimed))
    return _each(claims), _each(settlements)


async def _record_events(store: Store, names: Sequence[str]) -> None:
    """As many as all claims need, each of another invoice and for the next endpoint."""
    count = _REPEATED * len(names) * -(-_BATCH // len(names))
    await grow(store, 0, 2 * count + _CHUNK)
    now, queue = datetime.now(UTC), SqlPollQueue(store)
    request = replace(stored.request(interval=timedelta(0), requests=count), horizon=now + _MONTH)
    (claim,) = await queue.claim(now, [request], _LEASE)
    assert len(claim.watches) == count
    for start in range(0, count, _BATCH):
        changes = [
            stored.change(stored.event(f"evt_{number}", "invoice.updated", names[number % len(names)]))
            for number in range(start, min(start + _BATCH, count))
        ]
        batch = zip(claim.watches[start : start + _BATCH], changes, strict=True)
        await queue.record(
            [replace(stored.polled(one, now, change), poll_at=now + _MONTH) for one, change in batch], {}
        )


async def _timed(doing: Awaitable[_Found]) -> tuple[float, _Found]:
    began = time.perf_counter()
    found = await doing
    return time.perf_counter() - began, found


def _each(seconds: Sequence[float]) -> float:
    return median(seconds) / _BATCH * 1e6


async def measure(databases: Sequence[str], watches: Sequence[int], endpoints: Sequence[int]) -> None:
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores; microseconds each, in batches of {_BATCH}\n")
    for database in databases:
        async with opened(database) as store:
            grown = 0
            for count in sorted(watches):
                began = time.perf_counter()
                await grow(store, grown, count)
                imported, grown = (time.perf_counter() - began) / (count - grown) * 1e6, count
                claim, record = await poll_costs(store)
                costs = f"import {imported:4.0f}   claim {claim:4.0f}   record {record:4.0f}"
                print(f"{database:<10} {count:9,d} watches     {costs}", flush=True)
        for count in endpoints:
            async with opened(database) as store:
                claim, settle = await delivery_costs(store, count)
                print(f"{database:<10} {count:9,d} endpoints   claim {claim:4.0f}   settle {settle:4.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--watches", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--endpoints", type=int, nargs="*", default=[1, 10, 100, 1000])
    parser.add_argument("--databases", nargs="+", choices=_DATABASES, default=_DATABASES)
    chosen = parser.parse_args()
    asyncio.run(measure(chosen.databases, chosen.watches, chosen.endpoints))


if __name__ == "__main__":
    main()
