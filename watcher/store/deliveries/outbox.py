"""The queue of deliveries: claimed in leases, the head of each lane first."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ScalarSelect, bindparam, case, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.clock import Random, system_random
from watcher.core.webhooks.subscription import Subscription
from watcher.ports import UNLIMITED, ClaimedDelivery, DeliveryState, EndpointLimit, Form, Settlement
from watcher.store.column_types import AnyRow, AnySelect
from watcher.store.deliveries.claim import HERE, NAMED, LeaseTerms, lease_due
from watcher.store.deliveries.endpoint_limits import room_within, take_slots
from watcher.store.deliveries.endpoints import sync_endpoints
from watcher.store.deliveries.ordering import lock_cursor, realign
from watcher.store.deliveries.settle import settle
from watcher.store.engine import Store
from watcher.store.tables import deliveries, endpoints, events

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class SqlOutbox:
    """`ports.Outbox`."""

    store: Store
    random: Random = system_random

    async def claim(
        self,
        now: datetime,
        wanted: Mapping[str, int],
        lease: timedelta,
        limits: Mapping[str, EndpointLimit] = UNLIMITED,
    ) -> tuple[ClaimedDelivery, ...]:
        shared = bool(limits) and not self.store.is_sqlite
        async with self.store.transaction() as connection:
            here = await self.store.now(connection, now)
            ready = {row.name: row for row in await _ready_endpoints(connection, wanted, here, lock=shared)}
            rows, terms = tuple(ready.values()), LeaseTerms(here, here + lease, self.store.replica)
            room = await room_within(connection, rows, wanted, limits, here) if shared and rows else wanted
            claimed = await lease_due(connection, rows, room, terms)
            if shared and claimed:
                await take_slots(connection, rows, Counter(row.endpoint for row in claimed), limits, here)
            bodies = await bodies_of(connection, claimed)
        await self._end_overtaken([row for row in claimed if row.overtaken])
        ends_at = here + lease + self.store.shift
        return tuple(
            _claimed(row, bodies[row.id], ends_at, probe=ready[row.endpoint].probe_at is not None)
            for row in sorted(claimed, key=_order)
            if not row.overtaken
        )

    async def settle(self, settlements: Sequence[Settlement]) -> frozenset[int]:
        return await settle(self.store, settlements, self.random) if settlements else frozenset()

    async def release(self, deliveries: Sequence[ClaimedDelivery], now: datetime) -> None:
        """Give leases back; the deliveries are due as before, and superseded ones end with their lease."""
        del now
        if not deliveries:
            return
        async with self.store.transaction() as connection:
            await lock_cursor(connection)
            await connection.execute(_RELEASE, [{"key": it.key, "held": it.lease} for it in deliveries])

    async def next_attempt_at(self, endpoints: Sequence[str]) -> datetime | None:
        """When `claim` can next return something: the earliest head of a lane, or end of a lease or pause.

        What waits in its lane, is parked, or belongs to a disabled endpoint does not count, so this lies in the past
        only if `claim` has something to return.
        """
        async with self.store.reading() as connection:
            rows = (await connection.execute(_EARLIEST, {"names": endpoints})).all()
        instants = [
            max(at for at in (due_at, row.paused_until, row.probe_at) if at is not None)
            for row in rows
            for due_at in (row.first_at, row.retry_at)
            if due_at is not None
        ]
        return min(instants) + self.store.shift if instants else None

    async def sync_endpoints(
        self, configured: Mapping[str, str], now: datetime, subscriptions: Sequence[Subscription] = ()
    ) -> None:
        await sync_endpoints(self.store, configured, now, subscriptions)

    async def _end_overtaken(self, rows: Sequence[AnyRow]) -> None:
        """End deliveries that were superseded during an attempt whose dispatcher never settled it.

        In a transaction of its own: a claim does not wait for the lock that moving lanes takes.
        """
        if rows:
            async with self.store.transaction() as connection:
                await lock_cursor(connection)
                await end_overtaken(connection, rows)


async def end_overtaken(connection: AsyncConnection, rows: Sequence[AnyRow]) -> None:
    """The transaction has to begin with `lock_cursor`."""
    if rows:
        await connection.execute(_END_OVERTAKEN, [{"key": row.id, "held": row.lease} for row in rows])
        await realign(connection, (row.watch_id for row in rows if row.watch_id is not None))


_RELEASE = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("key"), deliveries.c.lease == bindparam("held"), ~deliveries.c.overtaken)
    .values(
        state=DeliveryState.PENDING.value,
        lease=deliveries.c.lease + 1,
        lease_ends_at=None,
        due_at=deliveries.c.next_attempt_at,
    )
)
"""The plan stays: a lease that is given back unused changes nothing about the delivery."""

_END_OVERTAKEN = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("key"), deliveries.c.lease == bindparam("held"))
    .values(
        state=DeliveryState.SUPERSEDED.value,
        lease=deliveries.c.lease + 1,
        lease_ends_at=None,
        due_at=None,
        overtaken=False,
    )
)


async def _ready_endpoints(
    connection: AsyncConnection, wanted: Mapping[str, int], now: datetime, *, lock: bool
) -> Sequence[AnyRow]:
    names = [name for name, count in wanted.items() if count > 0]
    return (await connection.execute(READY_LOCKED if lock else READY, {"names": names, "here": now})).all()


async def bodies_of(connection: AsyncConnection, claimed: Sequence[AnyRow]) -> dict[int, AnyRow]:
    """Event id and body of each delivery, by the delivery's key."""
    found: dict[int, AnyRow] = {}
    for start in range(0, len(claimed), _CHUNK):
        keys = [row.id for row in claimed[start : start + _CHUNK]]
        found |= {row.id: row for row in await connection.execute(_BODIES, {"keys": keys})}
    return found


