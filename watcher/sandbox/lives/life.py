"""What a life is, and what may happen in it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from watcher.sandbox.bill import Bill
from watcher.sandbox.ledger import Ledger

Act = Callable[[Ledger, Bill, datetime], None]
"""Change a bill in the ledger; the instant is the present."""

LATE = timedelta(days=-2)
"""Past in every time zone."""


@dataclass(frozen=True, slots=True)
class Step:
    """`at` is counted from the start of the demo; `expects` are the events that a watcher has to record for it."""

    at: timedelta
    description: str
    act: Act
    expects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Life:
    provider: str
    id: str
    currency: str
    total: int
    steps: tuple[Step, ...]
    due_in: timedelta = timedelta(days=30)
    draft: bool = False
    watch_due_in: timedelta | None = None
    """The due date of the watch, if the provider has none."""
    late: bool = False
    """Overdue from the first poll on."""
    source: str = ""
    """In the configuration; like the provider if it is empty."""

    @property
    def source_name(self) -> str:
        return self.source or self.provider

    @property
    def expects(self) -> tuple[str, ...]:
        first = ("invoice.tracked", "invoice.overdue") if self.late else ("invoice.tracked",)
        return first + tuple(event for step in self.steps for event in step.expects)


def step(at: int, description: str, act: Act, *expects: str) -> Step:
    return Step(timedelta(seconds=at), description, act, tuple(f"invoice.{event}" for event in expects))


def pay(amount: int | None = None) -> Act:
    return lambda ledger, bill, _now: ledger.pay(bill, amount)


def move_due(ahead: timedelta) -> Act:
    return lambda ledger, bill, now: ledger.change_due(bill, now.replace(microsecond=0) + ahead)


def finalize(ledger: Ledger, bill: Bill, _now: datetime) -> None:
    ledger.finalize(bill)


def start_payment(ledger: Ledger, bill: Bill, _now: datetime) -> None:
    ledger.start_payment(bill)


def fail_payment(ledger: Ledger, bill: Bill, _now: datetime) -> None:
    ledger.fail_payment(bill)


def void(ledger: Ledger, bill: Bill, _now: datetime) -> None:
    ledger.void(bill)


def write_off(ledger: Ledger, bill: Bill, _now: datetime) -> None:
    ledger.write_off(bill)


def delete(ledger: Ledger, bill: Bill, _now: datetime) -> None:
    ledger.delete(bill)


def restore(ledger: Ledger, bill: Bill, _now: datetime) -> None:
    ledger.restore(bill)


def refund(amount: int) -> Act:
    return lambda ledger, bill, _now: ledger.refund(bill, amount)


def chargeback(amount: int) -> Act:
    return lambda ledger, bill, _now: ledger.chargeback(bill, amount)


def credit(amount: int) -> Act:
    return lambda ledger, bill, _now: ledger.credit(bill, amount)


def change_total(total: int) -> Act:
    return lambda ledger, bill, _now: ledger.change_total(bill, total)
