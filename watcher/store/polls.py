"""The queue of watches to look at, taken in leases under each source's rate budget."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, false, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core.course import Standing
from watcher.ports import Claim, ClaimedWatch, ClaimRequest, PollRecord
from watcher.store.codec import AnyRow, Instant
from watcher.store.engine import Store
from watcher.store.pace import pace
from watcher.store.recording import record
from watcher.store.tables import sources, watches

_CLAIMED = (
    watches.c.id,
    watches.c.lease,
    watches.c.invoice_id,
    watches.c.tags,
    watches.c.due_on,
    watches.c.fingerprint,
    watches.c.memory,
    watches.c.asked_at,
    watches.c.fetched_at,
    watches.c.misses,
    watches.c.first_missed_at,
    watches.c.failures,
    watches.c.settled_at,
    watches.c.clock_at,
    watches.c.poll_at,
    watches.c.status,
    watches.c.due_hour,
    watches.c.currency,
    watches.c.worth,
)


@dataclass(frozen=True, slots=True)
class SqlPollQueue:
    """`ports.PollQueue`."""

    store: Store

    async def claim(self, now: datetime, requests: Sequence[ClaimRequest], lease: timedelta) -> tuple[Claim, ...]:
        async with self.store.transaction() as connection:
            here = await self.store.now(connection, now)
            ready = await _ready_sources(connection, [request.source for request in requests], here)
            claims = [
                claim
                for request in requests
                if request.source in ready
                and (claim := await self._claim(connection, request, ready[request.source], here, lease))
            ]
        return tuple(claims)

    async def _claim(
        self,
        connection: AsyncConnection,
        request: ClaimRequest,
        taken: datetime | None,
        here: datetime,
        lease: timedelta,
    ) -> Claim | None:
        free = pace(taken, request.interval, here)
        room = free.room(request.horizon - self.store.shift, request.requests)
        if not room:
            return None
        due = due_watches(request.source, here, room * request.batch_size)
        rows = await lease_rows(connection, due, here + lease, poll_again=false())
        if not rows:
            return None
        count = -(-len(rows) // request.batch_size)
        await _take_slots(connection, request.source, free.after(count))
        shift = self.store.shift
        return Claim(
            source=request.source,
            slots=tuple(slot + shift for slot in free.slots(count)),
            watches=tuple(claimed(row) for row in sorted(rows, key=_planned)),
            lease_ends_at=here + lease + shift,
        )

    async def claim_stale_clocks(
        self, now: datetime, sources: Sequence[str], fresh_look_until: datetime, limit: int, lease: timedelta
    ) -> tuple[Claim, ...]:
        claims: list[Claim] = []
        async with self.store.transaction() as connection:
            here = await self.store.now(connection, now)
            for source in sources:
                stale = stale_clocks(source, fresh_look_until - self.store.shift, here, limit)
                # Who was due for a look still is: telling the time is none.
                still_due = watches.c.due_at <= here
                if rows := await lease_rows(connection, stale, here + lease, poll_again=still_due):
                    limit -= len(rows)
                    taken = tuple(claimed(row) for row in sorted(rows, key=_planned))
                    claims.append(Claim(source, (), taken, here + lease + self.store.shift))
        return tuple(claims)

    async def record(self, records: Sequence[PollRecord], successes: Mapping[str, datetime]) -> frozenset[int]:
        return await record(self.store, records, successes)

    async def release(self, watches: Sequence[ClaimedWatch], poll_at: datetime) -> None:
        """Give leases back; the watches are due at `poll_at`, or at once where somebody asked for that meanwhile."""
        if not watches:
            return
        async with self.store.transaction() as connection:
            planned_at = poll_at - self.store.shift
            await connection.execute(
                _RELEASE, [{"key": watch.key, "held": watch.lease, "planned_at": planned_at} for watch in watches]
            )

    async def reserve(self, source: str, interval: timedelta, now: datetime) -> datetime:
        """Take one more send instant of the source's budget; of a source the store does not know yet, `now`."""
        async with self.store.transaction() as connection:
            here = await self.store.now(connection, now)
            query = select(sources.c.next_slot_at).where(sources.c.name == source).with_for_update()
            row = (await connection.execute(query)).one_or_none()
            if row is None:
                return now
            free = pace(row.next_slot_at, interval, here)
            await _take_slots(connection, source, free.after(1))
        return free.next_slot_at + self.store.shift


