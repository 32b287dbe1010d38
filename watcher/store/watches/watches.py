"""The watches and who wants them: watch lists on one side, the command line and the API on the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import anyio.to_thread
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core.errors import NotFound, StillListed
from watcher.ports import (
    AuditAction,
    AuditEntry,
    DesiredWatch,
    KnownWatch,
    ListDigest,
    ListsApplied,
    PollReason,
    SourceRow,
    WatchEdit,
    WatchState,
)
from watcher.store.audit import write_audit, write_audits
from watcher.store.column_types import AnyRow, storable
from watcher.store.engine import Store, upserting
from watcher.store.notifications import Notice, notify
from watcher.store.tables import sources, watches
from watcher.store.watches import list_digest
from watcher.store.watches.apply_lists import apply_lists
from watcher.store.watches.bulk_insert import NewWatch, insert
from watcher.store.watches.desired import Discovery, by_hand, first_by_hand, loads, texts
from watcher.store.watches.edit import edited
from watcher.store.watches.purge import purge_watch
from watcher.store.watches.write import (
    STEP,
    WatchChange,
    due_now,
    is_discoverable,
    known_rows,
    lock_desired,
    require_sources,
    write,
)


@dataclass(frozen=True, slots=True)
class SqlWatches:
    """`ports.Watches`, and what the command line and the API do to watches."""

    store: Store

    async def sync_sources(self, sources: Sequence[SourceRow], now: datetime) -> None:
        del now
        async with self.store.transaction() as connection:
            await _sync_sources(connection, sources)

    async def apply_lists(
        self, entries: Sequence[DesiredWatch], now: datetime, *, confirmed: bool, mark: ListDigest | None = None
    ) -> ListsApplied:
        """Raises NotFound if an entry names a source that is not configured. Held means: nothing is written."""
        return await apply_lists(self.store, entries, now, confirmed=confirmed, mark=mark)

    async def list_digest(self) -> ListDigest | None:
        """Which lists the stored watches match; None if unknown."""
        async with self.store.reading() as connection:
            return await list_digest.read(connection)

    async def add(
        self, entry: DesiredWatch, origin: str, now: datetime, *, audit_entry: AuditEntry | None = None
    ) -> bool:
        """Watch by hand (`cli`, `api`, `added`), due at once; True if the invoice was not watched before.

        Raises NotFound for a source that is not configured.
        """
        return await self.import_entries([entry], origin, now, audit_entry=audit_entry) == 1

    async def import_entries(
        self,
        entries: Sequence[DesiredWatch],
        origin: str,
        now: datetime,
        *,
        audit_entry: AuditEntry | None = None,
        who: str | None = None,
    ) -> int:
        """`add` for many, step by step; returns how many were not watched before. Raises NotFound like `add`.

        `audit_entry` is written with the first step. With `who`, each watch gets an audit entry of its own.
        """
        by_key = {_key(entry): entry for entry in entries}
        names, keys, started = {entry.source for entry in entries}, list(by_key), 0
        added = await anyio.to_thread.run_sync(texts, entries, partial(first_by_hand, origin))
        for start in range(0, len(keys), STEP):
            step = keys[start : start + STEP]
            async with self.store.transaction() as connection:
                await lock_desired(connection)
                here = await self.store.now(connection, now)
                await require_sources(connection, names)
                new = [NewWatch(*key, None, added[key[0]][key[1]]) for key in step]
                inserted = await insert(connection, new, here)
                known = await known_rows(connection, [key for key in step if key not in inserted])
                watch_changes = [_added(by_key[key], origin, row) for key, row in known.items()]
                await write(connection, watch_changes, here)
                if start == 0:
                    await write_audit(connection, audit_entry, here)
                if who is not None:
                    noted = [AuditEntry(who, AuditAction.WATCH_ADD, " ".join(key)) for key in step]
                    await write_audits(connection, noted, here)
            started += len(inserted) + sum(1 for watch_change in watch_changes if watch_change.starts)
        return started

    async def discover(self, source: str, ids: Sequence[str], now: datetime) -> int:
        """Watch those of these invoices that nobody watches, due at once; returns how many.

        Watches that were removed by hand stay removed. Raises NotFound for a source that is not configured.
        """
        if not (keys := await self.undiscovered(source, ids)):
            return 0
        async with self.store.transaction() as connection:
            await lock_desired(connection)
            here = await self.store.now(connection, now)
            await require_sources(connection, {source})
            known = await known_rows(connection, keys)
            watch_changes = [
                WatchChange(*key, None, None, known.get(key), found=Discovery.WATCHED)
                for key in keys
                if is_discoverable(known.get(key))
            ]
            await write(connection, watch_changes, here)
        return len(watch_changes)

    async def undiscovered(self, source: str, ids: Sequence[str]) -> tuple[tuple[str, str], ...]:
        """Those of these invoices that `discover` would watch, as (source, invoice id)."""
        keys = tuple({(source, storable(one)): None for one in ids})
        async with self.store.reading() as connection:
            known = await known_rows(connection, keys)
        return tuple(key for key in keys if is_discoverable(known.get(key)))

    async def edit(
        self,
        source: str,
        invoice_id: str,
        edit: WatchEdit,
        origin: str,
        now: datetime,
        *,
        audit_entry: AuditEntry | None = None,
    ) -> None:
        """Change the tags and the note that were set by hand; new tags hold from the poll that this makes due.

        Raises NotFound, or EditedInList if only a file can change them.
        """
        async with self.store.transaction() as connection:
            await lock_desired(connection)
            here = await self.store.now(connection, now)
            await write(connection, [await edited(connection, source, invoice_id, edit, origin)], here)
            await write_audit(connection, audit_entry, here)

    async def known(self, keys: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], KnownWatch]:
        """Those of these (source, invoice id) that are watched."""
        async with self.store.reading() as connection:
            rows = await known_rows(connection, keys)
        return {
            key: KnownWatch(tuple(row.origins.split(",")), row.state == WatchState.RETIRED.value)
            for key, row in rows.items()
            if row.origins
        }

    async def remove(
        self,
        source: str,
        invoice_id: str,
        now: datetime,
        *,
        purge: bool = False,
        audit_entry: AuditEntry | None = None,
    ) -> None:
        """Withdraw the watch by hand; it stops if no file lists it. History is kept, unless purged.

        From then on discovery does not watch it either. Raises NotFound, or StillListed if only a file can remove it (a
        purge of what a file lists would be undone by the next poll).
        """
        async with self.store.transaction() as connection:
            await lock_desired(connection)
            here = await self.store.now(connection, now)
            row = (await known_rows(connection, [(source, invoice_id)])).get((source, invoice_id))
            if row is None or not (row.origins or purge):
                raise NotFound(f"{source} {invoice_id} is not watched")
            listed = loads(row.listed)
            if listed is not None and (purge or row.added is None):
                raise StillListed(source, invoice_id, listed.where or "a watch list")
            removal = WatchChange(source, invoice_id, listed, None, row, found=Discovery.REMOVED)
            await write(connection, [removal], here)
            if purge:
                await purge_watch(connection, row.id)
            await write_audit(connection, audit_entry, here)

    async def request_poll(
        self, source: str, invoice_id: str, now: datetime, *, audit_entry: AuditEntry | None = None
    ) -> datetime:
        """Make a watch due now, and resume it if it was retired; returns when it is due. Raises NotFound.

        If another process has it leased, the next poll comes right after that one.
        """
        async with self.store.transaction() as connection:
            here = await self.store.now(connection, now)
            asked = await connection.execute(
                update(watches)
                .where(watches.c.source == source, watches.c.invoice_id == invoice_id, watches.c.origins != "")
                .values(due_now(here) | {watches.c.poll_reason: PollReason.REQUEST.value})
            )
            if asked.rowcount == 0:
                raise NotFound(f"{source} {invoice_id} is not watched")
            await write_audit(connection, audit_entry, here)
            await notify(connection, Notice.POLLS)
        return now


def _key(entry: DesiredWatch) -> tuple[str, str]:
    return entry.source, storable(entry.invoice_id)


async def _sync_sources(connection: AsyncConnection, rows: Sequence[SourceRow]) -> None:
    names = [row.name for row in rows]
    await connection.execute(update(sources).where(sources.c.name.not_in(names)).values(configured=False))
    if not rows:
        return
    inserting = upserting(connection, sources)
    new_values = {name: inserting.excluded[name] for name in ("provider", "enabled", "configured", "takes_hints")}
    values = [
        {
            "name": row.name,
            "provider": row.provider,
            "enabled": row.enabled,
            "configured": True,
            "takes_hints": row.takes_hints,
        }
        for row in sorted(rows, key=lambda row: row.name)
    ]
    await connection.execute(inserting.on_conflict_do_update(index_elements=["name"], set_=new_values), values)


def _added(entry: DesiredWatch, origin: str, row: AnyRow) -> WatchChange:
    added = by_hand(entry, origin, loads(row.added))
    return WatchChange(entry.source, entry.invoice_id, loads(row.listed), added, row, at_once=True)
