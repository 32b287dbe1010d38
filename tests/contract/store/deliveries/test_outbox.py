"""The queue of deliveries, on both databases."""

from dataclasses import replace

import anyio
from sqlalchemy import select

from tests.fakes import stored
from tests.fakes.stored import LEASE, MINUTE, NOW, SECOND, delivered, event, retried, send
from watcher.ports import ClaimedDelivery, DeliveryState, Form, Outcome, PollRecord
from watcher.store import SqlOutbox, SqlPollQueue, Store, open_store
from watcher.store.tables import attempts, deliveries


def names(claimed: tuple[ClaimedDelivery, ...]) -> list[str]:
    return [one.event_id for one in claimed]


async def states(store: Store) -> list[str]:
    async with store.reading() as connection:
        rows = await connection.execute(select(deliveries.c.state).order_by(deliveries.c.id))
        return list(rows.scalars())


async def test_each_endpoint_gets_the_form_it_was_promised(store: Store) -> None:
    outbox = await stored.endpoints(store, "ledger", "crm")
    full = event("evt_1", "invoice.paid")
    both = replace(
        full,
        bodies={**full.bodies, Form.THIN: b"thin"},
        deliveries=(("ledger", Form.FULL), ("crm", Form.THIN)),
    )
    await stored.record_events(store, "inv_1", both)
    claimed = {one.endpoint: one for one in await send(outbox)}
    assert (claimed["ledger"].body, claimed["crm"].body) == (full.bodies[Form.FULL], b"thin")
    assert {(one.event_id, one.event_type, one.attempts) for one in claimed.values()} == {("evt_1", "invoice.paid", 0)}


async def test_only_the_head_of_each_lane_goes(store: Store) -> None:
    outbox = await stored.endpoints(store, "ledger", "crm")
    await stored.record_events(store, "inv_1", event("evt_1", "a", "ledger", "crm"), event("evt_2", "b", "ledger"))
    await stored.record_events(store, "inv_2", event("evt_3", "a", "ledger"))
    heads = await send(outbox)
    assert sorted(names(heads)) == ["evt_1", "evt_1", "evt_3"]
    assert await send(outbox) == ()
    await outbox.settle([delivered(one) for one in heads if one.endpoint == "crm"])
    assert await send(outbox) == ()
    await outbox.settle([delivered(one) for one in heads if one.endpoint == "ledger"])
    assert names(await send(outbox)) == ["evt_2"]


async def test_a_failing_delivery_holds_back_its_own_invoice_until_it_is_let_pass(store: Store) -> None:
    outbox = await stored.endpoints(store, "ledger")
    await stored.record_events(store, "inv_1", event("evt_1", "a", "ledger"), event("evt_2", "b", "ledger"))
    await stored.record_events(store, "inv_2", event("evt_3", "a", "ledger"))
    first, other = await send(outbox)
    await outbox.settle([retried(first, NOW + MINUTE), delivered(other)])
    await stored.record_events(store, "inv_1", event("evt_4", "c", "ledger"))
    assert await send(outbox) == ()
    (again,) = await send(outbox, NOW + MINUTE)
    assert (again.event_id, again.attempts) == ("evt_1", 1)
    await outbox.settle([retried(again, NOW + 5 * MINUTE, holds_lane=False)])
    assert names(await send(outbox, NOW + MINUTE)) == ["evt_2"]


async def test_dead_and_superseded_deliveries_release_their_lane_and_parked_ones_hold_it(store: Store) -> None:
    outbox = await stored.endpoints(store, "ledger")
    await stored.record_events(
        store, "inv_1", *(event(f"evt_{number}", f"t{number}", "ledger") for number in range(1, 4))
    )
    (first,) = await send(outbox)
    await outbox.settle([replace(delivered(first), state=DeliveryState.DEAD)])
    (second,) = await send(outbox)
    parked = replace(delivered(second), state=DeliveryState.PARKED, receipt=stored.receipt(Outcome.BLOCKED))
    await outbox.settle([parked])
    assert await send(outbox) == ()
    await stored.record_events(store, "inv_1", event("evt_4", "invoice.paid", "ledger"), supersedes=("t2", "t1"))
    assert await states(store) == ["dead", "superseded", "pending", "pending"]
    assert names(await send(outbox)) == ["evt_3"]


