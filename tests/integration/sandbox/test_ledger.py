from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import START
from tests.integration.sandbox.caller import MovableClock
from watcher.sandbox import Bill, Ledger


@pytest.fixture
def ledger(clock: MovableClock) -> Ledger:
    return Ledger(clock)


@pytest.fixture
def bill(ledger: Ledger) -> Bill:
    return ledger.create("meteroid", "inv_1", "EUR", 10_000)


def test_a_payment_under_way_is_the_one_that_settles_or_fails(ledger: Ledger, bill: Bill) -> None:
    ledger.start_payment(bill)
    ledger.fail_payment(bill)
    assert (len(bill.payments), bill.failures, bill.owed) == (1, 1, 10_000)
    ledger.start_payment(bill, 4_000)
    ledger.pay(bill)
    assert (len(bill.payments), bill.settled, bill.owed, bill.pending) == (2, 4_000, 6_000, False)


def test_paid_at_is_the_last_full_payment_and_a_reversal_takes_it_back(
    ledger: Ledger, bill: Bill, clock: MovableClock
) -> None:
    ledger.pay(bill)
    ledger.chargeback(bill, 1)
    assert (bill.paid_at, bill.first_paid_at) == (None, START)
    clock.instant += timedelta(hours=1)
    ledger.pay(bill)
    assert (bill.paid_at, bill.first_paid_at) == (START + timedelta(hours=1), START)


def test_a_refund_goes_to_the_newest_payment_first_and_makes_nothing_owed(ledger: Ledger, bill: Bill) -> None:
    ledger.pay(bill, 6_000)
    ledger.pay(bill)
    ledger.refund(bill, 5_000)
    assert [payment.refunded for payment in bill.payments] == [1_000, 4_000]
    assert (bill.owed, bill.paid_at) == (0, START)


def test_more_than_was_kept_cannot_go_back_and_nothing_is_negative(ledger: Ledger, bill: Bill) -> None:
    ledger.pay(bill, 100)
    for impossible in (ledger.refund, ledger.chargeback):
        with pytest.raises(ValueError, match="more than"):
            impossible(bill, 101)
    with pytest.raises(ValueError, match="negative"):
        ledger.credit(bill, -1)
    assert (bill.refunded, bill.reversed, bill.credited) == (0, 0, 0)


def test_reopening_takes_a_write_off_back(ledger: Ledger, bill: Bill) -> None:
    ledger.write_off(bill)
    assert (bill.owed, bill.written_off) == (0, 10_000)
    ledger.reopen(bill)
    assert (bill.owed, bill.uncollectible_at, bill.issued) == (10_000, None, True)


def test_paying_a_draft_makes_it_final(ledger: Ledger) -> None:
    draft = ledger.create("meteroid", "inv_2", "EUR", 100, draft=True)
    ledger.pay(draft)
    assert (draft.issued, draft.finalized_at, draft.owed) == (True, START, 0)


@given(amounts=st.lists(st.integers(0, 10**40), max_size=6), total=st.integers(0, 10**40))
def test_lines_always_add_up_to_the_total_and_owed_is_never_negative(amounts: list[int], total: int) -> None:
    ledger = Ledger(MovableClock())
    bill = ledger.create("fragment", "a", "BTC", total)
    for amount in amounts:
        ledger.change_total(bill, amount)
        ledger.pay(bill, amount // 3)
        assert sum(line.amount for line in bill.lines) == bill.total == amount
        assert bill.owed == max(0, bill.total - bill.settled)
