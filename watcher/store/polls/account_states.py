"""One circuit per account, stored in the row of the source so that all replicas agree."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core.errors import NotFound
from watcher.core.scheduling.intervals import throttled
from watcher.ports import AccountState, EventRecord
from watcher.store.column_types import AnyRow, Instant
from watcher.store.deliveries.events import EventInsert, write_events
from watcher.store.deliveries.ordering import lock_cursor
from watcher.store.engine import Store
from watcher.store.polls.hazard_stats import share_at
from watcher.store.tables import FULL_SHARE, sources

_TOGETHER = timedelta(minutes=1)
_STATE = (
    sources.c.name,
    sources.c.blocked_until,
    sources.c.failing_since,
    sources.c.refused,
    sources.c.failing_recorded,
    sources.c.probe_at,
    sources.c.probes,
    sources.c.last_success_at,
    sources.c.last_error,
)
_STATES = select(*_STATE).where(sources.c.configured)


@dataclass(frozen=True, slots=True)
class SqlAccountStates:
    """`ports.AccountStates`."""

    store: Store

    async def states(self) -> Mapping[str, AccountState]:
        async with self.store.reading() as connection:
            rows = (await connection.execute(_STATES)).all()
        return {row.name: _state(row, self.store.shift) for row in rows}

    async def back_off(self, source: str, now: datetime, until: datetime) -> None:
        """The share shrinks once for all requests that were in progress together."""
        until -= self.store.shift
        asked_less = select(sources.c.share, sources.c.shrunk_at).where(sources.c.name == source).with_for_update()
        async with self.store.transaction() as connection:
            await connection.execute(
                update(sources)
                .where(sources.c.name == source)
                .where(or_(sources.c.blocked_until.is_(None), sources.c.blocked_until < until))
                .values(blocked_until=until)
            )
            row = (await connection.execute(asked_less)).one_or_none()
            if row is not None and (row.shrunk_at is None or now - row.shrunk_at >= _TOGETHER):
                share = round(throttled(share_at(row, now)) * FULL_SHARE)
                shrinking = update(sources).where(sources.c.name == source).values(share=share, shrunk_at=now)
                await connection.execute(shrinking)

    async def open_circuit(
        self, source: str, *, at: datetime, refused: bool, error: str, probe_at: datetime
    ) -> AccountState:
        opening = (
            update(sources)
            .where(sources.c.name == source)
            .values(
                failing_since=func.coalesce(sources.c.failing_since, literal(at, Instant())),
                refused=refused,
                last_error=error,
                probe_at=probe_at - self.store.shift,
            )
            .returning(*_STATE)
        )
        async with self.store.transaction() as connection:
            row = (await connection.execute(opening)).one_or_none()
        if row is None:
            raise NotFound(f"no source {source}")
        return _state(row, self.store.shift)

    async def claim_probe(self, source: str, now: datetime, next_probe_at: datetime) -> bool:
        async with self.store.transaction() as connection:
            here = await self.store.now(connection, now)
            taking = (
                update(sources)
                .where(sources.c.name == source, sources.c.probe_at <= here)
                .values(probe_at=next_probe_at - self.store.shift, probes=sources.c.probes + 1)
            )
            return (await connection.execute(taking)).rowcount == 1

    async def close_circuit(self, source: str, at: datetime, event: EventRecord) -> None:
        """Watches that became due meanwhile keep their order: the longest due goes first, the budget spreads them."""
        async with self.store.transaction() as connection:
            await lock_cursor(connection)
            query = select(sources.c.failing_recorded).where(sources.c.name == source).with_for_update()
            failing_recorded = (await connection.execute(query)).scalar_one_or_none()
            await connection.execute(
                update(sources)
                .where(sources.c.name == source)
                .values(
                    failing_since=None,
                    refused=False,
                    failing_recorded=False,
                    probe_at=None,
                    probes=0,
                    last_error=None,
                    last_success_at=at,
                )
            )
            if failing_recorded:
                await self._record(connection, event)

    async def record_failing(self, source: str, event: EventRecord) -> bool:
        unrecorded = (sources.c.name == source, ~sources.c.failing_recorded, sources.c.failing_since.is_not(None))
        async with self.store.transaction() as connection:
            await lock_cursor(connection)
            marking = update(sources).where(*unrecorded, sources.c.probe_at.is_not(None)).values(failing_recorded=True)
            if (await connection.execute(marking)).rowcount == 0:
                return False
            await self._record(connection, event)
        return True

    async def _record(self, connection: AsyncConnection, event: EventRecord) -> None:
        await write_events(connection, [EventInsert(event, None, event.timestamp - self.store.shift)])


def _state(row: AnyRow, shift: timedelta) -> AccountState:
    return AccountState(
        source=row.name,
        blocked_until=None if row.blocked_until is None else row.blocked_until + shift,
        failing_since=row.failing_since,
        refused=row.refused,
        failing_recorded=row.failing_recorded,
        probe_at=None if row.probe_at is None else row.probe_at + shift,
        probes=row.probes,
        last_success_at=row.last_success_at,
        last_error=row.last_error,
    )
