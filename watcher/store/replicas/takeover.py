"""Makes due at once what a lost replica holds. Its late results write nothing: the leases have other numbers then."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.ports import DeliveryState
from watcher.store.deliveries.ordering import lock_cursor
from watcher.store.locks import lock_watches
from watcher.store.notifications import Notice, notify
from watcher.store.schema import ATTEMPTING
from watcher.store.tables import deliveries, endpoints, watches


async def take_over_leases(connection: AsyncConnection, holder: int, now: datetime) -> int:
    """Returns how many leases there were. The first statement of its transaction that touches watches or deliveries."""
    await lock_cursor(connection)
    held = (watches.c.holder == holder, watches.c.lease_ends_at.is_not(None), watches.c.due_at > now)
    keys = (await connection.execute(select(watches.c.id).where(*held))).scalars().all()
    await lock_watches(connection, keys)
    polls = await connection.execute(
        update(watches)
        .where(watches.c.id.in_(keys), *held)
        .values(lease=watches.c.lease + 1, lease_ends_at=None, due_at=watches.c.poll_at, poll_again=False)
    )
    attempts = await connection.execute(
        update(deliveries)
        .where(ATTEMPTING, deliveries.c.holder == holder)
        .values(
            state=DeliveryState.PENDING.value,
            lease=deliveries.c.lease + 1,
            lease_ends_at=None,
            due_at=deliveries.c.next_attempt_at,
        )
        .returning(deliveries.c.endpoint)
    )
    probed = sorted(set(attempts.scalars().all()))
    # A probe is held back until the lease of the last one ends.
    for name in probed:
        await connection.execute(
            update(endpoints).where(endpoints.c.name == name, endpoints.c.probe_at > now).values(probe_at=now)
        )
    await notify(connection, Notice.POLLS)
    await notify(connection, Notice.DELIVERIES)
    return polls.rowcount + attempts.rowcount
