"""What is stored about one invoice: snapshots, events, deliveries, raw documents, as JSON values."""

from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core import json_text
from watcher.core.errors import Refused
from watcher.store.column_types import AnyRow, AnySelect, json_instant, unpack
from watcher.store.schema import DELIVERY_PREFIX
from watcher.store.tables import deliveries, documents, events, snapshots, watches

EVENTS: AnySelect = select(
    events.c.cursor,
    events.c.id,
    events.c.type,
    events.c.sequence,
    events.c.source,
    events.c.timestamp,
    events.c.full,
    events.c.found_by,
    watches.c.invoice_id,
).outerjoin(watches, watches.c.id == events.c.watch_id)

DELIVERIES: AnySelect = (
    select(
        deliveries.c.id,
        events.c.id.label("event_id"),
        events.c.type,
        deliveries.c.endpoint,
        events.c.source,
        watches.c.invoice_id,
        deliveries.c.state,
        deliveries.c.attempts,
        deliveries.c.next_attempt_at,
        deliveries.c.last_status,
        deliveries.c.last_error,
    )
    .join(events, events.c.cursor == deliveries.c.cursor)
    .outerjoin(watches, watches.c.id == deliveries.c.watch_id)
)


def body(row: AnyRow) -> bytes:
    """The full body of a row of `EVENTS`; of a purged event, what may still be shown: that it existed."""
    if row.full is not None:
        return row.full
    named: dict[str, object] = {
        "event_id": row.id,
        "sequence": row.sequence,
        "source": row.source,
        "invoice_id": row.invoice_id,
        "reason": "purged",
        "changes": [],
        "invoice": None,
    }
    return json_text.write({"type": row.type, "timestamp": json_instant(row.timestamp), "data": named})


def event(row: AnyRow) -> dict[str, object]:
    """The full body of a row of `EVENTS`, its cursor, and how it was found (`ports.FoundBy`, null if unknown)."""
    return cast("dict[str, object]", json_text.read(body(row))) | {"cursor": row.cursor, "found_by": row.found_by}


def read_cursor(text: str | None) -> int:
    """The number in a cursor, 0 for None. Raises Refused."""
    if text is None:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < len(str(2**63))):
        raise Refused(f"{text[:40]!r} is no cursor: give the `cursor` of the last event you have seen")
    return int(text)


def delivery(row: AnyRow) -> dict[str, object]:
    return {
        "delivery_id": f"{DELIVERY_PREFIX}{row.id}",
        "event_id": row.event_id,
        "type": row.type,
        "endpoint": row.endpoint,
        "source": row.source,
        "invoice_id": row.invoice_id,
        "state": row.state,
        "attempts": row.attempts,
        "next_attempt_at": json_instant(row.next_attempt_at),
        "last_status": row.last_status,
        "last_error": row.last_error,
    }


async def show(connection: AsyncConnection, source: str, invoice_id: str) -> dict[str, object] | None:
    """The `show` document of one invoice, or None if it was never watched."""
    watch_id = await watch_key(connection, source, invoice_id)
    if watch_id is None:
        return None
    seen = select(snapshots).where(snapshots.c.watch_id == watch_id).order_by(snapshots.c.version)
    query = EVENTS.where(events.c.watch_id == watch_id).order_by(events.c.cursor)
    sent = DELIVERIES.where(events.c.watch_id == watch_id).order_by(deliveries.c.id)
    shots = [_snapshot(row) for row in await connection.execute(seen)]
    return {
        "invoice": shots[-1]["invoice"] if shots else None,
        "snapshots": shots,
        "events": [event(row) for row in await connection.execute(query)],
        "deliveries": [delivery(row) for row in await connection.execute(sent)],
    }


async def raw(connection: AsyncConnection, source: str, invoice_id: str) -> bytes | None:
    """The latest raw document, if one is kept."""
    query = (
        select(documents.c.content)
        .join(watches, watches.c.id == documents.c.watch_id)
        .where(watches.c.source == source, watches.c.invoice_id == invoice_id)
        .order_by(documents.c.seen_at.desc())
        .limit(1)
    )
    content: bytes | None = (await connection.execute(query)).scalar()
    return None if content is None else unpack(content)


async def watch_key(connection: AsyncConnection, source: str, invoice_id: str) -> int | None:
    """The row of an invoice that is or was watched."""
    query = select(watches.c.id).where(watches.c.source == source, watches.c.invoice_id == invoice_id)
    return (await connection.execute(query)).scalar()


def _snapshot(row: AnyRow) -> dict[str, Any]:
    return {
        "version": row.version,
        "observed_after": json_instant(row.observed_after),
        "observed_at": json_instant(row.observed_at),
        "invoice": json_text.read(row.document),
    }
