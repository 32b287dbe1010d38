"""The amounts of every invoice, of which lists and reports are made, against its newest snapshot."""

from collections.abc import AsyncIterator, Mapping

from sqlalchemy import and_, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.store import migrate
from watcher.store.column_types import AnyRow
from watcher.store.invoice_amounts import FILLED, KEPT_SINCE, SeenInvoice, rows_of
from watcher.store.maintenance.invariants.documents import read, read_snapshot
from watcher.store.maintenance.invariants.order import counter
from watcher.store.maintenance.invariants.problem import Problem
from watcher.store.maintenance.invariants.ranges import ranges
from watcher.store.record_tables import invoice_amounts
from watcher.store.tables import snapshots, watches

_WATCHES = 500


async def listed(connection: AsyncConnection) -> AsyncIterator[Problem]:
    """Each invoice with a snapshot has its rows, one for each currency."""
    if not await counter(connection, FILLED) or await connection.run_sync(migrate.older_replicas, KEPT_SINCE):
        return
    async for span in ranges(connection, watches.c.id, _WATCHES):
        kept: dict[int, dict[int, AnyRow]] = {}
        for row in await connection.execute(_KEPT, span):
            kept.setdefault(row.watch_id, {})[row.place] = row
        for row in await connection.execute(_NEWEST, span):
            if what := _differ(row, kept.get(row.id, {})):
                yield Problem(what, row.source, row.invoice_id)


def _differ(row: AnyRow, kept: Mapping[int, AnyRow]) -> str | None:
    snapshot = read_snapshot(read(row.document))
    if snapshot is None:
        return None  # which another rule says
    seen = SeenInvoice(row.id, row.version, snapshot, row.observed_at, is_watched=bool(row.origins))
    expected = {one["place"]: one for one in rows_of(seen)}
    if set(expected) != set(kept):
        return f"lists would show {len(kept)} amounts of it, and snapshot {row.version} has {len(expected)}"
    wrong = {name for place, one in expected.items() for name in one if getattr(kept[place], name) != one[name]}
    return f"lists and snapshot {row.version} differ in {', '.join(sorted(wrong))}" if wrong else None


_KEPT = select(invoice_amounts).where(
    invoice_amounts.c.watch_id > bindparam("after"), invoice_amounts.c.watch_id <= bindparam("until")
)
_NEWEST = (
    select(
        watches.c.id,
        watches.c.source,
        watches.c.invoice_id,
        watches.c.origins,
        watches.c.version,
        snapshots.c.document,
        snapshots.c.observed_at,
    )
    .join(snapshots, and_(snapshots.c.watch_id == watches.c.id, snapshots.c.version == watches.c.version))
    .where(watches.c.id > bindparam("after"), watches.c.id <= bindparam("until"))
    .order_by(watches.c.id)
)
