"""How long polls and deliveries wait while a month of many events goes to the archive and leaves the database.

    python -m tests.benchmarks.retention [--events 1000000] [--watches 1000] [--database sqlite]

Every event has a snapshot, a delivery and an attempt. Meanwhile this process does every 20 ms what recording and
settling do first: it takes the lock of the cursor and writes. A wait is as long as that takes; the loop is late by what
a timer of 10 ms takes longer.
"""

import argparse
import asyncio
import platform
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles

from sqlalchemy import text

from tests.benchmarks.growth import grow, opened
from watcher.core.invoices.event import EventType
from watcher.core.webhooks.examples import example
from watcher.store import EventRetention, Store
from watcher.store.column_types import microseconds
from watcher.store.deliveries.ordering import lock_cursor

_CHUNK = 20_000
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_NOW = datetime(2026, 6, 1, tzinfo=UTC)
_MONTH = timedelta(days=31)
_EVERY_SECONDS = 0.02
_TICK_SECONDS = 0.01
_STATEMENTS = (
    """INSERT INTO events (cursor, id, type, sequence, source, watch_id, timestamp, tags, "full")
    SELECT {n} + number, 'evt_' || ({n} + number), 'invoice.updated', ({n} + number) / {watches} + 1, 'acme',
    ({n} + number) % {watches} + 1, {begin} + ({n} + number) * {step}, '[]', CAST('{body}' AS {bytes}) FROM numbers""",
    """INSERT INTO snapshots (watch_id, version, observed_at, document) SELECT ({n} + number) % {watches} + 1,
    ({n} + number) / {watches} + 1, {begin} + ({n} + number) * {step}, '{document}' FROM numbers""",
    """INSERT INTO deliveries (id, cursor, endpoint, watch_id, event_type, form, state, attempts)
    SELECT {n} + number, {n} + number, 'ledger', ({n} + number) % {watches} + 1, 'invoice.updated', 'full',
    'delivered', 1 FROM numbers""",
    """INSERT INTO attempts (delivery_id, number, outcome, started_at, duration_us) SELECT {n} + number, 1,
    'delivered', {begin} + ({n} + number) * {step}, 1000 FROM numbers""",
)
_NUMBERS = f"""CREATE TABLE numbers AS WITH RECURSIVE n(number) AS
(SELECT 1 UNION ALL SELECT number + 1 FROM n WHERE number < {_CHUNK}) SELECT number FROM n"""  # noqa: S608 -- ours


async def fill(store: Store, count: int, watches: int) -> None:
    """A month of events, evenly over time and invoices."""
    await grow(store, 0, watches)
    body = example(EventType.UPDATED, "evt_0", _BEGIN).decode()
    values = {
        "watches": watches,
        "begin": microseconds(_BEGIN - datetime(1970, 1, 1, tzinfo=UTC)),
        "step": microseconds(_MONTH) // (count + 1),
        "body": body.replace("'", "''"),
        "document": "x" * 700,
        "bytes": "BLOB" if store.is_sqlite else "BYTEA",
    }
    async with store.transaction() as connection:
        await connection.exec_driver_sql(_NUMBERS)
    for first in range(0, count, _CHUNK):
        async with store.transaction() as connection:
            for statement in _STATEMENTS:
                await connection.exec_driver_sql(statement.format(n=first, **values))
    async with store.transaction() as connection:
        await connection.execute(text("DROP TABLE numbers"))
        await connection.execute(text("ANALYZE"))
        await connection.execute(text(f"UPDATE counters SET value = {count} WHERE name = 'cursor'"))  # noqa: S608 -- a number


class Probe:
    """What other work waits for, in seconds."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.waits: list[float] = []
        self.lags: list[float] = []

    async def write(self) -> None:
        while True:
            began = time.perf_counter()
            async with self._store.transaction() as connection:
                await lock_cursor(connection)
                await connection.execute(text("UPDATE counters SET value = value WHERE name = 'cursor'"))
            self.waits.append(time.perf_counter() - began)
            await asyncio.sleep(_EVERY_SECONDS)

    async def tick(self) -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(_TICK_SECONDS)
            self.lags.append(time.perf_counter() - began - _TICK_SECONDS)


def shown(name: str, seconds: Sequence[float]) -> str:
    cuts = quantiles(seconds, n=1000)
    figures = "   ".join(
        f"{label} {cuts[at] * 1000:6.1f}" for label, at in (("p50", 499), ("p99", 989), ("p99.9", 998))
    )
    return f"  {name:<22} {figures}   worst {max(seconds) * 1000:6.1f} ms"


async def measured(database: str, count: int, watches: int) -> None:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        store = await stack.enter_async_context(opened(database))
        await fill(store, count, watches)
        print(f"{database}: {count:,} events of {watches:,} invoices in one month", flush=True)
        for name, keep in (("nothing", timedelta(days=365)), ("archive and removal", timedelta(days=90))):
            probe, began, retention = Probe(store), time.perf_counter(), EventRetention(store)
            tasks = [asyncio.create_task(probe.write()), asyncio.create_task(probe.tick())]
            if keep < timedelta(days=365):
                done = await retention.forget(_NOW, keep, folder / "archive")
                while not done.is_finished:
                    done = await retention.forget(_NOW, keep, folder / "archive")
            else:
                await asyncio.sleep(5)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            print(f" {name}: {time.perf_counter() - began:.0f} s")
            print(shown("a transaction", probe.waits))
            print(shown("the loop is late", probe.lags), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--watches", type=int, default=1_000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], nargs="*", default=["sqlite", "postgresql"])
    chosen = parser.parse_args()
    print(f"Python {platform.python_version()}")
    for database in chosen.database:
        asyncio.run(measured(database, chosen.events, chosen.watches))


if __name__ == "__main__":
    main()
