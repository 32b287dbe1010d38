"""Deletes raw documents, attempts and entries of the audit trail that are older than configured."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import anyio
from sqlalchemy import Delete, bindparam, delete, select, tuple_

from watcher.store.column_types import Instant
from watcher.store.engine import Store
from watcher.store.notify_tables import reached
from watcher.store.record_tables import audit as audit_table
from watcher.store.tables import attempts as attempts_table
from watcher.store.tables import documents

_CHUNK = 1000
"""Rows per transaction, so that polls and deliveries need not wait for a large clean-up."""
_REST_SECONDS = 0.02
"""Between two of them: on SQLite, who waits for the lock asks again and again, and another transaction could be first.
"""


@dataclass(frozen=True, slots=True)
class Forgotten:
    documents: int
    attempts: int
    reached: int = 0
    audit: int = 0


@dataclass(frozen=True, slots=True)
class Retention:
    """Deletes by age: raw documents, attempts and what they reached, the audit trail; events: `event_retention`."""

    store: Store

    async def forget(
        self, now: datetime, *, raw: timedelta, attempts: timedelta, audit: timedelta | None = None
    ) -> Forgotten:
        """Delete raw documents that were not seen, and attempts that were not made, for longer than that.

        The audit trail is kept if no time is given for it.
        """
        return Forgotten(
            documents=await self._repeat(_OLD_DOCUMENTS, now - raw),
            attempts=await self._repeat(_OLD_ATTEMPTS, now - attempts),
            reached=await self._repeat(_OLD_REACHED, now - attempts),
            audit=0 if audit is None else await self._repeat(_OLD_AUDIT, now - audit),
        )

    async def _repeat(self, deleting: Delete, before: datetime) -> int:
        total = 0
        while True:
            async with self.store.transaction() as connection:
                count = (await connection.execute(deleting, {"before": before})).rowcount
            total += count
            if count < _CHUNK:
                return total
            await anyio.sleep(_REST_SECONDS)


_BEFORE = bindparam("before", type_=Instant)
_DOCUMENT = (documents.c.watch_id, documents.c.digest)
_OLD_DOCUMENTS = delete(documents).where(
    tuple_(*_DOCUMENT).in_(select(*_DOCUMENT).where(documents.c.seen_at < _BEFORE).limit(_CHUNK))
)
_OLD_ATTEMPTS = delete(attempts_table).where(
    attempts_table.c.id.in_(select(attempts_table.c.id).where(attempts_table.c.started_at < _BEFORE).limit(_CHUNK))
)
_REACHED = (reached.c.endpoint, reached.c.event_id, reached.c.mark)
_OLD_REACHED = delete(reached).where(
    tuple_(*_REACHED).in_(select(*_REACHED).where(reached.c.at < _BEFORE).limit(_CHUNK))
)
_OLD_AUDIT = delete(audit_table).where(
    audit_table.c.id.in_(select(audit_table.c.id).where(audit_table.c.at < _BEFORE).limit(_CHUNK))
)
