"""The lives of invoices at the providers that are described by adapter files."""

from watcher.sandbox.lives.life import (
    LATE,
    Life,
    chargeback,
    credit,
    delete,
    fail_payment,
    finalize,
    pay,
    refund,
    start_payment,
    step,
    void,
    write_off,
)


def _lago_id(number: int) -> str:
    return f"{number}a901a90-1a90-4a90-8a90-1a901a901a90"


STRIPE = (
    Life(
        *("stripe", "in_1DemoRefund", "EUR", 107_998),
        steps=(
            step(0, "400.00 is paid", pay(40_000), "partially_paid"),
            step(5, "the rest is paid", pay(), "paid"),
            step(9, "5.00 is given back by a credit note", refund(500), "refunded"),
        ),
    ),
    Life(
        *("stripe", "in_1DemoGivenUp", "EUR", 45_000),
        draft=True,
        steps=(
            step(1, "it is finalized", finalize, "finalized"),
            step(7, "it is marked uncollectible", write_off, "marked_uncollectible"),
        ),
    ),
    Life(
        *("stripe", "in_1DemoDeclined", "JPY", 32_000),
        steps=(
            step(3, "a card is declined", fail_payment, "payment_failed"),
            step(8, "another card works", pay(), "paid"),
        ),
    ),
    Life(
        *("stripe", "in_1DemoDebit", "EUR", 25_000),
        steps=(
            step(1, "a bank debit is under way", start_payment, "payment_pending"),
            step(6, "it arrives", pay(), "paid"),
        ),
    ),
    Life(
        *("stripe", "in_1DemoLate", "USD", 64_000),
        due_in=LATE,
        late=True,
        steps=(step(4, "it is paid", pay(), "paid", "overdue_cleared"),),
    ),
    Life(
        *("stripe", "in_1DemoVoided", "USD", 30_000),
        steps=(
            step(2, "a credit note takes 100.00 off", credit(10_000), "credited"),
            step(8, "it is voided", void, "voided"),
        ),
    ),
)
LAGO = (
    Life(
        *("lago", _lago_id(1), "EUR", 107_998),
        steps=(
            step(0, "400.00 is paid", pay(40_000), "partially_paid"),
            step(5, "the rest is paid", pay(), "paid"),
        ),
    ),
    Life(
        *("lago", _lago_id(2), "EUR", 45_000),
        draft=True,
        steps=(
            step(1, "it is finalized", finalize, "finalized"),
            step(7, "it is voided", void, "voided"),
        ),
    ),
    Life(
        *("lago", _lago_id(3), "JPY", 32_000),
        steps=(
            step(3, "a card is declined", fail_payment, "payment_failed"),
            step(8, "another card works", pay(), "paid"),
        ),
    ),
    Life(
        *("lago", _lago_id(4), "USD", 64_000),
        due_in=LATE,
        late=True,
        steps=(step(4, "it is paid", pay(), "paid", "overdue_cleared"),),
    ),
    Life(
        *("lago", _lago_id(5), "USD", 30_000),
        steps=(
            step(2, "a credit note takes 100.00 off", credit(10_000), "credited"),
            step(6, "the rest is paid", pay(), "paid"),
        ),
    ),
    Life(
        *("lago", _lago_id(6), "USD", 12_000),
        draft=True,
        steps=(step(3, "the draft is deleted", delete, "deleted"),),
    ),
)
CHARGEBEE = (
    Life(
        *("chargebee", "DEMO-101", "EUR", 107_998),
        steps=(
            step(0, "400.00 is paid", pay(40_000), "partially_paid"),
            step(5, "the rest is paid", pay(), "paid"),
            step(9, "5.00 is refunded", refund(500), "refunded"),
        ),
    ),
    Life(
        *("chargebee", "DEMO-102", "EUR", 45_000),
        draft=True,
        steps=(
            step(1, "it is closed, which issues it", finalize, "finalized"),
            step(7, "it is written off", write_off, "marked_uncollectible"),
        ),
    ),
    Life(
        *("chargebee", "DEMO-103", "JPY", 32_000),
        steps=(
            step(2, "a card is declined", fail_payment, "payment_failed"),
            step(7, "a bank debit is under way", start_payment, "payment_pending"),
            step(12, "it arrives", pay(), "paid"),
        ),
    ),
    Life(
        *("chargebee", "DEMO-104", "USD", 64_000),
        due_in=LATE,
        late=True,
        steps=(step(4, "it is paid", pay(), "paid", "overdue_cleared"),),
    ),
    Life(
        *("chargebee", "DEMO-105", "USD", 25_000),
        steps=(
            step(3, "it is paid by bank debit", pay(), "paid"),
            step(8, "the bank takes all of it back", chargeback(25_000), "payment_reversed"),
        ),
    ),
    Life(
        *("chargebee", "DEMO-106", "USD", 30_000),
        steps=(
            step(2, "100.00 is credited", credit(10_000), "credited"),
            step(8, "it is voided", void, "voided"),
        ),
    ),
)
ADAPTER_FILE_LIVES = STRIPE + LAGO + CHARGEBEE
