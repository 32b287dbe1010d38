"""Days of trouble, with the real store and the real dispatcher."""

from datetime import datetime, timedelta

import pytest

from tests.fakes.outage import HOUR, MINUTE, Outage
from tests.fakes.stored import NOW
from watcher.ports import DeliveryState, Outcome
from watcher.store import Reports, Store

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
RATE = 5
INVOICES = tuple(f"inv_{number}" for number in range(20))


async def outage(store: Store, lasts: timedelta) -> Outage:
    """`ledger` is down from NOW on for so long, `crm` never."""

    def answer(endpoint: str, event_id: str, now: datetime) -> Outcome:
        del event_id
        down = endpoint == "ledger" and now < NOW + lasts
        return Outcome.RETRY if down else Outcome.DELIVERED

    world = Outage(store, answer, rate=RATE)
    await world.begin("ledger", "crm")
    return world


async def test_an_endpoint_down_for_three_days_gets_everything_in_order_and_at_its_rate(sqlite_store: Store) -> None:
    world = await outage(sqlite_store, 3 * DAY)
    for number in range(18):
        invoices = INVOICES if number % 6 == 0 else (INVOICES[number % 7], INVOICES[7 + number % 13])
        await world.record_events(*invoices, to=("ledger", "crm"))
        await world.run_until(NOW + (number + 1) * 4 * HOUR)
    tried = [at for at, endpoint, _ in world.requests if endpoint == "ledger"]
    assert world.arrivals.get("ledger") is None
    assert len(tried) < 10 + 10 + 3 * 24 * 1.3
    await world.run_until(NOW + 3 * DAY + 2 * HOUR)
    for invoice in INVOICES:
        assert world.arrived("ledger", invoice) == world.arrived("crm", invoice) == world.recorded(invoice)
    assert {row["state"] for row in await Reports(sqlite_store).deliveries()} == {DeliveryState.DELIVERED.value}
    assert await world.outbox.next_attempt_at(["ledger", "crm"]) is None
    _assert_rate_kept([at for at, _ in world.arrivals["ledger"]])
    assert world.arrivals["ledger"][-1][0] - world.arrivals["ledger"][0][0] < 2 * MINUTE
    assert all(row["state"] == "active" for row in await Reports(sqlite_store).endpoints())


async def test_the_others_hear_of_an_endpoint_down_for_a_week_and_of_its_recovery(sqlite_store: Store) -> None:
    world = await outage(sqlite_store, 7 * DAY)
    await world.record_events(*INVOICES, to=("ledger", "crm"))
    for number in range(8):
        await world.record_events(INVOICES[number], to=("ledger", "crm"))
        await world.run_until(NOW + (number + 1) * DAY)
    assert {row["state"] for row in await Reports(sqlite_store).deliveries()} == {DeliveryState.DELIVERED.value}
    kinds = [str(row["type"]) for row in await Reports(sqlite_store).deliveries(endpoint="crm")]
    assert [kind for kind in kinds if kind.startswith("endpoint.")] == ["endpoint.disabled", "endpoint.recovered"]
    disabled, recovered = (at for at, name in world.arrivals["crm"] if name.startswith("evt_"))
    assert 5 * DAY <= disabled - NOW <= 5 * DAY + HOUR
    assert 7 * DAY <= recovered - NOW <= 7 * DAY + HOUR


@pytest.mark.parametrize(
    ("poison", "dead"),
    [
        pytest.param(Outcome.RETRY, 1, id="500 for ever: its later events wait behind the first"),
        pytest.param(Outcome.REJECTED, 3, id="400 for ever: each of its events has its own three days"),
    ],
)
async def test_one_poisoned_invoice_does_not_hold_back_the_others(
    sqlite_store: Store, poison: Outcome, dead: int
) -> None:
    def answer(endpoint: str, event_id: str, now: datetime) -> Outcome:
        del endpoint, now
        return poison if event_id.startswith("inv_0#") else Outcome.DELIVERED

    world = Outage(sqlite_store, answer)
    await world.begin("ledger")
    for number in range(44):
        await world.record_events("inv_0", INVOICES[1 + number % 19], to=("ledger",))
        recorded_at = world.clock.now()
        await world.run_until(NOW + (number + 1) * 2 * HOUR)
        arrived_at, name = world.arrivals["ledger"][-1]
        assert len(world.arrivals["ledger"]) == number + 1
        assert name == world.recorded(INVOICES[1 + number % 19])[-1]
        assert arrived_at - recorded_at < SECOND
    assert [row["state"] for row in await Reports(sqlite_store).endpoints()] == ["active"]
    states = [row["state"] for row in await Reports(sqlite_store).deliveries() if row["invoice_id"] == "inv_0"]
    assert states == ["dead"] * dead + ["pending"] * (44 - dead)


async def test_an_event_that_is_answered_400_lets_its_invoice_go_on_after_the_third_attempt(
    sqlite_store: Store,
) -> None:
    def answer(endpoint: str, event_id: str, now: datetime) -> Outcome:
        del endpoint, now
        return Outcome.REJECTED if event_id == "inv_0#1" else Outcome.DELIVERED

    world = Outage(sqlite_store, answer)
    await world.begin("ledger")
    for _ in range(3):
        await world.record_events("inv_0", to=("ledger",))
    await world.run_until(NOW + 5 * MINUTE)
    assert world.arrived("ledger", "inv_0") == []
    await world.run_until(NOW + 10 * MINUTE)
    assert [name for _, _, name in world.requests] == ["inv_0#1"] * 3 + ["inv_0#2", "inv_0#3"]
    await world.run_until(NOW + 4 * DAY)
    states = [row["state"] for row in await Reports(sqlite_store).deliveries()]
    assert states == ["dead", "delivered", "delivered"]
    assert [name for _, _, name in world.requests].count("inv_0#1") == 10


def _assert_rate_kept(arrivals: list[datetime]) -> None:
    """In any window t at most rate·t, and one second's worth."""
    for place, first in enumerate(arrivals):
        for count, last in enumerate(arrivals[place:], start=1):
            assert count <= RATE * (last - first).total_seconds() + RATE + 1
