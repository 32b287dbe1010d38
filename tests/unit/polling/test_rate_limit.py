"""Requests leave at their slots and never closer than the rate allows, seen from the server."""

from datetime import datetime, timedelta

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.clock import START, FakeClock
from watcher.core.errors import SlotMissed
from watcher.polling.rate_limit import AccountLimiter, LocalRateBudget, SendSlot, Spacing

SECOND = timedelta(seconds=1)


async def test_a_request_waits_for_its_slot() -> None:
    clock = FakeClock()
    sent: list[datetime] = []

    async def send() -> None:
        await AccountLimiter(clock).pass_at(START + SECOND, Spacing.of(1))
        sent.append(clock.now())

    async with anyio.create_task_group() as group:
        group.start_soon(send)
        await clock.elapse(SECOND * 0.9)
        assert sent == []
        await clock.elapse(SECOND)
    assert sent == [START + SECOND]


async def test_a_slot_missed_by_more_than_a_second_is_given_up() -> None:
    clock = FakeClock()
    gate = AccountLimiter(clock)
    clock.advance(SECOND * 1.1)
    with pytest.raises(SlotMissed):
        await gate.pass_at(START, Spacing.of(5))
    await gate.pass_at(START + SECOND * 0.2, Spacing.of(5))


async def test_nothing_is_sent_once_the_lease_has_ended() -> None:
    clock = FakeClock()
    turn = SendSlot("acme", Spacing.of(5), AccountLimiter(clock), LocalRateBudget(), clock, [START], last_at=START)
    with pytest.raises(SlotMissed):
        await turn.wait()


async def test_a_slot_that_lies_beyond_the_lease_is_not_waited_for() -> None:
    clock, budget = FakeClock(), LocalRateBudget()
    await budget.reserve("acme", timedelta(hours=1), START)
    turn = SendSlot(
        "acme", Spacing.of(1 / 3600), AccountLimiter(clock), budget, clock, [], last_at=START + timedelta(minutes=2)
    )
    with pytest.raises(SlotMissed):
        await turn.wait()
    assert clock.sleepers == 0


async def test_a_turn_uses_its_own_slots_first_and_then_reserves() -> None:
    clock = FakeClock()
    turn = SendSlot("acme", Spacing.of(1000), AccountLimiter(clock), LocalRateBudget(), clock, [START])
    await turn.wait()
    async with anyio.create_task_group() as group:
        group.start_soon(turn.wait)
        await clock.elapse(SECOND)
    assert turn.slots == []


async def sent_by(rate: float, stalls: list[float]) -> list[datetime]:
    """When requests with evenly spaced slots leave, if the loop stalls for so many seconds between them."""
    clock, spacing, sent = FakeClock(), Spacing.of(rate), list[datetime]()
    gate, slot = AccountLimiter(clock), START

    async def send(slot: datetime) -> None:
        try:
            await gate.pass_at(slot, spacing)
        except SlotMissed:
            return
        sent.append(clock.now())

    async with anyio.create_task_group() as group:
        for stall in stalls:
            group.start_soon(send, slot)
            slot += spacing.interval
            clock.advance(timedelta(seconds=stall))
        await clock.elapse(timedelta(seconds=60))
    return sent


@settings(max_examples=40, deadline=None)
@given(
    rate=st.sampled_from([0.5, 1.0, 2.0, 5.0]),
    stalls=st.lists(st.floats(0, 1.5), min_size=2, max_size=25),
)
def test_no_window_sees_more_than_the_rate_and_one_second_of_burst(rate: float, stalls: list[float]) -> None:
    sent = anyio.run(sent_by, rate, stalls)
    for first in range(len(sent)):
        for last in range(first, len(sent)):
            window = (sent[last] - sent[first]).total_seconds()
            assert last - first + 1 <= rate * window + max(1, rate) + 1e-6


async def test_a_closed_gate_lets_nobody_out_who_already_waited_for_a_slot() -> None:
    clock = FakeClock()
    gate = AccountLimiter(clock)
    refused: list[datetime] = []

    async def send() -> None:
        try:
            await gate.pass_at(START + SECOND * 0.8, Spacing.of(5))
        except SlotMissed:
            refused.append(clock.now())

    async with anyio.create_task_group() as group:
        group.start_soon(send)
        await clock.elapse(SECOND * 0.5)
        gate.close_until(START + SECOND * 3)
        gate.close_until(START + SECOND)
        await clock.elapse(SECOND)
    assert len(refused) == 1
    with pytest.raises(SlotMissed):
        await gate.pass_at(START + SECOND * 2, Spacing.of(5))
    clock.advance(SECOND * 2)
    await gate.pass_at(START + SECOND * 3, Spacing.of(5))
