"""Writes desired states: new watches, changed ones, those that stop and those that start again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Update, and_, bindparam, case, func, literal, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core.errors import NotFound
from watcher.ports import WatchState
from watcher.store.column_types import AnyRow, Instant
from watcher.store.locks import lock_watches
from watcher.store.notifications import Notice, notify
from watcher.store.open_amounts import set_watched
from watcher.store.tables import sources, watches
from watcher.store.watches.bulk_insert import NewWatch, insert
from watcher.store.watches.desired import DesiredState, Discovery, dumps, loads, unite

_DESIRED_LOCK = 0x15B
"""An arbitrary number that all replicas use on one PostgreSQL database."""
STEP = 2000
"""Watches per transaction, so that polls, deliveries and commands wait only a tenth of a second for a large list."""

_DESIRED = (
    watches.c.id,
    watches.c.source,
    watches.c.invoice_id,
    watches.c.listed,
    watches.c.added,
    watches.c.discovered,
    watches.c.origins,
    watches.c.tags,
    watches.c.due_on,
    watches.c.state,
)


@dataclass(frozen=True, slots=True)
class WatchChange:
    """The new desired state of one invoice, and its row as it is (None: never watched)."""

    source: str
    invoice_id: str
    listed: DesiredState | None
    added: DesiredState | None
    row: AnyRow | None
    at_once: bool = False
    """Poll it now, even if nothing else changes."""
    found: Discovery | None = None
    """What discovery makes of it from now on; None leaves that unchanged."""

    @property
    def discovery(self) -> Discovery | None:
        if self.found is not None or self.row is None or self.row.discovered is None:
            return self.found
        return Discovery(self.row.discovered)

    @property
    def starts(self) -> bool:
        return self.row is None or not self.row.origins

    @property
    def stops(self) -> bool:
        return self.listed is None and self.added is None and self.discovery is not Discovery.WATCHED

    @property
    def is_newly_listed(self) -> bool:
        return self.listed is not None and (self.row is None or self.row.listed is None)

    @property
    def is_reworded(self) -> bool:
        """The file says something else about it; another line number is no change."""
        before = None if self.row is None else loads(self.row.listed)
        if before is None or self.listed is None:
            return False
        now = self.listed
        return (before.tags, before.due_on, before.note) != (now.tags, now.due_on, now.note)

    @property
    def needs_poll(self) -> bool:
        if self.at_once or self.row is None or self.starts:
            return True
        united = unite(self.listed, self.added, self.discovery)
        return (united.tags, united.due_on) != (self.row.tags, self.row.due_on)


def is_discoverable(row: AnyRow | None) -> bool:
    """Whether nobody watches it, and nobody removed it by hand."""
    return row is None or (not row.origins and row.discovered != Discovery.REMOVED.value)


def due_now(now: datetime) -> dict[Any, Any]:
    """Values for a watch that is to be polled now, or right after a poll in progress.

    A retired or stopped watch counts as settled from now on: otherwise the next poll would retire it again at once.
    """
    is_leased = watches.c.lease_ends_at > now
    rests = or_(watches.c.state == WatchState.RETIRED.value, watches.c.origins == "")
    return {
        watches.c.poll_at: now,
        watches.c.due_at: case((is_leased, watches.c.due_at), else_=literal(now, Instant())),
        watches.c.poll_again: true(),
        watches.c.state: case(
            (watches.c.state == WatchState.RETIRED.value, WatchState.ACTIVE.value), else_=watches.c.state
        ),
        watches.c.settled_at: case(
            (and_(watches.c.settled_at.is_not(None), rests), literal(now, Instant())), else_=watches.c.settled_at
        ),
    }


async def lock_desired(connection: AsyncConnection) -> None:
    """Wait until no other transaction changes desired states; the first statement of every one that does.

    Reading every watch under a row lock instead would make polls wait for a reload of 100,000 of them.
    """
    if connection.dialect.name == "postgresql":
        await connection.execute(select(func.pg_advisory_xact_lock(_DESIRED_LOCK)))


async def write(connection: AsyncConnection, watch_changes: Sequence[WatchChange], now: datetime) -> None:
    """Write desired states; a watch that stops loses its lease, so that a poll in progress records nothing any more."""
    this_row = update(watches).where(watches.c.id == bindparam("key"))
    await insert(connection, [_new(watch_change) for watch_change in watch_changes if watch_change.row is None], now)
    known = [watch_change for watch_change in watch_changes if watch_change.row is not None]
    await lock_watches(connection, [it.row.id for it in known if it.row is not None])
    stopping = [watch_change for watch_change in known if watch_change.stops]
    to_poll = [watch_change for watch_change in known if not watch_change.stops and watch_change.needs_poll]
    others = [watch_change for watch_change in known if not watch_change.stops and not watch_change.needs_poll]
    stop = this_row.values(poll_at=None, due_at=None, lease=watches.c.lease + 1, lease_ends_at=None, poll_again=False)
    await _in_chunks(connection, stop, _updates(stopping))
    await set_watched(connection, _keys(stopping), watched=False)
    await set_watched(connection, _keys([it for it in to_poll if it.starts]), watched=True)
    await _in_chunks(connection, this_row.values(due_now(now)), _updates(to_poll))
    if to_poll:
        await notify(connection, Notice.POLLS)
    await _in_chunks(connection, this_row, _updates(others))


async def rows_by_id(connection: AsyncConnection, ids: Sequence[int]) -> Sequence[AnyRow]:
    """The result of `known_rows`, at most `STEP` of them."""
    return (await connection.execute(select(*_DESIRED).where(watches.c.id.in_(ids)))).all() if ids else ()


async def known_rows(connection: AsyncConnection, keys: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], AnyRow]:
    """The rows of these (source, invoice id) that exist, with the columns of the desired state."""
    by_source: dict[str, list[str]] = {}
    for source, invoice_id in keys:
        by_source.setdefault(source, []).append(invoice_id)
    found: dict[tuple[str, str], AnyRow] = {}
    for source, ids in sorted(by_source.items()):
        for start in range(0, len(ids), STEP):
            chosen = watches.c.invoice_id.in_(ids[start : start + STEP])
            query = select(*_DESIRED).where(watches.c.source == source, chosen)
            found |= {(row.source, row.invoice_id): row for row in await connection.execute(query)}
    return found


async def require_sources(connection: AsyncConnection, names: set[str]) -> None:
    """Raises NotFound for a source that is not configured."""
    known = set((await connection.execute(select(sources.c.name).where(sources.c.configured))).scalars())
    if missing := sorted(names - known):
        raise NotFound(f"no source {missing[0]}: configured are {', '.join(sorted(known)) or 'none'}")


async def _in_chunks(connection: AsyncConnection, statement: Update, rows: Sequence[dict[str, Any]]) -> None:
    for start in range(0, len(rows), STEP):
        await connection.execute(statement, rows[start : start + STEP])


def _keys(watch_changes: Iterable[WatchChange]) -> list[int]:
    return [it.row.id for it in watch_changes if it.row is not None]


def _updates(watch_changes: Iterable[WatchChange]) -> list[dict[str, Any]]:
    return [{"key": it.row.id, **_united_values(it)} for it in watch_changes if it.row is not None]


def _new(watch_change: WatchChange) -> NewWatch:
    listed, added, found = watch_change.listed, watch_change.added, watch_change.discovery
    return NewWatch(
        watch_change.source, watch_change.invoice_id, listed and dumps(listed), added and dumps(added), found
    )


def _united_values(watch_change: WatchChange) -> dict[str, Any]:
    united = unite(watch_change.listed, watch_change.added, watch_change.discovery)
    return {
        "discovered": None if watch_change.discovery is None else watch_change.discovery.value,
        "listed": watch_change.listed and dumps(watch_change.listed),
        "added": watch_change.added and dumps(watch_change.added),
        "origins": united.origins,
        "tags": united.tags,
        "due_on": united.due_on,
        "note": united.note,
    }
