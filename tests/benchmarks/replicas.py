"""Polls and deliveries per second of 1, 2 and 3 replicas on one PostgreSQL, and whose CPU that takes.

    python -m tests.benchmarks.replicas [--replicas 1 2 3] [--invoices 6000] [--seconds 8]

The replicas are `run` as a user starts it. PostgreSQL is a throw-away cluster with its defaults, so that a commit is
on the disk, and the server that answers is another process: all share the cores of this machine. Polls find nothing
new. Deliveries were recorded before, three of each event; they wait at disabled endpoints until all replicas are ready.
The bare loop runs before and after each measurement, since machines are shared. What one invoice takes in the tables is
after its first poll, with their indexes.
"""

import argparse
import asyncio
import os
import platform
import tempfile
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from multiprocessing import active_children
from pathlib import Path
from statistics import mean

import anyio

from tests.benchmarks.cpu import cpu_seconds, postmaster
from tests.benchmarks.delivering import body_of
from tests.fakes import stored
from tests.fakes.postgresql import ON_DISK, cluster
from watcher.cli.commands.bench import bare_loops, site
from watcher.cli.commands.bench.measuring import Service, Throughput, running
from watcher.clock import SystemClock
from watcher.ports import Form, SourceRow
from watcher.sandbox.load_server import LoadServer, invoice_ids
from watcher.store import SqlEndpoints, SqlPollQueue, SqlWatches, Store, open_store, throwaway_database

_ENDPOINTS = 20
_FAN_OUT = 3
_BATCH = 500
_LONGEST_SECONDS = 30
_WARM_UP_SECONDS = 2
_BARE_SECONDS = 1.5
_LEAST_BYTES = 200_000
"""Smaller tables do not grow with invoices."""
_MOST_DELIVERED = 0.9
"""Of what waits: with the last ones some replica has nothing left to do."""


@dataclass(frozen=True, slots=True)
class Measured:
    """`daemons`, `postgresql` and `server` are shares of one core, `bare` is requests a second of the bare loop."""

    what: str
    replicas: int
    per_second: float
    bare: float
    daemons: float
    postgresql: float
    server: float


