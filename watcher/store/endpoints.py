"""The endpoints as the store knows them, and what waits for those that went or came back."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.ports import DeliveryState
from watcher.store.codec import Instant
from watcher.store.engine import Store, upserting
from watcher.store.lanes import EGRESS, REMOVED, lock_cursor, realign_where
from watcher.store.tables import WAITING, deliveries, endpoints


async def sync_endpoints(store: Store, configured: Mapping[str, str], now: datetime) -> None:
    """`ports.Outbox.sync_endpoints`. A disabled endpoint stays disabled."""
    async with store.transaction() as connection:
        await lock_cursor(connection)
        here = await store.now(connection, now)
        gone = endpoints.c.name.not_in(tuple(configured))
        await connection.execute(update(endpoints).where(gone).values(configured=False))
        if configured:
            inserting = upserting(connection, endpoints)
            known = inserting.on_conflict_do_update(
                index_elements=["name"], set_={"url": inserting.excluded.url, "configured": True}
            )
            rows = [{"name": name, "url": url, "configured": True} for name, url in sorted(configured.items())]
            await connection.execute(known, rows)
        await _park_removed(connection)
        await _resume(connection, here)


async def _park_removed(connection: AsyncConnection) -> None:
    """Park what waits for endpoints that are not configured, those never heard of included."""
    known = select(endpoints.c.name).where(endpoints.c.configured)
    await connection.execute(
        update(deliveries)
        .where(WAITING, deliveries.c.state == DeliveryState.PENDING.value, deliveries.c.endpoint.not_in(known))
        .values(state=DeliveryState.PARKED.value, parked_reason=REMOVED, due_at=None)
    )


async def _resume(connection: AsyncConnection, now: datetime) -> None:
    known = select(endpoints.c.name).where(endpoints.c.configured)
    resumed = await connection.execute(
        update(deliveries)
        .where(
            WAITING,
            deliveries.c.state == DeliveryState.PARKED.value,
            deliveries.c.parked_reason.in_((REMOVED, EGRESS)),
            deliveries.c.endpoint.in_(known),
        )
        .values(
            state=DeliveryState.PENDING.value,
            parked_reason=None,
            next_attempt_at=func.coalesce(deliveries.c.next_attempt_at, literal(now, Instant())),
        )
        .returning(deliveries.c.endpoint)
    )
    names = set(resumed.scalars())
    if names:
        await realign_where(connection, deliveries.c.endpoint.in_(names))
