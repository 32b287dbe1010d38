"""Releases the leases of a process that crashed."""

from sqlalchemy import update

from watcher.ports import DeliveryState
from watcher.store.deliveries.ordering import lock_cursor
from watcher.store.engine import Store
from watcher.store.tables import deliveries, watches


async def rescue_leases(store: Store) -> int:
    """Make everything that is leased due again at once; returns how much that was.

    Only the holder of the run lock may call it: nothing else uses a SQLite file then. On PostgreSQL, where replicas may
    hold those leases, it does nothing, and the leases end by themselves.
    """
    if not store.is_sqlite:
        return 0
    async with store.transaction() as connection:
        await lock_cursor(connection)
        polls = await connection.execute(_POLLS)
        attempts = await connection.execute(_ATTEMPTS)
    return polls.rowcount + attempts.rowcount


_POLLS = (
    update(watches)
    .where(watches.c.lease_ends_at.is_not(None))
    .values(lease=watches.c.lease + 1, lease_ends_at=None, due_at=watches.c.poll_at, poll_again=False)
)
_ATTEMPTS = (
    update(deliveries)
    .where(deliveries.c.state == DeliveryState.DELIVERING.value)
    .values(
        state=DeliveryState.PENDING.value,
        lease=deliveries.c.lease + 1,
        lease_ends_at=None,
        due_at=deliveries.c.next_attempt_at,
    )
)
