"""Explains a database's errors to an operator, in one place."""

import sqlite3
from collections.abc import Generator, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnection

from watcher.core.errors import DatabaseUnsuitable, StoreUnavailable, StoreUnreachable
from watcher.store.postgresql_errors import driver_errors, driver_meaning, is_of_another_session

_SQLITE = {
    sqlite3.SQLITE_READONLY: "is read-only: give this user the right to write it and its folder",
    sqlite3.SQLITE_PERM: "may not be opened by this user",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: is its folder there, and may this user write in it?",
    sqlite3.SQLITE_FULL: "cannot grow: the disk is full",
    sqlite3.SQLITE_BUSY: "is locked by another program for too long",
    sqlite3.SQLITE_LOCKED: "is locked by another program for too long",
    sqlite3.SQLITE_NOTADB: "is not a database of this program: move it away or name another file",
    sqlite3.SQLITE_CORRUPT: "is damaged: restore a backup",
    sqlite3.SQLITE_IOERR: "cannot be read or written: the disk reports an error",
}
_POOLED = (
    "is behind a pooler that gives each transaction another session (PgBouncer with pool_mode = transaction): "
    "connect directly, or set pool_mode = session"
)
_MAY_PASS = ("cannot be reached", "closed the connection", "did not answer", "is out of resources", "is starting")
"""What a server that is not there yet says."""
_CODE_MASK = 0xFF
"""SQLite's extended codes contain the primary one in their lowest byte."""


@contextmanager
def explained(place: str) -> Generator[None]:
    """Turn what a database cannot do now into StoreUnavailable. `place` names the file or host, never a password.

    A pooler that mixes up sessions is DatabaseUnsuitable: trying again would not help. A mistake of our own (a
    constraint, a wrong statement) is raised unchanged.
    """
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError, *driver_errors()) as error:
        if any(map(is_of_another_session, _causes(error))):
            raise DatabaseUnsuitable(f"{place} {_POOLED}") from error
        meaning = _meaning(error)
        if meaning is None:
            raise
        kind = StoreUnreachable if meaning.startswith(_MAY_PASS) else StoreUnavailable
        raise kind(f"{place} {meaning}") from error


def _meaning(error: BaseException) -> str | None:
    if isinstance(error, NoConnection):
        return "has no free connection: too many operations wait for one"
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return "closed the connection"
    return next((meaning for cause in _causes(error) if (meaning := _native_meaning(cause))), None)


def _native_meaning(error: BaseException) -> str | None:
    if isinstance(error, sqlite3.Error):
        return _SQLITE.get(getattr(error, "sqlite_errorcode", 0) & _CODE_MASK)
    if meaning := driver_meaning(error):
        return meaning
    if isinstance(error, TimeoutError):
        return "did not answer in time"
    if isinstance(error, OSError):
        return f"cannot be reached: {error.strerror or 'connecting failed'}"
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and the errors of the lower layers that it wraps."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        cause = waiting.pop(0)
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [cause.orig if isinstance(cause, DBAPIError) else None, cause.__cause__, cause.__context__]
