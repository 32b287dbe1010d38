"""How long `db check` takes, and how much memory: `python -m tests.benchmarks.database_check [EVENTS]`, on SQLite.

A few hundred invoices that the store's own code wrote are copied, with all that belongs to them, until there are as
many events.
"""

import asyncio
import resource
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection, connect

from tests.fakes.many import fill
from watcher.clock import SystemClock
from watcher.store import check, open_store

_INVOICES = 500
_KEYS = {
    "watches": ("id",),
    "snapshots": ("watch_id",),
    "events": ("watch_id", "cursor"),
    "deliveries": ("id", "watch_id", "cursor"),
    "attempts": ("id", "delivery_id"),
    "open_amounts": ("watch_id",),
}
"""The columns that are numbered on, by table."""
_NAMES = {"watches": "invoice_id", "events": "id"}
"""The columns that have to be unique as well."""
_APART = {"cursor": "events", "delivery_id": "deliveries", "watch_id": "watches"}


async def main(events: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "many.db"
        async with open_store(f"sqlite:///{file}", create=True) as store:
            await fill(store, _INVOICES, SystemClock().now())
        with closing(connect(file)) as connection:
            made = multiply(connection, events)
        before, began, cpu = (
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
            time.perf_counter(),
            time.process_time(),
        )
        checked = await check(f"sqlite:///{file}")
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        size = file.stat().st_size / 2**20
    print(f"{made} events, {size:.0f} MiB: {seconds:.1f} s, {cpu:.1f} s CPU, {grown:.0f} MiB more memory")
    print(checked.result.rpartition(": ")[2])


def multiply(connection: Connection, events: int) -> int:
    """Returns how many events there are then."""
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    counts = {table: newest(connection, table) for table in ("watches", "events", "deliveries", "attempts")}
    for copy in range(1, -(-events // counts["events"])):
        for table, keys in _KEYS.items():
            connection.execute(copying(connection, table, keys, counts, copy))
    last = connection.execute("SELECT max(cursor) FROM events").fetchone()[0]
    connection.execute("UPDATE counters SET value = ? WHERE name = 'cursor'", (last,))
    connection.commit()
    return last


def newest(connection: Connection, table: str) -> int:
    return connection.execute(f"SELECT max({'cursor' if table == 'events' else 'id'}) FROM {table}").fetchone()[0]  # noqa: S608 -- our own names


def copying(connection: Connection, table: str, keys: tuple[str, ...], counts: dict[str, int], copy: int) -> str:
    columns = [str(row[1]) for row in connection.execute(f"PRAGMA table_info({table})")]

    def value(column: str) -> str:
        if column in keys:
            return f'"{column}" + {copy * counts[_APART.get(column, table)]}'
        return f"\"{column}\" || '-{copy}'" if _NAMES.get(table) == column else f'"{column}"'

    key = "cursor" if table == "events" else keys[0]
    chosen = f"{key} <= {counts[_APART.get(key, table)]}"
    return f"INSERT INTO {table} SELECT {', '.join(map(value, columns))} FROM {table} WHERE {chosen}"  # noqa: S608 -- our own names


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
