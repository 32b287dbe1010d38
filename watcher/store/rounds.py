"""Rounds through the lists of a source: whose turn it is, and the watches that a page refreshes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, bindparam, false, func, or_, select, update

from watcher.core.errors import NotFound
from watcher.ports import Claim, ListedIds, RoundKind
from watcher.store.codec import Instant
from watcher.store.engine import Store
from watcher.store.leasing import HERE, SOURCE, leased, leasing
from watcher.store.polls import asks
from watcher.store.tables import sources, watches
from watcher.store.watches import SqlWatches

_REPLICA_SKEW = timedelta(seconds=30)
"""How far the clocks of replicas may differ from each other: looks are stamped by the clock of who made them."""
_NEXT_AT = {
    RoundKind.SWEEP: sources.c.sweep_at,
    RoundKind.DISCOVERY: sources.c.discover_at,
    RoundKind.CHANGES: sources.c.changes_at,
}


@dataclass(frozen=True, slots=True)
class SqlRounds:
    """`ports.Rounds`."""

    store: Store

    async def begin(self, source: str, kind: RoundKind, now: datetime, until: datetime) -> bool:
        next_at = _NEXT_AT[kind]
        async with self.store.transaction() as connection:
            here = await self.store.now(connection, now)
            taking = (
                update(sources)
                .where(sources.c.name == source, asks(here), or_(next_at.is_(None), next_at <= here))
                .values({next_at: until - self.store.shift})
            )
            return (await connection.execute(taking)).rowcount == 1

    async def end(self, source: str, kind: RoundKind, next_at: datetime) -> None:
        ending = update(sources).where(sources.c.name == source).values({_NEXT_AT[kind]: next_at - self.store.shift})
        async with self.store.transaction() as connection:
            await connection.execute(ending)

    async def count_due(self, source: str, now: datetime, most: int) -> int:
        async with self.store.reading() as connection:
            here = now - self.store.shift
            return int((await connection.execute(due_on_lists(source, here, most))).scalar_one())

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
            }
            if listed.hints_since is None:
                taken = await leased(connection, _LEASE_LISTED, here + lease, chosen)
            else:
                chosen["since"] = listed.hints_since
                taken = await leased(connection, _LEASE_HINTED, here + lease, chosen)
        return Claim(listed.source, (), taken, here + lease + self.store.shift)

    async def discover(self, source: str, ids: Sequence[str], now: datetime) -> int:
        try:
            return await SqlWatches(self.store).discover(source, ids, now)
        except NotFound:  # a reload took the source away meanwhile
            return 0


def due_on_lists(source: str, now: datetime, most: int) -> Select[int]:
    """Among the `most` longest due watches of a source, how many are unsettled and have nothing wrong."""
    longest_due = (
        select(watches.c.settled_at, watches.c.misses, watches.c.failures)
        .where(watches.c.source == source, watches.c.due_at <= now)
        .order_by(watches.c.due_at, watches.c.id)
        .limit(most)
        .subquery()
    )
    fit = (longest_due.c.settled_at.is_(None), longest_due.c.misses == 0, longest_due.c.failures == 0)
    return select(func.count()).select_from(longest_due).where(*fit)


def _listed(*fit: ColumnElement[bool]) -> Select[tuple[int]]:
    """The keys of unleased watches that a list of `asked_at` tells about, unless somebody looked since."""
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
# Who fell due, or was asked for, while the page was under way is looked at once more.
_again = and_(watches.c.polled_at.is_not(None), func.coalesce(_fell_due, false()))
_LEASE_LISTED = leasing(_listed(), poll_again=_again)
_LEASE_HINTED = leasing(
    _listed(
        watches.c.fetched_at > bindparam("since", type_=Instant),
        watches.c.misses == 0,
        watches.c.failures == 0,
        or_(watches.c.clock_at.is_(None), watches.c.clock_at > HERE),
    ),
    poll_again=_again,
)
