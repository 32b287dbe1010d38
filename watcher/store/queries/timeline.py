"""One invoice's history as a list: snapshots, events, and the result of each attempt to deliver them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core import json_text
from watcher.core.invoices.diff import document_changes
from watcher.store.column_types import AnyRow, json_instant
from watcher.store.event_items import EVENTS, event
from watcher.store.queries import history
from watcher.store.schema import DELIVERY_PREFIX
from watcher.store.tables import attempts, deliveries, events, snapshots

_Placed = tuple[datetime, int, int, dict[str, object]]
"""Instant, rank among entries of the same instant, number, and the entry itself."""

_SNAPSHOT, _EVENT, _ATTEMPT = range(3)

_ATTEMPTS = (
    select(
        attempts.c.id,
        attempts.c.delivery_id,
        events.c.id.label("event_id"),
        deliveries.c.endpoint,
        attempts.c.number,
        attempts.c.outcome,
        attempts.c.started_at,
        attempts.c.duration_us,
        attempts.c.status,
        attempts.c.error,
        attempts.c.response,
    )
    .join(deliveries, deliveries.c.id == attempts.c.delivery_id)
    .join(events, events.c.cursor == deliveries.c.cursor)
)


async def entries(connection: AsyncConnection, source: str, invoice_id: str) -> list[dict[str, object]] | None:
    """Oldest first, each with `at` and `kind`: snapshots with their changes, events with their deliveries, attempts.

    None if it was never watched.
    """
    key = await history.watch_key(connection, source, invoice_id)
    if key is None:
        return None
    seen = (
        await connection.execute(select(snapshots).where(snapshots.c.watch_id == key).order_by(snapshots.c.version))
    ).all()
    recorded = await connection.execute(EVENTS.where(events.c.watch_id == key).order_by(events.c.cursor))
    sent: dict[str, list[dict[str, object]]] = {}
    for row in await connection.execute(history.DELIVERIES.where(events.c.watch_id == key).order_by(deliveries.c.id)):
        sent.setdefault(row.event_id, []).append(history.delivery(row))
    tried = await connection.execute(_ATTEMPTS.where(events.c.watch_id == key))
    placed = [*_snapshots(seen), *(_event(row, sent) for row in recorded), *(_attempt(row) for row in tried)]
    return [entry for *_, entry in sorted(placed, key=lambda one: one[:3])]


def _snapshots(rows: Sequence[AnyRow]) -> list[_Placed]:
    placed: list[_Placed] = []
    before: Mapping[str, object] = {}
    for row in rows:
        invoice = cast("dict[str, object]", json_text.read(row.document))
        changes = document_changes(before, invoice) if before else ()
        entry: dict[str, object] = {
            "at": json_instant(row.observed_at),
            "kind": "snapshot",
            "version": row.version,
            "observed_after": json_instant(row.observed_after),
            "changes": [{"field": one.field, "before": one.before, "after": one.after} for one in changes],
            "invoice": invoice,
        }
        placed.append((row.observed_at, _SNAPSHOT, row.version, entry))
        before = invoice
    return placed


def _event(row: AnyRow, sent: Mapping[str, list[dict[str, object]]]) -> _Placed:
    entry: dict[str, object] = {
        "at": json_instant(row.timestamp),
        "kind": "event",
        "event": event(row),
        "deliveries": sent.get(row.id, []),
    }
    return row.timestamp, _EVENT, row.cursor, entry


def _attempt(row: AnyRow) -> _Placed:
    entry: dict[str, object] = {
        "at": json_instant(row.started_at),
        "kind": "attempt",
        "delivery_id": f"{DELIVERY_PREFIX}{row.delivery_id}",
        "event_id": row.event_id,
        "endpoint": row.endpoint,
        "number": row.number,
        "outcome": row.outcome,
        "status": row.status,
        "error": row.error,
        "response": row.response,
        "milliseconds": round(timedelta(microseconds=row.duration_us) / timedelta(milliseconds=1)),
    }
    return row.started_at, _ATTEMPT, row.id, entry
