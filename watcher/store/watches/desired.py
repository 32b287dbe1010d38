"""What is desired of one watch, by file, by hand and by the provider's lists, and what follows from it. Pure."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from watcher.ports import DesiredWatch
from watcher.store.column_types import storable

Texts = dict[str, dict[str, str]]
"""By source and invoice id, the desired state of each as `dumps` writes it."""

FILE = "file"
DISCOVERED = "discovered"


class Discovery(StrEnum):
    """What discovery makes of an invoice: it is watched, unless it was removed by hand."""

    WATCHED = "watched"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class DesiredState:
    """What one side wants. `origins` are `file`, or any of the ways by hand (`cli`, `api`, `added` on the page).

    `where` is the file without a line: lines move with every line above them, and a million watches with them.
    """

    origins: tuple[str, ...]
    tags: tuple[str, ...] = ()
    due_on: date | None = None
    note: str | None = None
    where: str | None = None


@dataclass(frozen=True, slots=True)
class UnitedState:
    """All sides together, as the row of the watch has it. Without origins the watch is stopped."""

    origins: str
    tags: tuple[str, ...]
    due_on: date | None
    note: str | None


def unite(listed: DesiredState | None, added: DesiredState | None, discovery: Discovery | None = None) -> UnitedState:
    """The tags of both; for everything else the file comes first, because a file can be read and reviewed."""
    sides = [side for side in (listed, added) if side is not None]
    names = {origin for side in sides for origin in side.origins}
    names |= {DISCOVERED} if discovery is Discovery.WATCHED else set()
    origins = sorted(names, key=lambda one: (one != FILE, one))
    return UnitedState(
        origins=",".join(origins),
        tags=tuple(dict.fromkeys(tag for side in sides for tag in side.tags)),
        due_on=next((side.due_on for side in sides if side.due_on is not None), None),
        note=next((side.note for side in sides if side.note is not None), None),
    )


def from_file(entry: DesiredWatch) -> DesiredState:
    return DesiredState((FILE,), entry.tags, entry.due_on, entry.note, entry.file)


def first_by_hand(origin: str, entry: DesiredWatch) -> DesiredState:
    return DesiredState((origin,), entry.tags, entry.due_on, entry.note)


def by_hand(entry: DesiredWatch, origin: str, before: DesiredState | None) -> DesiredState:
    """The desired state by hand; what it leaves open stays as it was set by hand before."""
    if before is None:
        return first_by_hand(origin, entry)
    return DesiredState(
        origins=tuple(sorted({*before.origins, origin})),
        tags=entry.tags or before.tags,
        due_on=entry.due_on or before.due_on,
        note=entry.note or before.note,
    )


def dumps(side: DesiredState) -> str:
    due_on = None if side.due_on is None else side.due_on.isoformat()
    return json.dumps([side.origins, side.tags, due_on, side.note, side.where])


def loads(text: str | None) -> DesiredState | None:
    """The inverse of `dumps`."""
    if text is None:
        return None
    parts: list[Any] = json.loads(text)
    origins, tags, due_on, note, where = parts
    return DesiredState(
        tuple(origins), tuple(tags), None if due_on is None else date.fromisoformat(due_on), note, where
    )


def texts(entries: Iterable[DesiredWatch], state_of: Callable[[DesiredWatch], DesiredState]) -> Texts:
    """The desired state of these entries. Equal entries share one text, which is made once."""
    found: Texts = {}
    made: dict[tuple[object, ...], str] = {}
    for entry in entries:
        values = entry[2:6]
        if (text := made.get(values)) is None:
            text = dumps(state_of(entry))
            if entry.note is None:
                made[values] = text
        if (of_source := found.get(entry.source)) is None:
            of_source = found[entry.source] = {}
        of_source[storable(entry.invoice_id)] = text
    return found
