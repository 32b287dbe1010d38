"""The watches and who wishes them: watch lists on one side, the command line and the API on the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core.errors import NotFound, Refused
from watcher.ports import ListsApplied, SourceRow, WatchEntry
from watcher.store.codec import AnyRow, storable
from watcher.store.engine import Store, upserting
from watcher.store.purging import purge_watch
from watcher.store.tables import sources, watches
from watcher.store.wishes import Discovery, Wish, by_hand, dumps, from_file, loads
from watcher.store.wishing import Wishing, due_now, lock_wishes, write

LARGE_STOP = 10
"""Stopping no more watches than this needs no second look."""

_WISHES = (
    watches.c.id,
    watches.c.source,
    watches.c.invoice_id,
    watches.c.listed,
    watches.c.added,
    watches.c.discovered,
    watches.c.origins,
    watches.c.tags,
    watches.c.due_on,
)
_LISTED = select(watches.c.source, watches.c.invoice_id, watches.c.listed, watches.c.added, watches.c.discovered).where(
    watches.c.listed.is_not(None)
)
_CHUNK = 5000


@dataclass(frozen=True, slots=True)
class SqlWatches:
    """`ports.Watches`, and what the command line and the API do to watches."""

    store: Store

    async def sync_sources(self, sources: Sequence[SourceRow], now: datetime) -> None:
        del now
        async with self.store.transaction() as connection:
            await _sync_sources(connection, sources)

    async def apply_lists(self, entries: Sequence[WatchEntry], now: datetime, *, confirmed: bool) -> ListsApplied:
        """Raises NotFound where an entry names a source that is not configured. Held means: nothing is written."""
        wanted = {_key(entry): from_file(entry) for entry in entries}
        async with self.store.transaction() as connection:
            await lock_wishes(connection)
            here = await self.store.now(connection, now)
            await _require_sources(connection, {entry.source for entry in entries})
            kept = (await connection.execute(_LISTED)).all()
            gone = [row for row in kept if (row.source, row.invoice_id) not in wanted]
            if not confirmed and _stops_too_many(kept, gone):
                return ListsApplied(held=True)
            listed = {(row.source, row.invoice_id): row.listed for row in kept}
            keys = [key for key, wish in wanted.items() if listed.get(key) != dumps(wish)]
            keys += [(row.source, row.invoice_id) for row in gone]
            known = await _rows(connection, keys)
            changed = [_listed(key, wanted.get(key), known.get(key)) for key in keys]
            await write(connection, changed, here)
        return _applied(changed)

    async def add(self, entry: WatchEntry, origin: str, now: datetime) -> bool:
        """Wish a watch by hand (`cli`, `api`), due at once; True where the invoice was not watched before.

        Raises NotFound for a source that is not configured.
        """
        return await self.import_entries([entry], origin, now) == 1

    async def import_entries(self, entries: Sequence[WatchEntry], origin: str, now: datetime) -> int:
        """`add` for many, all or none; returns how many were not watched before. Raises NotFound like `add`."""
        async with self.store.transaction() as connection:
            await lock_wishes(connection)
            here = await self.store.now(connection, now)
            await _require_sources(connection, {entry.source for entry in entries})
            wishes = {_key(entry): entry for entry in entries}
            known = await _rows(connection, tuple(wishes))
            wishings = [_added(entry, origin, known.get(key)) for key, entry in wishes.items()]
            await write(connection, wishings, here)
        return sum(1 for wishing in wishings if wishing.starts)

    async def discover(self, source: str, ids: Sequence[str], now: datetime) -> int:
        """Watch those of these invoices that nobody watches, due at once; returns how many.

        What was removed by hand stays removed. Raises NotFound for a source that is not configured.
        """
        if not (keys := await self.undiscovered(source, ids)):
            return 0
        async with self.store.transaction() as connection:
            await lock_wishes(connection)
            here = await self.store.now(connection, now)
            await _require_sources(connection, {source})
            known = await _rows(connection, keys)
            wishings = [
                Wishing(*key, None, None, known.get(key), found=Discovery.WATCHED)
                for key in keys
                if _is_discoverable(known.get(key))
            ]
            await write(connection, wishings, here)
        return len(wishings)

    async def undiscovered(self, source: str, ids: Sequence[str]) -> tuple[tuple[str, str], ...]:
        """Those of these invoices that `discover` would have watched, as (source, invoice id)."""
        keys = tuple({(source, storable(one)): None for one in ids})
        async with self.store.reading() as connection:
            known = await _rows(connection, keys)
        return tuple(key for key in keys if _is_discoverable(known.get(key)))

    async def remove(self, source: str, invoice_id: str, now: datetime, *, purge: bool = False) -> None:
        """Take back the wish by hand; the watch stops if no file lists it. History is kept, unless purged.

        From then on the provider's lists do not have it watched either.

        Raises NotFound, or Refused where only a file can take it back (a purge of what a file lists would be undone
        by the next poll).
        """
        async with self.store.transaction() as connection:
            await lock_wishes(connection)
            here = await self.store.now(connection, now)
            row = (await _rows(connection, [(source, invoice_id)])).get((source, invoice_id))
            if row is None or not (row.origins or purge):
                raise NotFound(f"{source} {invoice_id} is not watched")
            listed = loads(row.listed)
            if listed is not None and (purge or row.added is None):
                raise Refused(f"{source} {invoice_id} is listed in {listed.where or 'a watch list'}: remove it there")
            removal = Wishing(source, invoice_id, listed, None, row, found=Discovery.REMOVED)
            await write(connection, [removal], here)
            if purge:
                await purge_watch(connection, row.id)

    async def request_poll(self, source: str, invoice_id: str, now: datetime) -> datetime:
        """Make a watch due now and wake it if it was retired; returns when. Raises NotFound.

        While somebody has it under lease, the look after that one comes at once.
        """
        async with self.store.transaction() as connection:
            here = await self.store.now(connection, now)
            asked = await connection.execute(
                update(watches)
                .where(watches.c.source == source, watches.c.invoice_id == invoice_id, watches.c.origins != "")
                .values(due_now(here))
            )
            if asked.rowcount == 0:
                raise NotFound(f"{source} {invoice_id} is not watched")
        return now


def _key(entry: WatchEntry) -> tuple[str, str]:
    return entry.source, storable(entry.invoice_id)


async def _sync_sources(connection: AsyncConnection, rows: Sequence[SourceRow]) -> None:
    names = [row.name for row in rows]
    await connection.execute(update(sources).where(sources.c.name.not_in(names)).values(configured=False))
    if not rows:
        return
    inserting = upserting(connection, sources)
    told = {name: inserting.excluded[name] for name in ("provider", "enabled", "configured")}
    values = [
        {"name": row.name, "provider": row.provider, "enabled": row.enabled, "configured": True}
        for row in sorted(rows, key=lambda row: row.name)
    ]
    await connection.execute(inserting.on_conflict_do_update(index_elements=["name"], set_=told), values)


async def _require_sources(connection: AsyncConnection, names: set[str]) -> None:
    known = set((await connection.execute(select(sources.c.name).where(sources.c.configured))).scalars())
    if missing := sorted(names - known):
        raise NotFound(f"no source {missing[0]}: configured are {', '.join(sorted(known)) or 'none'}")


async def _rows(connection: AsyncConnection, keys: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], AnyRow]:
    """The rows of these (source, invoice id) that exist."""
    by_source: dict[str, list[str]] = {}
    for source, invoice_id in keys:
        by_source.setdefault(source, []).append(invoice_id)
    found: dict[tuple[str, str], AnyRow] = {}
    for source, ids in sorted(by_source.items()):
        for start in range(0, len(ids), _CHUNK):
            chosen = watches.c.invoice_id.in_(ids[start : start + _CHUNK])
            query = select(*_WISHES).where(watches.c.source == source, chosen)
            found |= {(row.source, row.invoice_id): row for row in await connection.execute(query)}
    return found


def _listed(key: tuple[str, str], wish: Wish | None, row: AnyRow | None) -> Wishing:
    return Wishing(*key, wish, None if row is None else loads(row.added), row)


def _added(entry: WatchEntry, origin: str, row: AnyRow | None) -> Wishing:
    if row is None:
        return Wishing(entry.source, entry.invoice_id, None, by_hand(entry, origin, None), None, at_once=True)
    added = by_hand(entry, origin, loads(row.added))
    return Wishing(entry.source, entry.invoice_id, loads(row.listed), added, row, at_once=True)


def _is_discoverable(row: AnyRow | None) -> bool:
    return row is None or (not row.origins and row.discovered != Discovery.REMOVED.value)


def _stops_too_many(listed: Sequence[AnyRow], gone: Sequence[AnyRow]) -> bool:
    stopped = sum(1 for row in gone if row.added is None and row.discovered != Discovery.WATCHED.value)
    return stopped > LARGE_STOP and stopped * 2 > len(listed)


def _applied(changed: Sequence[Wishing]) -> ListsApplied:
    return ListsApplied(
        added=sum(1 for wishing in changed if wishing.is_newly_listed),
        changed=sum(1 for wishing in changed if wishing.is_reworded),
        removed=sum(1 for wishing in changed if wishing.listed is None),
    )