_BODY = case(
    (deliveries.c.form.in_((Form.THIN.value, Form.CLOUDEVENTS_THIN.value)), events.c.thin),
    (deliveries.c.form.in_((Form.TRUNCATED.value, Form.CLOUDEVENTS_TRUNCATED.value)), events.c.truncated),
    else_=events.c.full,
)
_BODIES = (
    select(deliveries.c.id, deliveries.c.form, events.c.id.label("event_id"), _BODY.label("body"))
    .join(events, events.c.cursor == deliveries.c.cursor)
    .where(deliveries.c.id.in_(bindparam("keys", expanding=True)))
)


def _order(row: AnyRow) -> tuple[bool, datetime, int]:
    return row.tried, row.next_attempt_at, row.cursor


def _claimed(row: AnyRow, sent: AnyRow, ends_at: datetime, *, probe: bool) -> ClaimedDelivery:
    return ClaimedDelivery(
        key=row.id,
        lease=row.lease,
        endpoint=row.endpoint,
        event_id=sent.event_id,
        event_type=row.event_type,
        body=sent.body,
        attempts=row.attempts,
        lease_ends_at=ends_at,
        probe=probe,
        form=Form(sent.form),
    )


def _earliest(*, tried: bool) -> ScalarSelect[Any]:
    """A single index lookup: ordered and limited, because PostgreSQL may read everything for min() or EXISTS."""
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


_FIRST_AT, _RETRY_AT = _earliest(tried=False), _earliest(tried=True)
_EARLIEST: AnySelect = select(
    endpoints.c.name,
    endpoints.c.paused_until,
    endpoints.c.probe_at,
    endpoints.c.next_slot_at,
    _FIRST_AT.label("first_at"),
    _RETRY_AT.label("retry_at"),
).where(NAMED, endpoints.c.configured, or_(endpoints.c.state == "active", endpoints.c.probe_at.is_not(None)))
READY = _EARLIEST.where(
    or_(endpoints.c.paused_until.is_(None), endpoints.c.paused_until <= HERE),
    or_(endpoints.c.probe_at.is_(None), endpoints.c.probe_at <= HERE),
    or_(_FIRST_AT <= HERE, _RETRY_AT <= HERE),
).order_by(endpoints.c.name)
READY_LOCKED = READY.with_for_update(of=endpoints)
