"""Make what lacks: `python -m tests.data.databases`, or those of the revisions that are named.

A revision's program is the last one of the repository's main line that ended with it; that of the newest is the work
tree. What is made once stays: the point of a fixture is that it is old.
"""

import sys
import tempfile
from pathlib import Path

import anyio
import asyncpg

from tests.acceptance.previous_version import install, newest_commit
from tests.data.databases import KINDS, dump_file
from tests.data.databases.make import dump_postgresql, dump_sqlite, fresh, make, write
from tests.fakes import postgresql
from watcher.store.migrate import REVISIONS


def main(named: list[str]) -> None:
    missing = [one for one in REVISIONS if not all(dump_file(one, kind).exists() for kind in KINDS)]
    with tempfile.TemporaryDirectory() as folder, postgresql.server() as server:
        for revision in named or missing:
            anyio.run(_make_both, revision, Path(folder) / revision, server)


async def _make_both(revision: str, folder: Path, server: postgresql.Server) -> None:
    python = Path(sys.executable)
    if revision != REVISIONS[-1]:
        python = await anyio.to_thread.run_sync(install, newest_commit(revision), fresh(folder / "program"))
    file = fresh(folder / "sqlite") / "watcher.db"
    await make(revision, python, f"sqlite:///{file}", file.parent)
    database = f"of_{revision}"
    connection = await asyncpg.connect(server.url())
    await connection.execute(f"CREATE DATABASE {database}")
    await connection.close()
    await make(revision, python, server.url(database), fresh(folder / "postgresql"))
    write(dump_sqlite(file), dump_file(revision, "sqlite"))
    write(dump_postgresql(server, database), dump_file(revision, "postgresql"))
    sys.stdout.write(f"{revision}: made\n")


if __name__ == "__main__":
    main(sys.argv[1:])