async def test_first_attempts_go_before_retries(store: Store) -> None:
    outbox = await stored.endpoints(store, "ledger")
    await stored.record_events(store, "inv_1", event("evt_1", "a", "ledger"))
    (first,) = await send(outbox)
    await outbox.settle([retried(first, NOW + SECOND)])
    for number in range(2, 5):
        await stored.record_events(store, f"inv_{number}", event(f"evt_{number}", "a", "ledger"))
    now = NOW + MINUTE
    assert names(await send(outbox, now, 3)) == ["evt_2", "evt_3", "evt_4"]
    assert names(await send(outbox, now, 3)) == ["evt_1"]


async def test_paused_and_unknown_endpoints_give_none(store: Store) -> None:
    outbox = await stored.endpoints(store, "ledger")
    await stored.record_events(store, "inv_1", event("evt_1", "a", "ledger", "nobody"))
    await stored.record_events(store, "inv_2", event("evt_2", "a", "ledger"))
    one, two = await send(outbox)
    await outbox.settle([replace(retried(one, NOW + SECOND), pause_endpoint_until=NOW + MINUTE)])
    await outbox.release([two], NOW)
    assert await send(outbox, NOW + MINUTE - SECOND) == ()
    assert await outbox.next_attempt_at(["ledger", "nobody"]) == NOW + MINUTE
    assert names(await send(outbox, NOW + MINUTE)) == ["evt_2", "evt_1"]


async def test_a_late_receipt_leaves_its_attempt_and_nothing_else(store: Store) -> None:
    outbox = await stored.endpoints(store, "ledger")
    await stored.record_events(store, "inv_1", event("evt_1", "a", "ledger"))
    (first,) = await send(outbox)
    (second,) = await send(outbox, NOW + LEASE)
    assert second.lease > first.lease
    assert await outbox.settle([replace(delivered(first), state=DeliveryState.DEAD)]) == {first.key}
    assert await states(store) == ["delivering"]
    assert await outbox.settle([delivered(second)]) == frozenset()
    async with store.reading() as connection:
        rows = (await connection.execute(select(attempts).order_by(attempts.c.number))).all()
    assert [(row.number, row.outcome, row.status, row.duration_us, row.peer) for row in rows] == [
        (1, "delivered", 200, 5000, "203.0.113.1"),
        (2, "delivered", 200, 5000, "203.0.113.1"),
    ]


async def test_the_next_attempt_is_the_earliest_that_may_go(store: Store) -> None:
    outbox = await stored.endpoints(store, "ledger")
    assert await outbox.next_attempt_at(["ledger"]) is None
    await stored.record_events(store, "inv_1", event("evt_1", "a", "ledger"), event("evt_2", "b", "ledger"))
    assert await outbox.next_attempt_at(["ledger"]) == NOW
    (head,) = await send(outbox)
    assert await outbox.next_attempt_at(["ledger"]) == NOW + LEASE
    await outbox.settle([retried(head, NOW + 5 * MINUTE)])
    assert await outbox.next_attempt_at(["ledger"]) == NOW + 5 * MINUTE
    await outbox.sync_endpoints({}, NOW)
    assert await outbox.next_attempt_at(["ledger"]) is None


async def test_deliveries_of_a_removed_endpoint_are_parked_and_resume_in_order(store: Store) -> None:
    outbox = await stored.endpoints(store, "ledger", "crm")
    await stored.record_events(store, "inv_1", event("evt_1", "a", "ledger"), event("evt_2", "b", "ledger"))
    await stored.endpoints(store, "crm")
    assert await states(store) == ["parked", "parked"]
    await stored.endpoints(store, "crm", "ledger")
    assert await states(store) == ["pending", "pending"]
    (head,) = await send(outbox)
    assert head.event_id == "evt_1"
    await outbox.settle([delivered(head)])
    assert names(await send(outbox)) == ["evt_2"]


