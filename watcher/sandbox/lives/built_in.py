"""The lives of invoices at the five built-in providers, which reach every status in about 20 seconds."""

from datetime import timedelta

from watcher.sandbox.bill import derived
from watcher.sandbox.lives.life import (
    LATE,
    Life,
    change_total,
    chargeback,
    credit,
    delete,
    fail_payment,
    finalize,
    move_due,
    pay,
    refund,
    restore,
    start_payment,
    step,
    void,
    write_off,
)


def _rapyd_id(name: str) -> str:
    return f"invoice_{derived('demo', name)}"


FRAGMENT = (
    Life(
        *("fragment", "acme-1001", "USD", 250_000),
        steps=(
            step(0, "half of it is paid", pay(125_000), "partially_paid"),
            step(6, "the rest is paid", pay(), "paid"),
            step(10, "half of it is taken back", chargeback(125_000), "payment_reversed"),
        ),
    ),
    Life(
        *("fragment", "acme-1002", "USD", 80_000),
        draft=True,
        steps=(
            step(2, "it gets its lines", finalize, "finalized"),
            step(9, "all its lines are taken away", void, "voided"),
        ),
    ),
    Life(
        *("fragment", "acme-1003", "USD", 99_900),
        watch_due_in=LATE,
        late=True,
        steps=(step(4, "more than asked is paid", pay(110_000), "paid", "overpaid", "overdue_cleared"),),
    ),
)
METEROID = (
    Life(
        *("meteroid", "inv_demoChargeback1", "EUR", 107_998),
        steps=(
            step(0, "400.00 is paid", pay(40_000), "partially_paid"),
            step(5, "the rest is paid", pay(), "paid"),
            step(9, "the bank takes all of it back", chargeback(107_998), "payment_reversed"),
        ),
    ),
    Life(
        *("meteroid", "inv_demoWriteOff2", "EUR", 45_000),
        draft=True,
        steps=(
            step(1, "it is finalized", finalize, "finalized"),
            step(7, "it is given up", write_off, "marked_uncollectible"),
        ),
    ),
    Life(
        *("meteroid", "inv_demoDeclined3", "JPY", 32_000),
        steps=(
            step(3, "a card is declined", fail_payment, "payment_failed"),
            step(8, "another card works", pay(), "paid"),
        ),
    ),
)
DOLLR = (
    Life(
        *("dollr", "3001", "USD", 25_000),
        steps=(
            step(1, "mobile money is under way", start_payment, "payment_pending"),
            step(6, "it arrives", pay(), "paid"),
        ),
    ),
    Life(
        *("dollr", "3002", "LRD", 1_250_000),
        steps=(
            step(2, "mobile money is under way", start_payment, "payment_pending"),
            step(7, "it does not arrive", fail_payment, "payment_failed"),
            step(12, "it is canceled", void, "voided"),
        ),
    ),
    Life(
        *("dollr", "3003", "RWF", 90_000),
        draft=True,
        steps=(step(3, "it is deleted", delete, "deleted"),),
    ),
)
RAPYD = (
    Life(
        *("rapyd", _rapyd_id("refund"), "USD", 1_999),
        draft=True,
        steps=(
            step(1, "it is finalized", finalize, "finalized"),
            step(6, "it is paid", pay(), "paid"),
            step(10, "5.00 is given back", refund(500), "refunded"),
        ),
    ),
    Life(
        *("rapyd", _rapyd_id("overdue"), "KWD", 12_345),
        steps=(
            step(
                1,
                "its due date moves to 9 seconds from now",
                move_due(timedelta(seconds=9)),
                *("due_date_changed", "due_soon", "overdue", "overdue_reminder"),
            ),
            step(18, "it is paid late", pay(), "paid", "overdue_cleared"),
        ),
    ),
    Life(
        *("rapyd", _rapyd_id("restored"), "USD", 5_000),
        steps=(
            step(2, "it vanishes", delete, "deleted"),
            step(12, "it is back", restore, "restored"),
        ),
    ),
)
CHARGEOVER = (
    Life(
        *("chargeover", "5001", "USD", 64_000),
        due_in=LATE,
        late=True,
        steps=(step(3, "it is paid", pay(), "paid", "overdue_cleared"),),
    ),
    Life(
        *("chargeover", "5002", "USD", 30_000),
        steps=(
            step(0, "100.00 is credited", credit(10_000), "credited"),
            step(5, "the rest is paid", pay(), "paid"),
        ),
    ),
    Life(
        *("chargeover", "5003", "USD", 12_000),
        steps=(step(4, "it is voided, which takes its total away", void, "voided"),),
    ),
    Life(
        *("chargeover", "5004", "USD", 50_000),
        steps=(
            step(2, "its total rises to 560.00", change_total(56_000), "amount_changed"),
            step(8, "a card is declined", fail_payment, "payment_failed"),
        ),
    ),
)

HINTED = "hinted"
"""The source whose polls are an hour apart, so that only the provider's webhooks show its changes in time."""
HINTED_LIVES = (
    Life(
        *("meteroid", "inv_demoHinted4", "EUR", 72_000),
        source=HINTED,
        steps=(
            step(4, "a card is declined", fail_payment, "payment_failed"),
            step(9, "another card works", pay(), "paid"),
        ),
    ),
)
BUILT_IN_LIVES = FRAGMENT + METEROID + DOLLR + RAPYD + CHARGEOVER
