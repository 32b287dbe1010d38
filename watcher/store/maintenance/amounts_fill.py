"""Brings the tables of amounts up to date where a program that does not know them has written: an older version."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Select, and_, bindparam, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core import json_text
from watcher.core.invoices.invoice import COLLECTABLE, Snapshot
from watcher.core.invoices.snapshot import from_document
from watcher.store import migrate
from watcher.store.engine import Store, upserting
from watcher.store.invoice_amounts import FILLED as ALL_FILLED
from watcher.store.invoice_amounts import KEPT_SINCE, SeenInvoice, forget_invoice_amounts, keep_invoice_amounts
from watcher.store.locks import lock_watches
from watcher.store.open_amounts import FILLED, forget_open_amounts, keep_open_amounts
from watcher.store.record_tables import invoice_amounts, open_amounts
from watcher.store.tables import counters, snapshots, watches

_STEP = 500

_Write = Callable[[AsyncConnection, Sequence[int]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class AmountsFill:
    store: Store

    async def is_needed(self) -> bool:
        """Whether a table was never filled, or an older program may be writing beside this one."""
        async with self.store.reading() as connection:
            filled = len((await connection.execute(_FILLED)).all())
            return filled < len(_COUNTERS) or bool(await connection.run_sync(migrate.older_replicas, KEPT_SINCE))

    async def run(self) -> int:
        """Compare every watch, and write what differs, in small transactions; returns how many differed."""
        total = await self._fill(_OPEN_DIFFERING, _write_open) + await self._fill(_ALL_DIFFERING, _write_all)
        async with self.store.transaction() as connection:
            for name in _COUNTERS:
                marked = upserting(connection, counters).values(name=name, value=1)
                await connection.execute(marked.on_conflict_do_nothing(index_elements=["name"]))
        return total

    async def _fill(self, differing: Select[int], write: _Write) -> int:
        total = after = 0
        while keys := await self._differing(differing, after):
            async with self.store.transaction() as connection:
                await lock_watches(connection, keys)
                await write(connection, keys)
            total, after = total + len(keys), keys[-1]
        return total

    async def _differing(self, differing: Select[int], after: int) -> Sequence[int]:
        async with self.store.reading() as connection:
            return (await connection.execute(differing, {"after": after})).scalars().all()


async def _write_open(connection: AsyncConnection, keys: Sequence[int]) -> None:
    await forget_open_amounts(connection, keys)
    rows = (await connection.execute(_NEWEST.where(_IS_OPEN), {"keys": keys})).all()
    seen = [(row.id, row.version, _snapshot(row.document)) for row in rows]
    await keep_open_amounts(connection, seen, unwatched=[row.id for row in rows if not row.origins])


async def _write_all(connection: AsyncConnection, keys: Sequence[int]) -> None:
    await forget_invoice_amounts(connection, keys)
    rows = await connection.execute(_NEWEST, {"keys": keys})
    seen = [
        SeenInvoice(row.id, row.version, _snapshot(row.document), row.observed_at, is_watched=bool(row.origins))
        for row in rows
    ]
    await keep_invoice_amounts(connection, seen)


def _snapshot(document: str) -> Snapshot:
    return from_document(cast("Mapping[str, object]", json_text.read(document)), None)


_IS_OPEN = watches.c.status.in_([status.value for status in COLLECTABLE])
_IS_WATCHED = watches.c.origins != ""
_KEPT = (
    select(
        open_amounts.c.watch_id,
        func.max(open_amounts.c.version).label("version"),
        func.max(case((open_amounts.c.watched, 1), else_=0)).label("watched"),
    )
    .group_by(open_amounts.c.watch_id)
    .subquery()
)
_OPEN_DIFFERING = (
    select(watches.c.id)
    .outerjoin(_KEPT, _KEPT.c.watch_id == watches.c.id)
    .where(
        watches.c.id > bindparam("after"),
        or_(
            and_(_KEPT.c.watch_id.is_(None), _IS_OPEN, _IS_WATCHED),
            _KEPT.c.version != watches.c.version,
            (_KEPT.c.watched == 1) != _IS_WATCHED,
        ),
    )
    .order_by(watches.c.id)
    .limit(_STEP)
)
_ALL_DIFFERING = (
    select(watches.c.id)
    .outerjoin(invoice_amounts, and_(invoice_amounts.c.watch_id == watches.c.id, invoice_amounts.c.place == 0))
    .where(
        watches.c.id > bindparam("after"),
        watches.c.status.is_not(None),
        or_(
            invoice_amounts.c.watch_id.is_(None),
            invoice_amounts.c.version != watches.c.version,
            invoice_amounts.c.watched != _IS_WATCHED,
        ),
    )
    .order_by(watches.c.id)
    .limit(_STEP)
)
_NEWEST = (
    select(watches.c.id, watches.c.version, watches.c.origins, snapshots.c.document, snapshots.c.observed_at)
    .join(snapshots, and_(snapshots.c.watch_id == watches.c.id, snapshots.c.version == watches.c.version))
    .where(watches.c.id.in_(bindparam("keys", expanding=True)))
)
_COUNTERS = (FILLED, ALL_FILLED)
_FILLED = select(counters.c.value).where(counters.c.name.in_(_COUNTERS))
