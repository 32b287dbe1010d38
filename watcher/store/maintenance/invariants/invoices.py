"""Each watch against its newest snapshot, its newest event, its state for the next comparison, and its open amounts."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import and_, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core.invoices.invoice import COLLECTABLE
from watcher.store import migrate
from watcher.store.column_types import AnyRow
from watcher.store.maintenance.invariants.documents import Document, read, read_snapshot
from watcher.store.maintenance.invariants.order import counter
from watcher.store.maintenance.invariants.problem import Problem
from watcher.store.maintenance.invariants.ranges import ranges
from watcher.store.open_amounts import FILLED, KEPT_SINCE, rows_of
from watcher.store.record_tables import open_amounts
from watcher.store.tables import events, snapshots, sources, watches

_WATCHES = 500
_COLLECTABLE = frozenset(status.value for status in COLLECTABLE)
_COMPARED = ("version", "watched", "direction", "minor", "due", "units", "customer_id")


async def newest(connection: AsyncConnection) -> AsyncIterator[Problem]:
    async for span in ranges(connection, watches.c.id, _WATCHES):
        for row in await connection.execute(_NEWEST, span):
            for what, sequence in _wrong(row):
                yield Problem(what, row.source, row.invoice_id, sequence)


async def amounts(connection: AsyncConnection) -> AsyncIterator[Problem]:
    """What is due of an open invoice has a row for each currency; no other invoice has any."""
    is_kept = await counter(connection, FILLED) and not await connection.run_sync(migrate.older_replicas, KEPT_SINCE)
    async for span in ranges(connection, watches.c.id, _WATCHES):
        if not is_kept:
            return
        kept: dict[int, list[AnyRow]] = {}
        for row in await connection.execute(_OPEN_AMOUNTS, span):
            kept.setdefault(row.watch_id, []).append(row)
        for row in await connection.execute(_NEWEST, span):
            there = {one.currency: one for one in kept.pop(row.id, [])}
            what = _amounts_differ(row, there)
            if what:
                yield Problem(what, row.source, row.invoice_id, row.event_sequence)


def _wrong(row: AnyRow) -> Iterator[tuple[str, int | None]]:
    """What is wrong with a watch, and at which sequence."""
    if row.source_there is None:
        yield f"its source {row.source} does not exist", None
    if row.sequence != (row.event_sequence or 0):
        counted = f"{row.sequence} events are counted"
        yield f"{counted}, and the newest one has sequence {row.event_sequence or 'none'}", row.event_sequence
    was_purged = row.version > 0 and row.document is None and row.full is None
    if row.version == 0 or was_purged:
        return
    if row.document is None:
        yield f"its newest snapshot (version {row.version}) is missing", row.event_sequence
        return
    document = read(row.document)
    if row.full is None:
        yield "the body of its newest event is missing, and its snapshot is not", row.event_sequence
    else:
        fields = _unlike(_invoice_of(row), document)
        if fields:
            about = f"the newest event (sequence {row.event_sequence}) and snapshot {row.version} differ"
            yield f"{about} in {fields}", row.event_sequence
    for what in _state_is_wrong(row, document):
        yield what, row.event_sequence


def _state_is_wrong(row: AnyRow, document: Document) -> Iterator[str]:
    """What the next poll is compared with."""
    if (row.status, bool(row.overdue)) != (document.get("status"), document.get("overdue")):
        state = f"{row.status}{', overdue' if row.overdue else ''}"
        yield f"its row says {state}, and snapshot {row.version} does not"
    state = read(row.memory)
    if (state.get("version"), state.get("sequence")) != (row.version, row.sequence):
        yield (
            f"the next poll would count from version {state.get('version')} and sequence {state.get('sequence')}, "
            f"not from {row.version} and {row.sequence}"
        )
    remembered = cast("Document", state.get("snapshot") or {})
    compared = {key: value for key, value in remembered.items() if key != "due_key"}
    fields = _unlike(compared, document)
    if fields:
        yield f"the next poll would be compared with something else than snapshot {row.version}, in {fields}"


def _invoice_of(row: AnyRow) -> Document:
    # Nearly always the same bytes: then the rest of the body need not be read.
    if b'"invoice":' + row.document.encode() in row.full:
        return read(row.document)
    data: object = read(row.full).get("data")
    return cast("Document", data).get("invoice") or {} if isinstance(data, dict) else {}


def _unlike(first: Document, second: Document) -> str:
    return ", ".join(sorted(key for key in first.keys() | second.keys() if first.get(key) != second.get(key)))


def _amounts_differ(row: AnyRow, there: Mapping[str, AnyRow]) -> str | None:
    expected: Sequence[Mapping[str, Any]] = ()
    if row.status in _COLLECTABLE and row.document is not None:
        snapshot = read_snapshot(read(row.document))
        if snapshot is None:
            return None  # which another rule says
        expected = rows_of(row.id, row.version, snapshot, watched=bool(row.origins))
    if not there and not row.origins:
        return None  # one that was stopped before the table came has no rows
    due = ", ".join(f"{one['due']} {one['currency']}" for one in expected) or "nothing"
    if {str(one["currency"]) for one in expected} != set(there):
        kept = ", ".join(f"{one.due} {one.currency}" for one in there.values()) or "nothing"
        return f"snapshot {row.version} leaves {due} to be paid, and reports would show {kept}"
    for one in expected:
        wrong = [name for name in _COMPARED if getattr(there[one["currency"]], name) != one[name]]
        if wrong:
            return f"what reports show of {one['currency']} differs from snapshot {row.version} in {', '.join(wrong)}"
    return None


_LAST = (
    select(events.c.watch_id, func.max(events.c.cursor).label("cursor"))
    .where(events.c.watch_id > bindparam("after"), events.c.watch_id <= bindparam("until"))
    .group_by(events.c.watch_id)
    .subquery("last")
)
_NEWEST = (
    select(
        watches.c.id,
        watches.c.source,
        watches.c.invoice_id,
        watches.c.origins,
        watches.c.version,
        watches.c.sequence,
        watches.c.status,
        watches.c.overdue,
        watches.c.memory,
        snapshots.c.document,
        events.c.sequence.label("event_sequence"),
        events.c.full,
        sources.c.name.label("source_there"),
    )
    .outerjoin(sources, sources.c.name == watches.c.source)
    .outerjoin(snapshots, and_(snapshots.c.watch_id == watches.c.id, snapshots.c.version == watches.c.version))
    .outerjoin(_LAST, _LAST.c.watch_id == watches.c.id)
    .outerjoin(events, events.c.cursor == _LAST.c.cursor)
    .where(watches.c.id > bindparam("after"), watches.c.id <= bindparam("until"))
    .order_by(watches.c.id)
)
_OPEN_AMOUNTS = select(open_amounts).where(
    open_amounts.c.watch_id > bindparam("after"), open_amounts.c.watch_id <= bindparam("until")
)
