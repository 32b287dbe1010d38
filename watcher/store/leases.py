"""Leases of a `run` that died with work under way."""

from sqlalchemy import update

from watcher.ports import DeliveryState
from watcher.store.engine import Store
from watcher.store.lanes import lock_cursor
from watcher.store.tables import deliveries, watches


async def free_leases(store: Store) -> None:
    """Make due again, as it was planned, what is under lease. For the holder of the run lock, before its work begins.

    On SQLite nobody else can be at work, so nothing is waited for; on PostgreSQL another replica may be, and leases
    end by themselves.
    """
    if not store.is_sqlite:
        return
    async with store.transaction() as connection:
        await lock_cursor(connection)
        await connection.execute(
            update(watches)
            .where(watches.c.lease_ends_at.is_not(None))
            .values(lease=watches.c.lease + 1, lease_ends_at=None, poll_again=False, due_at=watches.c.poll_at)
        )
        await connection.execute(
            update(deliveries)
            .where(deliveries.c.state == DeliveryState.DELIVERING.value)
            .values(
                state=DeliveryState.PENDING.value,
                lease=deliveries.c.lease + 1,
                lease_ends_at=None,
                due_at=deliveries.c.next_attempt_at,
            )
        )
