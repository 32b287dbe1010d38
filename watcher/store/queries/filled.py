"""Whether the tables that reports are read from have what they need."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core.errors import StoreUnavailable
from watcher.store.tables import counters


async def require_filled(connection: AsyncConnection, counter: str) -> None:
    """Raise StoreUnavailable until the counter says that a table was filled after an upgrade."""
    filled = select(counters.c.value).where(counters.c.name == counter)
    if (await connection.execute(filled)).first() is None:
        raise StoreUnavailable("invoices are still being counted after an upgrade: ask again in a moment")
