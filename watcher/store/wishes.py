"""What is wished of one watch, by file, by hand and by the provider's lists, and what follows from it. Pure."""

import json
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from watcher.ports import WatchEntry

FILE = "file"
DISCOVERED = "discovered"


class Discovery(StrEnum):
    """What lists make of an invoice: they have it watched, unless it was removed by hand."""

    WATCHED = "watched"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Wish:
    """One side's wish. `origins` are `file`, or any of the ways by hand (`cli`, `api`). `where` is `file:line`."""

    origins: tuple[str, ...]
    tags: tuple[str, ...] = ()
    due_on: date | None = None
    note: str | None = None
    where: str | None = None


@dataclass(frozen=True, slots=True)
class Wished:
    """All sides together, as the watch's row shows it. Without origins the watch is stopped."""

    origins: str
    tags: tuple[str, ...]
    due_on: date | None
    note: str | None


def unite(listed: Wish | None, added: Wish | None, discovery: Discovery | None = None) -> Wished:
    """Tags of both; of the rest the file's word first, because a file can be read and reviewed."""
    wishes = [wish for wish in (listed, added) if wish is not None]
    names = {origin for wish in wishes for origin in wish.origins}
    names |= {DISCOVERED} if discovery is Discovery.WATCHED else set()
    origins = sorted(names, key=lambda one: (one != FILE, one))
    return Wished(
        origins=",".join(origins),
        tags=tuple(dict.fromkeys(tag for wish in wishes for tag in wish.tags)),
        due_on=next((wish.due_on for wish in wishes if wish.due_on is not None), None),
        note=next((wish.note for wish in wishes if wish.note is not None), None),
    )


def from_file(entry: WatchEntry) -> Wish:
    return Wish((FILE,), entry.tags, entry.due_on, entry.note, entry.where)


def by_hand(entry: WatchEntry, origin: str, before: Wish | None) -> Wish:
    """A wish by hand; what it leaves open stays as it was wished by hand before."""
    if before is None:
        return Wish((origin,), entry.tags, entry.due_on, entry.note)
    return Wish(
        origins=tuple(sorted({*before.origins, origin})),
        tags=entry.tags or before.tags,
        due_on=entry.due_on or before.due_on,
        note=entry.note or before.note,
    )


def dumps(wish: Wish | None) -> str | None:
    if wish is None:
        return None
    due_on = None if wish.due_on is None else wish.due_on.isoformat()
    return json.dumps([wish.origins, wish.tags, due_on, wish.note, wish.where])


def loads(text: str | None) -> Wish | None:
    """The inverse of `dumps`."""
    if text is None:
        return None
    told: list[Any] = json.loads(text)
    origins, tags, due_on, note, where = told
    return Wish(tuple(origins), tuple(tags), None if due_on is None else date.fromisoformat(due_on), note, where)
