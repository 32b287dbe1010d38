"""Rate and concurrency of endpoints, held over all replicas on one PostgreSQL database."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.ports import EndpointLimit
from watcher.store.column_types import AnyRow, Instant
from watcher.store.schema import ATTEMPTING
from watcher.store.tables import deliveries, endpoints

_SAVED = timedelta(seconds=1)
"""What an idle endpoint saves up of its rate."""


async def room_within(
    connection: AsyncConnection,
    ready: Sequence[AnyRow],
    wanted: Mapping[str, int],
    limits: Mapping[str, EndpointLimit],
    now: datetime,
) -> dict[str, int]:
    """How many deliveries of each endpoint may be leased now. The rows of these endpoints have to be locked."""
    counting = select(deliveries.c.endpoint, func.count()).where(
        ATTEMPTING, deliveries.c.endpoint.in_([row.name for row in ready]), deliveries.c.lease_ends_at > now
    )
    under_way = {name: count for name, count in await connection.execute(counting.group_by(deliveries.c.endpoint))}  # noqa: C416 -- rows are no pairs to dict
    room: dict[str, int] = {}
    for row in ready:
        limit = limits.get(row.name)
        if limit is None:
            room[row.name] = wanted[row.name]
            continue
        free = limit.concurrency - under_way.get(row.name, 0)
        room[row.name] = max(0, min(wanted[row.name], free, _saved(row.next_slot_at, limit, now)))
    return room


async def take_slots(
    connection: AsyncConnection,
    ready: Sequence[AnyRow],
    taken: Mapping[str, int],
    limits: Mapping[str, EndpointLimit],
    now: datetime,
) -> None:
    """Count what was leased against the rates."""
    rows = [
        {"key": row.name, "free_at": _next_slot(row.next_slot_at, now) + taken[row.name] * limits[row.name].interval}
        for row in ready
        if row.name in limits and taken.get(row.name)
    ]
    if rows:
        await connection.execute(_TAKE_SLOTS, rows)


def _saved(next_slot_at: datetime | None, limit: EndpointLimit, now: datetime) -> int:
    """How many attempts may begin now: the generic cell rate algorithm, with a burst of one second's attempts."""
    burst = max(_SAVED, limit.interval)
    return max(0, (now + burst - _next_slot(next_slot_at, now)) // limit.interval)


def _next_slot(next_slot_at: datetime | None, now: datetime) -> datetime:
    return now if next_slot_at is None else max(next_slot_at, now)


_TAKE_SLOTS = (
    update(endpoints)
    .where(endpoints.c.name == bindparam("key"))
    .values(next_slot_at=bindparam("free_at", type_=Instant))
)
