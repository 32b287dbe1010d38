"""The queue of deliveries, taken in leases, head of each lane first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, bindparam, case, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core.subscription import Subscription
from watcher.ports import ClaimedDelivery, DeliveryState, Form, Settlement
from watcher.store.codec import AnyRow, AnySelect
from watcher.store.endpoints import sync_endpoints
from watcher.store.engine import Store
from watcher.store.lanes import lock_cursor
from watcher.store.settling import settle
from watcher.store.tables import deliveries, endpoints, events

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class SqlOutbox:
    """`ports.Outbox`."""

    store: Store

    async def claim(self, now: datetime, wanted: Mapping[str, int], lease: timedelta) -> tuple[ClaimedDelivery, ...]:
        claimed: list[AnyRow] = []
        async with self.store.transaction() as connection:
            here = await self.store.now(connection, now)
            for endpoint in await _ready_endpoints(connection, wanted, here):
                claimed += await _lease(connection, endpoint, wanted[endpoint], here, here + lease)
            bodies = await _bodies(connection, claimed)
        ends_at = here + lease + self.store.shift
        return tuple(_claimed(row, bodies[row.id], ends_at) for row in sorted(claimed, key=_order))

    async def settle(self, settlements: Sequence[Settlement]) -> frozenset[int]:
        return await settle(self.store, settlements) if settlements else frozenset()

    async def release(self, deliveries: Sequence[ClaimedDelivery], now: datetime) -> None:
        """Give leases back; the deliveries are due as they were before."""
        del now
        if not deliveries:
            return
        async with self.store.transaction() as connection:
            await lock_cursor(connection)
            await connection.execute(_RELEASE, [{"key": it.key, "held": it.lease} for it in deliveries])

    async def next_attempt_at(self, endpoints: Sequence[str]) -> datetime | None:
        """When `claim` can next give something: the earliest head of a lane, or end of a lease, or of a pause.

        What waits in its lane, is parked, or belongs to a disabled endpoint does not count, so this lies in the past
        only where `claim` has something to give.
        """
        async with self.store.reading() as connection:
            rows = (await connection.execute(_next_due(endpoints))).all()
        instants = [
            due_at if row.paused_until is None else max(due_at, row.paused_until)
            for row in rows
            for due_at in (row.first_at, row.retry_at)
            if due_at is not None
        ]
        return min(instants) + self.store.shift if instants else None

    async def sync_endpoints(
        self, configured: Mapping[str, str], now: datetime, subscriptions: Sequence[Subscription] = ()
    ) -> None:
        await sync_endpoints(self.store, configured, now, subscriptions)


def due_deliveries(endpoint: str, now: datetime, limit: int, *, tried: bool) -> Select[tuple[int]]:
    """The keys of an endpoint's deliveries to send, longest due first: first attempts, or the `tried` ones."""
    return (
        select(deliveries.c.id)
        .where(deliveries.c.endpoint == endpoint, deliveries.c.tried == tried, deliveries.c.due_at <= now)
        .order_by(deliveries.c.due_at, deliveries.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )


_RELEASE = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("key"), deliveries.c.lease == bindparam("held"))
    .values(
        state=DeliveryState.PENDING.value,
        lease=deliveries.c.lease + 1,
        lease_ends_at=None,
        due_at=deliveries.c.next_attempt_at,
    )
)
"""What was planned stands: a lease given back unused changes nothing about the delivery."""


async def _ready_endpoints(connection: AsyncConnection, wanted: Mapping[str, int], now: datetime) -> Sequence[str]:
    names = [name for name, count in wanted.items() if count > 0]
    due = or_(*(_earliest(tried=tried) <= now for tried in (False, True)))
    unpaused = or_(endpoints.c.paused_until.is_(None), endpoints.c.paused_until <= now)
    query = select(endpoints.c.name).where(endpoints.c.name.in_(names), _takes_deliveries(), unpaused, due)
    return (await connection.execute(query.order_by(endpoints.c.name))).scalars().all()


def _takes_deliveries() -> ColumnElement[bool]:
    return and_(endpoints.c.configured, endpoints.c.state == "active")


async def _lease(
    connection: AsyncConnection, endpoint: str, limit: int, now: datetime, ends_at: datetime
) -> list[AnyRow]:
    """First attempts, then retries in what room is left."""
    taken: list[AnyRow] = []
    for tried in (False, True):
        if len(taken) < limit:
            # A CTE with row locks is evaluated once; a plain sub-select may be evaluated again, past its LIMIT.
            keys = due_deliveries(endpoint, now, limit - len(taken), tried=tried).cte("chosen")
            taking = (
                update(deliveries)
                .where(deliveries.c.id.in_(select(keys.c.id)))
                .values(
                    state=DeliveryState.DELIVERING.value,
                    lease=deliveries.c.lease + 1,
                    lease_ends_at=ends_at,
                    due_at=ends_at,
                )
                .returning(deliveries)
            )
            taken += (await connection.execute(taking)).all()
    return taken


async def _bodies(connection: AsyncConnection, claimed: Sequence[AnyRow]) -> dict[int, AnyRow]:
    """Event id and body of each delivery, by the delivery's key."""
    body = case(
        (deliveries.c.form == Form.THIN.value, events.c.thin),
        (deliveries.c.form == Form.TRUNCATED.value, events.c.truncated),
        else_=events.c.full,
    )
    found: dict[int, AnyRow] = {}
    for start in range(0, len(claimed), _CHUNK):
        keys = [row.id for row in claimed[start : start + _CHUNK]]
        query = (
            select(deliveries.c.id, events.c.id.label("event_id"), body.label("body"))
            .join(events, events.c.cursor == deliveries.c.cursor)
            .where(deliveries.c.id.in_(keys))
        )
        found |= {row.id: row for row in await connection.execute(query)}
    return found


def _order(row: AnyRow) -> tuple[bool, datetime, int]:
    return row.tried, row.next_attempt_at, row.cursor


def _claimed(row: AnyRow, sent: AnyRow, ends_at: datetime) -> ClaimedDelivery:
    return ClaimedDelivery(
        key=row.id,
        lease=row.lease,
        endpoint=row.endpoint,
        event_id=sent.event_id,
        event_type=row.event_type,
        body=sent.body,
        attempts=row.attempts,
        lease_ends_at=ends_at,
    )


def _next_due(names: Sequence[str]) -> AnySelect:
    return select(
        endpoints.c.paused_until, _earliest(tried=False).label("first_at"), _earliest(tried=True).label("retry_at")
    ).where(endpoints.c.name.in_(tuple(names)), _takes_deliveries())


def _earliest(*, tried: bool) -> ScalarSelect[Any]:
    """One look at the index: ordered and limited, not min() or EXISTS, for which PostgreSQL may read everything."""
    return (
        select(deliveries.c.due_at)
        .where(
            deliveries.c.endpoint == endpoints.c.name,
            deliveries.c.tried == tried,
            deliveries.c.due_at.is_not(None),
        )
        .order_by(deliveries.c.due_at)
        .limit(1)
        .scalar_subquery()
    )
