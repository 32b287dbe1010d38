"""SQLite as the simulated machine has it: on the loop's own thread, failing and dying where the seed says."""

import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

import anyio
import anyio.lowlevel
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util import await_only, greenlet_spawn

from tests.simulation.processes import Process, Step, current

_TURN_SHARE = 0.1
"""How often other tasks may run between two statements, as they do while the real driver's thread works."""
_BUSY_TRIES = 50
_BUSY_SECONDS = 0.1
_ERRORS = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY)


@dataclass
class Disk:
    """The machine's disk, which all its processes use."""

    rng: Random
    file: Path
    is_synced: bool = True
    """Whether commits are on the disk when they return, as the program asks for by PRAGMA synchronous."""
    left: bytes | None = None
    """What a power cut leaves of a file whose commits were not synced: its state without the write-ahead log."""
    failing: bool = False
    statements: int = 0
    deaths: dict[str, int] = field(default_factory=dict[str, int])
    seen: dict[str, None] = field(default_factory=dict[str, None])
    """All statements so far. To die at one of them, rare ones as likely as frequent ones, finds more than chance."""

    def before(self, process: Process, sql: str | None) -> None:
        """Raises what a statement, or the end of a transaction (None), meets before it is done."""
        self.statements += 1
        if sql is not None:
            self.seen[sql] = None
        if process.kill_in is not None and not process.is_dead:
            process.kill_in -= 1
            if process.kill_in <= 0 or (sql is not None and sql == process.kill_at):
                self.die(process, "before a commit" if sql is None else "at a statement")
        if process.is_dead:
            raise _error(sqlite3.SQLITE_IOERR)
        if self.failing and self.rng.random() < 0.3:
            raise _error(self.rng.choice(_ERRORS))

    def after_commit(self, process: Process) -> None:
        """The process may die after the commit and before it knows of it."""
        if process.kill_in is not None and process.kill_in <= 1 and not process.is_dead:
            self.die(process, "after a commit")
            raise _error(sqlite3.SQLITE_IOERR)
        process.is_stopped_in(Step.COMMIT)

    def die(self, process: Process, where: str) -> None:
        """From now on the process changes nothing any more."""
        process.is_dead = True
        self.deaths[where] = self.deaths.get(where, 0) + 1
        if not self.is_synced and self.rng.random() < 0.5:
            self.left = self.file.read_bytes()
        process.on_death()

    def lose_what_was_not_synced(self) -> None:
        """To be called when nothing has the file open any more."""
        if self.left is not None:
            self.file.write_bytes(self.left)
            for suffix in ("-wal", "-shm"):
                self.file.with_name(self.file.name + suffix).unlink(missing_ok=True)
            self.left = None


def _error(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("simulated")
    error.sqlite_errorcode = code
    return error


async def _nothing() -> None:
    """SQLAlchemy demands that something is awaited."""


class _Cursor(sqlite3.Cursor):
    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self._of = cast("_Connection", connection)

    async def _async_soft_close(self) -> None:
        """SQLAlchemy calls it when a result was read."""

    def execute(self, sql: str, parameters: Any = ()) -> "_Cursor":  # noqa: ANN401 -- as sqlite3 has it
        self._of.step(sql)
        for _ in range(_BUSY_TRIES):
            try:
                return super().execute(sql, parameters)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    raise
            await_only(anyio.sleep(_BUSY_SECONDS))  # SQLite's own wait would stop the other process too
        return super().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Any) -> "_Cursor":  # noqa: ANN401 -- as sqlite3 has it
        self._of.step(sql)
        return super().executemany(sql, parameters)


class _Connection(sqlite3.Connection):
    disk: Disk
    process: Process

    def cursor(self, factory: Any = None, *, server_side: bool = False) -> Any:  # noqa: ANN401, ARG002 -- as drivers have it
        return super().cursor(_Cursor)

    def close(self) -> None:
        self.process.connections.discard(self)
        super().close()

    def terminate(self) -> None:
        """SQLAlchemy's word for closing without a farewell."""
        self.close()

    def step(self, sql: str) -> None:
        disk = self.disk
        if sql.startswith("PRAGMA synchronous"):
            disk.is_synced = sql.endswith("FULL")
        is_turn = not sql.startswith("PRAGMA") and disk.rng.random() < _TURN_SHARE
        await_only(anyio.lowlevel.checkpoint() if is_turn else _nothing())
        disk.before(self.process, sql)

    def commit(self) -> None:
        try:
            self.disk.before(self.process, None)
        except sqlite3.OperationalError:
            super().rollback()
            raise
        super().commit()
        self.disk.after_commit(self.process)


_engines: list[Engine] = []
"""The first engine of this process of the operating system, if there was one."""


def _share_compiled(engine: Engine) -> None:
    """Every process of the simulation compiles the same statements, which would take a tenth of the time."""
    if _engines:
        engine.dialect = _engines[0].dialect
        engine._compiled_cache = _engines[0]._compiled_cache  # pyright: ignore[reportPrivateUsage]
    else:
        _engines.append(engine)


@contextmanager
def simulated(disk: Disk) -> Generator[None]:
    """Engines that are made meanwhile use this disk, without threads."""

    def connect(*arguments: Any, **keys: Any) -> _Connection:  # noqa: ANN401 -- as sqlite3 has it
        connection = sqlite3.connect(*arguments, factory=_Connection, **keys | {"timeout": 0})
        connection.disk, connection.process = disk, current()
        connection.process.connections.add(connection)
        return connection

    names = ("DatabaseError", "Error", "IntegrityError", "NotSupportedError", "OperationalError", "ProgrammingError",
             "InterfaceError", "InternalError", "DataError", "Warning", "PARSE_COLNAMES", "PARSE_DECLTYPES", "Binary",
             "sqlite_version", "sqlite_version_info")  # fmt: skip
    module = SimpleNamespace(
        connect=connect, paramstyle="qmark", has_stop=False, **{name: getattr(sqlite3, name) for name in names}
    )

    def make(*arguments: Any, async_creator: Any, **keys: Any) -> Any:  # noqa: ANN401 -- as SQLAlchemy has it
        del async_creator  # this disk's `connect` takes its place
        engine = create_async_engine(*arguments, module=module, **keys)
        _share_compiled(engine.sync_engine)
        return engine

    async def in_place(work: Callable[..., Any], *arguments: Any, **_: Any) -> Any:  # noqa: ANN401 -- as anyio has it
        await anyio.lowlevel.checkpoint()
        return await greenlet_spawn(work, *arguments)

    def back(work: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401 -- same
        return await_only(work(*arguments))

    with (
        patch("watcher.store.engine.create_async_engine", make),
        patch("anyio.to_thread.run_sync", in_place),
        patch("anyio.from_thread.run", back),
    ):
        yield


def opened(file: Path) -> sqlite3.Connection:
    """The file as it is, for whoever examines it."""
    return sqlite3.connect(f"file:{file}?mode=ro", uri=True)
