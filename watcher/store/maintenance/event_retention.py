"""Takes old events and snapshots out of the database, month by month, after they are in the archive."""

from collections.abc import AsyncIterator, Callable, Sequence
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
from watcher.store.event_items import EVENTS, event_line
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
"""Cursors examined in one read."""
_CHUNK = 200
"""Rows read, or deleted in one transaction: what else wants to write waits for no more."""
_WATCHES = 500
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
    on_progress: Callable[[], None] = lambda: None
    """Called after each step: a month of millions of events takes long, and does not hang."""

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
                await anyio.to_thread.run_sync(_write, file, rows)
                self.on_progress()
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
            async with self.store.reading() as connection:
                found = await _old_events(connection, after, until, before)
            if found:
                async with self.store.transaction() as connection:
                    gone += await _delete_events(connection, found)
            after = found[-1] if len(found) == _CHUNK else until
            await self._rest()
            if anyio.current_time() > ends_at:
                return EventsForgotten(gone, 0, files, is_finished=False)
        async for versions in self._old_snapshots(before):
            async with self.store.transaction() as connection:
                old_snapshots += await _delete_snapshots(connection, versions)
            await self._rest()
        async with self.store.transaction() as connection:
            await _set_counter(connection, _FORGOTTEN, last)
        return EventsForgotten(gone, old_snapshots, files)

    async def _newest(self) -> int:
        async with self.store.reading() as connection:
            return (await connection.execute(select(func.max(events.c.cursor)))).scalar_one() or 0

    async def _rest(self) -> None:
        self.on_progress()
        await anyio.sleep(_SHORTEST_REST_SECONDS)

    async def _old_snapshots(self, before: datetime) -> AsyncIterator[Sequence[AnyRow]]:
        """A limited number at a time."""
        async with self.store.reading() as connection:
            last = (await connection.execute(select(func.max(snapshots.c.watch_id)))).scalar_one() or 0
        for after in range(0, last, _WATCHES):
            chosen = {"after": after, "until": after + _WATCHES, "before": before, "most": _CHUNK}
            rows: Sequence[AnyRow] | None = None
            while rows is None or len(rows) == _CHUNK:
                async with self.store.reading() as connection:
                    rows = (await connection.execute(_OLD_SNAPSHOTS, chosen)).all()
                if rows:
                    yield rows


def _write(file: ArchiveFile, rows: Sequence[AnyRow]) -> None:
    file.write(event_line(row) for row in rows)


async def _old_events(connection: AsyncConnection, after: int, until: int, before: datetime) -> Sequence[int]:
    """The cursors of events to delete."""
    chosen = {"after": after, "until": until, "before": before, "most": _CHUNK}
    return (await connection.execute(_OLD_EVENTS, chosen)).scalars().all()


async def _delete_events(connection: AsyncConnection, found: Sequence[int]) -> int:
    """With their ended deliveries; except those that an operator sends again since they were found."""
    await lock_cursor(connection)
    waiting = select(deliveries.c.cursor).where(deliveries.c.cursor.in_(found), WAITING)
    kept = set((await connection.execute(waiting)).scalars())
    if cursors := [cursor for cursor in found if cursor not in kept]:
        sent = select(deliveries.c.id).where(deliveries.c.cursor.in_(cursors))
        await connection.execute(delete(attempts).where(attempts.c.delivery_id.in_(sent)))
        await connection.execute(delete(deliveries).where(deliveries.c.cursor.in_(cursors)))
        await connection.execute(delete(events).where(events.c.cursor.in_(cursors)))
        await _set_counter(connection, EVENTS_GONE, cursors[-1])
    return len(cursors)


async def _delete_snapshots(connection: AsyncConnection, versions: Sequence[AnyRow]) -> int:
    """None of them can have become the newest of its invoice since."""
    by_watch: dict[int, list[int]] = {}
    for row in versions:
        by_watch.setdefault(row.watch_id, []).append(row.version)
    deleted = 0
    for watch_id, numbers in by_watch.items():
        old = delete(snapshots).where(snapshots.c.watch_id == watch_id, snapshots.c.version.in_(numbers))
        deleted += (await connection.execute(old)).rowcount
    return deleted


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
    .limit(bindparam("most", type_=BigInteger))
)


_NEWER = snapshots.alias("newer")
_OLD_SNAPSHOTS = (
    select(snapshots.c.watch_id, snapshots.c.version)
    .where(
        snapshots.c.watch_id > bindparam("after"),
        snapshots.c.watch_id <= bindparam("until"),
        snapshots.c.observed_at < bindparam("before", type_=Instant),
        snapshots.c.version
        < select(func.max(_NEWER.c.version)).where(_NEWER.c.watch_id == snapshots.c.watch_id).scalar_subquery(),
    )
    .order_by(snapshots.c.watch_id, snapshots.c.version)
    .limit(bindparam("most", type_=BigInteger))
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
