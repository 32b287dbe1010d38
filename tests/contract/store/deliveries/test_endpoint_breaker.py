"""What the endpoints' health makes of receipts, on both databases."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import anyio
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DatabaseError

from tests.fakes import stored
from tests.fakes.clock import START
from tests.fakes.stored import LEASE, MINUTE, NOW, SECOND, delivered, event, receipt, send
from watcher.core.webhooks.endpoint_health import FIRST_PROBE_AFTER, OPENS_AFTER
from watcher.delivery import EndpointPolicy, settle
from watcher.ports import ClaimedDelivery, DeliveryState, Outcome, Settlement
from watcher.store import Reports, SqlEndpoints, SqlOutbox, Store, open_store
from watcher.store.tables import attempts, deliveries

DAY = timedelta(days=1)
_CRASH = """CREATE TRIGGER crash BEFORE INSERT ON events WHEN NEW.type = 'endpoint.disabled'
BEGIN SELECT RAISE(ABORT, 'crash'); END"""
ENDPOINT = EndpointPolicy((timedelta(0), *[10 * MINUTE] * 9), rate=50, concurrency=10, timeout=timedelta(seconds=15))


def came_back(claimed: ClaimedDelivery, outcome: Outcome, at: datetime) -> Settlement:
    """What the dispatcher makes of it."""
    return settle(claimed, receipt(outcome, at, status=None), ENDPOINT, at, lambda: 0)


async def record_many(store: Store, count: int, *endpoints: str) -> None:
    """One event of each of so many invoices."""
    recorded = {f"inv_{number}": [event(f"evt_{number}", "invoice.paid", *endpoints)] for number in range(count)}
    await stored.record_all(store, recorded)


async def opened(store: Store, *, waiting: int = 5, endpoints: tuple[str, ...] = ("ledger",)) -> SqlOutbox:
    """An endpoint `ledger` whose breaker opened at NOW, with so many first attempts waiting besides the failed."""
    outbox = await stored.listening(store, *endpoints)
    await record_many(store, OPENS_AFTER + waiting, "ledger")
    claimed = await send(outbox, ledger=OPENS_AFTER)
    await outbox.settle([came_back(one, Outcome.RETRY, NOW) for one in claimed])
    return outbox


async def state(store: Store, name: str = "ledger") -> object:
    return next(row["state"] for row in await Reports(store).endpoints() if row["name"] == name)


async def test_ten_failures_in_a_row_leave_nothing_but_a_probe(store: Store) -> None:
    outbox = await opened(store)
    assert await state(store) == "failing"
    probe_at = await outbox.next_attempt_at(["ledger"])
    assert probe_at is not None
    assert FIRST_PROBE_AFTER * 0.8 <= probe_at - NOW <= FIRST_PROBE_AFTER + SECOND
    assert await send(outbox, probe_at - SECOND, ledger=100) == ()
    (probe,) = await send(outbox, probe_at, ledger=100)
    assert probe.probe
    assert (probe.event_id, probe.attempts) == ("evt_10", 0)
    assert await send(outbox, probe_at, ledger=100) == ()


async def test_of_several_replicas_one_probes(database_url: str) -> None:
    async with (
        open_store(database_url, database_clock=False) as one,
        open_store(database_url, database_clock=False) as two,
    ):
        await opened(one)
        taken: list[ClaimedDelivery] = []

        async def claim(store: Store) -> None:
            taken.extend(await send(SqlOutbox(store), NOW + MINUTE, ledger=10))

        async with anyio.create_task_group() as group:
            for store in (one, two, one, two):
                group.start_soon(claim, store)
        assert [delivery.probe for delivery in taken] == [True]


async def test_a_failed_probe_is_recorded_not_counted_and_the_next_one_is_another_delivery(store: Store) -> None:
    outbox, seen, at = await opened(store, waiting=2), list[str](), NOW
    for _ in range(4):
        due_at = await outbox.next_attempt_at(["ledger"])
        assert due_at is not None
        assert due_at > at
        at = due_at
        (probe,) = await send(outbox, at, ledger=100)
        seen.append(probe.event_id)
        await outbox.settle([came_back(probe, Outcome.REJECTED, at)])
    assert seen == ["evt_10", "evt_11", "evt_10", "evt_11"]
    async with store.reading() as connection:
        query = select(deliveries.c.attempts, func.count(attempts.c.id)).join(attempts).group_by(deliveries.c.id)
        counts = [tuple(row) for row in await connection.execute(query.order_by(deliveries.c.id))]
    assert counts == [(1, 1)] * OPENS_AFTER + [(0, 2)] * 2


async def test_what_waits_never_dies_however_long_the_receiver_is_down(store: Store) -> None:
    outbox = await stored.listening(store, "ledger")
    await record_many(store, OPENS_AFTER, "ledger")
    first = await send(outbox, ledger=100)
    await outbox.settle([replace(came_back(one, Outcome.RETRY, NOW), attempts=9) for one in first])
    at = NOW
    for _ in range(60):
        at = max(at + MINUTE, await outbox.next_attempt_at(["ledger"]) or at)
        await outbox.settle([came_back(one, Outcome.RETRY, at) for one in await send(outbox, at, ledger=100)])
    assert at > NOW + DAY
    async with store.reading() as connection:
        states = (await connection.execute(select(deliveries.c.state, deliveries.c.attempts).distinct())).all()
    assert [tuple(row) for row in states] == [("pending", 9)]


async def test_a_probe_that_arrives_lets_everything_go_in_order(store: Store) -> None:
    outbox = await opened(store, waiting=1)
    await stored.record_events(store, "inv_0", event("evt_later", "invoice.refunded", "ledger"))
    at = NOW + FIRST_PROBE_AFTER
    (probe,) = await send(outbox, at, ledger=100)
    await outbox.settle([delivered(probe, at)])
    assert await state(store) == "active"
    at += SECOND
    claimed = await send(outbox, at, ledger=100)
    assert [one.event_id for one in claimed] == [f"evt_{number}" for number in range(OPENS_AFTER)]
    assert not any(one.probe for one in claimed)
    await outbox.settle([delivered(one, at) for one in claimed])
    assert [one.event_id for one in await send(outbox, at, ledger=100)] == ["evt_later"]


async def test_a_probe_nobody_came_back_from_is_made_again(store: Store) -> None:
    outbox = await opened(store)
    at = NOW + FIRST_PROBE_AFTER
    (lost,) = await send(outbox, at, ledger=1)
    assert await send(outbox, at + LEASE - SECOND, ledger=1) == ()
    (probe,) = await send(outbox, at + LEASE, ledger=1)
    assert (probe.probe, probe.key != lost.key) == (True, True)


async def test_one_poisoned_invoice_never_stops_the_endpoint(store: Store) -> None:
    outbox = await stored.listening(store, "ledger")
    poison = [event(f"evt_p{number}", "invoice.updated", "ledger") for number in range(3)]
    await stored.record_all(store, {"inv_poison": poison})
    for number in range(2 * OPENS_AFTER):
        at = NOW + number * 11 * MINUTE
        await outbox.settle([came_back(one, Outcome.RETRY, at) for one in await send(outbox, at, ledger=10)])
    assert await state(store) == "active"
    await stored.record_events(store, "inv_1", event("evt_1", "invoice.paid", "ledger"))
    assert "evt_1" in [one.event_id for one in await send(outbox, NOW + DAY, ledger=10)]


async def test_gone_disables_at_once_informs_the_others_and_can_be_undone(store: Store) -> None:
    outbox = await stored.listening(store, "ledger", "crm")
    await record_many(store, 3, "ledger")
    one, two, three = await send(outbox, ledger=3)
    await outbox.settle([came_back(one, Outcome.GONE, NOW), came_back(two, Outcome.GONE, NOW), delivered(three)])
    assert await state(store) == "disabled"
    (recorded,) = await send(outbox, NOW + DAY, ledger=10, crm=10)
    assert (recorded.endpoint, recorded.event_type) == ("crm", "endpoint.disabled")
    assert json.loads(recorded.body)["data"]["reason"] == "gone"
    await SqlEndpoints(store).enable("ledger", NOW + DAY)
    again = await send(outbox, NOW + DAY, ledger=10)
    assert {(it.event_id, it.attempts) for it in again} == {("evt_0", 0), ("evt_1", 0)}
    await outbox.settle([delivered(it, NOW + DAY) for it in again])
    assert [it.event_type for it in await send(outbox, NOW + DAY + SECOND, crm=10)] == ["endpoint.recovered"]


async def test_a_crash_while_it_is_written_neither_loses_nor_doubles_what_is_recorded(sqlite_store: Store) -> None:
    outbox = await stored.listening(sqlite_store, "ledger", "crm")
    await record_many(sqlite_store, 1, "ledger")
    (claimed,) = await send(outbox, ledger=1)
    gone = came_back(claimed, Outcome.GONE, NOW)
    async with sqlite_store.transaction() as connection:
        await connection.execute(text(_CRASH))
    with pytest.raises(DatabaseError, match="crash"):
        await outbox.settle([gone])
    assert await state(sqlite_store) == "active"
    async with sqlite_store.transaction() as connection:
        await connection.execute(text("DROP TRIGGER crash"))
    assert await outbox.settle([gone]) == frozenset()
    assert await outbox.settle([gone]) == {claimed.key}
    assert await state(sqlite_store) == "disabled"
    assert [one.event_type for one in await send(outbox, NOW + DAY, crm=10)] == ["endpoint.disabled"]


async def test_five_days_of_failures_are_recorded_once_and_so_is_the_recovery(store: Store) -> None:
    outbox = await opened(store, endpoints=("ledger", "crm", "erp"))
    for at in (NOW + 2 * DAY, NOW + 4 * DAY, NOW + 5 * DAY, NOW + 6 * DAY):
        (probe,) = await send(outbox, at, ledger=10)
        failed = came_back(probe, Outcome.RETRY, at)
        await outbox.settle([failed])
        assert await outbox.settle([failed]) == {probe.key}
    assert await state(store) == "disabled"
    sent = await send(outbox, NOW + 6 * DAY, crm=10, erp=10)
    assert [(one.endpoint, one.event_type) for one in sent] == [(name, "endpoint.disabled") for name in ("crm", "erp")]
    body = json.loads(sent[0].body)["data"]
    assert (body["reason"], body["since"]) == ("failing", "2026-11-22T10:00:00.128456Z")
    await stored.listening(store, "ledger", "crm", "erp")
    assert await state(store) == "disabled"
    (probe,) = await send(outbox, NOW + 7 * DAY, ledger=10)
    await outbox.settle([delivered(probe, NOW + 7 * DAY)])
    assert await state(store) == "active"
    recorded = await send(outbox, NOW + 8 * DAY, ledger=100, crm=10)
    assert "endpoint.recovered" in [one.event_type for one in recorded if one.endpoint == "crm"]
    assert len([one for one in recorded if one.endpoint == "ledger"]) == OPENS_AFTER + 4


async def test_receipts_about_this_machine_say_nothing_of_the_endpoint(store: Store) -> None:
    outbox = await stored.listening(store, "ledger")
    await record_many(store, 2 * OPENS_AFTER, "ledger")
    outcomes = [Outcome.BLOCKED, Outcome.UNSENDABLE] * OPENS_AFTER
    claimed = await send(outbox, ledger=100)
    await outbox.settle([came_back(one, outcome, START) for one, outcome in zip(claimed, outcomes, strict=True)])
    assert await state(store) == "active"
    async with store.reading() as connection:
        query = select(deliveries.c.state, func.count()).group_by(deliveries.c.state).order_by(deliveries.c.state)
        rows = [tuple(row) for row in await connection.execute(query)]
    assert rows == [(DeliveryState.DEAD.value, OPENS_AFTER), (DeliveryState.PARKED.value, OPENS_AFTER)]
