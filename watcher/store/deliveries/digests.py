"""Claims digests: all deliveries of an endpoint whose period has ended, together."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core.notifications.digest_schedule import DigestSchedule
from watcher.core.webhooks.form import Form
from watcher.ports import ClaimedDelivery, DeliveryState
from watcher.store.column_types import AnyRow, AnySelect, Instant
from watcher.store.deliveries.claim import HERE, LeaseTerms
from watcher.store.deliveries.ordering import lock_cursor
from watcher.store.deliveries.outbox import READY, READY_LOCKED, bodies_of, end_overtaken
from watcher.store.engine import Store
from watcher.store.schema import ATTEMPTING, WAITING
from watcher.store.tables import deliveries, endpoints

MOST_IN_ONE = 10_000
"""Deliveries of one digest: the bodies of more would take too much memory. The others make a second one."""

_CHUNK = 500
_LINGER = timedelta(seconds=2)
"""How long after the end of a period its digest is made: what was observed before the end is recorded by then."""


@dataclass(frozen=True, slots=True)
class SqlDigests:
    """`ports.DigestOutbox`."""

    store: Store

    async def claim_digest(
        self, endpoint: str, schedule: DigestSchedule, now: datetime, lease: timedelta
    ) -> tuple[ClaimedDelivery, ...]:
        if not await self._is_anything_due(endpoint, now):
            return ()
        async with self.store.transaction() as connection:
            await lock_cursor(connection)
            here = await self.store.now(connection, now)
            terms = LeaseTerms(here, here + lease, self.store.replica)
            # Locked, as a claim of single deliveries does: while a change of `digest` reaches one replica after the
            # other, some claim the same deliveries one by one.
            ready = (await connection.execute(READY_LOCKED, {"names": [endpoint], "here": here - _LINGER})).first()
            if ready is None:
                return ()
            chosen = await _choose(connection, endpoint, schedule, here - _LINGER)
            claimed = [row for row in chosen if not row.overtaken]
            await end_overtaken(connection, [row for row in chosen if row.overtaken])
            if claimed and ready.probe_at is not None:
                await connection.execute(_TAKE_PROBE, {"endpoint": endpoint, "ends_at": terms.ends_at})
            await lease_all(connection, [row.id for row in claimed], terms)
            bodies = await bodies_of(connection, claimed)
        ends_at = terms.ends_at + self.store.shift
        return tuple(
            ClaimedDelivery(
                key=row.id,
                lease=row.lease + 1,
                endpoint=endpoint,
                event_id=bodies[row.id].event_id,
                event_type=row.event_type,
                body=bodies[row.id].body,
                attempts=row.attempts,
                lease_ends_at=ends_at,
                probe=ready.probe_at is not None,
                form=Form(bodies[row.id].form),
            )
            for row in claimed
        )

    async def holds(self, deliveries: Sequence[ClaimedDelivery]) -> bool:
        """`ports.DigestOutbox.holds`."""
        held: set[tuple[int, int]] = set()
        async with self.store.reading() as connection:
            for start in range(0, len(deliveries), _CHUNK):
                keys = [delivery.key for delivery in deliveries[start : start + _CHUNK]]
                held.update((row.id, row.lease) for row in await connection.execute(_HELD, {"keys": keys}))
        return all((delivery.key, delivery.lease) in held for delivery in deliveries)

    async def _is_anything_due(self, endpoint: str, now: datetime) -> bool:
        """A read, once a second, instead of a transaction that writes."""
        async with self.store.reading() as connection:
            here = await self.store.now(connection, now)
            values = {"names": [endpoint], "here": here - _LINGER}
            return (await connection.execute(READY, values)).first() is not None


async def _choose(
    connection: AsyncConnection, endpoint: str, schedule: DigestSchedule, here: datetime
) -> Sequence[AnyRow]:
    """The deliveries of the digest that is due, in the order of their events."""
    heads: list[AnyRow] = []
    for tried in (False, True):
        values = {"endpoint": endpoint, "tried": tried, "here": here, "most": MOST_IN_ONE}
        heads += (await connection.execute(_HEADS, values)).all()
    due = [row for row in heads if _period_is_over(row, schedule, here)]
    early = [row for row in heads if not _period_is_over(row, schedule, here)]
    if early:
        await connection.execute(
            _PLAN, [{"key": row.id, "end": schedule.end_of_period(row.next_attempt_at)} for row in early]
        )
    followers = await _followers(connection, endpoint, {row.watch_id for row in due}, schedule, here)
    return sorted({row.id: row for row in (*due, *followers)}.values(), key=lambda row: row.cursor)[:MOST_IN_ONE]


def _period_is_over(row: AnyRow, schedule: DigestSchedule, here: datetime) -> bool:
    """What was tried once, or was leased by a process that is gone, waits for no period."""
    if row.next_attempt_at is None or row.next_attempt_at > here:
        return row.state == DeliveryState.DELIVERING.value
    is_new = row.state == DeliveryState.PENDING.value and not row.tried
    return not is_new or schedule.end_of_period(row.next_attempt_at) <= here


async def _followers(
    connection: AsyncConnection, endpoint: str, lanes: Collection[int | None], schedule: DigestSchedule, here: datetime
) -> list[AnyRow]:
    """What waits behind the heads of these lanes and belongs into the same digest: up to the first that does not."""
    watch_ids = sorted(lane for lane in lanes if lane is not None)
    followers: list[AnyRow] = []
    ended: set[int] = set()
    for start in range(0, len(watch_ids), _CHUNK):
        values = {"endpoint": endpoint, "watch_ids": watch_ids[start : start + _CHUNK]}
        for row in await connection.execute(_LANES, values):
            if row.watch_id in ended:
                continue
            if row.state != DeliveryState.PARKED.value and _period_is_over(row, schedule, here):
                followers.append(row)
            else:
                ended.add(row.watch_id)
    return followers


async def lease_all(connection: AsyncConnection, keys: Sequence[int], terms: LeaseTerms) -> None:
    for start in range(0, len(keys), _CHUNK):
        values = {"keys": keys[start : start + _CHUNK], "ends_at": terms.ends_at, "holder": terms.holder}
        await connection.execute(_LEASE, values)


_OF = deliveries.c.endpoint == bindparam("endpoint")
_COLUMNS: AnySelect = select(
    deliveries.c.id,
    deliveries.c.lease,
    deliveries.c.watch_id,
    deliveries.c.cursor,
    deliveries.c.event_type,
    deliveries.c.state,
    deliveries.c.attempts,
    deliveries.c.tried,
    deliveries.c.next_attempt_at,
    deliveries.c.overtaken,
)
_HEADS = (
    _COLUMNS.where(_OF, deliveries.c.tried == bindparam("tried"), deliveries.c.due_at <= HERE)
    .order_by(deliveries.c.due_at, deliveries.c.id)
    .limit(bindparam("most", type_=BigInteger))
)
_LANES = _COLUMNS.where(_OF, deliveries.c.watch_id.in_(bindparam("watch_ids", expanding=True)), WAITING).order_by(
    deliveries.c.watch_id, deliveries.c.cursor
)
_end = bindparam("end", type_=Instant)
_PLAN = update(deliveries).where(deliveries.c.id == bindparam("key")).values(next_attempt_at=_end, due_at=_end)
_ends_at = bindparam("ends_at", type_=Instant)
_LEASE = (
    update(deliveries)
    .where(deliveries.c.id.in_(bindparam("keys", expanding=True)))
    .values(
        state=DeliveryState.DELIVERING.value,
        lease=deliveries.c.lease + 1,
        lease_ends_at=_ends_at,
        due_at=_ends_at,
        holder=bindparam("holder", type_=BigInteger),
    )
)
_HELD: AnySelect = select(deliveries.c.id, deliveries.c.lease).where(
    deliveries.c.id.in_(bindparam("keys", expanding=True)), ATTEMPTING
)
_TAKE_PROBE = update(endpoints).where(endpoints.c.name == bindparam("endpoint")).values(probe_at=_ends_at)
