"""How far behind the work is: what is due in the database and not done yet."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ScalarSelect, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.ports import EndpointBacklog, SourceBacklog
from watcher.store.column_types import AnyRow
from watcher.store.engine import Store
from watcher.store.schema import WAITING
from watcher.store.tables import deliveries, endpoints, events, sources, watches

_NOTHING = timedelta(0)


@dataclass(frozen=True, slots=True)
class Backlogs:
    """Read at every scrape, so each query uses an index or reads only what waits."""

    store: Store

    async def sources(self, now: datetime) -> tuple[SourceBacklog, ...]:
        """The configured and enabled sources. One that is backed off or failing is not up."""
        query = (
            select(sources.c.name, sources.c.probe_at, sources.c.blocked_until, longest_due(now).label("due_at"))
            .where(sources.c.configured, sources.c.enabled)
            .order_by(sources.c.name)
        )
        async with self.store.reading() as connection:
            return tuple(_source(row, now) for row in await connection.execute(query))

    async def endpoints(self, now: datetime, *, digests: Collection[str] = ()) -> tuple[EndpointBacklog, ...]:
        """The configured endpoints. One that is disabled, or gets only probes, is not up.

        What waits for one of the `digests` counts as old only from when its digest should have been sent.
        """
        waiting = (
            select(deliveries.c.endpoint, func.count().label("waiting"), func.min(deliveries.c.cursor).label("oldest"))
            .where(WAITING)
            .group_by(deliveries.c.endpoint)
            .subquery()
        )
        query = (
            select(endpoints.c.name, endpoints.c.state, endpoints.c.probe_at, waiting.c.waiting, events.c.timestamp)
            .outerjoin(waiting, waiting.c.endpoint == endpoints.c.name)
            .outerjoin(events, events.c.cursor == waiting.c.oldest)
            .where(endpoints.c.configured)
            .order_by(endpoints.c.name)
        )
        async with self.store.reading() as connection:
            backlogs = [_endpoint(row, now) for row in await connection.execute(query)]
            due = {name: await self._digest_due_at(connection, name) for name in digests}
        return tuple(
            replace(one, oldest=max(_NOTHING, now - (due[one.endpoint] or now))) if one.endpoint in due else one
            for one in backlogs
        )

    async def _digest_due_at(self, connection: AsyncConnection, endpoint: str) -> datetime | None:
        instants = [
            at
            for tried in (False, True)
            if (at := await connection.scalar(_DIGEST_DUE_AT, {"endpoint": endpoint, "tried": tried})) is not None
        ]
        return min(instants, default=None)


_DIGEST_DUE_AT = (
    select(deliveries.c.due_at)
    .where(
        deliveries.c.endpoint == bindparam("endpoint"),
        deliveries.c.tried == bindparam("tried"),
        deliveries.c.due_at.is_not(None),
    )
    .order_by(deliveries.c.due_at)
    .limit(1)
)


def longest_due(here: datetime) -> ScalarSelect[datetime | None]:
    """Since when the longest due, unleased watch of the source in the row is due. A single index lookup."""
    unleased = or_(watches.c.lease_ends_at.is_(None), watches.c.lease_ends_at <= here)
    return (
        select(watches.c.due_at)
        .where(watches.c.source == sources.c.name, watches.c.due_at <= here, unleased)
        .order_by(watches.c.due_at)
        .limit(1)
        .scalar_subquery()
    )


def _source(row: AnyRow, now: datetime) -> SourceBacklog:
    is_blocked = row.blocked_until is not None and row.blocked_until > now
    lag = _NOTHING if row.due_at is None else max(_NOTHING, now - row.due_at)
    return SourceBacklog(row.name, is_up=row.probe_at is None and not is_blocked, lag=lag)


def _endpoint(row: AnyRow, now: datetime) -> EndpointBacklog:
    oldest = _NOTHING if row.timestamp is None else max(_NOTHING, now - row.timestamp)
    is_up = row.state == "active" and row.probe_at is None
    return EndpointBacklog(row.name, is_up=is_up, waiting=row.waiting or 0, oldest=oldest)
