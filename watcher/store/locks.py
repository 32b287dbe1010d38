"""The order in which rows are locked, so that writers never deadlock."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.store.tables import watches

_CHUNK = 5000
"""Rows per statement, so that a large import stays within the time limit of a statement."""


async def lock_watches(connection: AsyncConnection, keys: Iterable[int]) -> None:
    """Lock these rows by key, as all that write several do. SQLite has one writer at a time anyway."""
    if connection.dialect.name != "postgresql":
        return
    ordered = sorted(keys)
    for start in range(0, len(ordered), _CHUNK):
        chosen = watches.c.id.in_(ordered[start : start + _CHUNK])
        await connection.execute(select(watches.c.id).where(chosen).order_by(watches.c.id).with_for_update())
