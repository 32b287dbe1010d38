"""What the charts of the overview count: attempts by hour, and how soon changes were detected."""

from datetime import datetime, timedelta

from sqlalchemy import BigInteger, case, func, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.ports import AttemptHour, DelayBand, FoundBy, Outcome
from watcher.store.column_types import EPOCH, microseconds
from watcher.store.tables import attempts, events, sources

HOURS = 24
_HOUR = timedelta(hours=1)
_MONTH = timedelta(days=30)
_BANDS = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(days=1),
)


async def attempts_by_hour(connection: AsyncConnection, now: datetime) -> tuple[AttemptHour, ...]:
    """The last hours without gaps, the current one included, oldest first."""
    current = (now - EPOCH) // _HOUR
    hours = range(current - HOURS + 1, current + 1)
    hour = type_coerce(attempts.c.started_at, BigInteger) // microseconds(_HOUR)
    delivered = func.sum(case((attempts.c.outcome == Outcome.DELIVERED.value, 1), else_=0))
    query = (
        select(hour.label("hour"), func.count().label("made"), delivered.label("delivered"))
        .where(attempts.c.started_at >= EPOCH + hours[0] * _HOUR)
        .group_by("hour")
    )
    found = {int(row.hour): (row.delivered, row.made - row.delivered) for row in await connection.execute(query)}
    return tuple(AttemptHour(EPOCH + one * _HOUR, *found.get(one, (0, 0))) for one in hours)


async def delay_bands(connection: AsyncConnection, now: datetime) -> tuple[DelayBand, ...]:
    """Changes of the last month that the provider dated. The index is by source: naming all lets it be searched."""
    band = case(
        *((events.c.delay_us <= microseconds(up_to), number) for number, up_to in enumerate(_BANDS)), else_=len(_BANDS)
    )
    hinted = func.sum(case((events.c.found_by == FoundBy.HINT.value, 1), else_=0))
    query = (
        select(band.label("band"), func.count().label("changes"), hinted.label("hinted"))
        .where(
            events.c.source.in_(select(sources.c.name)),
            events.c.timestamp >= now - _MONTH,
            events.c.delay_us.is_not(None),
        )
        .group_by("band")
    )
    found = {row.band: (row.changes - row.hinted, row.hinted) for row in await connection.execute(query)}
    return tuple(DelayBand(up_to, *found.get(number, (0, 0))) for number, up_to in enumerate((*_BANDS, None)))
