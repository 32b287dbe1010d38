"""Leases watches, and reads what a poll needs to know about them.

Statements are built once, and rows are used as they are stored: both happen for every poll, and cost more than the
database's own work if SQLAlchemy does them again each time.
"""

from collections.abc import Mapping
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Text,
    TextClause,
    bindparam,
    false,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningUpdate

from watcher.core.scheduling.allocation import HazardGroup
from watcher.ports import ClaimedWatch, PollReason
from watcher.store.column_types import AnyRow, Instant, read_day, read_stamp, read_tags
from watcher.store.schema import ASKED
from watcher.store.tables import watches

Leasing = ReturningUpdate[*tuple[Any, ...]]
"""A statement that `leased` runs."""

HERE = bindparam("here", type_=Instant)
"""The present instant of this database."""
SOURCE = bindparam("of_source", type_=Text)
_MOST = bindparam("most", type_=BigInteger)

_READ = (
    watches.c.id,
    watches.c.lease,
    watches.c.invoice_id,
    type_coerce(watches.c.tags, Text),
    type_coerce(watches.c.due_on, Text),
    watches.c.fingerprint,
    watches.c.memory,
    type_coerce(watches.c.asked_at, BigInteger),
    type_coerce(watches.c.fetched_at, BigInteger),
    watches.c.misses,
    type_coerce(watches.c.first_missed_at, BigInteger),
    watches.c.failures,
    type_coerce(watches.c.settled_at, BigInteger),
    type_coerce(watches.c.clock_at, BigInteger),
    watches.c.status,
    watches.c.due_hour,
    watches.c.currency,
    watches.c.worth,
    watches.c.poll_reason,
    type_coerce(watches.c.poll_at, BigInteger),
)
_planned = itemgetter(len(_READ) - 1, 0)


def leasing(chosen: Select[tuple[int]], *, poll_again: ColumnElement[bool]) -> Leasing:
    """Lease the chosen watches until `ends_at` for `holder`, and set `poll_again`."""
    # A CTE with row locks is evaluated once; a plain sub-select may be evaluated several times, beyond its LIMIT.
    keys, ends_at = chosen.cte("chosen"), bindparam("ends_at", type_=Instant)
    return (
        update(watches)
        .where(watches.c.id.in_(select(keys.c.id)))
        .values(
            lease=watches.c.lease + 1,
            lease_ends_at=ends_at,
            due_at=ends_at,
            holder=bindparam("holder", type_=BigInteger),
            poll_again=poll_again,
        )
        .returning(*_READ)
    )


async def leased(
    connection: AsyncConnection, statement: Leasing, ends_at: datetime, values: Mapping[str, Any]
) -> tuple[ClaimedWatch, ...]:
    """The watches that were free, in their planned order."""
    rows = (await connection.execute(statement, {"ends_at": ends_at, **values})).all()
    return tuple(_claimed(row) for row in sorted(rows, key=_planned))


def _due(*conditions: ColumnElement[bool] | TextClause) -> Select[tuple[int]]:
    """The keys of a source's watches to poll, longest due first. Leased rows are due when their lease ends."""
    return (
        select(watches.c.id)
        .where(watches.c.source == SOURCE, watches.c.due_at <= HERE, *conditions)
        .order_by(watches.c.due_at, watches.c.id)
        .limit(_MOST)
        .with_for_update(skip_locked=True)
    )


def _stale() -> Select[tuple[int]]:
    """The keys of a source's unleased watches whose clock instant lies at or before `before`."""
    return (
        select(watches.c.id)
        .where(
            watches.c.source == SOURCE,
            watches.c.clock_at <= bindparam("before", type_=Instant),
            watches.c.due_at.is_not(None),
            or_(watches.c.lease_ends_at.is_(None), watches.c.lease_ends_at <= HERE),
        )
        .order_by(watches.c.clock_at, watches.c.id)
        .limit(_MOST)
        .with_for_update(skip_locked=True)
    )


LEASE_DUE = leasing(_due(), poll_again=false())
LEASE_ASKED = leasing(_due(ASKED), poll_again=false())
"""Only those that are polled before their turn."""
LEASE_HINTED = leasing(
    _due(ASKED, watches.c.poll_reason.in_([PollReason.HINT.value, PollReason.ECHO.value])), poll_again=false()
)
# A watch that was due for a poll still is: recording clock events is no poll.
LEASE_STALE = leasing(_stale(), poll_again=watches.c.due_at <= HERE)


def _claimed(row: AnyRow) -> ClaimedWatch:
    key, lease, invoice_id, tags, due_on, fingerprint, memory, asked_at, fetched_at, misses, *rest = row
    first_missed_at, failures, settled_at, clock_at, status, due_hour, currency, worth, reason, _ = rest
    # In the order of the fields: naming twelve arguments costs as much as everything else here.
    return ClaimedWatch(
        key,
        lease,
        invoice_id,
        read_tags(tags),
        read_day(due_on),
        fingerprint,
        memory,
        read_stamp(asked_at),
        read_stamp(fetched_at),
        misses,
        read_stamp(first_missed_at),
        failures,
        read_stamp(settled_at),
        read_stamp(clock_at),
        HazardGroup(status, due_hour, currency, worth),
        None if reason is None else PollReason(reason),
    )
