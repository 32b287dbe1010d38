"""Which lists the stored watches match: a digest of the last reading, so that an unchanged one need not be repeated."""

import json

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.ports import ListDigest
from watcher.store.tables import watchlists


async def read(connection: AsyncConnection) -> ListDigest | None:
    row = (await connection.execute(select(watchlists))).one_or_none()
    return None if row is None else ListDigest(row.digest, row.watches, tuple(json.loads(row.warnings)))


async def forget(connection: AsyncConnection) -> None:
    await connection.execute(delete(watchlists))


async def remember(connection: AsyncConnection, mark: ListDigest) -> None:
    warnings = json.dumps(mark.warnings)
    await connection.execute(insert(watchlists).values(digest=mark.digest, watches=mark.watches, warnings=warnings))
