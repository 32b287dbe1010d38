"""Where the time of a poll goes: the real poller on a real SQLite file, with a stopwatch at each port."""

import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import anyio

from tests.fakes.polling import plan
from watcher import logs
from watcher.clock import SystemClock, system_random
from watcher.core.invoices.invoice import Invoice, Snapshot
from watcher.core.json_text import Document
from watcher.daemon.bootstrap import collect_rarely
from watcher.polling import Poller, PollStores
from watcher.polling.rate_limit import Spacing
from watcher.ports import (
    NOTHING_KNOWN,
    Claim,
    ClaimRequest,
    DesiredWatch,
    Fetched,
    Known,
    PollRecord,
    Provider,
    RateLimiter,
    SourceRow,
)
from watcher.providers import PROVIDERS
from watcher.providers.toolkit.kind import Account
from watcher.providers.toolkit.session import open_session
from watcher.store import SqlAccountStates, SqlListSyncs, SqlPollQueue, SqlWatches, open_store

_SOURCE = "bench"


class Stopwatch:
    """Seconds by stage. Requests overlap, so those of `fetch` are spread over all that are under way."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.polls = 0
        self._under_way = 0
        self._since = 0.0

    def add(self, stage: str, seconds: float) -> None:
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds

    def enter(self) -> None:
        if self._under_way == 0:
            self._since = time.perf_counter()
        self._under_way += 1

    def leave(self) -> None:
        self._under_way -= 1
        if self._under_way == 0:
            self.add("fetch", time.perf_counter() - self._since)


@dataclass(frozen=True)
class _TimedQueue(SqlPollQueue):
    stopwatch: Stopwatch

    async def claim(self, now: datetime, requests: Sequence[ClaimRequest], lease: timedelta) -> tuple[Claim, ...]:
        started = time.perf_counter()
        claims = await super().claim(now, requests, lease)
        self.stopwatch.add("claim", time.perf_counter() - started)
        return claims

    async def record(self, records: Sequence[PollRecord], successes: Mapping[str, datetime]) -> frozenset[int]:
        started = time.perf_counter()
        lost = await super().record(records, successes)
        self.stopwatch.add("record", time.perf_counter() - started)
        self.stopwatch.polls += len(records)
        return lost


class _TimedProvider:
    def __init__(self, provider: Provider, stopwatch: Stopwatch) -> None:
        self._provider = provider
        self._stopwatch = stopwatch
        self.batch_size = provider.batch_size
        self.probe = provider.probe
        self.renew_token = provider.renew_token
        self.list_page = provider.list_page
        self.lists_changes = provider.lists_changes

    async def fetch(self, ids: Sequence[str], limiter: RateLimiter, known: Known = NOTHING_KNOWN) -> Fetched:
        self._stopwatch.enter()
        try:
            return await self._provider.fetch(ids, limiter, known)
        finally:
            self._stopwatch.leave()

    def to_invoice(self, document: Document, before: Snapshot | None) -> Invoice:
        started = time.perf_counter()
        invoice = self._provider.to_invoice(document, before)
        self._stopwatch.add("to_invoice", time.perf_counter() - started)
        return invoice


def measure_stages(url: str, ids: Sequence[str]) -> Mapping[str, Mapping[str, float]]:
    """Microseconds a poll by stage, of a first round (everything is new) and a second (nothing has changed).

    The stages overlap; `whole` is the wall clock of the round.
    """
    return anyio.run(_measure, url, ids)


async def _measure(url: str, ids: Sequence[str]) -> Mapping[str, Mapping[str, float]]:
    async with AsyncExitStack() as opened:
        folder = opened.enter_context(tempfile.TemporaryDirectory())
        log = opened.enter_context((Path(folder) / "log").open("w"))
        logs.configure("info", "json", log)
        store = await opened.enter_async_context(open_store(f"sqlite:///{Path(folder) / 'bench.db'}", create=True))
        session = await opened.enter_async_context(open_session())
        clock, now = SystemClock(), SystemClock().now()
        account = Account(_SOURCE, url, ZoneInfo("UTC"), timedelta(seconds=15), {"api_key": "pv_sand_bench/key"})
        provider = PROVIDERS["meteroid"].build(account, session, clock, system_random)
        watches = SqlWatches(store)
        await watches.sync_sources([SourceRow(_SOURCE, "meteroid")], now)
        await watches.apply_lists([DesiredWatch(_SOURCE, one) for one in ids], now, confirmed=True)
        rounds: dict[str, Mapping[str, float]] = {}
        for name in ("first poll", "unchanged"):
            stopwatch = Stopwatch()
            timed = plan(name=_SOURCE, provider=_TimedProvider(provider, stopwatch), spacing=Spacing.of(10_000))
            poller = Poller(
                PollStores(_TimedQueue(store, stopwatch), SqlAccountStates(store), SqlListSyncs(store)),
                clock,
                system_random,
                on_events=lambda: None,
                on_heartbeat=lambda _: None,
            )
            poller.configure({_SOURCE: timed})
            collect_rarely()  # as the daemon does
            for one in ids:
                await watches.request_poll(_SOURCE, one, clock.now())
            started = time.perf_counter()
            await poller.run_once()
            stopwatch.add("whole", time.perf_counter() - started)
            rounds[name] = {
                stage: seconds * 1_000_000 / stopwatch.polls for stage, seconds in stopwatch.seconds.items()
            }
        return rounds
