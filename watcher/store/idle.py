"""The queues of the service, which ask the database nothing while nothing can be due.

Each loop asks every second, because other processes write to the same database: with no more to do than that, these
questions are nearly all the CPU. An answer stays true until somebody commits, or until an instant that the database
knows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ScalarSelect, select

from watcher.ports import (
    UNLIMITED,
    AccountState,
    Claim,
    ClaimedDelivery,
    ClaimRequest,
    EndpointLimit,
)
from watcher.store.column_types import AnySelect
from watcher.store.deliveries.outbox import SqlOutbox
from watcher.store.engine import Mark, Store
from watcher.store.polls.account_states import SqlAccountStates
from watcher.store.polls.list_syncs import SqlListSyncs
from watcher.store.polls.queue import SqlPollQueue
from watcher.store.tables import sources, watches


@dataclass(slots=True)
class NextPoll:
    """When the next watch is due, and the next clock event, by our clock; known until the next commit."""

    store: Store
    _known_at: Mark | None = None
    _due_at: datetime | None = None
    _clock_at: datetime | None = None

    def is_none_due(self, now: datetime) -> bool:
        return self._is_known() and (self._due_at is None or now < self._due_at)

    def is_no_clock_event(self, until: datetime) -> bool:
        return self._is_known() and (self._clock_at is None or until < self._clock_at)

    async def find_out(self) -> None:
        """To be called when nothing was found: while there is work, it would be one statement more for each claim."""
        mark = self.store.mark()
        if mark is None or mark == self._known_at:
            return
        async with self.store.reading() as connection:
            rows = (await connection.execute(_NEXT)).all()
        self._known_at = mark
        self._due_at = min((row.due_at + self.store.shift for row in rows if row.due_at), default=None)
        self._clock_at = min((row.clock_at + self.store.shift for row in rows if row.clock_at), default=None)

    def _is_known(self) -> bool:
        return self._known_at is not None and self._known_at == self.store.mark()


@dataclass(frozen=True, slots=True)
class IdlePollQueue(SqlPollQueue):
    next_poll: NextPoll

    async def claim(self, now: datetime, requests: Sequence[ClaimRequest], lease: timedelta) -> tuple[Claim, ...]:
        if self.next_poll.is_none_due(now):
            return ()
        claims = await SqlPollQueue.claim(self, now, requests, lease)
        if not claims:
            await self.next_poll.find_out()
        return claims

    async def claim_stale_clocks(
        self, now: datetime, sources: Sequence[str], fresh_poll_until: datetime, limit: int, lease: timedelta
    ) -> tuple[Claim, ...]:
        if self.next_poll.is_no_clock_event(fresh_poll_until):
            return ()
        claims = await SqlPollQueue.claim_stale_clocks(self, now, sources, fresh_poll_until, limit, lease)
        if not claims:
            await self.next_poll.find_out()
        return claims


@dataclass(frozen=True, slots=True)
class IdleListSyncs(SqlListSyncs):
    next_poll: NextPoll

    async def count_due(self, source: str, now: datetime, most: int, *, partial_since: datetime | None = None) -> int:
        if self.next_poll.is_none_due(now):
            return 0
        return await SqlListSyncs.count_due(self, source, now, most, partial_since=partial_since)


@dataclass(slots=True)
class _Kept:
    """What the database answered, and when."""

    at: Mark | None = None
    asked: tuple[str, ...] = ()
    answer: Any = None


@dataclass(frozen=True, slots=True)
class IdleAccountStates(SqlAccountStates):
    _states: _Kept = field(default_factory=_Kept)

    async def states(self) -> Mapping[str, AccountState]:
        mark, kept = self.store.mark(), self._states
        if mark is None or mark != kept.at:
            kept.answer = await SqlAccountStates.states(self)
            kept.at = mark
        return kept.answer


@dataclass(frozen=True, slots=True)
class IdleOutbox(SqlOutbox):
    _next: _Kept = field(default_factory=_Kept)

    async def claim(
        self,
        now: datetime,
        wanted: Mapping[str, int],
        lease: timedelta,
        limits: Mapping[str, EndpointLimit] = UNLIMITED,
    ) -> tuple[ClaimedDelivery, ...]:
        kept, mark = self._next, self.store.mark()
        is_known = mark is not None and mark == kept.at and set(wanted) <= set(kept.asked)
        if is_known and (kept.answer is None or now < kept.answer):
            return ()
        return await SqlOutbox.claim(self, now, wanted, lease, limits)

    async def next_attempt_at(self, endpoints: Sequence[str]) -> datetime | None:
        mark, kept, asked = self.store.mark(), self._next, tuple(endpoints)
        if mark is None or mark != kept.at or asked != kept.asked:
            kept.answer = await SqlOutbox.next_attempt_at(self, endpoints)
            kept.at, kept.asked = mark, asked
        return kept.answer


def _first(column: Any, *conditions: Any) -> ScalarSelect[Any]:  # noqa: ANN401 -- a column of any type
    """A single index lookup, as in a claim."""
    return (
        select(column)
        .where(watches.c.source == sources.c.name, column.is_not(None), *conditions)
        .order_by(column)
        .limit(1)
        .scalar_subquery()
    )


_NEXT: AnySelect = select(
    _first(watches.c.due_at).label("due_at"),
    _first(watches.c.clock_at, watches.c.due_at.is_not(None)).label("clock_at"),
).where(sources.c.enabled, sources.c.configured)