async def test_a_refused_address_is_tried_again_after_a_reload(store: Store) -> None:
    outbox = await stored.endpoints(store, "ledger")
    await stored.record_events(store, "inv_1", event("evt_1", "a", "ledger"))
    (claimed,) = await send(outbox)
    blocked = stored.receipt(Outcome.BLOCKED, status=None)
    await outbox.settle([replace(delivered(claimed), state=DeliveryState.PARKED, receipt=blocked, attempts=0)])
    assert await send(outbox) == ()
    await stored.endpoints(store, "ledger")
    assert names(await send(outbox)) == ["evt_1"]


async def test_an_event_id_is_recorded_once_whoever_records_it_again(store: Store) -> None:
    outbox = await stored.endpoints(store, "ledger", "crm")
    await stored.record_events(store, "inv_1", event("evt_1", "a", "ledger"))
    (claimed,) = await send(outbox)
    await outbox.settle([delivered(claimed)])
    await stored.record_events(store, "inv_1", event("evt_1", "a", "ledger", "crm"), event("evt_2", "b", "ledger"))
    assert names(await send(outbox)) == ["evt_2"]


async def test_released_deliveries_are_due_again_with_no_attempt_counted(store: Store) -> None:
    outbox = await stored.endpoints(store, "ledger")
    await stored.record_events(store, "inv_1", event("evt_1", "a", "ledger"))
    claimed = await send(outbox)
    await outbox.release(claimed, NOW)
    (again,) = await send(outbox)
    assert (again.attempts, again.lease > claimed[0].lease) == (0, True)


async def test_couriers_that_claim_at_once_share_no_delivery(database_url: str) -> None:
    async with (
        open_store(database_url, database_clock=False) as one,
        open_store(database_url, database_clock=False) as two,
    ):
        await stored.endpoints(one, "ledger")
        await stored.watch(one, *(f"inv_{number}" for number in range(300)))
        records = [_told(number, poll) for number, poll in enumerate(map(stored.polled, await stored.claim(one)))]
        await SqlPollQueue(one).record(records, {})
        taken: list[int] = []

        async def claim_all(store: Store) -> None:
            while claimed := await send(SqlOutbox(store), most=7):
                taken.extend(delivery.key for delivery in claimed)

        async with anyio.create_task_group() as group:
            for store in (one, two, one, two):
                group.start_soon(claim_all, store)
        assert len(taken) == len(set(taken)) == 300


def _told(number: int, poll: PollRecord) -> PollRecord:
    return replace(poll, change=stored.change(event(f"evt_{number}", "invoice.paid", "ledger")))


async def test_each_delivery_of_a_batch_gets_its_own_result(store: Store) -> None:
    outbox = await stored.endpoints(store, "ledger")
    for number in range(6):
        await stored.record_events(store, f"inv_{number}", event(f"evt_{number}", "a", "ledger"))
    one, two, three, four, five, six = await send(outbox)
    dead = replace(delivered(five), state=DeliveryState.DEAD)
    await outbox.settle(
        [delivered(one), retried(two, NOW + MINUTE), delivered(three), retried(four, NOW + 2 * MINUTE), dead]
    )
    async with store.reading() as connection:
        rows = await connection.execute(
            select(deliveries.c.id, deliveries.c.state, deliveries.c.next_attempt_at).order_by(deliveries.c.id)
        )
        found = {row.id: (row.state, row.next_attempt_at) for row in rows}
    assert found[one.key] == found[three.key] == ("delivered", None)
    assert found[two.key] == ("pending", NOW + MINUTE)
    assert found[four.key] == ("pending", NOW + 2 * MINUTE)
    assert found[five.key] == ("dead", None)
    assert found[six.key][0] == "delivering"


async def test_two_attempts_of_one_delivery_in_a_batch_are_numbered_one_after_the_other(store: Store) -> None:
    outbox = await stored.endpoints(store, "ledger")
    await stored.record_events(store, "inv_1", event("evt_1", "a", "ledger"))
    (first,) = await send(outbox)
    (again,) = await send(outbox, NOW + 2 * LEASE)
    assert await outbox.settle([delivered(first), delivered(again)]) == set()
    async with store.reading() as connection:
        rows = await connection.execute(select(attempts.c.delivery_id, attempts.c.number).order_by(attempts.c.id))
        assert [tuple(row) for row in rows] == [(first.key, 1), (first.key, 2)]
