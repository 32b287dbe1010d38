"""Registers replicas, keeps their heartbeats, and takes over what a lost one holds."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core.errors import Refused
from watcher.store.column_types import AnyRow, Instant
from watcher.store.engine import Store
from watcher.store.migrate import REVISIONS, require_usable
from watcher.store.replicas.session_lock import is_locked
from watcher.store.replicas.takeover import take_over_leases
from watcher.store.tables import replicas

HEARTBEAT_EVERY = timedelta(seconds=2)
DEAD_AFTER = timedelta(seconds=5)
"""Without a heartbeat for this long and without a session that holds its lock, a replica is dead."""
HANGING_AFTER = timedelta(seconds=20)
"""Without a heartbeat for this long it is lost, though its session is open: it hangs, or its network is gone."""
_LISTED_FOR = timedelta(hours=1)
"""How long a lost replica stays in the list."""
_REGISTERING = 0x1A7015F
"""An arbitrary number that all replicas use on one database."""


class ReplicaState(StrEnum):
    ACTIVE = "active"
    DRAINING = "draining"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Identity:
    name: str
    version: str
    host: str
    pid: int


@dataclass(frozen=True, slots=True)
class TakenOver:
    """A replica that was found lost, and how many leases it held."""

    name: str
    leases: int


@dataclass(frozen=True, slots=True)
class SqlReplicas:
    """The replicas, by the server's clock. Not for SQLite, which has one `run` at a time."""

    store: Store

    async def register(self, identity: Identity, config: str, now: datetime, *, linked: bool = False) -> int:
        """Add this process; returns its key, which marks its leases.

        Raises Refused if a living replica has the name. What a dead one of this name held is taken over at once;
        `linked` says that its lock is ours, so that it must be dead.
        """
        async with self.store.transaction() as connection:
            await connection.execute(select(func.pg_advisory_xact_lock(_REGISTERING)))
            here = await self.store.now(connection, now)
            row = (await connection.execute(select(replicas).where(replicas.c.name == identity.name))).one_or_none()
            if row is not None:
                is_fresh = row.state != ReplicaState.LOST.value and row.heartbeat_at > here - DEAD_AFTER
                if is_fresh and not linked and not await _is_ours(connection, row, identity):
                    raise Refused(_in_use(row))
                await take_over_leases(connection, row.id, here)
            await connection.execute(delete(replicas).where(replicas.c.name == identity.name))
            values = {
                "name": identity.name,
                "version": identity.version,
                "host": identity.host,
                "pid": identity.pid,
                "started_at": here,
                "heartbeat_at": here,
                "state": ReplicaState.ACTIVE.value,
                "config": config,
                "revision": int(REVISIONS[-1]),
            }
            added = await connection.execute(insert(replicas).values(values).returning(replicas.c.id))
            return int(added.scalar_one())

    async def beat(self, key: int, state: ReplicaState, config: str, now: datetime) -> bool:
        """Write a heartbeat; False if the row is gone, because another process took the name."""
        async with self.store.transaction() as connection:
            here = await self.store.now(connection, now)
            beating = update(replicas).where(replicas.c.id == key)
            values = {"heartbeat_at": here, "state": state.value, "config": config}
            gone = (replicas.c.state == ReplicaState.LOST.value, replicas.c.heartbeat_at < here - _LISTED_FOR)
            await connection.execute(delete(replicas).where(replicas.c.id != key, *gone))
            return (await connection.execute(beating.values(values))).rowcount == 1

    async def require_usable_schema(self) -> None:
        """Raise SchemaMismatch if an upgrade has left this program behind."""
        async with self.store.reading() as connection:
            await connection.run_sync(require_usable, self.store.place)

    async def take_over_lost(self, key: int, now: datetime) -> tuple[TakenOver, ...]:
        """Find the replicas that died or hang, and make what they hold due at once."""
        async with self.store.reading() as connection:
            suspects = await _suspects(connection, key, now - self.store.shift)
        taken: list[TakenOver] = []
        for row in suspects:
            async with self.store.transaction() as connection:
                here = await self.store.now(connection, now)
                same = (replicas.c.id == row.id, replicas.c.heartbeat_at == row.heartbeat_at)
                losing = update(replicas).where(*same, replicas.c.state != ReplicaState.LOST.value)
                if (await connection.execute(losing.values(state=ReplicaState.LOST.value))).rowcount:
                    taken.append(TakenOver(row.name, await take_over_leases(connection, row.id, here)))
        return tuple(taken)

    async def differing(self, now: datetime) -> tuple[str, ...]:
        """The names of the living replicas whose configuration is not that of the one that has run longest."""
        async with self.store.reading() as connection:
            rows = (await connection.execute(LIVING, {"since": now - self.store.shift - HANGING_AFTER})).all()
        return tuple(row.name for row in rows if row.config != rows[0].config)

    async def leave(self, key: int) -> None:
        """Remove this process, which holds nothing any more."""
        async with self.store.transaction() as connection:
            await connection.execute(delete(replicas).where(replicas.c.id == key))


async def _is_ours(connection: AsyncConnection, row: AnyRow, identity: Identity) -> bool:
    """Whether an earlier try of this process wrote the row, and its answer was lost.

    Host and pid do not say it alone: every container's first process is 1, and those in one network share a host name.
    """
    is_same = (row.host, row.pid) == (identity.host, identity.pid)
    return is_same and not await is_locked(connection, row.name)


_since = bindparam("since", type_=Instant)
LIVING = (
    select(replicas)
    .where(replicas.c.state != ReplicaState.LOST.value, replicas.c.heartbeat_at > _since)
    .order_by(replicas.c.started_at, replicas.c.id)
)


async def _suspects(connection: AsyncConnection, key: int, here: datetime) -> list[AnyRow]:
    """The replicas whose silence means that they died or hang."""
    silent = select(replicas).where(
        replicas.c.id != key,
        replicas.c.state != ReplicaState.LOST.value,
        replicas.c.heartbeat_at < here - DEAD_AFTER,
    )
    return [
        row
        for row in (await connection.execute(silent)).all()
        if row.heartbeat_at < here - HANGING_AFTER or not await is_locked(connection, row.name)
    ]


def _in_use(row: AnyRow) -> str:
    return (
        f"the name {row.name} is in use by another run (pid {row.pid} on {row.host}, version {row.version}): "
        "stop that one first, or choose another with --name"
    )
