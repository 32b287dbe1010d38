"""The list of replicas for `replicas`, the API and the page."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.ports import Item
from watcher.store.column_types import AnyRow, json_instant
from watcher.store.tables import replicas

_LOST = "lost"
_SILENT_AFTER = timedelta(seconds=30)
"""Until then another replica has marked it as lost, if there is one."""


async def replica_list(connection: AsyncConnection, here: datetime) -> list[Item]:
    """By name; `here` is the present instant by the server's clock.

    A configuration differs if it is not that of the replica that has run longest.
    """
    rows = (await connection.execute(select(replicas).order_by(replicas.c.started_at, replicas.c.id))).all()
    reference = next((row.config for row in rows if _state(row, here) != _LOST), None)
    return [_item(row, here, reference) for row in sorted(rows, key=lambda row: row.name)]


def _state(row: AnyRow, here: datetime) -> str:
    return _LOST if row.heartbeat_at < here - _SILENT_AFTER else row.state


def _item(row: AnyRow, here: datetime, reference: str | None) -> Item:
    return {
        "name": row.name,
        "version": row.version,
        "host": row.host,
        "pid": row.pid,
        "started_at": json_instant(row.started_at),
        "heartbeat_at": json_instant(row.heartbeat_at),
        "state": _state(row, here),
        "config": "same" if row.config == reference else "differs",
    }
