"""What the page shows besides the lists: totals and statistics, and the health of sources and endpoints."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import cast

from sqlalchemy import BigInteger, and_, func, or_, select, text, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core import json_text
from watcher.core.invoices.event import EventType
from watcher.ports import EndpointHealth, Figures, Item, SourceHealth
from watcher.store.column_types import EPOCH, AnyRow, microseconds
from watcher.store.engine import Store
from watcher.store.queries.backlog import longest_due
from watcher.store.queries.reports import endpoint_state, source_state
from watcher.store.queries.totals import sums
from watcher.store.queries.trends import attempts_by_hour, delay_bands
from watcher.store.schema import WAITING
from watcher.store.tables import deliveries, endpoints, events, snapshots, sources, watches

SOON = timedelta(minutes=15)
DAYS = 14
LONGEST = 8
_DAY = timedelta(days=1)
_DUE_AT = {
    "sqlite": text("json_extract(document, '$.due_at') IS NULL, json_extract(document, '$.due_at'), watches.id"),
    "postgresql": text("CAST(document AS jsonb) ->> 'due_at' NULLS LAST, watches.id"),
}


@dataclass(frozen=True, slots=True)
class SqlDashboard:
    """`ports.Dashboard`."""

    store: Store

    async def figures(self, now: datetime) -> Figures:
        async with self.store.reading() as connection:
            money = await sums(connection, now)
            found = replace(
                await _counted(connection, Figures(money=money.by_status, overdue_money=money.by_age)),
                planned=await _planned(connection, now + SOON - self.store.shift),
                longest_overdue=await _longest_overdue(connection),
            )
            by_state = select(deliveries.c.endpoint, deliveries.c.state, func.count()).group_by(
                deliveries.c.endpoint, deliveries.c.state
            )
            sent = {(name, state): count for name, state, count in await connection.execute(by_state)}
            return replace(
                found,
                due_weeks=money.by_week,
                deliveries=sent,
                events=await _events_by_day(connection, now),
                hours=await attempts_by_hour(connection, now),
                delay_bands=await delay_bands(connection, now),
            )

    async def sources(self, now: datetime) -> tuple[SourceHealth, ...]:
        """Configured sources, and removed ones that are still watched."""
        here = now - self.store.shift
        mine = watches.c.source == sources.c.name
        watched = select(watches.c.id).where(mine, watches.c.origins != "").exists()
        query = (
            select(sources, longest_due(here).label("due_at"))
            .where(or_(sources.c.configured, watched))
            .order_by(sources.c.name)
        )
        async with self.store.reading() as connection:
            return tuple(_source(row, here, self.store.shift) for row in await connection.execute(query))

    async def endpoints(self, now: datetime) -> tuple[EndpointHealth, ...]:
        """Configured endpoints, and removed ones for which something still waits."""
        waits = select(deliveries.c.id).where(deliveries.c.endpoint == endpoints.c.name, WAITING).exists()
        query = select(endpoints).where(or_(endpoints.c.configured, waits)).order_by(endpoints.c.name)
        here = now - self.store.shift
        async with self.store.reading() as connection:
            return tuple(_endpoint(row, here, self.store.shift) for row in await connection.execute(query))


async def _counted(connection: AsyncConnection, figures: Figures) -> Figures:
    """The same figures with the watches and invoices counted."""
    query = (
        select(
            watches.c.source,
            sources.c.configured,
            watches.c.state,
            watches.c.status,
            watches.c.overdue,
            func.count().label("found"),
        )
        .join(sources)
        .where(watches.c.origins != "")
        .group_by(watches.c.source, sources.c.configured, watches.c.state, watches.c.status, watches.c.overdue)
    )
    states: dict[tuple[str, str], int] = {}
    statuses: dict[str, int] = {}
    overdue = 0
    for row in await connection.execute(query):
        count = cast("int", row.found)
        key = (row.source, row.state if row.configured else "orphaned")
        states[key] = states.get(key, 0) + count
        if row.status is not None:
            statuses[row.status] = statuses.get(row.status, 0) + count
        overdue += count if row.overdue else 0
    return replace(figures, watches=states, invoices=statuses, overdue=overdue)


async def _planned(connection: AsyncConnection, until: datetime) -> dict[str, int]:
    asked = select(sources.c.name).where(sources.c.configured, sources.c.enabled)
    due = (watches.c.due_at <= until, watches.c.source.in_(asked))
    query = select(watches.c.source, func.count()).where(*due).group_by(watches.c.source)
    return {name: count for name, count in await connection.execute(query)}  # noqa: C416 - rows are no pairs to dict


async def _longest_overdue(connection: AsyncConnection) -> tuple[Item, ...]:
    newest = and_(snapshots.c.watch_id == watches.c.id, snapshots.c.version == watches.c.version)
    query = (
        select(snapshots.c.document)
        .join(watches, newest)
        .where(watches.c.origins != "", watches.c.overdue)
        .order_by(_DUE_AT[connection.dialect.name])
        .limit(LONGEST)
    )
    return tuple(cast("Item", json_text.read(document)) for document in (await connection.execute(query)).scalars())


async def _events_by_day(connection: AsyncConnection, now: datetime) -> dict[date, int]:
    """Includes days without events, oldest first."""
    today = now.date()
    first = today - (DAYS - 1) * _DAY
    began = EPOCH + (first - EPOCH.date())
    day = type_coerce(events.c.timestamp, BigInteger) // microseconds(_DAY)
    query = (
        select(day.label("day"), func.count().label("found"))
        .where(events.c.timestamp >= began, events.c.type != EventType.TRACKED.value)
        .group_by(text("1"))
    )
    found = {int(row.day): row.found for row in await connection.execute(query)}
    days = [first + number * _DAY for number in range(DAYS)]
    return {one: found.get((one - EPOCH.date()).days, 0) for one in days}


def _source(row: AnyRow, here: datetime, shift: timedelta) -> SourceHealth:
    blocked = row.blocked_until is not None and row.blocked_until > here
    return SourceHealth(
        name=row.name,
        provider=row.provider,
        state=source_state(row),
        behind_since=_by_our_clock(row.due_at, shift),
        failing_since=row.failing_since,
        blocked_until=_by_our_clock(row.blocked_until, shift) if blocked else None,
        last_success_at=row.last_success_at,
        last_error=row.last_error,
    )


def _endpoint(row: AnyRow, here: datetime, shift: timedelta) -> EndpointHealth:
    paused = row.paused_until is not None and row.paused_until > here
    return EndpointHealth(
        name=row.name,
        url=row.url,
        state=endpoint_state(row, here),
        failing_since=row.failing_since,
        paused_until=_by_our_clock(row.paused_until, shift) if paused else None,
        probe_at=_by_our_clock(row.probe_at, shift),
        reason=row.disabled_reason,
    )


def _by_our_clock(at: datetime | None, shift: timedelta) -> datetime | None:
    """An instant of the database's clock as our clock shows it."""
    return None if at is None else at + shift
