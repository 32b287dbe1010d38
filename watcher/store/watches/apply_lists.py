"""Makes the stored watches match the lists, even a million of them: compared in one read, written step by step."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice
from typing import NamedTuple

import anyio
import anyio.lowlevel
import anyio.to_thread
from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.ports import DesiredWatch, ListDigest, ListsApplied
from watcher.store.column_types import AnyRow
from watcher.store.engine import Store
from watcher.store.tables import watches
from watcher.store.watches import list_digest
from watcher.store.watches.bulk_insert import NewWatch, insert
from watcher.store.watches.desired import Discovery, Texts, from_file, loads, texts
from watcher.store.watches.write import STEP, WatchChange, known_rows, lock_desired, require_sources, rows_by_id, write

LARGE_STOP = 10
"""Stopping no more watches than this needs no confirmation."""

_TRY_LOCK = select(func.pg_try_advisory_xact_lock(0x1157))
"""An arbitrary number that all replicas use on one PostgreSQL database."""
_ASK_AGAIN_SECONDS = 0.5
_PAGE = 20_000
"""Stored watches that are compared at once; between pages everything else can run."""
_STORED = (
    select(
        watches.c.id,
        watches.c.source,
        watches.c.invoice_id,
        watches.c.listed,
        watches.c.added,
        watches.c.discovered,
    )
    .where(watches.c.id > bindparam("after"))
    .order_by(watches.c.id)
    .limit(_PAGE)
)


class _DesiredRow(NamedTuple):
    """What the lists want of one invoice, None meaning nothing.

    `key` is its row's when it was read, if there is one.
    """

    source: str
    invoice_id: str
    text: str | None
    key: int | None = None


async def apply_lists(
    store: Store, entries: Sequence[DesiredWatch], now: datetime, *, confirmed: bool, mark: ListDigest | None
) -> ListsApplied:
    """`ports.Watches.apply_lists`. Raises NotFound if an entry names a source that is not configured.

    Held means: nothing is written. After an error, the next call continues.
    """
    names = {entry.source for entry in entries}
    found = _Difference(await anyio.to_thread.run_sync(texts, entries, from_file))
    async with _alone(store) as still_alone:
        await found.compare(store, names)
        if not confirmed and found.stops_too_many:
            return ListsApplied(held=True)
        steps = await anyio.to_thread.run_sync(found.steps)
        applied = ListsApplied()
        for number, step in enumerate(steps, 1):
            await still_alone()
            async with store.transaction() as connection:
                await lock_desired(connection)
                if number == 1:
                    await list_digest.forget(connection)
                done = await _write(connection, step, await store.now(connection, now))
                if number == len(steps) and mark is not None:
                    await list_digest.remember(connection, mark)
            applied = _sum(applied, done)
    return applied


@dataclass(slots=True)
class _Difference:
    """The difference between the lists and what is stored about them."""

    new: Texts
    """What is listed and was never watched, once everything stored has been read."""
    changed: list[_DesiredRow] = field(default_factory=list[_DesiredRow])
    """What is listed differently than stored, or no longer, in the order in which it is stored."""
    kept: int = 0
    stopped: int = 0

    @property
    def stops_too_many(self) -> bool:
        return self.stopped > LARGE_STOP and self.stopped * 2 > self.kept

    async def compare(self, store: Store, names: set[str]) -> None:
        async with store.reading() as connection:
            await require_sources(connection, names)
            after = 0
            while page := (await connection.execute(_STORED, {"after": after})).all():
                self._compare(page)
                after = page[-1].id

    def _compare(self, page: Sequence[AnyRow]) -> None:
        nothing: dict[str, str] = {}
        for key, source, invoice_id, listed, added, discovered in page:
            text = self.new.get(source, nothing).pop(invoice_id, None)
            if listed is not None:
                self.kept += 1
                if text is None and added is None and discovered != Discovery.WATCHED.value:
                    self.stopped += 1
            if text != listed:
                self.changed.append(_DesiredRow(source, invoice_id, text, key))

    def steps(self) -> tuple[Sequence[_DesiredRow], ...]:
        """What is to be written, in the order of the indexes; at least one step, for the digest."""
        rows = self.changed
        for source, new in sorted(self.new.items()):
            # All at once, no other thread of this process would run for a second; what is in order is merged sooner.
            ids = iter(new)
            ordered = [one for _ in range(0, len(new), _PAGE) for one in sorted(islice(ids, _PAGE))]
            ordered.sort()
            rows.extend(_DesiredRow(source, invoice_id, new[invoice_id]) for invoice_id in ordered)
        return tuple(rows[start : start + STEP] for start in range(0, len(rows) or 1, STEP))


async def _write(connection: AsyncConnection, step: Sequence[_DesiredRow], now: datetime) -> ListsApplied:
    new = [one for one in step if one.key is None]
    inserted = await insert(connection, [NewWatch(one.source, one.invoice_id, one.text) for one in new], now)
    # Somebody else may have begun to watch them since they were read.
    others = {one[:2]: one.text for one in new if one[:2] not in inserted}
    known = {one.key: one.text for one in step if one.key is not None}
    changed = [_watch_change(row, known[row.id]) for row in await rows_by_id(connection, tuple(known))]
    changed += [_watch_change(row, others[key]) for key, row in (await known_rows(connection, others)).items()]
    await write(connection, changed, now)
    return ListsApplied(
        added=len(inserted) + sum(1 for watch_change in changed if watch_change.is_newly_listed),
        changed=sum(1 for watch_change in changed if watch_change.is_reworded),
        removed=sum(1 for watch_change in changed if watch_change.listed is None),
    )


def _watch_change(row: AnyRow, text: str | None) -> WatchChange:
    return WatchChange(row.source, row.invoice_id, loads(text), loads(row.added), row)


def _sum(one: ListsApplied, other: ListsApplied) -> ListsApplied:
    return ListsApplied(one.added + other.added, one.changed + other.changed, one.removed + other.removed)


@asynccontextmanager
async def _alone(store: Store) -> AsyncGenerator[Callable[[], Awaitable[object]]]:
    """Nobody else applies lists meanwhile; gives a function that raises once that is no longer certain.

    On SQLite there is one `run` per file. Replicas wait for each other, by a lock that ends with its connection.
    """
    if store.is_sqlite:
        yield anyio.lowlevel.checkpoint
        return
    while True:
        async with store.reading() as connection:
            if (await connection.execute(_TRY_LOCK)).scalar_one():
                yield partial(connection.execute, _TRY_LOCK)
                return
        await anyio.sleep(_ASK_AGAIN_SECONDS)
