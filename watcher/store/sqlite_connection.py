"""A connection of aiosqlite on which a statement is one switch to its thread and back, and not four.

A switch takes one pass of the event loop. While many answers are read, a pass is as long as 64 polls take, and a claim
of twenty switches comes back when all that was claimed before has long been polled.
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import aiosqlite

_CHUNK = 64
"""For aiosqlite's own cursors, which are not used."""


class OneSwitchConnection(aiosqlite.Connection):
    """For SQLAlchemy's dialect of aiosqlite: await it to open it."""

    def __init__(self, file: Path, busy_timeout: timedelta) -> None:
        super().__init__(lambda: sqlite3.connect(file, timeout=busy_timeout.total_seconds()), _CHUNK)
        # As SQLAlchemy does for its own: a connection that nobody closed must not keep the process alive.
        self._thread.daemon = True

    def cursor(self) -> "OneSwitchCursor":  # pyright: ignore[reportIncompatibleMethodOverride] -- entered like theirs
        return OneSwitchCursor(self)

    async def in_thread(self, run: Callable[[sqlite3.Cursor], object]) -> "Executed":
        """Run a statement in the connection's thread, and read all its rows. Raises sqlite3.Error."""
        return await self._execute(_executed, self._conn, run)  # pyright: ignore[reportUnknownMemberType] -- untyped


@dataclass(frozen=True, slots=True)
class Executed:
    """What is left of a cursor when its rows are read."""

    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None
    rows: Sequence[Any] = ()


@dataclass(slots=True)
class OneSwitchCursor:
    """The part of a driver's cursor that SQLAlchemy uses."""

    connection: OneSwitchConnection
    arraysize: int = 1
    _executed: Executed = Executed()

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, statement: str, parameters: Any = ()) -> None:  # noqa: ANN401 -- whatever sqlite3 takes
        self._executed = await self.connection.in_thread(lambda cursor: cursor.execute(statement, parameters))

    async def executemany(self, statement: str, parameters: Any) -> None:  # noqa: ANN401 -- same
        self._executed = await self.connection.in_thread(lambda cursor: cursor.executemany(statement, parameters))

    async def fetchall(self) -> Sequence[Any]:
        return self._executed.rows

    async def close(self) -> None:
        """Nothing is open: the thread has closed what it used."""

    @property
    def description(self) -> Any:  # noqa: ANN401 -- whatever sqlite3 says
        return self._executed.description

    @property
    def rowcount(self) -> int:
        return self._executed.rowcount

    @property
    def lastrowid(self) -> int | None:
        return self._executed.lastrowid


def _executed(connection: sqlite3.Connection, run: Callable[[sqlite3.Cursor], object]) -> Executed:
    with closing(connection.cursor()) as cursor:
        run(cursor)
        rows = cursor.fetchall() if cursor.description else ()
        # Only now: with RETURNING, sqlite3 counts the rows as they are read.
        return Executed(cursor.description, cursor.rowcount, cursor.lastrowid, rows)
