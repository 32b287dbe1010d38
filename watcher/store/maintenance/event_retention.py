"""Takes old events and snapshots out of the database, month by month, after they are in the archive."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import anyio
import anyio.to_thread
from sqlalchemy import BigInteger, bindparam, delete, func, or_, select, type_coerce, update
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.store.column_types import EPOCH, AnyRow, Instant, microseconds
from watcher.store.deliveries.ordering import lock_cursor
from watcher.store.engine import Store, upserting
from watcher.store.event_items import EVENTS, event
from watcher.store.maintenance.archive_file import ArchiveFile
from watcher.store.schema import EVENTS_GONE, WAITING
from watcher.store.tables import attempts, counters, deliveries, events, snapshots

_ARCHIVED = "events_archived_month"
_ARCHIVED_CURSOR = "events_archived_cursor"
_FORGOTTEN = "events_forgotten_month"
"""Counters: the last month, as YYYYMM, that is in the archive; the newest cursor then; the last month that was taken
out of the database.
"""

_WINDOW = 20_000
"""Cursors, or watches, examined in one read."""
_CHUNK = 500
_SHORTEST_REST_SECONDS = 0.02
_LONGEST_SECONDS = 600
"""A longer clean-up goes on at the next time: the watchdog takes a job that lasts too long for a hanging one."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class EventsForgotten:
    """`files` are those that were archived; `is_finished` is False if the rest has to wait for the next time."""

    events: int = 0
    snapshots: int = 0
    files: tuple[Path, ...] = ()
    is_finished: bool = True


@dataclass(frozen=True, slots=True)
class EventRetention:
    """One process at a time may use it. A crash at any point loses nothing: the next time continues."""

    store: Store

    async def forget(self, now: datetime, keep: timedelta, archive: Path | None) -> EventsForgotten:
        """Take out the months that are older than `keep` as a whole (UTC), after writing them to `archive`, if given.

        What stays: the newest event and snapshot of each invoice, and events that have not been delivered. They are in
        the archive as well, and go later without being written again. Raises StoreUnavailable, and Refused if a file of
        that month is there already with other events.
        """
        last = month_before(now - keep)
        async with self.store.reading() as connection:
            archived, forgotten = await _counter(connection, _ARCHIVED), await _counter(connection, _FORGOTTEN)
        if last <= forgotten:
            return EventsForgotten()
        files: list[Path] = []
        if archive is not None:
            for month in await self._months():
                if archived < month <= last:
                    files += await self._archive(month, archive)
        return await self._delete(last, tuple(files), is_archived=archive is not None)

    async def _months(self) -> Sequence[int]:
        """The months of which there are events."""
        day = type_coerce(events.c.timestamp, BigInteger) // microseconds(_DAY)
        async with self.store.reading() as connection:
            days = (await connection.execute(select(day).distinct())).scalars().all()
        return sorted({_month(EPOCH.date() + timedelta(days=int(number))) for number in days})

    async def _archive(self, month: int, folder: Path) -> list[Path]:
        name = f"events-{month // 100:04}-{month % 100:02}.jsonl.gz"
        newest = await self._newest()
        file = await anyio.to_thread.run_sync(ArchiveFile, folder, name)
        try:
            async for rows in self._events(month, newest):
                await anyio.to_thread.run_sync(file.write, [event(row) for row in rows])
            await anyio.to_thread.run_sync(file.publish)
        finally:
            with suppress(OSError):
                file.abandon()
        async with self.store.transaction() as connection:
            await _set_counter(connection, _ARCHIVED, month)
            await _set_counter(connection, _ARCHIVED_CURSOR, newest)
        return [file.path]

    async def _events(self, month: int, last: int) -> AsyncIterator[Sequence[AnyRow]]:
        """All of a month in the order of their cursors, a limited number at a time, each in a short read."""
        begins, ends = _begin(month), _begin(_next(month))
        after = 0
        while after < last:
            until = min(after + _WINDOW, last)
            query = (
                EVENTS.where(events.c.cursor > after, events.c.cursor <= until)
                .where(events.c.timestamp >= begins, events.c.timestamp < ends)
                .order_by(events.c.cursor)
                .limit(_CHUNK)
            )
            async with self.store.reading() as connection:
                rows = (await connection.execute(query)).all()
            if rows:
                yield rows
            after = rows[-1].cursor if len(rows) == _CHUNK else until

    async def _delete(self, last: int, files: tuple[Path, ...], *, is_archived: bool) -> EventsForgotten:
        before, ends_at = _begin(_next(last)), anyio.current_time() + _LONGEST_SECONDS
        after = gone = old_snapshots = 0
        newest = await self._newest()
        if is_archived:
            # A clock that was set back may have put an event into a month that was archived before it.
            async with self.store.reading() as connection:
                newest = min(newest, await _counter(connection, _ARCHIVED_CURSOR))
        while after < newest:
            until = min(after + _WINDOW, newest)
            async with self.store.transaction() as connection:
                cursors = await _delete_events(connection, after, until, before)
            gone, after = gone + len(cursors), cursors[-1] if len(cursors) == _CHUNK else until
            await anyio.sleep(_SHORTEST_REST_SECONDS)
            if anyio.current_time() > ends_at:
                return EventsForgotten(gone, 0, files, is_finished=False)
        async for watches in self._watches():
            async with self.store.transaction() as connection:
                old_snapshots += await _delete_snapshots(connection, watches, before)
            await anyio.sleep(_SHORTEST_REST_SECONDS)
        async with self.store.transaction() as connection:
            await _set_counter(connection, _FORGOTTEN, last)
        return EventsForgotten(gone, old_snapshots, files)

    async def _newest(self) -> int:
        async with self.store.reading() as connection:
            return (await connection.execute(select(func.max(events.c.cursor)))).scalar_one() or 0

    async def _watches(self) -> AsyncIterator[tuple[int, int]]:
        """Ranges of keys: after the first, up to the second."""
        async with self.store.reading() as connection:
            last = (await connection.execute(select(func.max(snapshots.c.watch_id)))).scalar_one() or 0
        for after in range(0, last, _CHUNK):
            yield after, after + _CHUNK


