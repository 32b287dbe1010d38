"""Erases what an invoice said, and keeps that its events were recorded."""

from dataclasses import replace

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core.invoices import history_state
from watcher.ports import DeliveryState
from watcher.store.invoice_amounts import forget_invoice_amounts
from watcher.store.open_amounts import forget_open_amounts
from watcher.store.schema import WAITING
from watcher.store.tables import attempts, deliveries, documents, events, snapshots, watches


async def purge_watch(connection: AsyncConnection, watch_id: int) -> None:
    """Erase the raw documents, snapshots, bodies and receivers' answers of one invoice.

    Event ids, sequence and version stay: if the invoice is watched again, no id is used twice. Deliveries that still
    waited are cancelled, because their bodies are gone.
    """
    await connection.execute(delete(documents).where(documents.c.watch_id == watch_id))
    await connection.execute(delete(snapshots).where(snapshots.c.watch_id == watch_id))
    of_watch = select(deliveries.c.id).where(deliveries.c.watch_id == watch_id)
    await connection.execute(update(attempts).where(attempts.c.delivery_id.in_(of_watch)).values(response=None))
    await connection.execute(
        update(deliveries)
        .where(deliveries.c.watch_id == watch_id, WAITING)
        .values(state=DeliveryState.CANCELLED.value, due_at=None, lease_ends_at=None, lease=deliveries.c.lease + 1)
    )
    await connection.execute(
        update(events).where(events.c.watch_id == watch_id).values(full=None, thin=None, truncated=None)
    )
    await forget_open_amounts(connection, [watch_id])
    await forget_invoice_amounts(connection, [watch_id])
    await _forget(connection, watch_id)


async def _forget(connection: AsyncConnection, watch_id: int) -> None:
    row = (await connection.execute(select(watches.c.memory).where(watches.c.id == watch_id))).one()
    kept = None
    if row.memory is not None:
        kept = history_state.dumps(replace(history_state.loads(row.memory), snapshot=None, known=None, alive=None))
    await connection.execute(
        update(watches)
        .where(watches.c.id == watch_id)
        .values(
            memory=kept,
            fingerprint=None,
            status=None,
            overdue=None,
            number=None,
            due_hour=None,
            currency=None,
            worth=None,
            note=None,
            last_error=None,
            asked_at=None,
            fetched_at=None,
            clock_at=None,
            settled_at=None,
        )
    )
