"""Advisory locks that end with the session of a replica: the server frees them at once when its process dies."""

from hashlib import blake2b

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

LOCK_CLASS = 0x1A70
"""An arbitrary number, the first of the pair that names a lock."""
LEADER = 0
"""The second number of the lock of the replica that does what one of them has to do."""


def lock_number(name: str) -> int:
    """The second number of the lock that a replica of this name holds: 31 bits, never `LEADER`."""
    return int.from_bytes(blake2b(name.encode(), digest_size=4).digest()) >> 1 | 1


async def is_locked(connection: AsyncConnection, name: str) -> bool:
    """Whether a session holds the lock of this name."""
    parameters = {"first": LOCK_CLASS, "second": lock_number(name)}
    return bool((await connection.execute(_IS_LOCKED, parameters)).scalar_one())


_IS_LOCKED = text(
    "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND classid = CAST(:first AS BIGINT)::oid AND objid = CAST(:second AS BIGINT)::oid)"
)
