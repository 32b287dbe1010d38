"""A database for a while: a file or a schema of its own, that nothing else uses and that is gone afterwards."""

import os
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_hex

import anyio
from sqlalchemy import text

from watcher.store.engine import connected, require_folder, sqlite_file, with_schema

_PREFIX = "invoice_watcher_bench_"


@asynccontextmanager
async def throwaway_database(url: str | None) -> AsyncGenerator[str]:
    """The URL of an empty database on the same disk or server as that of `url`.

    For SQLite, a file in a new folder beside the one that is named, or below the system's folder for such files without
    a `url`. For PostgreSQL, a new schema in the database; its user needs the right to create one. Raises
    StoreUnavailable.
    """
    file = None if url is None else sqlite_file(url)
    if url is not None and file is None:
        async with _schema(url) as own:
            yield own
        return
    if file is not None:
        require_folder(file)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=None if file is None else file.absolute().parent) as folder:
        yield f"sqlite:///{Path(folder) / 'bench.db'}"


@asynccontextmanager
async def _schema(url: str) -> AsyncGenerator[str]:
    name = f"{_PREFIX}{os.getpid()}_{token_hex(4)}"
    async with connected(url) as store:
        async with store.transaction() as connection:
            await connection.execute(text(f"CREATE SCHEMA {name}"))
        try:
            yield with_schema(url, name)
        finally:
            with anyio.CancelScope(shield=True):
                async with store.transaction() as connection:
                    await connection.execute(text(f"DROP SCHEMA {name} CASCADE"))