def due_watches(source: str, now: datetime, limit: int) -> Select[tuple[int]]:
    """The keys of a source's watches to look at, longest due first. Leased rows are due when their lease ends."""
    return (
        select(watches.c.id)
        .where(watches.c.source == source, watches.c.due_at <= now)
        .order_by(watches.c.due_at, watches.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )


def stale_clocks(source: str, before: datetime, now: datetime, limit: int) -> Select[tuple[int]]:
    """The keys of a source's unleased watches whose clock instant lies at or before `before`."""
    return (
        select(watches.c.id)
        .where(
            watches.c.source == source,
            watches.c.clock_at <= before,
            watches.c.due_at.is_not(None),
            or_(watches.c.lease_ends_at.is_(None), watches.c.lease_ends_at <= now),
        )
        .order_by(watches.c.clock_at, watches.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )


async def _ready_sources(
    connection: AsyncConnection, names: Iterable[str], now: datetime
) -> dict[str, datetime | None]:
    """`next_slot_at` of the sources that may be asked and have something due; their rows are locked."""
    # Ordered and limited, not EXISTS: PostgreSQL would turn that into a join and read everything that is due.
    due = (
        select(watches.c.id)
        .where(watches.c.source == sources.c.name, watches.c.due_at <= now)
        .order_by(watches.c.due_at)
        .limit(1)
    )
    query = (
        select(sources.c.name, sources.c.next_slot_at)
        .where(sources.c.name.in_(tuple(names)), asks(now), due.scalar_subquery().is_not(None))
        .order_by(sources.c.name)
        .with_for_update(of=sources)
    )
    return {row.name: row.next_slot_at for row in await connection.execute(query)}


def asks(now: datetime) -> ColumnElement[bool]:
    """The source may be asked for invoices now."""
    is_free = or_(sources.c.blocked_until.is_(None), sources.c.blocked_until <= now)
    return and_(sources.c.enabled, sources.c.configured, sources.c.probe_at.is_(None), is_free)


async def lease_rows(
    connection: AsyncConnection, chosen: Select[tuple[int]], ends_at: datetime, *, poll_again: ColumnElement[bool]
) -> Sequence[AnyRow]:
    """Lease the chosen watches, `poll_again` being what is to come after; the rows that `claimed` reads."""
    # A CTE with row locks is evaluated once; a plain sub-select may be evaluated again and again, past its LIMIT.
    keys = chosen.cte("chosen")
    taking = (
        update(watches)
        .where(watches.c.id.in_(select(keys.c.id)))
        .values(lease=watches.c.lease + 1, lease_ends_at=ends_at, due_at=ends_at, poll_again=poll_again)
        .returning(*_CLAIMED)
    )
    return (await connection.execute(taking)).all()


async def _take_slots(connection: AsyncConnection, source: str, next_slot_at: datetime) -> None:
    await connection.execute(update(sources).where(sources.c.name == source).values(next_slot_at=next_slot_at))


_next_look = case((watches.c.poll_again, watches.c.poll_at), else_=bindparam("planned_at", type_=Instant))
_RELEASE = (
    update(watches)
    .where(watches.c.id == bindparam("key"), watches.c.lease == bindparam("held"))
    .values(
        lease=watches.c.lease + 1,
        lease_ends_at=None,
        poll_at=_next_look,
        due_at=_next_look,
    )
)


def _planned(row: AnyRow) -> tuple[datetime | None, int]:
    return row.poll_at, row.id


def claimed(row: AnyRow) -> ClaimedWatch:
    return ClaimedWatch(
        key=row.id,
        lease=row.lease,
        invoice_id=row.invoice_id,
        tags=row.tags,
        due_on=row.due_on,
        fingerprint=row.fingerprint,
        memory=row.memory,
        asked_at=row.asked_at,
        fetched_at=row.fetched_at,
        misses=row.misses,
        first_missed_at=row.first_missed_at,
        failures=row.failures,
        settled_at=row.settled_at,
        clock_at=row.clock_at,
        standing=Standing(row.status, row.due_hour, row.currency, row.worth),
    )
