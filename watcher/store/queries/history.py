"""What is stored about one invoice: snapshots, events, deliveries, raw documents, as JSON values."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core import json_text
from watcher.store.column_types import AnyRow, AnySelect, json_instant, unpack
from watcher.store.event_items import EVENTS, event
from watcher.store.schema import DELIVERY_PREFIX
from watcher.store.tables import deliveries, documents, events, snapshots, watches

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
