"""What a statement costs on SQLite, and that its cursor says what SQLAlchemy wants to know."""

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from tests.fakes import stored
from watcher.store import Store
from watcher.store.sqlite_connection import Executed, OneSwitchConnection
from watcher.store.tables import watches


async def test_a_transaction_switches_to_its_thread_once_for_each_statement(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stored.watch(sqlite_store, "inv_1", "inv_2")
    switches: list[object] = []
    in_thread = OneSwitchConnection.in_thread

    async def noted(connection: OneSwitchConnection, run: Callable[[sqlite3.Cursor], object]) -> Executed:
        switches.append(run)
        return await in_thread(connection, run)

    monkeypatch.setattr(OneSwitchConnection, "in_thread", noted)
    async with sqlite_store.transaction() as connection:
        changed = await connection.execute(update(watches).values(failures=3).returning(watches.c.invoice_id))
        assert sorted(changed.scalars()) == ["inv_1", "inv_2"]
        assert (await connection.execute(select(watches.c.failures))).scalars().all() == [3, 3]
    assert len(switches) == len(["BEGIN", "UPDATE", "SELECT"])


async def test_a_cursor_keeps_what_a_statement_said(tmp_path: Path) -> None:
    connection = await OneSwitchConnection(tmp_path / "one.db", timedelta(seconds=1))
    try:
        cursor = await connection.cursor().__aenter__()
        await cursor.execute("CREATE TABLE numbers (id INTEGER PRIMARY KEY, number INTEGER)")
        await cursor.executemany("INSERT INTO numbers (number) VALUES (?)", [(7,), (8,)])
        assert (cursor.rowcount, cursor.description, await cursor.fetchall()) == (2, None, ())
        await cursor.execute("UPDATE numbers SET number = number + 1 RETURNING number")
        assert (cursor.rowcount, cursor.description[0][0], await cursor.fetchall()) == (2, "number", [(8,), (9,)])
        await cursor.execute("INSERT INTO numbers (number) VALUES (?)", (1,))
        assert cursor.lastrowid == 3
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            await cursor.execute("SELECT 1 FROM nowhere")
        await cursor.close()
    finally:
        await connection.close()
