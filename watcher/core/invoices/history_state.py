"""What is kept of one invoice's history from poll to poll, and its stored text."""

from collections.abc import Mapping
from datetime import datetime
from typing import cast

from watcher.core import json_text
from watcher.core.instants import instant_text, read_instant
from watcher.core.invoices.invoice import Snapshot, Status
from watcher.core.invoices.snapshot import from_document, to_document
from watcher.core.value_object import value_object


@value_object
class HistoryState:
    """`version` and `sequence` are those of the last snapshot and the last event; both count from 1.

    `known` is the last snapshot whose status was not unknown, `alive` the last one that was neither unknown nor
    deleted. Facts are decided against these two, so that nothing is lost or recorded twice while a provider's status is
    unclear. `recorded` holds the `clock_mark`s of the clock events that were recorded or skipped. `overdue_from` is the
    threshold that set the overdue flag: a clock that jumps back does not clear it. `revision` is the last one that a
    provider gave.
    """

    snapshot: Snapshot | None = None
    known: Snapshot | None = None
    alive: Snapshot | None = None
    version: int = 0
    sequence: int = 0
    recorded: frozenset[str] = frozenset()
    overdue_from: datetime | None = None
    revision: int | None = None


def clock_mark(event_type: str, due_key: str, offset: str = "") -> str:
    return f"{event_type} {due_key} {offset}".rstrip()


def with_snapshot(memory: HistoryState, snapshot: Snapshot) -> tuple[Snapshot | None, Snapshot | None]:
    """The pair (known, alive) once `snapshot` is the newest one."""
    known = memory.known if snapshot.status is Status.UNKNOWN else snapshot
    alive = memory.alive if snapshot.status in {Status.UNKNOWN, Status.DELETED} else snapshot
    return known, alive


def dumps(memory: HistoryState) -> str:
    snapshot = memory.snapshot
    document: dict[str, object] = {
        "version": memory.version,
        "sequence": memory.sequence,
        "told": sorted(memory.recorded),
        "overdue_from": None if memory.overdue_from is None else instant_text(memory.overdue_from),
        "snapshot": _dump(snapshot),
    }
    if memory.revision is not None:
        document["revision"] = memory.revision
    if memory.known is not snapshot:
        document["known"] = _dump(memory.known)
    if memory.alive is not snapshot:
        document["alive"] = _dump(memory.alive)
    return json_text.write(document).decode()


def loads(text: str | None) -> HistoryState:
    """Read the stored text; None gives an empty state."""
    if text is None:
        return HistoryState()
    document = cast("Mapping[str, object]", json_text.read(text))
    snapshot = _load(document["snapshot"])
    overdue_from = cast("str | None", document["overdue_from"])
    return HistoryState(
        snapshot=snapshot,
        known=_load(document["known"]) if "known" in document else snapshot,
        alive=_load(document["alive"]) if "alive" in document else snapshot,
        version=cast("int", document["version"]),
        sequence=cast("int", document["sequence"]),
        recorded=frozenset(cast("list[str]", document["told"])),
        overdue_from=None if overdue_from is None else read_instant(overdue_from),
        revision=cast("int | None", document.get("revision")),
    )


def _dump(snapshot: Snapshot | None) -> object:
    return None if snapshot is None else {"due_key": snapshot.due_key, **to_document(snapshot)}


def _load(value: object) -> Snapshot | None:
    if value is None:
        return None
    document = cast("Mapping[str, object]", value)
    return from_document(document, cast("str | None", document["due_key"]))
