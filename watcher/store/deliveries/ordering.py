"""Keeps order per (endpoint, invoice), a lane: which waiting deliveries may go, and which wait for an earlier one."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Update, bindparam, case, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.ports import DeliveryState
from watcher.store.schema import WAITING
from watcher.store.tables import counters, deliveries

EGRESS = "egress"
"""The reason of a parked delivery whose address was refused."""
REMOVED = "endpoint_removed"
"""The reason of a parked delivery whose endpoint is not configured any more."""

_CHUNK = 500


async def lock_cursor(connection: AsyncConnection) -> None:
    """Wait until no other transaction makes events visible or moves lanes; the first statement of every one that does.

    Otherwise PostgreSQL could settle the head of a lane while a follower that does not see this yet is inserted behind
    it, and nothing would ever wake the follower. (On SQLite every writing transaction is alone anyway.)
    """
    await connection.execute(_LOCK_CURSOR)


async def realign(connection: AsyncConnection, watch_ids: Iterable[int]) -> None:
    """Give the pending deliveries of these invoices the `due_at` that their place in the lane allows."""
    ids = sorted(set(watch_ids))
    for start in range(0, len(ids), _CHUNK):
        await connection.execute(_REALIGN, {"ids": ids[start : start + _CHUNK]})


async def realign_where(connection: AsyncConnection, chosen: ColumnElement[bool]) -> None:
    """`realign` for any choice of rows."""
    await connection.execute(_realigning(chosen))


def rightly_due_at() -> ColumnElement[Any]:
    """When a pending delivery may go by its place in the lane; null if it waits for an earlier one."""
    head = deliveries.alias("head")
    # The first one that holds the lane, not "is there an earlier one": this is a single index lookup, whatever
    # PostgreSQL believes about tables without statistics.
    first_cursor = (
        select(head.c.cursor)
        .where(
            head.c.watch_id == deliveries.c.watch_id,
            head.c.endpoint == deliveries.c.endpoint,
            text("head.state IN ('pending', 'delivering', 'parked')"),
            head.c.holds_lane,
        )
        .order_by(head.c.watch_id, head.c.endpoint, head.c.cursor)
        .limit(1)
        .correlate(deliveries)
        .scalar_subquery()
    )
    return case((first_cursor < deliveries.c.cursor, None), else_=deliveries.c.next_attempt_at)


def _realigning(chosen: ColumnElement[bool]) -> Update:
    """Rows that are right already are not written."""
    right = rightly_due_at()
    return (
        update(deliveries)
        .where(
            WAITING,
            deliveries.c.state == DeliveryState.PENDING.value,
            chosen,
            deliveries.c.due_at.is_distinct_from(right),
        )
        .values(due_at=right)
    )


_LOCK_CURSOR = select(counters.c.value).where(counters.c.name == "cursor").with_for_update()
_REALIGN = _realigning(deliveries.c.watch_id.in_(bindparam("ids", expanding=True)))
