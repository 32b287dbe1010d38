"""What a claim does about rows that another transaction has locked, what is done under a lock, and what a commit is."""

import anyio
from sqlalchemy import select, text

from tests.fakes import stored
from tests.fakes.statements import statements
from watcher.store import SqlPollQueue, Store, open_store
from watcher.store.tables import watches


async def test_a_claim_takes_what_is_free_and_does_not_wait_for_what_another_replica_is_writing(
    postgres_url: str,
) -> None:
    async with open_store(postgres_url, database_clock=False) as store, open_store(postgres_url) as other:
        await stored.watch(store, "inv_1", "inv_2")
        async with other.transaction() as connection:
            locked = select(watches.c.id).where(watches.c.invoice_id == "inv_1").with_for_update()
            await connection.execute(locked)
            with anyio.fail_after(5):
                claimed = await stored.claim(store)
        assert [one.invoice_id for one in claimed] == ["inv_2"]


async def test_the_row_of_a_changed_invoice_is_updated_once_while_the_cursor_is_locked(store: Store) -> None:
    await stored.watch(store, "inv_1")
    (claimed,) = await stored.claim(store)
    change = stored.change(stored.event("evt_1"))
    async with statements(store) as sent:
        await SqlPollQueue(store).record([stored.polled(claimed, change=change)], {})
    assert sum(statement.startswith("UPDATE watches ") for statement, _ in sent) == 1
    async with store.reading() as connection:
        columns = (watches.c.memory, watches.c.version, watches.c.sequence, watches.c.status, watches.c.number)
        (row,) = (await connection.execute(select(*columns))).all()
    assert tuple(row) == ("{}", 1, 1, "open", "2026-1")


async def test_a_commit_on_sqlite_is_on_the_disk_when_it_returns(sqlite_store: Store) -> None:
    async with sqlite_store.reading() as connection:
        assert (await connection.execute(text("PRAGMA synchronous"))).scalar_one() == 2  # FULL
