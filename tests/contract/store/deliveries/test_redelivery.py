"""Sending again, and forgetting by age, on both databases."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.fakes import stored
from tests.fakes.stored import LEASE, MINUTE, NOW, delivered, event, send
from watcher.core.errors import NotFound
from watcher.core.webhooks.subscription import Subscription
from watcher.ports import ClaimedDelivery, DeliveryState, Form
from watcher.store import Redelivery, Reports, Retention, SqlEndpoints, SqlPollQueue, Store
from watcher.store.maintenance.retention import Forgotten
from watcher.store.tables import events

LEDGER = Subscription("ledger")


async def test_an_event_is_sent_again_with_the_same_id_and_bytes(store: Store) -> None:
    outbox = await stored.endpoints(store, "ledger")
    await stored.record_events(store, "inv_1", event("evt_1", "invoice.paid", "ledger"))
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
    await stored.record_events(store, "inv_1", event("evt_1", "invoice.paid", "ledger", "gone"))
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
    await stored.record_events(store, "inv_1", *(event(f"evt_{kind}", kind, "ledger") for kind in kinds))
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
    await stored.record_events(store, "inv_1", event("evt_1", "invoice.paid", "ledger"))
    (first,) = await send(outbox)
    await Redelivery(store).redeliver_event("evt_1", [LEDGER], NOW)
    assert await send(outbox, NOW + LEASE / 2) == ()
    assert await outbox.settle([delivered(first)]) == frozenset()


async def test_quiet_events_go_only_to_those_who_want_them(store: Store) -> None:
    await stored.record_events(store, "inv_1", event("evt_1", "invoice.tracked"))
    redelivery = Redelivery(store)
    assert await redelivery.redeliver_event("evt_1", [LEDGER], NOW) == 0
    assert await redelivery.redeliver_event("evt_1", [replace(LEDGER, announce_tracked=True)], NOW) == 1


async def test_a_range_goes_to_one_endpoint_with_what_it_had_and_what_it_would_get(store: Store) -> None:
    outbox = await stored.endpoints(store, "ledger", "crm")
    recorded = [
        replace(event(f"evt_{number}", "invoice.paid", *heard), timestamp=NOW + number * MINUTE)
        for number, heard in enumerate((("ledger",), ("ledger", "crm"), ("crm",), ("ledger",)))
    ]
    await stored.record_events(store, "inv_1", *recorded)
    while claimed := await send(outbox):
        await outbox.settle([delivered(one) for one in claimed])
    within = (LEDGER, NOW + MINUTE, NOW + 3 * MINUTE, NOW)
    redelivery = Redelivery(store)
    assert await redelivery.redeliver_range(*within, dry_run=True) == 2
    assert await send(outbox) == ()
    assert await redelivery.redeliver_range(*within) == 2
    again: list[ClaimedDelivery] = []
    while claimed := await send(outbox):
        again += claimed
        await outbox.settle([delivered(one) for one in claimed])
    assert [(one.endpoint, one.event_id) for one in again] == [("ledger", "evt_1"), ("ledger", "evt_2")]
    assert [one.body for one in again] == [one.bodies[Form.FULL] for one in recorded[1:3]]


async def test_a_range_of_any_length_is_taken_in_small_pages(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await stored.endpoints(store, "ledger")
    recorded = {f"inv_{number}": [event(f"evt_{number}", "invoice.paid")] for number in range(11)}
    await stored.record_all(store, recorded)
    for chunk, window in ((2, 3), (3, 3), (5, 100), (11, 11), (100, 1)):
        monkeypatch.setattr("watcher.store.deliveries.redelivery._CHUNK", chunk)
        monkeypatch.setattr("watcher.store.deliveries.redelivery._WINDOW", window)
        for dry_run in (True, False):
            count = await Redelivery(store).redeliver_range(LEDGER, NOW, NOW + MINUTE, NOW, dry_run=dry_run)
            assert count == len(recorded), (chunk, window)
    assert await Redelivery(store).redeliver_range(LEDGER, NOW + MINUTE, NOW + 2 * MINUTE, NOW) == 0


async def test_what_is_new_goes_before_what_is_sent_again(store: Store) -> None:
    outbox = await stored.endpoints(store, "ledger")
    await stored.record_events(store, "inv_1", event("evt_1", "invoice.paid", "ledger"))
    await outbox.settle([delivered(one) for one in await send(outbox)])
    await Redelivery(store).redeliver_event("evt_1", [LEDGER], NOW)
    await stored.record_all(store, {"inv_2": [event("evt_2", "invoice.paid", "ledger")]}, NOW + MINUTE)
    first, second = [*await send(outbox, NOW + MINUTE, ledger=1), *await send(outbox, NOW + MINUTE, ledger=1)]
    assert (first.event_id, second.event_id) == ("evt_2", "evt_1")


async def test_an_endpoint_never_hears_of_its_own_health(store: Store) -> None:
    outbox = await stored.listening(store, "ledger", "crm")
    await SqlEndpoints(store).disable("ledger", "operator", NOW)
    await SqlEndpoints(store).enable("ledger", NOW)
    for name, count in (("ledger", 0), ("crm", 1)):
        assert await Redelivery(store).redeliver_range(Subscription(name), NOW, NOW + MINUTE, NOW) == count
    assert [one.endpoint for one in await send(outbox, NOW + MINUTE)] == ["crm"]


async def test_purged_events_are_left_out_of_a_range(store: Store) -> None:
    await stored.record_events(store, "inv_1", event("evt_1", "invoice.paid"))
    await stored.record_all(store, {"inv_2": [event("evt_2", "invoice.paid")]})
    async with store.transaction() as connection:
        await connection.execute(update(events).where(events.c.id == "evt_1").values(full=None))
    assert await Redelivery(store).redeliver_range(LEDGER, NOW, NOW + MINUTE, NOW) == 1


async def test_an_unknown_event_or_invoice_is_named(store: Store) -> None:
    redelivery = Redelivery(store)
    with pytest.raises(NotFound, match="evt_9"):
        await redelivery.redeliver_event("evt_9", [LEDGER], NOW)
    with pytest.raises(NotFound, match="acme inv_9"):
        await redelivery.redeliver_invoice("acme", "inv_9", [LEDGER], NOW)


async def test_old_documents_and_attempts_are_forgotten_and_events_kept(store: Store) -> None:
    outbox = await stored.endpoints(store, "ledger")
    await stored.record_events(store, "inv_1", event("evt_1", "invoice.paid", "ledger"))
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
