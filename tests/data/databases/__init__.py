"""A database of every schema so far, as the program of that time left it: `python -m tests.data.databases` makes them.

They are compressed SQL text, `0001.sqlite.sql.gz` and `0001.postgresql.sql.gz`, restored with `load`.
"""

import gzip
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import asyncpg

HERE = Path(__file__).parent
KINDS = ("sqlite", "postgresql")


def dump_file(revision: str, kind: str) -> Path:
    return HERE / f"{revision}.{kind}.sql.gz"


def sql(revision: str, kind: str) -> str:
    return gzip.decompress(dump_file(revision, kind).read_bytes()).decode()


async def load(revision: str, url: str) -> None:
    """Restore the database of this revision into an empty one."""
    if url.startswith("sqlite"):
        with closing(connect(url.removeprefix("sqlite:///"))) as connection:
            connection.executescript(sql(revision, "sqlite"))
        return
    server = await asyncpg.connect(url)
    try:
        await server.execute(sql(revision, "postgresql"))
    finally:
        await server.close()