class Bench:
    def __init__(self, store: Store, url: str, postgresql: int, server: LoadServer, ids: Sequence[str]) -> None:
        self._store, self._url, self._server, self._ids = store, url, server, ids
        self._others = postgresql, next(one.pid or 0 for one in active_children())
        self._round = 0

    async def polls(self, replicas: int, seconds: float) -> Measured:
        bare = await self._bare_gets()
        async with self._running(replicas, polls=True) as services:
            begun = self._server.polls
            await services[0].until(lambda: self._server.polls > begun, _LONGEST_SECONDS)
            await anyio.sleep(_WARM_UP_SECONDS)
            found = await self._measured("polls", services, lambda: self._server.polls, seconds=seconds)
        return replace(found, bare=(bare + await self._bare_gets()) / 2)

    async def first_polls(self) -> Measured:
        bare = await self._bare_gets()
        async with self._running(1, polls=True) as services:
            begun = self._server.polls
            await services[0].until(lambda: self._server.polls > begun, _LONGEST_SECONDS)
            until = begun + len(self._ids)
            found = await self._measured("first polls", services, lambda: self._server.polls, until=until)
        return replace(found, bare=(bare + await self._bare_gets()) / 2)

    async def deliveries(self, replicas: int) -> Measured:
        await self._disable_endpoints()
        await self._record_events()
        bare = await self._bare_posts()
        async with self._running(replicas, polls=False) as services:
            begun = self._server.webhooks
            waiting = await site.enable_endpoints(self._store)
            await services[0].until(lambda: self._server.webhooks > begun, _LONGEST_SECONDS)
            until = begun + int(waiting * _MOST_DELIVERED)
            found = await self._measured("deliveries", services, lambda: self._server.webhooks, until=until)
            await services[0].until(lambda: self._server.webhooks >= begun + waiting, _LONGEST_SECONDS)
        return replace(found, bare=(bare + await self._bare_posts()) / 2)

    async def _bare_gets(self) -> float:
        return await bare_loops.gets_per_second(self._server.url, self._ids, _BARE_SECONDS)

    async def _bare_posts(self) -> float:
        return await bare_loops.posts_per_second(self._server.url, body_of(0), _BARE_SECONDS)

    async def _measured(
        self,
        what: str,
        services: Sequence[Service],
        count: Callable[[], int],
        *,
        until: int | None = None,
        seconds: float = _LONGEST_SECONDS,
    ) -> Measured:
        found: list[Throughput] = []
        before, began = [cpu_seconds(pid) for pid in self._others], anyio.current_time()

        async def measure(service: Service) -> None:
            found.append(await service.throughput(count, until=until, seconds=seconds))

        async with anyio.create_task_group() as group:
            for service in services:
                group.start_soon(measure, service)
        passed = anyio.current_time() - began
        shares = [(cpu_seconds(pid) - spent) / passed for pid, spent in zip(self._others, before, strict=True)]
        rate = mean(one.per_second for one in found)
        return Measured(what, len(services), rate, 0, sum(one.cpu_share or 0 for one in found), *shares)

    @asynccontextmanager
    async def _running(self, replicas: int, *, polls: bool) -> AsyncGenerator[Sequence[Service]]:
        """So many replicas, all of them with a heartbeat."""
        async with AsyncExitStack() as stack:
            services: list[Service] = []
            for _ in range(replicas):
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                config = site.write_config(folder, self._url, self._server.url, polls=polls)
                services.append(await stack.enter_async_context(running(config)))
            with anyio.fail_after(_LONGEST_SECONDS):
                while await self._active() < replicas:  # noqa: ASYNC110 -- other processes are watched
                    await anyio.sleep(0.1)
            yield services

    async def _active(self) -> int:
        async with self._store.reading() as connection:
            query = "SELECT count(*) FROM replicas WHERE state = 'active'"
            return int((await connection.exec_driver_sql(query)).scalar_one())

    async def stored_bytes(self) -> dict[str, int]:
        """Of one invoice, by table."""
        query = "SELECT relname, pg_total_relation_size(relid) AS size FROM pg_stat_user_tables ORDER BY size DESC"
        async with self._store.reading() as connection:
            rows = (await connection.exec_driver_sql(query)).all()
        return {row.relname: row.size // len(self._ids) for row in rows if row.size > _LEAST_BYTES}

    async def _disable_endpoints(self) -> None:
        for number in range(_ENDPOINTS):
            await SqlEndpoints(self._store).disable(f"e{number:02d}", "operator", SystemClock().now())

    async def _record_events(self) -> None:
        """One of each invoice, by the real transaction."""
        self._round += 1
        now, queue = SystemClock().now(), SqlPollQueue(self._store)
        await SqlWatches(self._store).sync_sources([SourceRow(site.SOURCE, "meteroid")], now)
        wanted = replace(stored.request(site.SOURCE, requests=len(self._ids)), interval=timedelta(0))
        wanted = replace(wanted, horizon=now + timedelta(days=1))
        claims = await queue.claim(now + timedelta(days=1), [wanted], timedelta(days=1))
        claimed = [one for claim in claims for one in claim.watches]
        assert len(claimed) == len(self._ids)
        for start in range(0, len(claimed), _BATCH):
            batch = enumerate(claimed[start : start + _BATCH], start)
            records = [stored.polled(one, now, self._change(number)) for number, one in batch]
            await queue.record([replace(one, poll_at=now) for one in records], {})

    def _change(self, number: int) -> stored.Change:
        chosen = [f"e{(number + place * _ENDPOINTS // _FAN_OUT) % _ENDPOINTS:02d}" for place in range(_FAN_OUT)]
        event = stored.event(f"evt_{self._round}_{number}", "invoice.updated", *chosen, source=site.SOURCE)
        return stored.change(replace(event, bodies={Form.FULL: body_of(number)}), version=self._round + 1)


async def measured(counts: Sequence[int], invoices: int, seconds: float) -> None:
    async with AsyncExitStack() as opened:
        server = opened.enter_context(LoadServer())
        postgresql = opened.enter_context(cluster(ON_DISK))
        url = await opened.enter_async_context(throwaway_database(postgresql))
        store = await opened.enter_async_context(open_store(url, create=True))
        ids = invoice_ids(invoices)
        await site.watch(store, ids, server.url)
        async with store.reading() as connection:
            version = str((await connection.exec_driver_sql("SHOW server_version")).scalar_one()).split()[0]
        print(
            f"Python {platform.python_version()}, PostgreSQL {version}, {os.cpu_count()} cores, {invoices} invoices\n"
        )
        print("             replicas  a second  bare loop  ratio   of a core: daemons  PostgreSQL  server", end="")
        print("   CPU each: daemons  PostgreSQL")
        bench = Bench(store, url, postmaster(postgresql), server, ids)
        _print(await bench.first_polls())
        stored_bytes = await bench.stored_bytes()
        for count in counts:
            _print(await bench.polls(count, seconds))
        for count in counts:
            _print(await bench.deliveries(count))
        print("\nbytes of an invoice: " + ", ".join(f"{name} {size}" for name, size in stored_bytes.items()))


def _print(row: Measured) -> None:
    each = [share / row.per_second * 1e6 for share in (row.daemons, row.postgresql)]
    print(
        f"{row.what:<12} {row.replicas:8d} {row.per_second:9,.0f}  {row.bare:9,.0f}  {row.per_second / row.bare:5.2f}"
        f"{row.daemons:20.0%} {row.postgresql:11.0%} {row.server:7.0%} {each[0]:17.0f} µs {each[1]:8.0f} µs",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--invoices", type=int, default=6000)
    parser.add_argument("--seconds", type=float, default=8, help="of polls that are measured")
    chosen = parser.parse_args()
    asyncio.run(measured(chosen.replicas, chosen.invoices, chosen.seconds))


if __name__ == "__main__":
    main()
