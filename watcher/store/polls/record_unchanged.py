"""Records polls that found nothing new, which are nearly all: one statement for any number.

Row by row, each would cost a switch of threads and the binding of a dozen values: more than the database's own work.
"""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Text,
    Update,
    bindparam,
    case,
    cast,
    false,
    func,
    null,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.ports import PollRecord, WatchState
from watcher.store.column_types import microseconds, stamp
from watcher.store.tables import watches


async def record_unchanged(connection: AsyncConnection, polls: Sequence[PollRecord], shift: timedelta) -> bool:
    """Write when these were polled and are due again. False if a lease was lost: then roll back."""
    ahead = microseconds(shift)
    rows_given = [
        (poll.key, poll.lease, stamp(poll.poll_at) - ahead, stamp(poll.asked_at), stamp(poll.polled_at))
        for poll in polls
        if poll.poll_at is not None and poll.asked_at is not None
    ]
    statement = _RENEWALS[connection.dialect.name]
    result = await connection.execute(statement, {"rows": json.dumps(rows_given, separators=(",", ":"))})
    return result.rowcount == len(polls)


def _statement(parts: list[ColumnElement[Any]]) -> Update:
    key, lease, planned_at, asked_at, polled_at = parts
    poll_at = case((watches.c.poll_again, watches.c.poll_at), else_=planned_at)
    return (
        update(watches)
        .where(watches.c.id == key, watches.c.lease == lease)
        .values(
            lease=watches.c.lease + 1,
            lease_ends_at=null(),
            poll_again=false(),
            poll_reason=case((watches.c.poll_again, watches.c.poll_reason), else_=null()),
            poll_at=poll_at,
            due_at=poll_at,
            asked_at=asked_at,
            polled_at=polled_at,
            fetched_at=polled_at,
            state=WatchState.ACTIVE.value,
            misses=0,
            first_missed_at=null(),
            failures=0,
            last_error=null(),
        )
    )


def _sqlite() -> Update:
    rows = func.json_each(bindparam("rows", type_=Text)).table_valued("value", name="rows")
    return _statement([func.json_extract(rows.c.value, f"$[{place}]", type_=BigInteger) for place in range(_PARTS)])


def _postgresql() -> Update:
    array = func.jsonb_array_elements(cast(bindparam("rows", type_=Text), JSONB))
    row = array.table_valued(Column("value", JSONB), name="rows").c.value
    return _statement([cast(row[place].astext, BigInteger) for place in range(_PARTS)])


_PARTS = 5
_RENEWALS = {"sqlite": _sqlite(), "postgresql": _postgresql()}
