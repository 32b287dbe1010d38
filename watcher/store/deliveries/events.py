"""Writes events and their deliveries, for everything that records events."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.ports import DeliveryState, EventRecord, Form
from watcher.store.column_types import microseconds
from watcher.store.deliveries.ordering import realign
from watcher.store.execute_many import execute_many
from watcher.store.notifications import Notice, notify
from watcher.store.tables import counters, deliveries, events

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class EventInsert:
    """An event to write. `watch_id` is None for events about sources and endpoints, which have no lane."""

    event: EventRecord
    watch_id: int | None
    due_at: datetime


async def write_events(connection: AsyncConnection, event_inserts: Sequence[EventInsert]) -> None:
    """Write new events with their deliveries; an id that exists already changes nothing.

    The transaction has to begin with `lock_cursor`, so that cursors become visible in their order.
    """
    known = await _known(connection, [event_insert.event.id for event_insert in event_inserts])
    new = {event_insert.event.id: event_insert for event_insert in event_inserts if event_insert.event.id not in known}
    if not new:
        return
    first = await _next_cursor(connection, len(new))
    placed = list(enumerate(new.values(), start=first))
    await execute_many(connection, _EVENTS, [_event_row(cursor, event_insert) for cursor, event_insert in placed])
    rows = [row for cursor, event_insert in placed for row in _delivery_rows(cursor, event_insert)]
    if rows:
        await execute_many(connection, _DELIVERIES, rows)
        await realign(connection, (row["watch_id"] for row in rows if row["watch_id"] is not None))
    await notify(connection, Notice.DELIVERIES)


async def _known(connection: AsyncConnection, ids: Sequence[str]) -> set[str]:
    known: set[str] = set()
    for start in range(0, len(ids), _CHUNK):
        known.update((await connection.execute(_KNOWN, {"ids": ids[start : start + _CHUNK]})).scalars())
    return known


async def _next_cursor(connection: AsyncConnection, count: int) -> int:
    last: int = (await connection.execute(_ADVANCE, {"count": count})).scalar_one()
    return last - count + 1


_KNOWN = select(events.c.id).where(events.c.id.in_(bindparam("ids", expanding=True)))
_ADVANCE = (
    update(counters)
    .where(counters.c.name == "cursor")
    .values(value=counters.c.value + bindparam("count", type_=BigInteger))
    .returning(counters.c.value)
)
_EVENTS, _DELIVERIES = insert(events), insert(deliveries)


def _event_row(cursor: int, event_insert: EventInsert) -> dict[str, Any]:
    event = event_insert.event
    return {
        "cursor": cursor,
        "id": event.id,
        "type": event.type,
        "sequence": event.sequence,
        "source": event.source,
        "watch_id": event_insert.watch_id,
        "timestamp": event.timestamp,
        "tags": event.tags,
        "full": event.bodies[Form.FULL],
        "thin": event.bodies.get(Form.THIN),
        "truncated": event.bodies.get(Form.TRUNCATED),
        "found_by": None if event.found_by is None else event.found_by.value,
        "delay_us": None if event.delay is None else microseconds(event.delay),
    }


def _delivery_rows(cursor: int, event_insert: EventInsert) -> list[dict[str, Any]]:
    return [
        {
            "cursor": cursor,
            "endpoint": endpoint,
            "watch_id": event_insert.watch_id,
            "event_type": event_insert.event.type,
            "form": form.value,
            "state": DeliveryState.PENDING.value,
            "next_attempt_at": event_insert.due_at,
            "due_at": event_insert.due_at,
        }
        for endpoint, form in event_insert.event.deliveries
    ]
