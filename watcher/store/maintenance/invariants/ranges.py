"""Ranges of keys, so that no query reads a whole table at once."""

from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection


async def ranges(connection: AsyncConnection, key: ColumnElement[Any], width: int) -> AsyncIterator[dict[str, int]]:
    """`after` the first, `until` the second, over all keys that there are."""
    first, last = (await connection.execute(select(func.min(key), func.max(key)))).one()
    for after in range((first or 1) - 1, last or 0, width):
        yield {"after": after, "until": after + width}
