"""A delivery goes on where it was, in whatever state the process that knew of it ended."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from sqlalchemy import update

from tests.fakes import stored
from tests.fakes.stored import LEASE, MINUTE, NOW, SECOND, delivered, event, receipt, retried, send
from watcher.core.webhooks.endpoint_health import OPENS_AFTER
from watcher.core.webhooks.subscription import Subscription
from watcher.ports import ClaimedDelivery, DeliveryState, Outcome
from watcher.store import Redelivery, Reports, SqlEndpoints, SqlOutbox, SqlWatches, Store, open_store
from watcher.store.tables import watches


@asynccontextmanager
async def begun(url: str) -> AsyncGenerator[tuple[Store, SqlOutbox]]:
    """The store as a process that starts finds it: opened anew, with the same endpoint in its configuration."""
    async with open_store(url, database_clock=False) as store:
        yield store, await stored.listening(store, "ledger")


async def two_events(store: Store, outbox: SqlOutbox) -> ClaimedDelivery:
    """Two events of one invoice; the first is under way."""
    await stored.record_events(
        store, "inv_1", event("evt_1", "invoice.due_soon", "ledger"), event("evt_2", "b", "ledger")
    )
    (first,) = await send(outbox)
    return first


async def left(url: str) -> list[str]:
    """What arrives after the restart, one after the other, with an hour for leases and waits to end."""
    async with begun(url) as (_, outbox):
        arrived: list[str] = []
        while claimed := await send(outbox, NOW + 60 * MINUTE):
            arrived += [one.event_id for one in claimed]
            await outbox.settle([delivered(one, NOW + 60 * MINUTE) for one in claimed])
        return arrived


async def test_pending_and_retried(database_url: str) -> None:
    async with begun(database_url) as (store, outbox):
        await outbox.settle([retried(await two_events(store, outbox), NOW + MINUTE)])
    async with begun(database_url) as (_, outbox):
        assert await send(outbox, NOW + SECOND) == ()
    assert await left(database_url) == ["evt_1", "evt_2"]


async def test_delivering_until_its_lease_ends(database_url: str) -> None:
    async with begun(database_url) as (store, outbox):
        first = await two_events(store, outbox)
    async with begun(database_url) as (_, outbox):
        assert await send(outbox, NOW + LEASE - SECOND) == ()
        (again,) = await send(outbox, NOW + LEASE)
        assert (again.key, again.body, again.attempts) == (first.key, first.body, 0)
        assert await outbox.settle([delivered(first)]) == {first.key}
    assert await left(database_url) == ["evt_1", "evt_2"]


@pytest.mark.parametrize("state", [DeliveryState.DELIVERED, DeliveryState.DEAD])
async def test_ended(database_url: str, state: DeliveryState) -> None:
    async with begun(database_url) as (store, outbox):
        await outbox.settle([replace(delivered(await two_events(store, outbox)), state=state)])
    assert await left(database_url) == ["evt_2"]
    async with begun(database_url) as (store, outbox):
        row = (await Reports(store).deliveries())[0]
        assert (row["event_id"], row["state"]) == ("evt_1", state.value)
        assert await Redelivery(store).redeliver_event("evt_1", [Subscription("ledger")], NOW) == 1
    assert await left(database_url) == ["evt_1"]


async def test_parked_is_tried_again_because_the_start_reads_the_configuration(database_url: str) -> None:
    async with begun(database_url) as (store, outbox):
        blocked = receipt(Outcome.BLOCKED, status=None)
        first = await two_events(store, outbox)
        await outbox.settle([replace(delivered(first), state=DeliveryState.PARKED, receipt=blocked, attempts=0)])
        assert await send(outbox, NOW + 60 * MINUTE) == ()
    assert await left(database_url) == ["evt_1", "evt_2"]


async def test_superseded(database_url: str) -> None:
    async with begun(database_url) as (store, outbox):
        await outbox.release([await two_events(store, outbox)], NOW)
        await stored.record_events(store, "inv_1", event("evt_3", "c", "ledger"), supersedes=("invoice.due_soon",))
    assert await left(database_url) == ["evt_2", "evt_3"]


async def test_cancelled(database_url: str) -> None:
    async with begun(database_url) as (store, outbox):
        await two_events(store, outbox)
        async with store.transaction() as connection:
            await connection.execute(update(watches).values(memory=None))
        await SqlWatches(store).remove("acme", "inv_1", NOW, purge=True)
    assert await left(database_url) == []


async def test_behind_an_open_breaker_with_its_probe_under_way(database_url: str) -> None:
    async with begun(database_url) as (store, outbox):
        recorded = {f"inv_{number}": [event(f"evt_{number}", "a", "ledger")] for number in range(OPENS_AFTER)}
        await stored.record_all(store, recorded)
        await outbox.settle([retried(one, NOW + MINUTE) for one in await send(outbox)])
        (probe,) = await send(outbox, NOW + MINUTE)
        assert probe.probe
    async with begun(database_url) as (_, outbox):
        assert await send(outbox, NOW + MINUTE + LEASE - SECOND) == ()
        assert [one.probe for one in await send(outbox, NOW + MINUTE + LEASE)] == [True]
    assert sorted(await left(database_url)) == sorted(f"evt_{number}" for number in range(OPENS_AFTER))


async def test_of_a_disabled_endpoint_until_it_is_enabled(database_url: str) -> None:
    async with begun(database_url) as (store, outbox):
        await outbox.settle([retried(await two_events(store, outbox), NOW + MINUTE)])
        await SqlEndpoints(store).disable("ledger", "operator", NOW)
    assert await left(database_url) == []
    async with begun(database_url) as (store, _):
        await SqlEndpoints(store).enable("ledger", NOW)
    assert await left(database_url) == ["evt_1", "evt_2"]


async def test_of_a_paused_endpoint_until_the_pause_ends(database_url: str) -> None:
    async with begun(database_url) as (store, outbox):
        first = await two_events(store, outbox)
        await outbox.settle([retried(first, NOW + SECOND, pause_endpoint_until=NOW + 30 * MINUTE)])
    async with begun(database_url) as (store, outbox):
        assert await send(outbox, NOW + 30 * MINUTE - SECOND) == ()
        assert [row["state"] for row in await Reports(store).endpoints(NOW)] == ["paused"]
    assert await left(database_url) == ["evt_1", "evt_2"]
