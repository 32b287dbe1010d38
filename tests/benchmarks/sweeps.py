"""What lists and batches save: invoices refreshed per second, and requests made per change that was found.

    python -m tests.benchmarks.sweeps [--watches 10000] [--invoices 1000]

Both run the real poller on a real SQLite file. The first asks a server that costs next to nothing, the second the
sandbox, where ten of the invoices are paid between two rounds; without lists the provider's lists are refused. Polls by
id are made for what no list shows (a change itself, if rows are partial or leave the list), and for settled invoices,
which are polled for some time after they were settled. Nothing here is left to chance: two runs make the
same requests.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import aiohttp
from sqlalchemy import func, select

from tests.benchmarks.invoice_server import InvoiceServer, invoice_ids
from tests.benchmarks.polls import bare_loop
from tests.fakes.polling import plan
from watcher import logs
from watcher.clock import SystemClock
from watcher.core.errors import ListRefused
from watcher.core.scheduling.allocation import HazardGroup
from watcher.core.scheduling.intervals import PollRules
from watcher.daemon.bootstrap import collect_rarely
from watcher.polling import Poller, PollStores
from watcher.polling.rate_limit import Spacing
from watcher.ports import DesiredWatch, Page, Provider, RateLimiter, SourceRow
from watcher.providers import PROVIDERS
from watcher.providers.toolkit.kind import Account
from watcher.providers.toolkit.session import open_session
from watcher.sandbox import Bill, Sandbox
from watcher.sandbox.keys import DEMO_KEYS
from watcher.store import SqlAccountStates, SqlListSyncs, SqlPollQueue, SqlWatches, Store, open_store
from watcher.store.tables import events, watches

ROUNDS = 3
ACCOUNTS = 4
"""A list is read page by page: one alone would mostly wait for the network and the disk."""
PAID = 10
SECONDS = 5.0
_JITTER = 0.5
POLL_RULES = PollRules(
    every=timedelta(minutes=10),
    slowest=timedelta(hours=24),
    confirm_deleted=timedelta(minutes=10),
    keep_settled=timedelta(days=90),
)


class _LeapingClock(SystemClock):
    """A round later, everything is due again."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self._ahead

    def leap(self) -> None:
        self._ahead += 1.1 * POLL_RULES.every


def _in_a_round(hazard_group: HazardGroup, now: datetime, jitter: float) -> datetime:
    del hazard_group, jitter
    return now + POLL_RULES.every


class _Counted:
    """A provider whose list pages are counted, or refused."""

    def __init__(self, provider: Provider, *, lists: bool) -> None:
        self._provider = provider
        self._lists = lists
        self.lists_changes = lists and provider.lists_changes
        self.pages = 0
        self.fetch = provider.fetch
        self.probe = provider.probe
        self.to_invoice = provider.to_invoice
        self.renew_token = provider.renew_token

    @property
    def batch_size(self) -> int:
        return self._provider.batch_size

    async def list_page(self, page: str | None, limiter: RateLimiter, *, changed_since: datetime | None = None) -> Page:
        if not self._lists:
            raise ListRefused("measured without lists")
        self.pages += 1
        return await self._provider.list_page(page, limiter, changed_since=changed_since)


class _Bench:
    """Sources with their watches in a database of its own."""

    def __init__(self, store: Store, session: aiohttp.ClientSession, clock: _LeapingClock) -> None:
        self._store = store
        self._session = session
        self._clock = clock
        self._poller = Poller(
            PollStores(SqlPollQueue(store), SqlAccountStates(store), SqlListSyncs(store)),
            self._clock,
            lambda: _JITTER,
            on_events=lambda: None,
            on_heartbeat=lambda _: None,
        )

    def provider(self, name: str, base_url: str, token_url: str, *, lists: bool) -> _Counted:
        kind = PROVIDERS[name]
        options = {"token_url": token_url} if kind.options else {}
        made = Account(name, base_url, ZoneInfo(kind.timezone), timedelta(seconds=30), DEMO_KEYS[name], options)
        provider = kind.build(made, self._session, self._clock, lambda: _JITTER)
        return _Counted(provider, lists=lists)

    async def round(self, *providers: Provider) -> int:
        """Refresh all that is due, what missed its send instant too; how many were refreshed."""
        plans = [
            plan(one, name=name, spacing=Spacing.of(10_000), poll_rules=POLL_RULES, regular=_in_a_round)
            for name, one in zip(_names(len(providers)), providers, strict=True)
        ]
        self._poller.configure({one.name: one for one in plans})
        before = self._poller.recorder.polled
        while await self._is_due():
            await self._poller.run_once()
        self._clock.leap()
        return self._poller.recorder.polled - before

    async def _is_due(self) -> bool:
        due = select(watches.c.id).where(watches.c.due_at <= self._clock.now()).limit(1)
        async with self._store.reading() as connection:
            return (await connection.execute(due)).first() is not None

    async def changes(self) -> int:
        paid = select(func.count()).where(events.c.type == "invoice.paid")
        async with self._store.reading() as connection:
            return int(str((await connection.execute(paid)).scalar_one()))


