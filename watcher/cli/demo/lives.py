"""The lives that the demo plays: what happens to each invoice, and which events that must cause."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from watcher.core.event import EventType
from watcher.sandbox import Bill, Ledger

DUE_SOON = timedelta(seconds=4)
REMINDER = timedelta(seconds=2)
CONFIRM_DELETED = timedelta(seconds=2)

Act = Callable[[Ledger, Bill], None]

_T = EventType


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens at the provider (None: only time passes), and the events it must cause, in any order."""

    events: tuple[EventType, ...]
    act: Act | None = None


@dataclass(frozen=True, slots=True)
class Life:
    """`total` is in minor units. `due_in` is told by the provider; `overdue_listed` is a past day in the watch list."""

    provider: str
    id: str
    currency: str
    total: int
    steps: tuple[Step, ...]
    draft: bool = False
    payable: bool = False
    due_in: timedelta | None = None
    overdue_listed: bool = False
    first: tuple[EventType, ...] = field(default=(EventType.TRACKED,))

    @property
    def expected(self) -> Iterator[EventType]:
        yield from self.first
        for step in self.steps:
            yield from step.events


def create(ledger: Ledger, life: Life, now: datetime) -> Bill:
    due = None if life.due_in is None else now + life.due_in
    return ledger.create(life.provider, life.id, life.currency, life.total, due, draft=life.draft, payable=life.payable)


LIVES = (
    Life(
        "meteroid", "inv_2ZkPq7wXcVbN4mLrT9sYd1", "EUR", 107_998, draft=True,
        steps=(
            Step((_T.FINALIZED,), lambda ledger, bill: ledger.finalize(bill)),
            Step((_T.PAYMENT_FAILED,), lambda ledger, bill: ledger.fail_payment(bill)),
            Step((_T.PARTIALLY_PAID,), lambda ledger, bill: ledger.pay(bill, 40_000)),
            Step((_T.PAID,), lambda ledger, bill: ledger.pay(bill)),
            Step((_T.PAYMENT_REVERSED,), lambda ledger, bill: ledger.chargeback(bill, 67_998)),
        ),
    ),
    Life(
        "meteroid", "inv_5HtGf8sQwErU2kJzX6cVb3", "JPY", 980_000,
        steps=(
            Step((_T.CREDITED,), lambda ledger, bill: ledger.credit(bill, 80_000)),
            Step((_T.MARKED_UNCOLLECTIBLE,), lambda ledger, bill: ledger.write_off(bill)),
            Step((_T.REOPENED,), lambda ledger, bill: ledger.reopen(bill)),
        ),
    ),
    Life(
        "dollr", "48213", "USD", 25_000, due_in=timedelta(seconds=11),
        steps=(
            Step((_T.DUE_SOON,)),
            Step((_T.OVERDUE,)),
            Step((_T.OVERDUE_REMINDER,)),
            Step((_T.PAYMENT_PENDING,), lambda ledger, bill: ledger.start_payment(bill)),
            Step((_T.PAYMENT_FAILED,), lambda ledger, bill: ledger.fail_payment(bill)),
            Step((_T.PAID, _T.OVERDUE_CLEARED), lambda ledger, bill: ledger.pay(bill)),
        ),
    ),
    Life(
        "rapyd", "invoice_0b7a3f1d9c2e4a6885d1f0c3b2a49e71", "SGD", 64_900,
        steps=(
            Step((_T.PAID,), lambda ledger, bill: ledger.pay(bill)),
            Step((_T.REFUNDED,), lambda ledger, bill: ledger.refund(bill, 14_900)),
            Step((_T.DELETED,), lambda ledger, bill: ledger.delete(bill)),
        ),
    ),
    Life(
        "rapyd", "invoice_7d41e8a2f6b04c1c93a5e2d8f7061b34", "KWD", 12_500,
        steps=(
            Step((_T.AMOUNT_CHANGED,), lambda ledger, bill: ledger.change_total(bill, 13_250)),
            Step((_T.VOIDED,), lambda ledger, bill: ledger.void(bill)),
        ),
    ),
    Life(
        "chargeover", "10042", "USD", 19_900,
        steps=(
            Step((_T.PARTIALLY_PAID,), lambda ledger, bill: ledger.pay(bill, 9_900)),
            Step((_T.PAID,), lambda ledger, bill: ledger.pay(bill)),
        ),
    ),
    Life(
        "chargeover", "10043", "USD", 4_500,
        steps=(Step((_T.VOIDED,), lambda ledger, bill: ledger.void(bill)),),
    ),
    Life(
        "fragment", "frg_payin_7301", "GBP", 250_000, overdue_listed=True, first=(_T.TRACKED, _T.OVERDUE),
        steps=(
            Step((_T.PARTIALLY_PAID,), lambda ledger, bill: ledger.pay(bill, 100_000)),
            Step((_T.PAID, _T.OVERDUE_CLEARED), lambda ledger, bill: ledger.pay(bill)),
        ),
    ),
    Life(
        "fragment", "frg_payout_7302", "GBP", 83_050, payable=True,
        steps=(Step((_T.PAID,), lambda ledger, bill: ledger.pay(bill)),),
    ),
)  # fmt: skip
