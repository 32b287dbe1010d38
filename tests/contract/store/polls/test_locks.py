"""What a claim does about rows that another transaction has locked, and how safely SQLite commits."""

import anyio
from sqlalchemy import select, text

from tests.fakes import stored
from watcher.store import Store, open_store
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


async def test_a_commit_on_sqlite_is_on_the_disk_when_it_returns(sqlite_store: Store) -> None:
    async with sqlite_store.reading() as connection:
        assert (await connection.execute(text("PRAGMA synchronous"))).scalar_one() == 2  # FULL
