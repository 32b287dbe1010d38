"""Opening databases as they are found: missing, foreign, older, newer, locked, read-only, full, unreachable."""

import os
import re
import stat
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from sqlite3 import connect

import anyio
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.schema import SchemaItem

from tests.fakes import stored
from watcher.core.errors import Refused, SchemaMismatch, StoreUnavailable
from watcher.ports import AgingBy, AuditAction, AuditEntry
from watcher.store import Reports, SqlAging, SqlOutbox, Store, backup, check, hold_run_lock, open_store, upgrade
from watcher.store.tables import metadata


async def test_the_migrations_make_exactly_these_tables(store: Store) -> None:
    def differences(connection: Connection) -> list[object]:
        def belongs(item: SchemaItem, *_: object) -> bool:
            return item.info.get("dialect", connection.dialect.name) == connection.dialect.name

        context = MigrationContext.configure(connection, opts={"compare_type": False, "include_object": belongs})
        return list(compare_metadata(context, metadata))

    async with store.reading() as connection:
        assert await connection.run_sync(differences) == []


async def test_reading_never_makes_a_database(tmp_path: Path) -> None:
    file = tmp_path / "none.db"
    with pytest.raises(StoreUnavailable, match=r"no database at .*none\.db: run `invoice-watcher run` first"):
        async with open_store(f"sqlite:///{file}", read_only=True):
            pass
    assert not file.exists()


async def test_a_new_database_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    async with open_store(f"sqlite:///{file}", create=True) as store:
        assert await Reports(store).sources(stored.NOW) == []
        assert _modes(tmp_path) == {0o600}


async def test_several_starters_migrate_once(tmp_path: Path, empty_postgres_url: str) -> None:
    async def start(url: str) -> None:
        async with open_store(url, create=True) as store:
            assert await Reports(store).sources(stored.NOW) == []

    for url in (f"sqlite:///{tmp_path}/new.db", empty_postgres_url):
        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(start, url)


@pytest.mark.parametrize(
    ("revision", "words"), [("9999", "newer schema .* install the newer"), (None, "is empty: run")]
)
async def test_another_schema_is_refused_with_a_sentence(database_url: str, revision: str | None, words: str) -> None:
    async with open_store(database_url) as store, store.transaction() as connection:
        await connection.execute(text("DELETE FROM alembic_version"))
        if revision:
            await connection.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": revision})
    with pytest.raises((SchemaMismatch, StoreUnavailable), match=words):
        async with open_store(database_url):
            pass
    if revision:
        with pytest.raises(SchemaMismatch, match="newer"):
            await upgrade(database_url, timedelta(0), print)


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database, but long enough to look like a file with something in it\n" * 20)
    with pytest.raises(StoreUnavailable, match=r"notes\.txt is not a database"):
        async with open_store(f"sqlite:///{file}"):
            pass


async def test_a_read_only_store_says_so_when_written_to(sqlite_url: str) -> None:
    async with open_store(sqlite_url, read_only=True) as store:
        with pytest.raises(StoreUnavailable, match=r"watcher\.db is read-only"):
            await stored.watch(store)


