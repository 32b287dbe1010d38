"""`execute_many` writes what SQLAlchemy would write, on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from tests.fakes.stored import NOW
from watcher.core.errors import StoreUnavailable
from watcher.store import Store
from watcher.store.execute_many import execute_many
from watcher.store.tables import endpoints

_INSERT = insert(endpoints)
_UPDATE = (
    update(endpoints)
    .where(endpoints.c.name == bindparam("key"))
    .values(failures=endpoints.c.failures + 2, probe_at=None, state="disabled")
)


async def test_every_row_gets_its_own_values_by_the_types_of_the_columns(store: Store) -> None:
    rows = [
        {"name": "a", "url": "https://a", "hears": ("x",), "probe_at": NOW, "disabled_reason": "y" * 600},
        {"name": "b", "url": "https://b", "hears": (), "probe_at": None, "disabled_reason": "nul \0"},
    ]
    async with store.transaction() as connection:
        await execute_many(connection, _INSERT, rows)
        await connection.execute(_INSERT, [row | {"name": f"{row['name']} by SQLAlchemy"} for row in rows])
        found = {row.name: tuple(row)[1:] for row in await connection.execute(select(endpoints))}
    assert found["a"] == found["a by SQLAlchemy"]
    assert found["b"] == found["b by SQLAlchemy"]
    assert found["a"] != found["b"]


async def test_values_of_the_statement_stay_beside_those_of_the_rows(store: Store) -> None:
    rows = [{"name": name, "url": "https://a", "probe_at": NOW} for name in "ab"]
    changes = [{"key": "a", "disabled_reason": "one"}, {"key": "b", "disabled_reason": "two"}]
    async with store.transaction() as connection:
        await execute_many(connection, _INSERT, rows)
        await execute_many(connection, _UPDATE, changes)
        await execute_many(connection, _UPDATE, [{"key": "b", "paused_until": NOW + timedelta(hours=1)}])
        chosen = select(
            endpoints.c.name, endpoints.c.disabled_reason, endpoints.c.failures, endpoints.c.probe_at,
            endpoints.c.state, endpoints.c.paused_until,
        ).order_by(endpoints.c.name)  # fmt: skip
        found = [tuple(row) for row in await connection.execute(chosen)]
    assert found == [
        ("a", "one", 2, None, "disabled", None),
        ("b", "two", 4, None, "disabled", NOW + timedelta(hours=1)),
    ]


async def test_what_the_database_refuses_is_refused(store: Store) -> None:
    rows = [{"name": "a", "url": "https://a"}] * 2
    with pytest.raises((StoreUnavailable, IntegrityError)):
        async with store.transaction() as connection:
            await execute_many(connection, _INSERT, rows)
