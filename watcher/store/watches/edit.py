"""Edits the tags and the note that a watch has by hand."""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core.errors import EditedInList, NotFound
from watcher.ports import WatchByHand, WatchEdit
from watcher.store.column_types import AnyRow
from watcher.store.watches.desired import DesiredState, loads
from watcher.store.watches.write import WatchChange, known_rows


async def edited(
    connection: AsyncConnection, source: str, invoice_id: str, edit: WatchEdit, origin: str
) -> WatchChange:
    """The change to write. Raises NotFound if it is not watched, EditedInList if only a watch list names it.

    A discovered watch is added by hand with its first edit.
    """
    row = await _watched(connection, source, invoice_id)
    if row is None:
        raise NotFound(f"{source} {invoice_id} is not watched")
    listed, before = loads(row.listed), loads(row.added)
    if before is None and listed is not None:
        raise EditedInList(source, invoice_id, listed.where or "a watch list")
    after = before or DesiredState((origin,))
    if edit.tags is not None:
        after = replace(after, tags=edit.tags)
    if edit.note is not None:
        after = replace(after, note=edit.note or None)
    return WatchChange(source, invoice_id, listed, after, row)


async def by_hand(connection: AsyncConnection, source: str, invoice_id: str) -> WatchByHand | None:
    """`ports.Reports.watch_by_hand`."""
    row = await _watched(connection, source, invoice_id)
    if row is None:
        return None
    listed, added = loads(row.listed), loads(row.added)
    return WatchByHand(
        tags=() if added is None else added.tags,
        note=None if added is None else added.note,
        listed_in=None if listed is None else listed.where or "a watch list",
        is_editable=added is not None or listed is None,
    )


async def _watched(connection: AsyncConnection, source: str, invoice_id: str) -> AnyRow | None:
    row = (await known_rows(connection, [(source, invoice_id)])).get((source, invoice_id))
    return None if row is None or not row.origins else row
