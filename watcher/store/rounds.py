"""Rounds through the lists of a source: whose turn it is, and the watches that a page refreshes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select, update

from watcher.core.errors import NotFound
from watcher.ports import Claim, ListedIds, RoundKind
from watcher.store.engine import Store
from watcher.store.polls import asks, claimed, lease_rows
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
            # Who fell due, or was asked for, while the page was under way is looked at once more.
            asked_at = listed.asked_at - self.store.shift
            fell_due = and_(watches.c.due_at > asked_at, watches.c.due_at <= here)
            again = and_(watches.c.polled_at.is_not(None), func.coalesce(fell_due, false()))
            chosen = self._chosen(listed, here)
            rows = await lease_rows(connection, chosen, here + lease, poll_again=again)
        return Claim(listed.source, (), tuple(claimed(row) for row in rows), here + lease + self.store.shift)

    async def discover(self, source: str, ids: Sequence[str], now: datetime) -> int:
        try:
            return await SqlWatches(self.store).discover(source, ids, now)
        except NotFound:  # a reload took the source away meanwhile
            return 0

    def _chosen(self, listed: ListedIds, here: datetime) -> Select[tuple[int]]:
        asked_at = listed.asked_at - (_REPLICA_SKEW if self.store.database_clock else timedelta(0))
        return (
            select(watches.c.id)
            .where(
                watches.c.source == listed.source,
                watches.c.invoice_id.in_(listed.ids),
                watches.c.origins != "",
                or_(watches.c.lease_ends_at.is_(None), watches.c.lease_ends_at <= here),
                or_(watches.c.polled_at.is_(None), watches.c.polled_at <= asked_at),
                or_(watches.c.due_at.is_not(None), watches.c.invoice_id.in_(listed.unsettled)),
                *_fit_for_hints(listed.hints_since, here),
            )
            .order_by(watches.c.id)
            .with_for_update(skip_locked=True)
        )


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


def _fit_for_hints(since: datetime | None, here: datetime) -> tuple[ColumnElement[bool], ...]:
    if since is None:
        return ()
    return (
        watches.c.fetched_at > since,
        watches.c.misses == 0,
        watches.c.failures == 0,
        or_(watches.c.clock_at.is_(None), watches.c.clock_at > here),
    )