async def test_a_full_disk_is_named_and_leaves_the_store_usable(sqlite_store: Store) -> None:
    await stored.watch(sqlite_store)
    async with sqlite_store.reading() as connection:
        pages = (await connection.execute(text("PRAGMA page_count"))).scalar_one()
        await connection.execute(text(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(StoreUnavailable, match="the disk is full"):
        await stored.watch(sqlite_store, *(f"inv_{number}" for number in range(5000)))
    assert len(await Reports(sqlite_store).watch_list()) == 0


async def test_a_database_locked_by_another_program_is_named(sqlite_url: str) -> None:
    with closing(connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        async with open_store(sqlite_url, busy_timeout=stored.SECOND / 50) as store:
            with pytest.raises(StoreUnavailable, match="is locked by another program"):
                await stored.watch(store)
            other.execute("ROLLBACK")
            await stored.watch(store)


async def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    with pytest.raises(
        StoreUnavailable, match=r"PostgreSQL database watcher at 127\.0\.0\.1 cannot be reached"
    ) as recorded:
        async with open_store("postgresql://ada:hunter2@127.0.0.1:1/watcher"):
            pass
    assert "hunter2" not in str(recorded.value)


async def test_a_database_the_server_does_not_have_is_named(postgres_url: str) -> None:
    with pytest.raises(StoreUnavailable, match=r"PostgreSQL database nowhere at .* has no such database"):
        async with open_store(re.sub(r"/test_\d+", "/nowhere", postgres_url)):
            pass


@pytest.mark.parametrize("url", ["mysql://root@localhost/x", "sqlite://", "watcher.db", ""])
async def test_another_kind_of_url_is_refused(url: str) -> None:
    with pytest.raises(StoreUnavailable, match=r"database\.url"):
        async with open_store(url):
            pass


async def test_upgrade_says_what_it_did(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    assert (await upgrade(url, timedelta(0), print)).endswith("created")
    assert (await upgrade(url, timedelta(0), print)).endswith("up to date already")
    assert (await check(url)).result.endswith("fine")


async def test_an_older_database_is_upgraded_with_all_that_is_in_it(database_url: str) -> None:
    async with open_store(database_url, database_clock=False) as store:
        await stored.endpoints(store, "ledger")
        await stored.record_events(store, "inv_1", stored.event("evt_1", "invoice.paid", "ledger"))
        async with store.transaction() as connection:
            await connection.run_sync(_downgrade)
    with pytest.raises(SchemaMismatch, match=r"older schema .* run `invoice-watcher db upgrade`"):
        async with open_store(database_url):
            pass
    noted = AuditEntry("cli:ada", AuditAction.DATABASE_UPGRADE, "schema"), stored.NOW
    assert (await upgrade(database_url, timedelta(0), print, noted)).endswith("upgraded")
    async with open_store(database_url, database_clock=False) as store:
        ((_, entry),) = await Reports(store).audit()
        assert (entry["who"], entry["action"], entry["outcome"]) == ("cli:ada", "database.upgrade", "done")
        (due,) = await SqlAging(store).report(AgingBy.CUSTOMER, stored.NOW, {})
        assert (due.customer_id, str(due.total.due)) == ("cus_1", "10.00")
        assert [row["state"] for row in await Reports(store).endpoints()] == ["active"]
        (claimed,) = await stored.send(SqlOutbox(store))
        assert claimed.event_id == "evt_1"
        assert [item["id"] for item in await Reports(store).invoices(search="2026-1")] == ["inv_1"]
        (watched,) = await stored.claim(store, stored.NOW + 15 * stored.MINUTE)
        assert watched.fingerprint is None, "where it stands is learned from a comparison"


def _downgrade(connection: Connection) -> None:
    """To the first schema, which nobody ever needs but this test."""
    connection.execute(text("DROP TABLE reached"))
    connection.execute(text("ALTER TABLE endpoints DROP COLUMN cloud_events"))
    connection.execute(text("DELETE FROM counters WHERE name IN ('open_amounts_filled', 'invoice_amounts_filled')"))
    for table in ("audit", "open_amounts", "invoice_amounts", "hint_stats", "hint_counts"):
        connection.execute(text(f"DROP TABLE {table}"))
    connection.execute(text("DROP INDEX ix_watches_asked"))
    connection.execute(text("DROP INDEX ix_events_delayed"))
    ninth = {
        "watches": ("poll_reason",),
        "events": ("found_by",),
        "sources": ("takes_hints", "hinted_at", "discovery_slot_at"),
    }
    for table, columns in ninth.items():
        for column in columns:
            connection.execute(text(f"ALTER TABLE {table} DROP COLUMN {column}"))
    connection.execute(text("DROP INDEX IF EXISTS ix_deliveries_held"))
    connection.execute(text("DROP TABLE replicas"))
    for table, column in (("watches", "holder"), ("deliveries", "holder"), ("endpoints", "next_slot_at")):
        connection.execute(text(f"ALTER TABLE {table} DROP COLUMN {column}"))
    connection.execute(text("DROP TABLE watchlists"))
    for column in ("sweep_at", "discover_at", "changes_at"):
        connection.execute(text(f"ALTER TABLE sources DROP COLUMN {column}"))
    connection.execute(text("ALTER TABLE watches DROP COLUMN discovered"))
    connection.execute(text("DROP INDEX ix_watches_open"))
    third = {"sources": ("share", "shrunk_at"), "watches": ("due_hour", "currency", "worth"), "events": ("delay_us",)}
    for table, columns in third.items():
        for column in columns:
            connection.execute(text(f"ALTER TABLE {table} DROP COLUMN {column}"))
    connection.execute(text("DROP TABLE hazards"))
    second = ("hears", "disabled_reason", "failures", "failed_lane", "failing_since", "failed_at", "probe_at", "probes")
    for column in (*second, "told_since"):
        connection.execute(text(f"ALTER TABLE endpoints DROP COLUMN {column}"))
    connection.execute(text("DROP INDEX ix_deliveries_retrying"))
    connection.execute(text("ALTER TABLE deliveries DROP COLUMN overtaken"))
    for index in ("ix_watches_browse", "ix_watches_troubled", "ix_events_browse"):
        connection.execute(text(f"DROP INDEX IF EXISTS {index}"))
    connection.execute(text("ALTER TABLE watches DROP COLUMN number"))
    connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))


async def test_a_damaged_file_fails_its_check(sqlite_url: str) -> None:
    async with open_store(sqlite_url) as store:
        await stored.watch(store, *(f"inv_{number}" for number in range(2000)))
    _damage(Path(sqlite_url.removeprefix("sqlite:///")))
    with pytest.raises(StoreUnavailable, match="damaged"):
        await check(sqlite_url)


def _modes(folder: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in folder.glob("*.db*")}


def _copies(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("copy*")]


def _damage(file: Path) -> None:
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 20_000] = b"\xff" * 20_000
    file.write_bytes(content)


async def test_a_backup_is_whole_private_and_never_overwrites(sqlite_url: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    async with open_store(sqlite_url) as store:
        await stored.watch(store, "inv_1")
        await backup(sqlite_url, copy)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    async with open_store(f"sqlite:///{copy}", read_only=True) as restored:
        assert len(await Reports(restored).watch_list()) == 1
    with pytest.raises(Refused, match="never overwrites"):
        await backup(sqlite_url, copy)
    assert _copies(tmp_path) == ["copy.db"]
    with pytest.raises(StoreUnavailable, match="cannot write"):
        await backup(sqlite_url, tmp_path / "missing" / "copy.db")


async def test_nothing_that_looks_like_a_backup_is_left_of_one_that_failed(sqlite_url: str, tmp_path: Path) -> None:
    async with open_store(sqlite_url) as store:
        await stored.watch(store, *(f"inv_{number}" for number in range(2000)))
    _damage(Path(sqlite_url.removeprefix("sqlite:///")))
    with pytest.raises(StoreUnavailable, match=r"copy\.db is damaged"):
        await backup(sqlite_url, tmp_path / "copy.db")
    assert _copies(tmp_path) == []


async def test_a_postgresql_backup_points_to_pg_dump(postgres_url: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="pg_dump"):
        await backup(postgres_url, tmp_path / "copy.db")


def test_a_second_run_on_the_same_file_is_refused_with_the_firsts_pid(sqlite_url: str) -> None:
    with hold_run_lock(sqlite_url), pytest.raises(Refused, match=rf"pid {os.getpid()}"), hold_run_lock(sqlite_url):
        pass
    with hold_run_lock(sqlite_url), hold_run_lock("postgresql://ada@localhost/watcher"):
        pass
