"""All snapshots of an invoice: no version is missing, and every amount is written as this program writes it."""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, cast

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core import money
from watcher.core.invoices.event_schema import snapshot_schema
from watcher.core.invoices.snapshot import MONEY_FIELDS
from watcher.store.column_types import AnyRow
from watcher.store.maintenance.invariants.documents import Document, read
from watcher.store.maintenance.invariants.order import counter
from watcher.store.maintenance.invariants.problem import Problem
from watcher.store.schema import EVENTS_GONE
from watcher.store.tables import snapshots, watches

_SNAPSHOTS = 2_000
_FIELDS = frozenset(cast("list[str]", snapshot_schema()["required"]))


async def snapshots_in_order(connection: AsyncConnection) -> AsyncIterator[Problem]:
    """Where old ones are not kept, what is left may have gaps: a clock that was set back makes some older."""
    some_are_gone = bool(await counter(connection, EVENTS_GONE))
    watch_id = version = 0
    while True:
        chosen = _PAGE.where(tuple_(snapshots.c.watch_id, snapshots.c.version) > (watch_id, version))
        rows = (await connection.execute(chosen)).all()
        for row in rows:
            if row.watch_id == watch_id and row.version != version + 1 and not some_are_gone:
                missing = f"between snapshot {version} and {row.version} others are missing"
                yield Problem(missing, row.source, row.invoice_id)
            for what in _wrong(row):
                yield Problem(f"snapshot {row.version} {what}", row.source, row.invoice_id)
            watch_id, version = row.watch_id, row.version
        if len(rows) < _SNAPSHOTS:
            return


def _wrong(row: AnyRow) -> Iterator[str]:
    document = read(row.document)
    if document.keys() >= _FIELDS:
        yield from _amounts_not_canonical(document)
    else:
        yield "cannot be read"


def _amounts_not_canonical(document: Document) -> Iterator[str]:
    rows = cast("list[Mapping[str, Any]]", document["amounts"])
    for row in rows:
        is_minor = "unit" in row
        for name in MONEY_FIELDS:
            if not money.is_canonical(row.get(name), row["currency"], minor=is_minor):
                yield f"has {row.get(name)!r} {row['currency']} as amount {name}, which this program would not write"
    currencies = [row["currency"] for row in rows]
    if currencies != sorted(set(currencies)):
        yield f"has the currencies {', '.join(currencies)}, which are doubled or not sorted"


_PAGE = (
    select(snapshots.c.watch_id, snapshots.c.version, snapshots.c.document, watches.c.source, watches.c.invoice_id)
    .outerjoin(watches, watches.c.id == snapshots.c.watch_id)
    .order_by(snapshots.c.watch_id, snapshots.c.version)
    .limit(_SNAPSHOTS)
)
