"""What a process that died held under lease."""

from tests.fakes import stored
from tests.fakes.stored import LEASE, NOW
from watcher.store import SqlOutbox, SqlPollQueue, Store, free_leases, open_store


async def hold_a_poll_and_a_delivery(store: Store) -> None:
    await stored.watch(store, "inv_1", "inv_2")
    await stored.endpoints(store, "ledger")
    first, _ = await stored.claim(store)
    told = stored.change(stored.event("evt_1", "invoice.tracked", "ledger"))
    await SqlPollQueue(store).record([stored.polled(first, change=told)], {})
    assert len(await SqlOutbox(store).claim(NOW, {"ledger": 1}, LEASE)) == 1


async def test_on_sqlite_the_next_run_takes_up_at_once_what_the_dead_one_held(sqlite_url: str) -> None:
    async with open_store(sqlite_url, database_clock=False) as store:
        await hold_a_poll_and_a_delivery(store)
        await free_leases(store)
        assert [watch.invoice_id for watch in await stored.claim(store)] == ["inv_2"]
        (delivery,) = await SqlOutbox(store).claim(NOW, {"ledger": 1}, LEASE)
        assert (delivery.event_id, delivery.attempts) == ("evt_1", 0)


async def test_on_postgresql_another_replica_keeps_what_it_holds(postgres_url: str) -> None:
    async with open_store(postgres_url, database_clock=False) as store:
        await hold_a_poll_and_a_delivery(store)
        await free_leases(store)
        assert await stored.claim(store) == ()
        assert await SqlOutbox(store).claim(NOW, {"ledger": 1}, LEASE) == ()
