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
    """What one side wants. `origins` are `file`, or any of the ways by hand (`cli`, `api`).

    `where` is the file without a line: lines move with every line above them, and a million watches with them.
    """

    origins: tuple[str, ...]
    tags: tuple[str, ...] = ()
    due_on: date | None = None
    note: str | None = None
    where: str | None = None


@dataclass(frozen=True, slots=True)
class Wished:
    """All sides together, as the row of the watch has it. Without origins the watch is stopped."""

    origins: str
    tags: tuple[str, ...]
    due_on: date | None
    note: str | None


def unite(listed: DesiredState | None, added: DesiredState | None, discovery: Discovery | None = None) -> Wished:
    """The tags of both; for everything else the file comes first, because a file can be read and reviewed."""
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


def dumps(wish: DesiredState) -> str:
    due_on = None if wish.due_on is None else wish.due_on.isoformat()
    return json.dumps([wish.origins, wish.tags, due_on, wish.note, wish.where])


def loads(text: str | None) -> DesiredState | None:
    """The inverse of `dumps`."""
    if text is None:
        return None
    told: list[Any] = json.loads(text)
    origins, tags, due_on, note, where = told
    return DesiredState(
        tuple(origins), tuple(tags), None if due_on is None else date.fromisoformat(due_on), note, where
    )


def texts(entries: Iterable[DesiredWatch], wish_of: Callable[[DesiredWatch], DesiredState]) -> Texts:
    """The desired state of these entries. Equal entries share one text, which is made once."""
    found: Texts = {}
    made: dict[tuple[object, ...], str] = {}
    for entry in entries:
        wished = entry[2:6]
        if (text := made.get(wished)) is None:
            text = dumps(wish_of(entry))
            if entry.note is None:
                made[wished] = text
        if (of_source := found.get(entry.source)) is None:
            of_source = found[entry.source] = {}
        of_source[storable(entry.invoice_id)] = text
    return found
