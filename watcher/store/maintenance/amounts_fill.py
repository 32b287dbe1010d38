"""Brings the table of open amounts up to date where a program that does not know it has written: an older version."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import and_, bindparam, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core import json_text
from watcher.core.invoices.invoice import COLLECTABLE, Snapshot
from watcher.core.invoices.snapshot import from_document
from watcher.store import migrate
from watcher.store.engine import Store, upserting
from watcher.store.locks import lock_watches
from watcher.store.open_amounts import FILLED, KEPT_SINCE, forget_open_amounts, keep_open_amounts
from watcher.store.record_tables import open_amounts
from watcher.store.tables import counters, snapshots, watches

_STEP = 500


@dataclass(frozen=True, slots=True)
class AmountsFill:
    store: Store

    async def is_needed(self) -> bool:
        """Whether the table was never filled, or an older program may be writing beside this one."""
        async with self.store.reading() as connection:
            filled = (await connection.execute(_FILLED)).first() is not None
            return not filled or bool(await connection.run_sync(migrate.older_replicas, KEPT_SINCE))

    async def run(self) -> int:
        """Compare every watch, and write what differs, in small transactions; returns how many differed."""
        total = after = 0
        while keys := await self._differing(after):
            async with self.store.transaction() as connection:
                await lock_watches(connection, keys)
                await _write(connection, keys)
            total, after = total + len(keys), keys[-1]
        async with self.store.transaction() as connection:
            marked = upserting(connection, counters).values(name=FILLED, value=1)
            await connection.execute(marked.on_conflict_do_nothing(index_elements=["name"]))
        return total

    async def _differing(self, after: int) -> Sequence[int]:
        async with self.store.reading() as connection:
            return (await connection.execute(_DIFFERING, {"after": after})).scalars().all()


async def _write(connection: AsyncConnection, keys: Sequence[int]) -> None:
    await forget_open_amounts(connection, keys)
    rows = (await connection.execute(_NEWEST, {"keys": keys})).all()
    seen = [(row.id, row.version, _snapshot(row.document)) for row in rows]
    await keep_open_amounts(connection, seen, unwatched=[row.id for row in rows if not row.origins])


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
_DIFFERING = (
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
_NEWEST = (
    select(watches.c.id, watches.c.version, watches.c.origins, snapshots.c.document)
    .join(snapshots, and_(snapshots.c.watch_id == watches.c.id, snapshots.c.version == watches.c.version))
    .where(watches.c.id.in_(bindparam("keys", expanding=True)), _IS_OPEN)
)
_FILLED = select(counters.c.value).where(counters.c.name == FILLED)
