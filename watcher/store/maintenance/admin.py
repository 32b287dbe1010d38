"""`db upgrade`, `db check`, `db backup`: each opens the database of a URL, does its work and says what came of it."""

import os
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import anyio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from watcher.core.errors import Refused, SchemaMismatch, StoreUnavailable
from watcher.ports import AuditEntry
from watcher.store import migrate
from watcher.store.audit import SqlAudit
from watcher.store.engine import Store, connected, open_store
from watcher.store.errors import explained
from watcher.store.maintenance.amounts_fill import AmountsFill
from watcher.store.maintenance.invariants.check import broken_invariants
from watcher.store.maintenance.invariants.problem import Problem
from watcher.store.maintenance.run_lock import hold_run_lock
from watcher.store.migrate import Schema

_ASK_AGAIN_SECONDS = 0.5
_ADVICE = "keep a copy of it, and restore a backup that is fine"


async def upgrade(
    url: str, wait: timedelta, on_wait: Callable[[str], None], noted: tuple[AuditEntry, datetime] | None = None
) -> str:
    """Create the database, or upgrade an older schema.

    A migration that older programs would not work with waits for the replicas that run them, at most `wait`; `on_wait`
    gets a sentence with their names. `noted` is written to the audit trail if the schema was an older one.

    Raises Refused if they are still active then, or if a `run` uses the SQLite file, SchemaMismatch for a newer schema,
    and StoreUnavailable.
    """
    async with connected(url, create=True) as store:
        with await _run_lock_if_needed(store, url):
            found = await _upgraded(store, wait, on_wait)
        if found is Schema.OLDER:
            await AmountsFill(store).run()
        if found is Schema.OLDER and noted is not None:
            await SqlAudit(store).record(*noted)
        match found:
            case Schema.NONE:
                return f"{store.place}: created"
            case Schema.OLDER:
                return f"{store.place}: upgraded"
            case Schema.CURRENT:
                return f"{store.place}: up to date already"
            case Schema.EXPANDED:
                return f"{store.place}: newer than this program, which works with it"
            case Schema.NEWER:
                raise SchemaMismatch(
                    f"{store.place} has a newer schema than this program: install the newer invoice-watcher"
                )


async def _upgraded(store: Store, wait: timedelta, on_wait: Callable[[str], None]) -> Schema:
    """Returns what was there before."""
    ends_at = anyio.current_time() + wait.total_seconds()
    first: Schema | None = None
    while True:
        async with store.transaction() as connection:
            done = await connection.run_sync(migrate.upgrade)
        if not done.waits_for:
            return first or done.found
        sentence = f"{', '.join(done.waits_for)} would not work with the schema of this program: stop"
        if anyio.current_time() >= ends_at:
            raise Refused(f"{store.place} is not upgraded: {sentence} them first")
        if first is None:
            first = done.found
            on_wait(f"waiting for older replicas: {sentence} them, or wait until they are gone")
        await anyio.sleep(_ASK_AGAIN_SECONDS)


async def _run_lock_if_needed(store: Store, url: str) -> AbstractContextManager[None]:
    async with store.reading() as connection:
        needed = store.is_sqlite and await connection.run_sync(migrate.stops_a_run)
    return hold_run_lock(url) if needed else nullcontext()


@dataclass(frozen=True, slots=True)
class Checked:
    """`result` is a sentence about the whole; `problems` are named one by one, up to twenty of each kind."""

    result: str
    problems: tuple[Problem, ...] = ()


async def check(url: str) -> Checked:
    """Read the whole database, and find what contradicts the rest of it.

    Raises StoreUnavailable for a missing or damaged one, and SchemaMismatch.
    """
    async with open_store(url, read_only=True) as store:
        async with store.reading() as connection:
            damages = await _damages(store, connection)
        if damages:
            raise StoreUnavailable(f"{store.place} is damaged: {'; '.join(damages)}. Restore a backup")
        async with store.reading() as connection:
            if not store.is_sqlite:  # where a transaction sees what others commit, unless it asks not to
                await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
            found = await broken_invariants(connection)
    if not found.total:
        return Checked(f"{store.place}: fine")
    counted = ", ".join(f"{kind} {count}" for kind, count in found.counts.items())
    return Checked(f"{store.place} contradicts itself ({counted}): {_ADVICE}", tuple(found.problems))


async def backup(url: str, file: Path) -> str:
    """Copy a SQLite database while it is in use, readable by its owner only. The file appears once it is complete.

    Raises Refused for PostgreSQL and if the file exists, StoreUnavailable if it cannot be written.
    """
    async with open_store(url) as store:
        if not store.is_sqlite:
            raise Refused(f"{store.place} is backed up with PostgreSQL's own pg_dump, and restored with pg_restore")
        with _temporary_file(file) as unfinished:
            async with store.engine.connect() as connection:
                with explained(f"backup {file}"):
                    await _vacuum_into(connection, unfinished)
    return f"{store.place}: copied to {file}"


@contextmanager
def _temporary_file(file: Path) -> Generator[Path]:
    """Where to write what becomes `file` at the end, safe on the disk; after a failure neither of them is left."""
    unfinished = file.with_name(file.name + ".unfinished")
    _reserve(file)
    try:
        _reserve(unfinished)
        try:
            yield unfinished
            _sync(unfinished)  # SQLite leaves this to us (https://sqlite.org/lang_vacuum.html)
            unfinished.replace(file)
            _sync(file.parent)
        finally:
            unfinished.unlink(missing_ok=True)
    finally:
        if not file.stat().st_size:
            file.unlink()


def _reserve(file: Path) -> None:
    """Create the file ourselves, because SQLite would make it readable by everybody."""
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError as error:
        raise Refused(f"{file} exists: a backup never overwrites") from error
    except OSError as error:
        raise StoreUnavailable(f"cannot write {file}: {error.strerror}") from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise StoreUnavailable(f"cannot write {path}: {error.strerror}") from error
    finally:
        os.close(descriptor)


async def _vacuum_into(connection: AsyncConnection, file: Path) -> None:
    # VACUUM runs outside transactions; the driver begins none, and SQLAlchemy's own is ended first.
    await connection.exec_driver_sql("COMMIT")
    await connection.exec_driver_sql("VACUUM INTO ?", (str(file),))


async def _damages(store: Store, connection: AsyncConnection) -> list[str]:
    if not store.is_sqlite:
        return []
    found = [str(line) for line in (await connection.execute(text("PRAGMA integrity_check(5)"))).scalars()]
    return [line for line in found if line != "ok"]
