"""What the database knows about detection delays, and about why an invoice is polled when."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, select

from watcher.core.scheduling.allocation import HazardGroup
from watcher.ports import PollReason
from watcher.store.column_types import AnyRow, Instant
from watcher.store.engine import Store
from watcher.store.tables import events, snapshots, sources, watches

_MOST = 20_000
"""How many delays are read, the newest."""
_DELAYS = (
    select(events.c.delay_us)
    .where(
        events.c.source == bindparam("of_source"),
        events.c.timestamp >= bindparam("since", type_=Instant),
        events.c.delay_us.is_not(None),
    )
    .order_by(events.c.timestamp.desc())
    .limit(_MOST)
)
_NEVER_POLLED = (
    select(watches.c.id)
    .where(
        watches.c.source == bindparam("of_source"),
        watches.c.origins != "",
        watches.c.status.is_(None),
        watches.c.polled_at.is_(None),
    )
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class PollReasons:
    """A watch as scheduling sees it. `poll_at` is None if it is not polled any more."""

    is_watched: bool
    is_configured: bool
    account_answers: bool
    state: str
    hazard_group: HazardGroup
    poll_at: datetime | None
    clock_at: datetime | None
    polled_at: datetime | None
    fetched_at: datetime | None
    changed_at: datetime | None
    settled_at: datetime | None
    blocked_until: datetime | None
    failures: int
    misses: int
    last_error: str | None
    poll_reason: PollReason | None = None


@dataclass(frozen=True, slots=True)
class DelayStats:
    store: Store

    async def delays(self, source: str, since: datetime) -> tuple[timedelta, ...]:
        """The time from the provider's change to our poll, of events since then, in no order."""
        async with self.store.reading() as connection:
            found = await connection.execute(_DELAYS, {"of_source": source, "since": since})
            return tuple(timedelta(microseconds=late) for late in found.scalars())

    async def awaits_first_poll(self, source: str) -> bool:
        """Whether the source has watches that were never polled."""
        async with self.store.reading() as connection:
            return (await connection.execute(_NEVER_POLLED, {"of_source": source})).first() is not None

    async def watch(self, source: str, invoice_id: str) -> PollReasons | None:
        """None if it was never watched."""
        changed_at = select(func.max(snapshots.c.observed_at)).where(snapshots.c.watch_id == watches.c.id)
        query = (
            select(
                watches,
                changed_at.scalar_subquery().label("changed_at"),
                sources.c.configured,
                sources.c.probe_at,
                sources.c.blocked_until,
            )
            .join(sources)
            .where(watches.c.source == source, watches.c.invoice_id == invoice_id)
        )
        async with self.store.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _poll_reasons(row)


def _poll_reasons(row: AnyRow) -> PollReasons:
    return PollReasons(
        is_watched=bool(row.origins),
        is_configured=row.configured,
        account_answers=row.probe_at is None,
        state=row.state,
        hazard_group=HazardGroup(row.status, row.due_hour, row.currency, row.worth),
        poll_at=row.poll_at,
        clock_at=row.clock_at,
        polled_at=row.polled_at,
        fetched_at=row.fetched_at,
        changed_at=row.changed_at,
        settled_at=row.settled_at,
        blocked_until=row.blocked_until,
        failures=row.failures,
        misses=row.misses,
        last_error=row.last_error,
        poll_reason=None if row.poll_reason is None else PollReason(row.poll_reason),
    )
