"""The connection that a replica keeps for itself: it holds its locks, and hears notifications."""

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import anyio
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core.errors import StoreUnavailable
from watcher.store.engine import Store
from watcher.store.errors import explained
from watcher.store.notifications import CHANNEL, Notice, read_notice
from watcher.store.replicas.session_lock import LEADER, LOCK_CLASS, lock_number

if TYPE_CHECKING:
    import asyncpg

_ANSWER_SECONDS = 5
_LOCK = "SELECT pg_try_advisory_lock($1, $2)"


class ReplicaLink:
    """Opened and checked by one task. `is_leader`: this replica does what one of them has to do."""

    def __init__(self, store: Store, name: str, on_notice: Callable[[Notice], None]) -> None:
        self._store = store
        self._name = name
        self._on_notice = on_notice
        self._connection: AsyncConnection | None = None
        self._driver: asyncpg.Connection[asyncpg.Record] | None = None
        self.is_leader = False

    @property
    def is_open(self) -> bool:
        return self._driver is not None

    async def open(self) -> bool:
        """Connect, lock the name and listen; False if another session has the name's lock. Raises StoreUnavailable."""
        is_ours, driver = False, None
        with explained(self._store.place), anyio.CancelScope(shield=True):
            self._connection = await self._store.engine.connect()
            raw = await self._connection.get_raw_connection()
            driver = cast("asyncpg.Connection[asyncpg.Record]", raw.driver_connection)
            with anyio.fail_after(_ANSWER_SECONDS):
                await driver.add_listener(CHANNEL, self._hear)
                is_ours = bool(await driver.fetchval(_LOCK, LOCK_CLASS, lock_number(self._name)))
        self._driver = driver
        if not is_ours:
            await self.close()
        return is_ours

    async def check(self) -> None:
        """Ask whether the connection is alive, and lead if nobody does. Raises StoreUnavailable if it is lost."""
        if self._driver is None:
            raise StoreUnavailable(f"{self._store.place} closed the connection for notifications")
        try:
            with explained(self._store.place), anyio.CancelScope(shield=True), anyio.fail_after(_ANSWER_SECONDS):
                if self.is_leader:
                    await self._driver.fetchval("SELECT 1")
                else:
                    self.is_leader = bool(await self._driver.fetchval(_LOCK, LOCK_CLASS, LEADER))
        except StoreUnavailable:
            await self.close()
            raise

    async def close(self) -> None:
        """End the session, and its locks with it."""
        connection, self._connection, self._driver, self.is_leader = self._connection, None, None, False
        if connection is not None:
            with anyio.CancelScope(shield=True):
                await connection.invalidate()
                await connection.close()

    def _hear(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        notice = read_notice(str(payload), self._store.replica)
        if notice is not None:
            self._on_notice(notice)
