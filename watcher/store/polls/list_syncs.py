"""Rounds through the lists of a source: which replica makes them, and the watches that a page refreshes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnCollection,
    ColumnElement,
    Select,
    and_,
    bindparam,
    false,
    func,
    or_,
    select,
    update,
)

from watcher.core.errors import NotFound
from watcher.ports import Claim, ClaimedWatch, ClaimRequest, ListedIds, ListSyncKind, PollReason
from watcher.store.column_types import AnySelect, Instant
from watcher.store.engine import Store
from watcher.store.polls.claim import HERE, SOURCE, leased, leasing
from watcher.store.polls.queue import lease_within_budget, may_be_asked
from watcher.store.schema import OPEN
from watcher.store.tables import sources, watches
from watcher.store.watches.watches import SqlWatches

_Columns = ColumnCollection[str, Any]
_REPLICA_SKEW = timedelta(seconds=30)
"""How far the clocks of replicas may differ: the time of a poll is by the clock of the replica that made it."""
_MOST = bindparam("most", type_=BigInteger)
_OTHERS = 4
"""How many more watches are read than are wanted: some were polled by id while the pages were read."""
_NEXT_AT = {
    ListSyncKind.REFRESH: sources.c.sweep_at,
    ListSyncKind.DISCOVERY: sources.c.discover_at,
    ListSyncKind.CHANGES: sources.c.changes_at,
}


@dataclass(frozen=True, slots=True)
class SqlListSyncs:
    """`ports.ListSyncs`."""

    store: Store

    async def begin(self, source: str, kind: ListSyncKind, now: datetime, until: datetime) -> bool:
        next_at = _NEXT_AT[kind]
        async with self.store.transaction() as connection:
            here = await self.store.now(connection, now)
            taking = (
                update(sources)
                .where(sources.c.name == source, may_be_asked(here), or_(next_at.is_(None), next_at <= here))
                .values({next_at: until - self.store.shift})
            )
            return (await connection.execute(taking)).rowcount == 1

    async def end(self, source: str, kind: ListSyncKind, next_at: datetime) -> None:
        ending = update(sources).where(sources.c.name == source).values({_NEXT_AT[kind]: next_at - self.store.shift})
        async with self.store.transaction() as connection:
            await connection.execute(ending)

    async def count_due(self, source: str, now: datetime, most: int, *, partial_since: datetime | None = None) -> int:
        async with self.store.reading() as connection:
            chosen = {"of_source": source, "here": now - self.store.shift, "most": most}
            if partial_since is None:
                return int((await connection.execute(_COUNT_LISTED, chosen)).scalar_one())
            return int((await connection.execute(_COUNT_HINTED, chosen | {"since": partial_since})).scalar_one())

    async def lease_listed(self, listed: ListedIds, now: datetime, lease: timedelta) -> Claim:
        async with self.store.transaction() as connection:
            here = await self.store.now(connection, now)
            skew = _REPLICA_SKEW if self.store.database_clock else timedelta(0)
            chosen = {
                "of_source": listed.source,
                "here": here,
                "ids": listed.ids,
                "unsettled": tuple(listed.unsettled),
                "page_asked_at": listed.asked_at - self.store.shift,
                "seen_before": listed.asked_at - skew,
                "holder": self.store.replica,
            }
            if listed.partial_since is None:
                taken = await leased(connection, _LEASE_LISTED, here + lease, chosen)
            else:
                chosen["since"] = listed.partial_since
                taken = await leased(connection, _LEASE_HINTED, here + lease, chosen)
        return Claim(listed.source, (), taken, here + lease + self.store.shift)

    async def request_polls(self, watches: Sequence[ClaimedWatch], now: datetime) -> None:
        if watches:
            async with self.store.transaction() as connection:
                here = now - self.store.shift
                held = [{"key": one.key, "held": one.lease, "planned_at": here} for one in watches]
                await connection.execute(_ASK_FOR, sorted(held, key=_key))

    async def claim_urgent(
        self, request: ClaimRequest, now: datetime, lease: timedelta, *, new_since: datetime
    ) -> Claim | None:
        shift = self.store.shift
        chosen = {
            "of_source": request.source,
            "here": now - shift,
            "most": request.requests * request.batch_size,
            "new_since": new_since - shift,
        }
        async with self.store.reading() as connection:  # a long list of due watches holds up no writer
            found = (await connection.execute(_URGENT, chosen)).scalars().all()
        if not found:
            return None
        async with self.store.transaction() as connection:
            here = await self.store.now(connection, now)
            named = sources.c.name == request.source
            ready = select(sources.c.next_slot_at).where(named, may_be_asked(here)).with_for_update()
            row = (await connection.execute(ready)).one_or_none()
            if row is None:
                return None
            return await lease_within_budget(
                connection,
                request,
                row.next_slot_at,
                here,
                ends_at=here + lease,
                shift=shift,
                leasing=_LEASE_PRESSING,
                keys=found,
                holder=self.store.replica,
            )

    async def poll_sooner(self, source: str, listed_at: Collection[datetime], plan: Sequence[datetime]) -> int:
        if not listed_at or not plan:
            return 0
        async with self.store.reading() as connection:
            candidates = _last_polled_at(source, min(listed_at), max(listed_at)).limit(_OTHERS * len(plan))
            rows = (await connection.execute(candidates)).all()
        left = [row for row in rows if row.polled_at in listed_at]
        planned = [
            {"key": row.id, "held": row.lease, "planned_at": at - self.store.shift}
            for row, at in zip(left, plan, strict=False)
            if at - self.store.shift < row.due_at
        ]
        if planned:
            async with self.store.transaction() as connection:
                await connection.execute(_HASTEN, sorted(planned, key=_key))
        return len(planned)

    async def discover(self, source: str, ids: Sequence[str], now: datetime) -> int:
        try:
            return await SqlWatches(self.store).discover(source, ids, now)
        except NotFound:  # a reload removed the source meanwhile
            return 0


def _last_polled_at(source: str, first: datetime, last: datetime) -> AnySelect:
    """The open watches whose last poll lies between these instants, earliest due first."""
    chosen: AnySelect = select(watches.c.id, watches.c.lease, watches.c.polled_at, watches.c.due_at)
    return chosen.where(
        watches.c.source == source,
        OPEN,
        watches.c.polled_at.between(first, last),
        watches.c.lease_ends_at.is_(None),
        watches.c.due_at.is_not(None),
    ).order_by(watches.c.due_at, watches.c.id)


_ASK_FOR = (
    update(watches)
    .where(watches.c.id == bindparam("key"), watches.c.lease == bindparam("held"))
    .values(
        lease=watches.c.lease + 1,
        lease_ends_at=None,
        poll_at=bindparam("planned_at", type_=Instant),
        due_at=bindparam("planned_at", type_=Instant),
        poll_again=True,
        poll_reason=PollReason.LIST.value,
    )
)
_HASTEN = (
    update(watches)
    .where(watches.c.id == bindparam("key"), watches.c.lease == bindparam("held"), watches.c.lease_ends_at.is_(None))
    .values(poll_at=bindparam("planned_at", type_=Instant), due_at=bindparam("planned_at", type_=Instant))
)


def _key(row: Mapping[str, Any]) -> int:
    return row["key"]


_URGENT = (
    select(watches.c.id)
    .where(
        watches.c.source == SOURCE,
        watches.c.due_at <= HERE,
        or_(
            watches.c.poll_again,
            and_(watches.c.fetched_at.is_(None), watches.c.due_at >= bindparam("new_since", type_=Instant)),
            watches.c.failures > 0,
            watches.c.misses > 0,
            watches.c.clock_at <= HERE,
        ),
    )
    .order_by(watches.c.due_at, watches.c.id)
    .limit(_MOST)
)
"""The keys of the due watches that no round may hold up, longest due first."""

_FITNESS = (
    watches.c.poll_again,
    watches.c.settled_at,
    watches.c.misses,
    watches.c.failures,
    watches.c.fetched_at,
    watches.c.clock_at,
)


def _fit_for_partial_rows(
    columns: _Columns,
) -> tuple[ColumnElement[bool], ...]:
    return (
        columns.fetched_at > bindparam("since", type_=Instant),
        columns.poll_again.is_(False),
        columns.misses == 0,
        columns.failures == 0,
        or_(columns.clock_at.is_(None), columns.clock_at > HERE),
    )


def _counting(*, partial: bool) -> Select[int]:
    """How many of the `most` longest due watches of a source rows of a list can refresh."""
    longest_due = (
        select(*_FITNESS)
        .where(watches.c.source == SOURCE, watches.c.due_at <= HERE)
        .order_by(watches.c.due_at, watches.c.id)
        .limit(_MOST)
        .subquery()
    )
    columns = longest_due.c
    well = (columns.settled_at.is_(None), columns.misses == 0, columns.failures == 0)
    fit = _fit_for_partial_rows(columns) if partial else ()
    return select(func.count()).select_from(longest_due).where(*well, *fit)


_COUNT_LISTED, _COUNT_HINTED = _counting(partial=False), _counting(partial=True)


def _listed(*fit: ColumnElement[bool]) -> Select[tuple[int]]:
    """The keys of unleased watches that a list of `asked_at` is about, unless they were polled since."""
    seen_before = bindparam("seen_before", type_=Instant)
    return (
        select(watches.c.id)
        .where(
            watches.c.source == SOURCE,
            watches.c.invoice_id.in_(bindparam("ids", expanding=True)),
            watches.c.origins != "",
            or_(watches.c.lease_ends_at.is_(None), watches.c.lease_ends_at <= HERE),
            or_(watches.c.polled_at.is_(None), watches.c.polled_at <= seen_before),
            or_(watches.c.due_at.is_not(None), watches.c.invoice_id.in_(bindparam("unsettled", expanding=True))),
            *fit,
        )
        .order_by(watches.c.id)
        .with_for_update(skip_locked=True)
    )


_fell_due = and_(watches.c.due_at > bindparam("page_asked_at", type_=Instant), watches.c.due_at <= HERE)
# A watch that became due, or was requested, while the page was in progress is polled once more.
_again = and_(watches.c.polled_at.is_not(None), func.coalesce(_fell_due, false()))
_LEASE_LISTED = leasing(_listed(), poll_again=_again)
_LEASE_HINTED = leasing(_listed(*_fit_for_partial_rows(watches.c)), poll_again=_again)
_LEASE_PRESSING = leasing(
    select(watches.c.id)
    .where(watches.c.id.in_(bindparam("keys", expanding=True)), watches.c.source == SOURCE, watches.c.due_at <= HERE)
    .order_by(watches.c.due_at, watches.c.id)
    .limit(_MOST)
    .with_for_update(skip_locked=True),
    poll_again=false(),
)
