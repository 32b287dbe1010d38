"""The queue of watches to poll: claimed in leases, within each source's rate budget."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, case, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.ports import Claim, ClaimedWatch, ClaimRequest, PollRecord
from watcher.store.column_types import Instant
from watcher.store.engine import Store
from watcher.store.polls.claim import HERE, LEASE_ASKED, LEASE_DUE, LEASE_HINTED, LEASE_STALE, Leasing, leased
from watcher.store.polls.rate_budget import gcra
from watcher.store.polls.record import record
from watcher.store.tables import sources, watches


@dataclass(frozen=True, slots=True)
class SqlPollQueue:
    """`ports.PollQueue`."""

    store: Store

    async def claim(self, now: datetime, requests: Sequence[ClaimRequest], lease: timedelta) -> tuple[Claim, ...]:
        async with self.store.transaction() as connection:
            here = await self.store.now(connection, now)
            ready = await _ready_sources(connection, [request.source for request in requests], here)
            ends_at, shift = here + lease, self.store.shift
            claims = [
                await lease_within_budget(
                    connection,
                    request,
                    ready[request.source],
                    here,
                    ends_at=ends_at,
                    shift=shift,
                    holder=self.store.replica,
                )
                for request in requests
                if request.source in ready
            ]
        return tuple(claim for claim in claims if claim is not None)

    async def claim_stale_clocks(
        self, now: datetime, sources: Sequence[str], fresh_poll_until: datetime, limit: int, lease: timedelta
    ) -> tuple[Claim, ...]:
        claims: list[Claim] = []
        async with self.store.transaction() as connection:
            here = await self.store.now(connection, now)
            for source in sources:
                before = fresh_poll_until - self.store.shift
                holder = self.store.replica
                chosen = {"of_source": source, "here": here, "before": before, "most": limit, "holder": holder}
                if stale := await leased(connection, LEASE_STALE, here + lease, chosen):
                    limit -= len(stale)
                    claims.append(Claim(source, (), stale, here + lease + self.store.shift))
        return tuple(claims)

    async def record(self, records: Sequence[PollRecord], successes: Mapping[str, datetime]) -> frozenset[int]:
        return await record(self.store, records, successes)

    async def release(self, watches: Sequence[ClaimedWatch], poll_at: datetime) -> None:
        """Give leases back; the watches are due at `poll_at`, or at once if a poll was requested meanwhile."""
        if not watches:
            return
        async with self.store.transaction() as connection:
            planned_at = poll_at - self.store.shift
            await connection.execute(
                _RELEASE, [{"key": watch.key, "held": watch.lease, "planned_at": planned_at} for watch in watches]
            )

    async def reserve(self, source: str, interval: timedelta, now: datetime) -> datetime:
        """Reserve one more send instant of the source's budget; `now` for a source that is not stored yet."""
        async with self.store.transaction() as connection:
            here = await self.store.now(connection, now)
            query = select(sources.c.next_slot_at).where(sources.c.name == source).with_for_update()
            row = (await connection.execute(query)).one_or_none()
            if row is None:
                return now
            free = gcra(row.next_slot_at, interval, here)
            await _take_slots(connection, source, free.after(1))
        return free.next_slot_at + self.store.shift


async def lease_within_budget(
    connection: AsyncConnection,
    request: ClaimRequest,
    taken: datetime | None,
    here: datetime,
    *,
    ends_at: datetime,
    shift: timedelta,
    leasing: Leasing = LEASE_DUE,
    **chosen: Any,  # noqa: ANN401 -- parameters of the statement
) -> Claim | None:
    """Lease as many as the budget, with the slots before `taken` used up, has room for; None if none is due.

    Of what is due, polls before their turn go first, but not into every slot: a flood of hints cannot stop the others.
    """
    free = gcra(taken, request.interval, here)
    room = free.room(request.horizon - shift, request.requests)
    if not room:
        return None
    chosen |= {"of_source": request.source, "here": here}
    most, asked = room * request.batch_size, ()
    if leasing is LEASE_DUE:
        first = (room if request.hinted_only else room - free.reserved(room)) * request.batch_size
        before_turn = LEASE_HINTED if request.hinted_only else LEASE_ASKED
        asked = await leased(connection, before_turn, ends_at, chosen | {"most": first}) if first else ()
    rest = 0 if request.hinted_only else most - len(asked)
    due = (*asked, *(await leased(connection, leasing, ends_at, chosen | {"most": rest}) if rest else ()))
    if not due:
        return None
    count = -(-len(due) // request.batch_size)
    await _take_slots(connection, request.source, free.after(count))
    return Claim(request.source, tuple(slot + shift for slot in free.slots(count)), due, ends_at + shift)


async def _ready_sources(
    connection: AsyncConnection, names: Sequence[str], here: datetime
) -> dict[str, datetime | None]:
    """`next_slot_at` of the sources that may be asked and have something due; their rows are locked."""
    rows = await connection.execute(_READY, {"names": names, "here": here})
    return {row.name: row.next_slot_at for row in rows}


def may_be_asked(here: datetime | ColumnElement[datetime]) -> ColumnElement[bool]:
    """The source may be asked for invoices at that instant."""
    is_free = or_(sources.c.blocked_until.is_(None), sources.c.blocked_until <= here)
    return and_(sources.c.enabled, sources.c.configured, sources.c.probe_at.is_(None), is_free)


# Ordered and limited, not EXISTS: PostgreSQL would turn that into a join and read everything that is due.
_LONGEST_DUE = (
    select(watches.c.id)
    .where(watches.c.source == sources.c.name, watches.c.due_at <= HERE)
    .order_by(watches.c.due_at)
    .limit(1)
)
_READY = (
    select(sources.c.name, sources.c.next_slot_at)
    .where(
        sources.c.name.in_(bindparam("names", expanding=True)),
        may_be_asked(HERE),
        _LONGEST_DUE.scalar_subquery().is_not(None),
    )
    .order_by(sources.c.name)
    .with_for_update(of=sources)
)


async def _take_slots(connection: AsyncConnection, source: str, next_slot_at: datetime) -> None:
    await connection.execute(_TAKE_SLOTS, {"of_source": source, "free_at": next_slot_at})


_TAKE_SLOTS = (
    update(sources)
    .where(sources.c.name == bindparam("of_source"))
    .values(next_slot_at=bindparam("free_at", type_=Instant))
)

_next_poll = case((watches.c.poll_again, watches.c.poll_at), else_=bindparam("planned_at", type_=Instant))
_RELEASE = (
    update(watches)
    .where(watches.c.id == bindparam("key"), watches.c.lease == bindparam("held"))
    .values(
        lease=watches.c.lease + 1,
        lease_ends_at=None,
        poll_at=_next_poll,
        due_at=_next_poll,
    )
)
