"""Upgrades of the schema beside replicas of older programs, and what programs make of a newer schema."""

import shutil
from datetime import timedelta
from pathlib import Path

import anyio
import pytest
from sqlalchemy import Connection, inspect, text

from tests.fakes.stored import NOW
from watcher.core.errors import Refused, SchemaMismatch
from watcher.store import Identity, SqlReplicas, engine, hold_run_lock, migrate, open_store, upgrade
from watcher.store.migrate import MIGRATIONS, REVISIONS

ADDING = "op.add_column('counters', sa.Column('added', sa.Integer()))"
REMOVING = "op.drop_column('counters', 'added')"

EXPANDING = sorted(
    file.name[:4] for file in (MIGRATIONS / "versions").glob("*.py") if "\nEXPANDS = True\n" in file.read_text()
)
"""The migrations that say so."""

Columns = dict[str, dict[str, object]]


def only_adds(before: dict[str, Columns], after: dict[str, Columns]) -> bool:
    """Whether what worked with `before` works with `after`: nothing is gone or other, nothing new has to be given."""
    for table, columns in before.items():
        now = after.get(table, {})
        if any(now.get(name) != column for name, column in columns.items()):
            return False
        if any(column["must be given"] for name, column in now.items() if name not in columns):
            return False
    return True


def tables(connection: Connection) -> dict[str, Columns]:
    """Every table with its columns, and its unique constraints as columns of their own."""
    seen, found = inspect(connection), dict[str, Columns]()
    for table in seen.get_table_names():
        found[table] = {
            column["name"]: {
                "type": str(column["type"]),
                "nullable": column["nullable"],
                "must be given": not column["nullable"]
                and column["default"] is None
                and not column.get("autoincrement"),
            }
            for column in seen.get_columns(table)
        }
        for unique in seen.get_unique_constraints(table):
            found[table][f"unique {unique['column_names']}"] = {"must be given": True}
    return found


def test_only_additions_that_nobody_has_to_know_count_as_such() -> None:
    def column(*, nullable: bool = True) -> dict[str, object]:
        return {"type": "TEXT", "nullable": nullable, "must be given": not nullable}

    before = {"watches": {"id": column(nullable=False)}}
    assert only_adds(before, {"watches": {"id": column(nullable=False), "tags": column()}, "new": {"id": column()}})
    assert not only_adds(before, {"watches": {"id": column(nullable=False), "tags": column(nullable=False)}})
    assert not only_adds(before, {"watches": {"id": column()}})
    assert not only_adds(before, {"watches": {}})
    assert not only_adds(before, {})


@pytest.mark.parametrize("revision", EXPANDING)
async def test_a_migration_that_says_it_expands_only_adds(
    tmp_path: Path, empty_postgres_url: str, revision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in (f"sqlite:///{tmp_path}/new.db", empty_postgres_url):
        found: list[dict[str, Columns]] = []
        for known in (REVISIONS[: REVISIONS.index(revision)], REVISIONS[: REVISIONS.index(revision) + 1]):
            monkeypatch.setattr(migrate, "REVISIONS", known)
            async with engine.connected(url, create=True) as store, store.transaction() as connection:
                await connection.run_sync(migrate.upgrade)
            found.append(await tables_of(url))
        assert only_adds(*found)


async def test_an_upgrade_that_adds_waits_for_nobody_and_leaves_older_programs_at_work(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await register_older(postgres_url)
    with monkeypatch.context() as newer:
        add_migrations(newer, tmp_path, (ADDING, True))
        assert (await upgrade(postgres_url, timedelta(0), unheard)).endswith("upgraded")
    async with open_store(postgres_url) as store:
        await SqlReplicas(store).require_usable_schema()
    sentence = await upgrade(postgres_url, timedelta(0), unheard)
    assert sentence.endswith("newer than this program, which works with it")


async def test_an_upgrade_that_removes_names_the_older_replicas_and_waits_until_they_are_gone(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await register_older(postgres_url)
    said: list[str] = []
    with monkeypatch.context() as newer:
        add_migrations(newer, tmp_path, (ADDING, True), (REMOVING, False))
        refused = r"is not upgraded: old \(version 0\.1\.0\) would not work .* stop them first"
        with pytest.raises(Refused, match=refused):
            await upgrade(postgres_url, timedelta(0), unheard)
        assert "added" in (await tables_of(postgres_url))["counters"], "what only adds is done already"

        async def leave() -> None:
            while not said:  # noqa: ASYNC110 -- a list of this test
                await anyio.sleep(0.05)
            await execute(postgres_url, "DELETE FROM replicas")

        async with anyio.create_task_group() as group:
            group.start_soon(leave)
            assert (await upgrade(postgres_url, timedelta(seconds=30), said.append)).endswith("upgraded")
        (sentence,) = said
        assert sentence.startswith("waiting for older replicas: old (version 0.1.0) would not work")
        assert "added" not in (await tables_of(postgres_url))["counters"]
    with pytest.raises(SchemaMismatch, match="newer schema than this program: install the newer"):
        async with open_store(postgres_url):
            pass


async def test_a_lost_replica_is_not_waited_for(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await register_older(postgres_url)
    add_migrations(monkeypatch, tmp_path, (ADDING, False))
    with pytest.raises(Refused):
        await upgrade(postgres_url, timedelta(0), unheard)
    await execute(postgres_url, "UPDATE replicas SET heartbeat_at = heartbeat_at - 21000000")
    assert (await upgrade(postgres_url, timedelta(0), unheard)).endswith("upgraded")


@pytest.mark.parametrize("expands", [True, False])
async def test_a_sqlite_file_in_use_is_upgraded_only_if_that_adds(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, expands: bool
) -> None:
    with hold_run_lock(sqlite_url), monkeypatch.context() as newer:
        add_migrations(newer, tmp_path, (ADDING, expands))
        if expands:
            assert (await upgrade(sqlite_url, timedelta(0), unheard)).endswith("upgraded")
        else:
            with pytest.raises(Refused, match="in use by another run"):
                await upgrade(sqlite_url, timedelta(0), unheard)
    async with open_store(sqlite_url):
        pass


def add_migrations(monkeypatch: pytest.MonkeyPatch, folder: Path, *migrations: tuple[str, bool]) -> None:
    """Become the next version of the program: statements, and whether each says that it expands."""
    shutil.copytree(MIGRATIONS, folder / "migrations")
    revisions = list(REVISIONS)
    for number, (statement, expands) in enumerate(migrations, 9001):
        names = f"revision = '{number}'\ndown_revision = '{revisions[-1]}'\nEXPANDS = {expands}\n"
        source = f"import sqlalchemy as sa\nfrom alembic import op\n{names}\ndef upgrade():\n    {statement}\n"
        (folder / "migrations" / "versions" / f"{number}_next.py").write_text(source)
        revisions.append(str(number))
    monkeypatch.setattr(migrate, "MIGRATIONS", folder / "migrations")
    monkeypatch.setattr(migrate, "REVISIONS", tuple(revisions))


async def register_older(url: str) -> None:
    """Let a replica of this version be active."""
    async with open_store(url) as store:
        await SqlReplicas(store).register(Identity("old", "0.1.0", "host", 1), "digest", NOW)


async def tables_of(url: str) -> dict[str, Columns]:
    async with engine.connected(url) as store, store.reading() as connection:
        return await connection.run_sync(tables)


async def execute(url: str, statement: str) -> None:
    async with engine.connected(url) as store, store.transaction() as connection:
        await connection.execute(text(statement))


def unheard(sentence: str) -> None:
    raise AssertionError(sentence)
