"""What a crash leaves leased: taken back where one process works alone, waited for where replicas do."""

from tests.fakes import stored
from tests.fakes.stored import MINUTE, NOW, event, send
from watcher.store import Store, open_store, rescue_leases


async def test_polls_and_deliveries_of_a_dead_run_are_due_again_at_once(sqlite_store: Store) -> None:
    outbox = await stored.endpoints(sqlite_store, "ledger")
    await stored.watch(sqlite_store, "inv_1", "inv_2")
    await stored.record_events(sqlite_store, "inv_1", event("evt_1", "a", "ledger"))
    claimed = await stored.claim(sqlite_store, NOW + MINUTE * 20)
    (delivery,) = await send(outbox)
    assert (await stored.claim(sqlite_store, NOW + MINUTE * 20), await send(outbox)) == ((), ())

    assert await rescue_leases(sqlite_store) == len(claimed) + 1

    again = await stored.claim(sqlite_store, NOW + MINUTE * 20)
    assert [one.key for one in again] == [one.key for one in claimed]
    assert all(new.lease > old.lease for new, old in zip(again, claimed, strict=True))
    (repeated,) = await send(outbox)
    assert (repeated.key, repeated.attempts, repeated.lease > delivery.lease) == (delivery.key, 0, True)


async def test_leases_of_replicas_are_left_alone(postgres_url: str) -> None:
    async with open_store(postgres_url, database_clock=False) as store:
        await stored.watch(store, "inv_1")
        assert len(await stored.claim(store)) == 1
        assert await rescue_leases(store) == 0
        assert await stored.claim(store) == ()
