"""The databases that programs of every schema so far have left behind, with the newest program."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, inspect, text

from tests.acceptance.daemon import Site
from tests.data.databases import history, load
from watcher import daemon
from watcher.core.errors import SchemaMismatch
from watcher.sandbox import Receiver, Sandbox
from watcher.store import Store, check, engine, upgrade
from watcher.store.migrate import REVISIONS

OF_THE_PROGRAM = {"alembic_version", "counters"}
LEARNED_ANEW = {"watches": {"fingerprint", "number"}}
"""Columns that a migration empties or fills on purpose."""

Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(name="old", params=REVISIONS)
async def fixture_old(request: pytest.FixtureRequest, empty_url: str) -> str:
    """The URL of a database with the schema and the history of an older program."""
    await load(request.param, empty_url)
    return empty_url


def content(connection: Connection) -> Rows:
    return {
        table: [
            {name: value for name, value in row.items() if name not in LEARNED_ANEW.get(table, ())}
            for row in connection.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2")).mappings()  # noqa: S608 -- names from the database
        ]
        for table in inspect(connection).get_table_names()
        if table not in OF_THE_PROGRAM
    }


async def rows(store: Store) -> Rows:
    async with store.reading() as connection:
        return await connection.run_sync(content)


def as_before(after: Sequence[dict[str, Any]], before: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with the columns that there were."""
    return [{name: row[name] for name in old} for row, old in zip(after, before, strict=True)]


async def test_an_upgrade_keeps_every_row_as_it_was(old: str) -> None:
    async with engine.connected(old) as store:
        before = await rows(store)

    await upgrade(old, timedelta(0), print)

    async with engine.connected(old) as store:
        after = await rows(store)
    assert len(before["events"]) == sum(len(types) for step in history.STEPS for types in step.events.values())
    assert min(len(before[table]) for table in ("snapshots", "documents", "deliveries", "attempts", "endpoints")) >= 2
    assert all(event["full"] for event in before["events"])
    for table, kept in before.items():
        assert as_before(after[table], kept) == kept, table
    assert (await check(old)).problems == ()


async def test_polls_go_on_after_an_upgrade_with_the_next_event(old: str, tmp_path: Path) -> None:
    await upgrade(old, timedelta(0), print)
    async with engine.connected(old) as store:
        before = await rows(store)
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(Sandbox())
        site = Site(tmp_path, sandbox, await stack.enter_async_context(Receiver()))
        history.stop_clock(sandbox)
        history.configure(site, old)
        site.write()
        for step in (*history.STEPS, history.NEXT):
            step.happens(sandbox.ledger)

        await daemon.run_once(site.config, {}, None)

        (body,) = await site.hears("inv_open", "paid")
        assert site.recorded() == ["paid"], "nothing is sent again, and nothing is taken for new"
    assert body["data"]["sequence"] == 3
    assert body["data"]["delta"] == [{"currency": "JPY", "amount": "30000"}]
    async with engine.connected(old) as store:
        after = await rows(store)
    *known, new = sorted(after["events"], key=lambda event: event["cursor"])
    assert known == sorted(before["events"], key=lambda event: event["cursor"])
    assert (new["type"], new["cursor"]) == ("invoice.paid", len(known) + 1)
    assert (await check(old)).problems == ()


async def test_a_database_of_a_newer_program_is_refused_and_left_as_it_is(empty_url: str, tmp_path: Path) -> None:
    await load(REVISIONS[-1], empty_url)
    async with engine.connected(empty_url) as store:
        async with store.transaction() as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
            await connection.execute(text("DELETE FROM counters WHERE name LIKE 'oldest_revision_of_%'"))
        before = await rows(store)
        async with Sandbox() as sandbox, Receiver() as receiver:
            site = Site(tmp_path, sandbox, receiver)
            history.configure(site, empty_url)
            site.write()

        for refused in (
            upgrade(empty_url, timedelta(0), print),
            check(empty_url),
            daemon.run_once(site.config, {}, None),
        ):
            with pytest.raises(SchemaMismatch, match="newer schema than this program: install the newer invoice-w"):
                await refused

        assert await rows(store) == before