def _names(accounts: int) -> list[str]:
    return [f"bench_{number}" for number in range(accounts)]


async def _opened(opened: AsyncExitStack, ids: Sequence[str], clock: _LeapingClock, *, accounts: int = 1) -> _Bench:
    """Each account with these ids."""
    folder = opened.enter_context(tempfile.TemporaryDirectory())
    store = await opened.enter_async_context(open_store(f"sqlite:///{Path(folder) / 'bench.db'}", create=True))
    session = await opened.enter_async_context(open_session())
    wanted, now = SqlWatches(store), datetime.now(UTC)
    names = _names(accounts)
    await wanted.sync_sources([SourceRow(name, "bench") for name in names], now)
    await wanted.import_entries([DesiredWatch(name, one) for name in names for one in ids], "cli", now)
    return _Bench(store, session, clock)


async def _per_second(server: InvoiceServer, name: str, ids: Sequence[str], *, lists: bool) -> tuple[float, float]:
    """Invoices refreshed per second where nothing has changed, and requests made per second."""
    async with AsyncExitStack() as opened:
        bench = await _opened(opened, ids, _LeapingClock(), accounts=ACCOUNTS)
        made = [bench.provider(name, server.url, f"{server.url}/token", lists=lists) for _ in range(ACCOUNTS)]
        await bench.round(*made)
        collect_rarely()  # as the daemon does
        started, asked = time.perf_counter(), server.answered
        refreshed = sum([await bench.round(*made) for _ in range(ROUNDS)])
        taken = time.perf_counter() - started
        return refreshed / taken, (server.answered - asked) / taken


def throughput(count: int) -> None:
    ids = invoice_ids(count // ACCOUNTS)
    with InvoiceServer(len(ids)) as server:
        asyncio.run(bare_loop(server.url, ids, 1))  # until its process has started
        bare = asyncio.run(bare_loop(server.url, ids, SECONDS))
        print(f"bare loop {bare:.0f} invoices/s, one GET each; the poller has {ACCOUNTS} accounts of {len(ids)} each")
        for words, name, lists in (
            ("meteroid, one GET each", "meteroid", False),
            ("meteroid, list pages of 100", "meteroid", True),
            ("fragment, batch-get of 200", "fragment", False),
        ):
            refreshed, requests = asyncio.run(_per_second(server, name, ids, lists=lists))
            ratio = refreshed / bare
            print(f"{words}: {refreshed:.0f} invoices/s, {requests:.0f} requests/s, {ratio:.2f} of the bare loop")


def _bill(sandbox: Sandbox, name: str, number: int) -> Bill:
    ids: dict[str, Callable[[int], str]] = {
        "meteroid": lambda one: f"inv_{one:07d}",
        "rapyd": lambda one: f"invoice_{one:032x}",
        "fragment": lambda one: f"order {one}",
    }
    return sandbox.ledger.create(name, ids.get(name, str)(number), "EUR", 1000, date(2036, 1, 31))


@dataclass(frozen=True, slots=True)
class _Spent:
    pages: int
    requests: int
    changes: int

    @property
    def words(self) -> str:
        by_id = self.requests - self.pages
        return (
            f"{self.requests / max(1, self.changes):6.1f} requests a change "
            f"({self.pages} pages + {by_id} by id, {self.changes} changes)"
        )


async def _per_change(name: str, count: int, *, lists: bool) -> _Spent:
    """What was spent and found in the rounds after the first."""
    async with AsyncExitStack() as opened:
        clock = _LeapingClock()
        sandbox = await opened.enter_async_context(Sandbox(clock))
        bills = [_bill(sandbox, name, number) for number in range(1, count + 1)]
        bench = await _opened(opened, [bill.id for bill in bills], clock)
        provider = bench.provider(name, sandbox.base_urls[name], sandbox.token_url, lists=lists)
        await bench.round(provider)
        asked, pages = len(sandbox.requests), provider.pages
        for number in range(ROUNDS):
            for bill in bills[number * PAID : (number + 1) * PAID]:
                sandbox.ledger.pay(bill)
            await bench.round(provider)
        return _Spent(provider.pages - pages, len(sandbox.requests) - asked, await bench.changes())


def requests_per_change(count: int) -> None:
    print(f"\n{count} open invoices, {PAID} of them paid before each of {ROUNDS} rounds")
    for name in PROVIDERS:
        for lists in (False, True):
            spent = asyncio.run(_per_change(name, count, lists=lists))
            print(f"  {name:<10} {'with lists' if lists else 'without':<10} {spent.words}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--watches", type=int, default=10_000)
    parser.add_argument("--invoices", type=int, default=1000)
    chosen = parser.parse_args()
    with tempfile.TemporaryFile("w") as log:
        logs.configure("info", "json", log)
        throughput(chosen.watches)
        requests_per_change(chosen.invoices)


if __name__ == "__main__":
    main()
