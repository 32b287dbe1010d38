"""Sending again, and forgetting by age, on both databases."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.fakes import stored
from tests.fakes.stored import LEASE, NOW, delivered, event, send
from watcher.core.errors import NotFound
from watcher.core.subscription import Subscription
from watcher.ports import DeliveryState, Form
from watcher.store import Redelivery, Reports, Retention, SqlPollQueue, Store
from watcher.store.retention import Forgotten

LEDGER = Subscription("ledger")


async def test_an_event_is_sent_again_with_the_same_id_and_bytes(store: Store) -> None:
    outbox = await stored.endpoints(store, "ledger")
    await stored.tell(store, "inv_1", event("evt_1", "invoice.paid", "ledger"))
    (first,) = await send(outbox)
    await outbox.settle([replace(delivered(first), attempts=10, state=DeliveryState.DEAD)])
    redelivery = Redelivery(store)
    assert await redelivery.redeliver_event("evt_1", [LEDGER], NOW, dry_run=True) == 1
    assert await send(outbox) == ()
    assert await redelivery.redeliver_event("evt_1", [LEDGER], NOW) == 1
    (again,) = await send(outbox)
    assert (again.key, again.event_id, again.body, again.attempts) == (first.key, "evt_1", first.body, 0)


async def test_it_goes_to_every_configured_endpoint_that_had_it_or_would_get_it(store: Store) -> None:
    outbox = await stored.endpoints(store, "ledger", "crm")
    await stored.tell(store, "inv_1", event("evt_1", "invoice.paid", "ledger", "gone"))
    (first,) = await send(outbox)
    await outbox.settle([delivered(first)])
    subscriptions = [
        Subscription("ledger", events=("source.*",)),
        Subscription("crm", thin=True),
        Subscription("picky", events=("invoice.voided",)),
        Subscription("far", sources=("other",)),
    ]
    assert await Redelivery(store).redeliver_event("evt_1", subscriptions, NOW) == 2
    claimed = {one.endpoint: one for one in await send(outbox)}
    assert set(claimed) == {"ledger", "crm"}
    assert claimed["crm"].body != claimed["ledger"].body == event("evt_1", "invoice.paid").bodies[Form.FULL]


async def test_an_invoice_is_sent_again_in_order(store: Store) -> None:
    outbox = await stored.endpoints(store, "ledger")
    kinds = ("invoice.finalized", "invoice.paid", "invoice.refunded")
    await stored.tell(store, "inv_1", *(event(f"evt_{kind}", kind, "ledger") for kind in kinds))
    for _ in range(3):
        await outbox.settle([delivered(one) for one in await send(outbox)])
    assert await Redelivery(store).redeliver_invoice("acme", "inv_1", [LEDGER], NOW) == 3
    again: list[str] = []
    for _ in range(3):
        (head,) = await send(outbox)
        again.append(head.event_type)
        await outbox.settle([delivered(head)])
    assert again == list(kinds)


async def test_what_is_in_flight_is_left_alone(store: Store) -> None:
    outbox = await stored.endpoints(store, "ledger")
    await stored.tell(store, "inv_1", event("evt_1", "invoice.paid", "ledger"))
    (first,) = await send(outbox)
    await Redelivery(store).redeliver_event("evt_1", [LEDGER], NOW)
    assert await send(outbox, NOW + LEASE / 2) == ()
    assert await outbox.settle([delivered(first)]) == frozenset()


async def test_quiet_events_go_only_to_those_who_want_them(store: Store) -> None:
    await stored.tell(store, "inv_1", event("evt_1", "invoice.tracked"))
    redelivery = Redelivery(store)
    assert await redelivery.redeliver_event("evt_1", [LEDGER], NOW) == 0
    assert await redelivery.redeliver_event("evt_1", [replace(LEDGER, announce_tracked=True)], NOW) == 1


async def test_an_unknown_event_or_invoice_is_named(store: Store) -> None:
    redelivery = Redelivery(store)
    with pytest.raises(NotFound, match="evt_9"):
        await redelivery.redeliver_event("evt_9", [LEDGER], NOW)
    with pytest.raises(NotFound, match="acme inv_9"):
        await redelivery.redeliver_invoice("acme", "inv_9", [LEDGER], NOW)


async def test_old_documents_and_attempts_are_forgotten_and_events_kept(store: Store) -> None:
    outbox = await stored.endpoints(store, "ledger")
    await stored.tell(store, "inv_1", event("evt_1", "invoice.paid", "ledger"))
    await outbox.settle([delivered(one) for one in await send(outbox)])
    await stored.watch(store, "inv_2")
    (claimed,) = await stored.claim(store)
    await SqlPollQueue(store).record([replace(stored.polled(claimed), raw=b"{}")], {})
    retention = Retention(store)
    days = timedelta(days=30)
    assert await retention.forget(NOW + days, raw=days, attempts=days) == Forgotten(documents=0, attempts=0)
    late = NOW + days + stored.SECOND
    assert await retention.forget(late, raw=days, attempts=2 * days) == Forgotten(documents=1, attempts=0)
    assert await retention.forget(late, raw=days, attempts=days) == Forgotten(documents=0, attempts=1)
    assert len(await Reports(store).events(limit=10)) == 1
    assert await Reports(store).raw("acme", "inv_2") is None
