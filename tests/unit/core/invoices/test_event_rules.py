"""What two snapshots say happened."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from tests.fakes.invoices import START, Life, euros, invoice, types
from watcher.core.invoices.event import Fact
from watcher.core.invoices.invoice import Amounts, Invoice, Status
from watcher.core.invoices.transition import Transition


def after(*seen: Invoice) -> Transition:
    life = Life()
    for one in seen[:-1]:
        life.poll(one)
    return life.poll(seen[-1])


def fact(transition: Transition, event_type: str) -> Fact:
    return next(event.fact for event in transition.events if event.fact.type == f"invoice.{event_type}")


def fields(recorded: Fact) -> set[str]:
    return {change.field for change in recorded.changes}


def test_the_first_snapshot_is_tracked_and_nothing_else() -> None:
    assert types(after(invoice(Status.PAID, euros(paid="100.00")))) == ["tracked"]


def test_the_same_answer_again_records_nothing() -> None:
    assert types(after(invoice(), invoice())) == []


@pytest.mark.parametrize("status", [Status.OPEN, Status.PARTIALLY_PAID, Status.PAID, Status.UNCOLLECTIBLE])
def test_leaving_draft_is_finalized_and_inferred_unless_seen_open(status: Status) -> None:
    recorded = fact(after(invoice(Status.DRAFT), invoice(status, finalized_at=START)), "finalized")
    assert recorded.inferred == (status is not Status.OPEN)
    assert recorded.occurred_at == START


def test_draft_to_void_is_finalized_only_if_the_provider_says_when() -> None:
    assert types(after(invoice(Status.DRAFT), invoice(Status.VOID))) == ["voided"]
    assert types(after(invoice(Status.DRAFT), invoice(Status.VOID, finalized_at=START))) == ["finalized", "voided"]


def test_a_deleted_draft_was_never_finalized() -> None:
    life = Life()
    life.poll(invoice(Status.DRAFT))
    assert types(life.lose()) == ["deleted"]


def test_partial_payment_then_the_rest_records_both_with_their_amounts() -> None:
    life = Life()
    life.poll(invoice())
    partial = life.poll(invoice(Status.PARTIALLY_PAID, euros(paid="30.00")))
    paid = life.poll(invoice(Status.PAID, euros(paid="100.00"), paid_at=START))
    assert types(partial) == ["partially_paid"]
    assert [str(delta.amount) for delta in fact(partial, "partially_paid").delta or ()] == ["30.00"]
    assert types(paid) == ["paid"]
    assert [str(delta.amount) for delta in fact(paid, "paid").delta or ()] == ["70.00"]
    assert fact(paid, "paid").occurred_at == START
    assert fields(fact(paid, "paid")) == {
        "status", "provider_status", "amounts.EUR.paid", "amounts.EUR.due", "paid_at",
    }  # fmt: skip


def test_a_refund_is_not_a_reversal() -> None:
    before = invoice(Status.PAID, euros(paid="100.00"))
    recorded = after(before, invoice(Status.PARTIALLY_PAID, euros(paid="60.00", refunded="40.00")))
    assert types(recorded) == ["refunded"]
    assert [str(delta.amount) for delta in fact(recorded, "refunded").delta or ()] == ["40.00"]


def test_a_chargeback_reopens_a_paid_invoice_as_payment_reversed() -> None:
    recorded = after(invoice(Status.PAID, euros(paid="100.00")), invoice())
    assert types(recorded) == ["payment_reversed"]
    assert "status" in fields(fact(recorded, "payment_reversed"))
    assert [str(delta.amount) for delta in fact(recorded, "payment_reversed").delta or ()] == ["100.00"]


def test_money_taken_beyond_a_refund_is_reversed_by_the_difference() -> None:
    recorded = after(invoice(Status.PAID, euros(paid="100.00")), invoice(Status.OPEN, euros(refunded="40.00")))
    assert types(recorded) == ["refunded", "payment_reversed"]
    assert [str(delta.amount) for delta in fact(recorded, "payment_reversed").delta or ()] == ["60.00"]


def test_a_credit_note_can_pay_an_invoice() -> None:
    recorded = after(invoice(), invoice(Status.PAID, euros(credited="100.00")))
    assert types(recorded) == ["credited", "paid"]
    assert fact(recorded, "paid").delta == ()


def test_failed_attempts_are_counted_and_an_inferred_failure_has_no_count() -> None:
    counted = fact(after(invoice(), invoice(failed_attempts=3)), "payment_failed")
    assert (counted.attempts_delta, counted.inferred) == (3, False)
    pending = invoice(payment_pending=True)
    guessed = fact(after(pending, invoice(payment_failed_inferred=True)), "payment_failed")
    assert (guessed.attempts_delta, guessed.inferred) == (None, True)
    assert "payment_pending" in fields(guessed)


def test_a_pending_payment_is_recorded_when_it_begins() -> None:
    assert types(after(invoice(), invoice(payment_pending=True))) == ["payment_pending"]


def test_paying_too_much_is_recorded_once() -> None:
    life = Life()
    life.poll(invoice())
    assert types(life.poll(invoice(Status.PAID, euros(paid="110.00", due="0.00")))) == ["paid", "overpaid"]
    assert types(life.poll(invoice(Status.PAID, euros(paid="120.00", due="0.00")))) == ["updated"]


def test_voiding_carries_the_old_total_and_is_no_amount_change() -> None:
    recorded = after(invoice(), invoice(Status.VOID, euros(total="0.00"), voided_at=START))
    assert types(recorded) == ["voided"]
    totals = [change for change in fact(recorded, "voided").changes if change.field == "amounts.EUR.total"]
    assert [(change.before, change.after) for change in totals] == [("100.00", "0.00")]


def test_voiding_an_invoice_with_a_credit_on_it_is_no_overpayment() -> None:
    voided = invoice(Status.VOID, euros(total="0.00", due="0.00", credited="10.00"))
    assert types(after(invoice(Status.OPEN, euros(credited="10.00")), voided)) == ["voided"]


def test_void_and_uncollectible_can_be_reopened() -> None:
    assert types(after(invoice(Status.VOID), invoice())) == ["reopened"]
    assert types(after(invoice(Status.UNCOLLECTIBLE), invoice())) == ["reopened"]


def test_writing_off_records_when_the_provider_did_it() -> None:
    recorded = after(invoice(), invoice(Status.UNCOLLECTIBLE, uncollectible_at=START))
    assert types(recorded) == ["marked_uncollectible"]
    assert fact(recorded, "marked_uncollectible").occurred_at == START


def test_terms_that_change_after_draft_have_events_of_their_own() -> None:
    moved = invoice(Status.OPEN, euros(total="120.00"), due=date(2026, 12, 24))
    assert types(after(invoice(), moved)) == ["due_date_changed", "amount_changed"]
    drafted = replace(moved, status=Status.DRAFT, provider_status="DRAFT")
    assert types(after(invoice(Status.DRAFT), drafted)) == ["updated"]


def test_deleted_and_back_is_deleted_then_restored() -> None:
    life = Life()
    life.poll(invoice())
    assert types(life.lose()) == ["deleted"]
    assert life.memory.snapshot is not None
    assert [str(row.due) for row in life.memory.snapshot.amounts] == ["0.00"]
    assert types(life.poll(invoice())) == ["restored"]


def test_what_was_paid_before_it_was_deleted_is_not_paid_again_when_restored() -> None:
    life = Life()
    life.poll(invoice(Status.PAID, euros(paid="100.00")))
    life.lose()
    assert types(life.poll(invoice(Status.PAID, euros(paid="100.00")))) == ["restored"]


def test_to_and_from_unknown_only_updated_is_recorded_and_nothing_between_is_lost() -> None:
    life = Life()
    life.poll(invoice())
    assert types(life.poll(invoice(Status.UNKNOWN, euros(paid="40.00")))) == ["updated"]
    assert types(life.poll(invoice(Status.UNKNOWN, euros(paid="100.00")))) == ["updated"]
    recorded = life.poll(invoice(Status.PAID, euros(paid="100.00")))
    assert types(recorded) == ["paid"]
    assert [str(delta.amount) for delta in fact(recorded, "paid").delta or ()] == ["100.00"]


def test_unknown_and_back_to_the_same_is_only_updated() -> None:
    life = Life()
    life.poll(invoice())
    life.poll(invoice(Status.UNKNOWN))
    assert types(life.poll(invoice())) == ["updated"]


def test_other_fields_are_recorded_as_updated() -> None:
    recorded = after(invoice(), invoice(line_count=4))
    assert types(recorded) == ["updated"]
    assert fact(recorded, "updated").reason is None


def test_tags_and_time_zone_are_recorded_as_configuration() -> None:
    life = Life()
    life.poll(invoice())
    life.watch = replace(life.watch, tags=("legal",), timezone=ZoneInfo("Europe/Berlin"))
    recorded = life.poll(invoice())
    assert types(recorded) == ["updated"]
    assert fact(recorded, "updated").reason == "configuration"
    assert fields(fact(recorded, "updated")) == {"tags", "due_at"}


def test_each_currency_is_compared_with_itself() -> None:
    nothing = Decimal("0.00")
    dollars = Amounts("USD", Decimal("5.00"), nothing, Decimal("5.00"), nothing, nothing, nothing)
    paid = replace(dollars, paid=Decimal("5.00"), due=Decimal("0.00"))
    recorded = after(
        invoice(amounts=euros()),
        replace(invoice(), amounts=(euros(), dollars)),
        replace(invoice(), amounts=(euros(), paid)),
    )
    assert types(recorded) == ["partially_paid"]
    assert [delta.currency for delta in fact(recorded, "partially_paid").delta or ()] == ["USD"]
