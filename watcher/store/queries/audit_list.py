"""The audit trail for `audit`, the API and the page."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.ports import Item
from watcher.store.column_types import json_instant
from watcher.store.record_tables import audit


async def audit_list(
    connection: AsyncConnection, *, since: datetime | None = None, before: int | None = None, limit: int | None = None
) -> list[tuple[int, Item]]:
    """The newest first, each with its key; `before` is the key of the last one that was seen."""
    query = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(audit.c.id < before)
    if since is not None:
        query = query.where(audit.c.at >= since)
    return [
        (
            row.id,
            {
                "at": json_instant(row.at),
                "who": row.who,
                "action": row.action,
                "target": row.target,
                "outcome": row.outcome,
            },
        )
        for row in await connection.execute(query)
    ]
