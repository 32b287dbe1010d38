"""Opens the database, and gives the two ways to use it: a writing transaction and a read."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import aiosqlite
import anyio
from sqlalchemy import BigInteger, Connection, Table, event, literal_column, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from watcher.core.errors import StoreUnavailable
from watcher.store import migrate
from watcher.store.column_types import EPOCH
from watcher.store.data_version import DataVersion
from watcher.store.errors import explained
from watcher.store.sqlite_connection import OneSwitchConnection
from watcher.store.tables import counters

BUSY_TIMEOUT = timedelta(seconds=10)
COMMAND_TIMEOUT = timedelta(seconds=60)
CONNECT_TIMEOUT = timedelta(seconds=10)
_DATABASE_NOW = literal_column("CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)", BigInteger)
"""clock_timestamp, not now(): a transaction that waited for a lock must not count from before the wait."""


_SCHEMA = "schema"
"""In the query of a PostgreSQL URL: where the tables are, if not in the first schema of the user's search path."""

Mark = int


@dataclass(slots=True)
class Store:
    """An open database. `open_store` makes it, and the classes of the ports use it.

    With `database_clock` (PostgreSQL), leases, due times and budgets follow the server's clock. `shift` is how far our
    clock is ahead of the server's; it is measured at each claim.
    """

    engine: AsyncEngine
    place: str
    file: Path | None
    database_clock: bool
    shift: timedelta = timedelta(0)
    replica: int | None = None
    """The key of this process among the replicas on a PostgreSQL database: what it leases is marked with it."""
    write_failed: tuple[float, str] | None = None
    """When (`anyio.current_time`) a transaction failed last, and why. Small ones may succeed while large ones fail."""
    data_version: DataVersion | None = None
    """Of a SQLite file."""
    _writing: anyio.Lock = field(default_factory=anyio.Lock)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    def mark(self) -> Mark | None:
        """The same mark as before means that nothing was written meanwhile; None, that this is unknown."""
        return None if self.data_version is None else self.data_version.read()

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncConnection]:
        """A writing transaction, shielded from cancellation: await nothing but SQL inside.

        Raises StoreUnavailable for what the database cannot do now; nothing is written then.
        """
        # In turn rather than by SQLite's busy handler, which sleeps longer and longer and is not fair.
        health_change = self._writing if self.is_sqlite else nullcontext()
        try:
            async with health_change, self._begun(writing=True) as connection:
                yield connection
        except StoreUnavailable as error:
            self.write_failed = anyio.current_time(), str(error)
            raise

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncConnection]:
        """A consistent view for one or several reads. Raises StoreUnavailable."""
        async with self._begun(writing=False) as connection:
            yield connection

    async def check_writable(self) -> None:
        """Commit one small write, because reads succeed on a full disk too. Raises StoreUnavailable."""
        async with self.transaction() as connection:
            first = upserting(connection, counters).values(name="writes_checked", value=1)
            again = {"value": counters.c.value + 1}
            await connection.execute(first.on_conflict_do_update(index_elements=["name"], set_=again))

    async def now(self, connection: AsyncConnection, now: datetime) -> datetime:
        """The present instant for this database: the server's with `database_clock`, else `now`."""
        if not self.database_clock:
            return now
        here = EPOCH + timedelta(microseconds=int((await connection.execute(select(_DATABASE_NOW))).scalar_one()))
        self.shift = now - here
        return here

    @asynccontextmanager
    async def _begun(self, *, writing: bool) -> AsyncGenerator[AsyncConnection]:
        with anyio.CancelScope(shield=True), explained(self.place):
            async with self.engine.connect() as connection:
                await connection.execution_options(writing=writing, replica=self.replica)
                async with connection.begin():
                    yield connection


@asynccontextmanager
async def open_store(
    url: str,
    *,
    create: bool = False,
    read_only: bool = False,
    database_clock: bool = True,
    busy_timeout: timedelta = BUSY_TIMEOUT,
) -> AsyncGenerator[Store]:
    """Open the database of a configured URL, and close it again.

    `create` makes the SQLite file (readable by its owner only) and the tables if there are none. Without it a missing
    database is StoreUnavailable, as is a SQLite file that others lock for `busy_timeout`. A schema that this
    program does not work with is SchemaMismatch; `migrate.upgrade` upgrades an older one.
    """
    opening = connected(
        url, create=create, read_only=read_only, database_clock=database_clock, busy_timeout=busy_timeout
    )
    async with opening as store:
        if create:
            async with store.transaction() as connection:
                await connection.run_sync(migrate.create)
        async with store.reading() as connection:
            await connection.run_sync(migrate.require_usable, store.place)
        yield store


