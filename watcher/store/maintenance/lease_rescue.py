"""What a run that died, and could give nothing back, held when it did."""

from sqlalchemy import update

from watcher.ports import DeliveryState
from watcher.store.deliveries.ordering import lock_cursor
from watcher.store.engine import Store
from watcher.store.tables import deliveries, watches


async def rescue_leases(store: Store) -> int:
    """Make due again at once whatever is leased; how much that was.

    Only who holds the run lock may ask for it: nobody else works on a SQLite file then. On PostgreSQL, where replicas
    may hold those leases, nothing is done and the leases' ends are waited for.
    """
    if not store.is_sqlite:
        return 0
    async with store.transaction() as connection:
        await lock_cursor(connection)
        looks = await connection.execute(_LOOKS)
        attempts = await connection.execute(_ATTEMPTS)
    return looks.rowcount + attempts.rowcount


_LOOKS = (
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