async def _delete_events(connection: AsyncConnection, after: int, until: int, before: datetime) -> Sequence[int]:
    """With their ended deliveries. Returns the cursors."""
    await lock_cursor(connection)
    chosen = {"after": after, "until": until, "before": before}
    cursors = (await connection.execute(_OLD_EVENTS, chosen)).scalars().all()
    if cursors:
        sent = select(deliveries.c.id).where(deliveries.c.cursor.in_(cursors))
        await connection.execute(delete(attempts).where(attempts.c.delivery_id.in_(sent)))
        await connection.execute(delete(deliveries).where(deliveries.c.cursor.in_(cursors)))
        await connection.execute(delete(events).where(events.c.cursor.in_(cursors)))
        await _set_counter(connection, EVENTS_GONE, cursors[-1])
    return cursors


async def _delete_snapshots(connection: AsyncConnection, watches: tuple[int, int], before: datetime) -> int:
    newer = snapshots.alias("newer")
    newest = select(func.max(newer.c.version)).where(newer.c.watch_id == snapshots.c.watch_id).scalar_subquery()
    old = delete(snapshots).where(
        snapshots.c.watch_id > watches[0],
        snapshots.c.watch_id <= watches[1],
        snapshots.c.observed_at < before,
        snapshots.c.version < newest,
    )
    return (await connection.execute(old)).rowcount


async def _counter(connection: AsyncConnection, name: str) -> int:
    return (await connection.execute(select(counters.c.value).where(counters.c.name == name))).scalar() or 0


async def _set_counter(connection: AsyncConnection, name: str, value: int) -> None:
    """Never lower than it was."""
    await connection.execute(
        upserting(connection, counters).values(name=name, value=0).on_conflict_do_nothing(index_elements=["name"])
    )
    raised = update(counters).where(counters.c.name == name, counters.c.value < value)
    await connection.execute(raised.values(value=value))


_LATER = events.alias("later")
_OLD_EVENTS = (
    select(events.c.cursor)
    .where(
        events.c.cursor > bindparam("after"),
        events.c.cursor <= bindparam("until"),
        events.c.timestamp < bindparam("before", type_=Instant),
        or_(
            events.c.watch_id.is_(None),
            select(_LATER.c.cursor)
            .where(_LATER.c.watch_id == events.c.watch_id, _LATER.c.cursor > events.c.cursor)
            .exists(),
        ),
        ~select(deliveries.c.id).where(deliveries.c.cursor == events.c.cursor, WAITING).exists(),
    )
    .order_by(events.c.cursor)
    .limit(_CHUNK)
)


def _month(day: date) -> int:
    return day.year * 100 + day.month


def month_before(at: datetime) -> int:
    """The last month that had ended at this instant."""
    return _month(at.astimezone(UTC).date().replace(day=1) - _DAY)


def _begin(month: int) -> datetime:
    return datetime(month // 100, month % 100, 1, tzinfo=UTC)


def _next(month: int) -> int:
    return _month(_begin(month).date() + 31 * _DAY)
