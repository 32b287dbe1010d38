"""Where a reader of the events stands, and whether all that comes after it is still kept."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core.errors import CursorGone, Refused
from watcher.store.schema import EVENTS_GONE
from watcher.store.tables import counters

_MOST_DIGITS = 18


@dataclass(frozen=True, slots=True)
class FeedPlace:
    """After which cursor a reader goes on.

    `began_at` is set for one that began at the beginning: the highest cursor that was not kept any more then. Below
    it, only the newest events of invoices are left, and that is all that this reader wants.
    """

    after: int = 0
    began_at: int | None = None


def read_place(text: str | None) -> FeedPlace | None:
    """The place that a cursor names, None for None. Raises Refused."""
    if text is None:
        return None
    began_at, _, after = text.rpartition(".")
    if not (_is_number(after) and (not began_at or _is_number(began_at))):
        raise Refused(f"{text[:40]!r} is no cursor: give the `cursor` of the last event you have seen")
    return FeedPlace(int(after), int(began_at) if began_at else None)


async def beginning(connection: AsyncConnection) -> str | None:
    """The cursor of a reader that begins at the beginning; None if everything is kept."""
    gone = await _gone(connection)
    return f"{gone}.0" if gone else None


async def require_kept(connection: AsyncConnection, place: FeedPlace) -> None:
    """Raise CursorGone unless everything after the place is still there."""
    gone = await _gone(connection)
    if place.after < gone and place.began_at != gone:
        raise CursorGone(gone + 1)


async def _gone(connection: AsyncConnection) -> int:
    return (await connection.execute(select(counters.c.value).where(counters.c.name == EVENTS_GONE))).scalar() or 0


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
