"""Writes the audit trail: in the transaction of a change, or around a change that takes several."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core.errors import NotFound, Refused
from watcher.ports import AuditEntry
from watcher.store.column_types import storable
from watcher.store.engine import Store
from watcher.store.execute_many import execute_many
from watcher.store.record_tables import audit
from watcher.store.schema import ERROR_LIMIT

DONE = "done"
REFUSED = "refused"
BEGUN = "begun"
"""What takes several transactions and did not get to its end, at least not until now."""

_SAME_WITHIN = timedelta(minutes=1)


async def write_audit(connection: AsyncConnection, entry: AuditEntry | None, at: datetime, outcome: str = DONE) -> int:
    """Write in this transaction, and return the entry's key; does nothing (0) without an entry."""
    if entry is None:
        return 0
    values = {"at": at, "who": entry.who, "action": entry.action.value, "target": entry.target, "outcome": outcome}
    key: int = (await connection.execute(insert(audit).values(values).returning(audit.c.id))).scalar_one()
    return key


async def write_audits(connection: AsyncConnection, entries: Sequence[AuditEntry], at: datetime) -> None:
    """Write many of what was done."""
    rows = [
        {"at": at, "who": one.who, "action": one.action.value, "target": one.target, "outcome": DONE} for one in entries
    ]
    if rows:
        await execute_many(connection, _INSERT, rows)


_INSERT = insert(audit)


@dataclass(slots=True)
class Progress:
    """`outcome` is what is written at the end."""

    outcome: str = DONE


@dataclass(frozen=True, slots=True)
class SqlAudit:
    """Entries in transactions of their own. Each method raises StoreUnavailable."""

    store: Store

    async def record(self, entry: AuditEntry, at: datetime, outcome: str = DONE) -> int:
        async with self.store.transaction() as connection:
            return await write_audit(connection, entry, at, outcome)

    @asynccontextmanager
    async def refusals(self, entry: AuditEntry, at: datetime) -> AsyncGenerator[None]:
        """Record what is refused inside; what is done writes its own entry."""
        try:
            yield
        except (NotFound, Refused) as error:
            await self.refuse(entry, at, str(error))
            raise

    async def refuse(self, entry: AuditEntry, at: datetime, reason: str) -> None:
        """Record a refusal; the same one again within a minute is not: a script that repeats it would fill the disk."""
        async with self.store.transaction() as connection:
            same = (
                audit.c.at > at - _SAME_WITHIN,
                audit.c.who == entry.who,
                audit.c.action == entry.action.value,
                audit.c.target == storable(entry.target, ERROR_LIMIT),
                audit.c.outcome.like(f"{REFUSED}%"),
            )
            if (await connection.execute(select(audit.c.id).where(*same).limit(1))).first() is None:
                await write_audit(connection, entry, at, f"{REFUSED}: {reason}")

    @asynccontextmanager
    async def steps(self, entry: AuditEntry, at: datetime) -> AsyncGenerator[Progress]:
        """Record a change of many transactions before its first one, and its outcome at the end."""
        key, progress = await self.record(entry, at, BEGUN), Progress()
        try:
            yield progress
        except (NotFound, Refused) as error:
            await self._conclude(key, f"{REFUSED}: {error}")
            raise
        await self._conclude(key, progress.outcome)

    async def _conclude(self, key: int, outcome: str) -> None:
        async with self.store.transaction() as connection:
            await connection.execute(update(audit).where(audit.c.id == key).values(outcome=outcome))
