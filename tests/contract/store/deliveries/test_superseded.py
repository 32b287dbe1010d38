"""A due-soon that the payment overtakes is not sent any more, wherever it is at that moment."""

from sqlalchemy import select

from tests.fakes import stored
from tests.fakes.stored import LEASE, MINUTE, NOW, SECOND, delivered, event, retried, send
from watcher.core.webhooks.endpoint_health import OPENS_AFTER
from watcher.core.webhooks.subscription import Subscription
from watcher.store import Redelivery, SqlOutbox, Store
from watcher.store.tables import deliveries, events

SOON = "invoice.due_soon"


async def warned(store: Store) -> SqlOutbox:
    outbox = await stored.listening(store, "ledger")
    await stored.record_events(store, "inv_1", event("evt_soon", SOON, "ledger"))
    return outbox


async def paid(store: Store) -> None:
    await stored.record_events(store, "inv_1", event("evt_paid", "invoice.paid", "ledger"), supersedes=(SOON,))


async def states(store: Store) -> dict[str, str]:
    query = select(events.c.id, deliveries.c.state).join(events, events.c.cursor == deliveries.c.cursor)
    async with store.reading() as connection:
        return {row.id: row.state for row in await connection.execute(query)}


async def test_while_it_waits_for_its_next_attempt(store: Store) -> None:
    outbox = await warned(store)
    (soon,) = await send(outbox)
    await outbox.settle([retried(soon, NOW + MINUTE)])
    await paid(store)
    assert [one.event_id for one in await send(outbox, NOW + MINUTE)] == ["evt_paid"]
    assert (await states(store))["evt_soon"] == "superseded"


async def test_while_it_is_under_way_and_then_fails(store: Store) -> None:
    outbox = await warned(store)
    (soon,) = await send(outbox)
    await paid(store)
    assert await send(outbox) == ()
    assert await outbox.settle([retried(soon, NOW + SECOND)]) == frozenset()
    assert await states(store) == {"evt_soon": "superseded", "evt_paid": "pending"}
    assert [one.event_id for one in await send(outbox, NOW + MINUTE)] == ["evt_paid"]


async def test_while_it_is_under_way_and_arrives(store: Store) -> None:
    outbox = await warned(store)
    (soon,) = await send(outbox)
    await paid(store)
    await outbox.settle([delivered(soon)])
    assert (await states(store))["evt_soon"] == "delivered"


async def test_while_it_is_under_way_and_its_dispatcher_never_comes_back(store: Store) -> None:
    outbox = await warned(store)
    (soon,) = await send(outbox)
    await paid(store)
    await outbox.release([soon], NOW)
    assert await send(outbox, NOW + SECOND) == ()
    assert await send(outbox, NOW + LEASE) == ()
    assert (await states(store))["evt_soon"] == "superseded"
    assert [one.event_id for one in await send(outbox, NOW + LEASE)] == ["evt_paid"]


async def test_while_the_breaker_of_its_endpoint_is_open(store: Store) -> None:
    outbox = await stored.listening(store, "ledger")
    await stored.record_all(store, {f"inv_b{n}": [event(f"evt_{n}", "a", "ledger")] for n in range(OPENS_AFTER)})
    await outbox.settle([retried(one, NOW + MINUTE) for one in await send(outbox)])
    await stored.record_events(store, "inv_1", event("evt_soon", SOON, "ledger"))
    assert await send(outbox, NOW + SECOND) == ()
    await paid(store)
    (probe,) = await send(outbox, NOW + MINUTE)
    assert (probe.probe, probe.event_id) == (True, "evt_paid")
    assert (await states(store))["evt_soon"] == "superseded"


async def test_asked_for_by_hand_it_is_sent_again_after_all(store: Store) -> None:
    outbox = await warned(store)
    (soon,) = await send(outbox)
    await paid(store)
    await outbox.settle([retried(soon, NOW + SECOND)])
    assert await Redelivery(store).redeliver_event("evt_soon", [Subscription("ledger")], NOW) == 1
    (again,) = await send(outbox, NOW + MINUTE)
    assert again.event_id == "evt_soon"
    await outbox.settle([retried(again, NOW + 2 * MINUTE)])
    assert (await states(store))["evt_soon"] == "pending"