@asynccontextmanager
async def connected(
    url: str,
    *,
    create: bool = False,
    read_only: bool = False,
    database_clock: bool = True,
    busy_timeout: timedelta = BUSY_TIMEOUT,
) -> AsyncGenerator[Store]:
    """Like `open_store`, with any schema."""
    address = _address(url)
    file = sqlite_file(url)
    if file is not None:
        _see_file(file, create=create)
    is_sqlite = file is not None
    engine = _sqlite_engine(address, busy_timeout, read_only=read_only) if is_sqlite else _postgresql_engine(address)
    data_version = None if file is None else DataVersion(file)
    try:
        yield Store(
            engine,
            _place(address),
            file,
            database_clock=database_clock and not is_sqlite,
            data_version=data_version,
        )
    finally:
        if data_version is not None:
            data_version.close()
        with anyio.CancelScope(shield=True):
            await engine.dispose()


def upserting(connection: AsyncConnection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that supports ON CONFLICT, in the dialect of the connection's database."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def with_schema(url: str, schema: str) -> str:
    """The URL of the same PostgreSQL database with its tables in another schema."""
    return make_url(url).update_query_dict({_SCHEMA: schema}).render_as_string(hide_password=False)


def sqlite_file(url: str) -> Path | None:
    """The file of a configured URL; None for PostgreSQL.

    Raises StoreUnavailable if the URL is not one of a database.
    """
    address = _address(url)
    return Path(address.database or "") if address.get_backend_name() == "sqlite" else None


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise StoreUnavailable(
            "database.url cannot be read: write sqlite:///file or postgresql://user@host/name"
        ) from error
    drivers = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
    backend = address.drivername.partition("+")[0]
    if backend not in drivers or (backend == "sqlite" and not address.database):
        raise StoreUnavailable(
            f"database.url: {backend} is not a supported database: use sqlite:///file or postgresql://…"
        )
    if "sslmode" in address.query:
        mode = address.query["sslmode"]
        address = address.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})
    return address.set(drivername=drivers[backend])


def _place(address: URL) -> str:
    if address.get_backend_name() == "sqlite":
        return f"database {address.database}"
    host = address.host or address.query.get("host", "localhost")
    return f"PostgreSQL database {address.database} at {host}"


def require_folder(file: Path) -> None:
    """Raise StoreUnavailable if the folder for a new database is missing."""
    if not file.parent.is_dir():
        raise StoreUnavailable(f"no folder {file.parent} for the database: make it, or correct database.url")


def _see_file(file: Path, *, create: bool) -> None:
    # A file that SQLite cannot open leaves the driver's thread behind, which then writes a complaint of its own.
    if file.exists() and not (file.is_file() and os.access(file, os.R_OK)):
        raise StoreUnavailable(
            f"database {file} cannot be opened: it must be a file, and this user must have its rights"
        )
    if file.exists():
        return
    if not create:
        raise StoreUnavailable(f"no database at {file}: run `invoice-watcher run` first")
    require_folder(file)
    try:
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreUnavailable(f"cannot make the database {file}: {error.strerror}") from error


def _sqlite_engine(address: URL, busy_timeout: timedelta, *, read_only: bool) -> AsyncEngine:
    # No reset: every user of a connection ends its transaction, and each call costs a switch of threads.
    async def connect() -> aiosqlite.Connection:
        return await OneSwitchConnection(Path(address.database or ""), busy_timeout)

    engine = create_async_engine(address, async_creator=connect, pool_reset_on_return=None)

    def prepare(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        del entry
        # The driver must not begin transactions of its own; `begin` below does.
        connection.isolation_level = None
        cursor = connection.cursor()
        if read_only:
            cursor.execute("PRAGMA query_only = ON")
        else:
            cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    def begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    event.listen(engine.sync_engine, "connect", prepare)
    event.listen(engine.sync_engine, "begin", begin)
    return engine


def _postgresql_engine(address: URL) -> AsyncEngine:
    settings = {"application_name": "invoice-watcher"}
    if schema := address.query.get(_SCHEMA):
        settings["search_path"] = str(schema)
    return create_async_engine(
        address.difference_update_query([_SCHEMA]),
        connect_args={
            "command_timeout": COMMAND_TIMEOUT.total_seconds(),
            "timeout": CONNECT_TIMEOUT.total_seconds(),
            "server_settings": settings,
        },
        pool_pre_ping=True,
        pool_timeout=CONNECT_TIMEOUT.total_seconds(),
    )
