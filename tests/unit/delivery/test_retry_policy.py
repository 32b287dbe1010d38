from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import START
from watcher.delivery import EndpointPolicy, settle
from watcher.ports import ClaimedDelivery, DeliveryState, Outcome, Receipt, Settlement

HOUR = timedelta(hours=1)
RETRIES = (
    *(timedelta(seconds=0), timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30)),
    *(2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR),
)
ENDPOINT = EndpointPolicy(RETRIES, rate=50, concurrency=10, timeout=timedelta(seconds=15))
CLAIMED = ClaimedDelivery(1, 7, "ledger", "evt_1", "invoice.paid", b"{}", 0, START + timedelta(minutes=1))


def after(
    outcome: Outcome, attempts: int = 0, *, jitter: float = 0.0, retry_after: timedelta | None = None
) -> Settlement:
    receipt = Receipt(outcome, START, timedelta(seconds=1), retry_after=retry_after)
    return settle(replace(CLAIMED, attempts=attempts), receipt, ENDPOINT, START, lambda: jitter)


def test_a_success_ends_the_delivery() -> None:
    settlement = after(Outcome.DELIVERED, 3)
    assert (settlement.state, settlement.attempts, settlement.next_attempt_at) == (DeliveryState.DELIVERED, 4, None)
    assert (settlement.key, settlement.lease) == (1, 7)


@pytest.mark.parametrize("outcome", [Outcome.RETRY, Outcome.REJECTED])
def test_failures_follow_the_schedule_and_the_tenth_is_the_last(outcome: Outcome) -> None:
    settlements = [after(outcome, attempts) for attempts in range(10)]
    waits = [settlement.next_attempt_at and settlement.next_attempt_at - START for settlement in settlements]
    assert waits == [*RETRIES[1:], None]
    assert [settlement.state for settlement in settlements] == [DeliveryState.PENDING] * 9 + [DeliveryState.DEAD]
    assert [settlement.attempts for settlement in settlements] == list(range(1, 11))


def test_the_schedule_never_gives_up_before_three_days() -> None:
    assert sum(RETRIES, timedelta(0)) == timedelta(hours=75, minutes=35, seconds=5)


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 8))
def test_jitter_only_makes_later_and_by_a_fifth_at_most(jitter: float, attempts: int) -> None:
    at = after(Outcome.RETRY, attempts, jitter=jitter).next_attempt_at
    assert at is not None
    assert RETRIES[attempts + 1] <= at - START <= RETRIES[attempts + 1] * 1.2


@pytest.mark.parametrize(
    ("attempts", "asked", "wait"),
    [
        (0, timedelta(minutes=2), timedelta(minutes=2)),
        (1, timedelta(minutes=2), timedelta(minutes=5)),
        (0, timedelta(days=30), timedelta(hours=10)),
        (8, timedelta(hours=3), timedelta(hours=24)),
    ],
)
def test_retry_after_lengthens_the_wait_up_to_ten_hours_and_pauses_the_endpoint(
    attempts: int, asked: timedelta, wait: timedelta
) -> None:
    settlement = after(Outcome.RETRY, attempts, retry_after=asked)
    assert settlement.next_attempt_at == START + wait
    assert settlement.pause_endpoint_until == START + min(asked, timedelta(hours=10))


def test_retry_after_pauses_the_endpoint_even_when_this_delivery_is_given_up() -> None:
    settlement = after(Outcome.RETRY, 9, retry_after=HOUR)
    assert settlement.state is DeliveryState.DEAD
    assert settlement.pause_endpoint_until == START + HOUR


@pytest.mark.parametrize("asked", [None, timedelta(0)])
def test_without_a_partial_row_the_endpoint_is_not_paused(asked: timedelta | None) -> None:
    assert after(Outcome.RETRY, retry_after=asked).pause_endpoint_until is None


def test_a_rejected_delivery_holds_its_lane_for_two_attempts_and_not_after_the_third() -> None:
    assert [after(Outcome.REJECTED, attempts).holds_lane for attempts in range(4)] == [True, True, False, False]


def test_a_receiver_that_is_down_holds_the_lane_to_the_end() -> None:
    assert all(after(Outcome.RETRY, attempts).holds_lane for attempts in range(9))


def test_a_refused_address_parks_the_delivery_and_uses_up_no_attempt() -> None:
    settlement = after(Outcome.BLOCKED, 4)
    assert (settlement.state, settlement.attempts) == (DeliveryState.PARKED, 4)
    assert settlement.holds_lane


@pytest.mark.parametrize("outcome", [Outcome.RETRY, Outcome.REJECTED])
def test_a_failed_probe_uses_up_no_attempt_and_is_due_again_behind_the_others(outcome: Outcome) -> None:
    receipt = Receipt(outcome, START, timedelta(seconds=1), retry_after=HOUR)
    settlement = settle(replace(CLAIMED, attempts=9, probe=True), receipt, ENDPOINT, START, lambda: 0.5)
    assert (settlement.state, settlement.attempts, settlement.probe) == (DeliveryState.PENDING, 9, True)
    assert (settlement.next_attempt_at, settlement.pause_endpoint_until) == (START, START + HOUR)


def test_who_says_gone_uses_up_no_attempt_of_the_delivery() -> None:
    settlement = after(Outcome.GONE, 9)
    assert (settlement.state, settlement.attempts) == (DeliveryState.PENDING, 9)


def test_what_cannot_be_sent_is_dead_at_once() -> None:
    settlement = after(Outcome.UNSENDABLE)
    assert (settlement.state, settlement.attempts) == (DeliveryState.DEAD, 1)


def test_a_schedule_of_one_entry_is_one_attempt() -> None:
    once = replace(ENDPOINT, retries=(timedelta(0),))
    receipt = Receipt(Outcome.RETRY, START, timedelta(0))
    assert settle(CLAIMED, receipt, once, START, lambda: 0).state is DeliveryState.DEAD
