"""The poller as the service builds it, on a real database, with a clock that a test moves and a scripted provider."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

import anyio
import anyio.to_thread
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.fakes.clock import FakeClock, quiet
from tests.fakes.polling import MIDDLE, ScriptedProvider, plan
from watcher.core import json_text
from watcher.core.errors import StoreUnavailable
from watcher.metrics import Metrics
from watcher.polling import Poller, PollStores, SourcePlan
from watcher.ports import DesiredWatch, SourceRow
from watcher.store import SqlAccountStates, SqlListSyncs, SqlPollQueue, SqlWatches, Store
from watcher.store.column_types import AnyRow
from watcher.store.tables import events, sources, watches


class WatchedStore(Store):
    """A store that knows whether somebody works in it, and that can be unavailable for a while."""

    busy = 0
    is_away = False
    before_commit: Callable[[], None] | None = None
    """Called once, with the next transaction that writes."""

    @asynccontextmanager
    async def _begun(self, *, writing: bool) -> AsyncGenerator[AsyncConnection]:
        if self.is_away:
            raise StoreUnavailable("the database is away")
        self.busy += 1
        try:
            async with super()._begun(writing=writing) as connection:
                yield connection
                if writing and self.before_commit is not None:
                    self.before_commit()
                    self.before_commit = None
        finally:
            self.busy -= 1

    @classmethod
    def of(cls, store: Store) -> "WatchedStore":
        return cls(**{field.name: getattr(store, field.name) for field in fields(store)})


class Scene:
    """`provider` and `plan` are those of the source "acme"."""

    def __init__(self, store: Store, clock: FakeClock | None = None, provider: ScriptedProvider | None = None) -> None:
        self.store = WatchedStore.of(store)
        self.clock = clock or FakeClock()
        self.provider = provider or ScriptedProvider(self.clock)
        self.plan: SourcePlan = plan(self.provider)
        self.watches = SqlWatches(self.store)
        self.turns: list[str] = []
        self.metrics = Metrics()
        self.notified = 0
        self._is_configured = False
        self._is_working = False
        self.poller = Poller(
            PollStores(SqlPollQueue(self.store), SqlAccountStates(self.store), SqlListSyncs(self.store)),
            self.clock,
            lambda: MIDDLE,
            on_events=self._notified,
            on_heartbeat=self.turns.append,
            observer=self.metrics,
        )

    async def watch(self, *ids: str, source: str = "acme") -> None:
        await self.watches.sync_sources([SourceRow("acme", "meteroid"), SourceRow("other", "dollr")], self.clock.now())
        await self.watches.import_entries([DesiredWatch(source, one) for one in ids], "cli", self.clock.now())

    def configure(self, *others: SourcePlan, **changed: object) -> None:
        self._is_configured = True
        self.plan = plan(self.provider, **changed)  # pyright: ignore[reportArgumentType] -- the fields a test names
        self.poller.configure({one.name: one for one in (self.plan, *others)})

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """The poller at work; at the end it is stopped as the service stops it, and ends by itself."""
        if not self._is_configured:
            self.configure()
        async with anyio.create_task_group() as group:
            group.start_soon(self._work, self.poller.run)
            await self.rest()
            yield
            self.poller.stop()
            await self._until_ended()

    async def run_once(self) -> None:
        """`run --once`, with time passing as long as it works."""
        await self.at_work(self.poller.run_once)

    async def at_work(self, work: Callable[[], Awaitable[object]]) -> None:
        """Until it ends by itself."""
        if not self._is_configured:
            self.configure()
        async with anyio.create_task_group() as group:
            group.start_soon(self._work, work)
            await self._until_ended()

    async def elapse(self, **period: float) -> None:
        await self.clock.elapse(timedelta(**period), self.rest)

    async def rest(self) -> None:
        """Until nobody works: not in the event loop, and not in the database, which has threads of its own."""
        await quiet()
        while self.store.busy or anyio.to_thread.current_default_thread_limiter().borrowed_tokens:
            await quiet()

    async def recorded(self) -> list[str]:
        """The types of all events so far, without the baselines."""
        return [row.type for row in await self._all(select(events.c.type, events.c.cursor).order_by(events.c.cursor))
                if row.type != "invoice.tracked"]  # fmt: skip

    async def leased(self) -> list[str]:
        """The sources of the watches that somebody has."""
        return [
            row.source for row in await self._all(select(watches.c.source).where(watches.c.lease_ends_at.is_not(None)))
        ]

    async def bodies(self) -> list[Mapping[str, Any]]:
        rows = await self._all(select(events.c.full).order_by(events.c.cursor))
        return [json_text.read(row.full) for row in rows]  # pyright: ignore[reportReturnType] -- they are objects

    async def row(self, invoice_id: str) -> AnyRow:
        (found,) = await self._all(select(watches).where(watches.c.invoice_id == invoice_id))
        return found

    async def source(self, name: str = "acme") -> AnyRow:
        (found,) = await self._all(select(sources).where(sources.c.name == name))
        return found

    @property
    def sent_at(self) -> list[datetime]:
        return [at for at, _ in self.provider.asked]

    async def _all(self, query: Any) -> list[AnyRow]:  # noqa: ANN401 -- any SELECT
        async with self.store.reading() as connection:
            return list((await connection.execute(query)).all())

    def _notified(self) -> None:
        self.notified += 1

    async def _work(self, work: Callable[[], Awaitable[object]]) -> None:
        self._is_working = True
        try:
            await work()
        finally:
            self._is_working = False

    async def _until_ended(self) -> None:
        await self.rest()
        while self._is_working:
            await self.elapse(seconds=1)
