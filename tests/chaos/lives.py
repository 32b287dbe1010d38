"""Invoices that live on while the faults come, and what the newest event of each has to say in the end."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from watcher.sandbox import Bill, Ledger

PROVIDER = "meteroid"
_CHANGES_OF_A_LIFE = 10
"""Then an invoice is paid and left alone, and another one takes its place: its document would grow without end."""
_FAR_DAYS = 400


def expected(bill: Bill) -> dict[str, Any]:
    """What a snapshot of this bill has to show, by the contract's table for Meteroid."""
    stage = bill.stage.value
    paid = bill.settled - bill.reversed
    open_amount = max(0, bill.total - bill.credited - paid)
    status = {"void": "void", "written_off": "uncollectible", "draft": "draft"}.get(stage)
    if status is None:
        status = "partially_paid" if paid and open_amount else "open" if open_amount else "paid"
    due = 0 if status in {"void", "uncollectible"} else open_amount
    is_late = bill.due is not None and bill.due < datetime.now(UTC).date()
    return {
        "status": status,
        "overdue": is_late and due > 0 and status != "draft",
        "payment_pending": bill.pending,
        "failed_attempts": bill.failures,
        "due_on": bill.due.isoformat() if bill.due else None,
        "total": _major(bill.total),
        "paid": _major(paid),
        "due": _major(due),
        "credited": _major(bill.credited),
        "refunded": _major(bill.refunded),
        "written_off": _major(open_amount if status == "uncollectible" else 0),
    }


def shown(invoice: dict[str, Any]) -> dict[str, Any]:
    """The same fields of the snapshot in an event."""
    (row,) = invoice["amounts"]
    plain = ("status", "overdue", "payment_pending", "failed_attempts", "due_on")
    amounts = ("total", "paid", "due", "credited", "refunded", "written_off")
    return {key: invoice[key] for key in plain} | {key: row[key] for key in amounts}


def _major(cents: int) -> str:
    return f"{cents / 100:.2f}"


@dataclass
class Lives:
    """`young` are the invoices that change; all that ever lived are in `ids`."""

    ledger: Ledger
    rng: Random
    count: int
    ids: list[str] = field(default_factory=list[str])
    changes: dict[str, int] = field(default_factory=dict[str, int])

    def begin(self) -> None:
        while len(self.young) < self.count:
            invoice_id = f"inv_{len(self.ids)}"
            due = datetime.now(UTC).date() + timedelta(days=_FAR_DAYS)
            is_draft = self.rng.random() < 0.2
            self.ledger.create(PROVIDER, invoice_id, "EUR", self.rng.randint(1_000, 200_000), due, draft=is_draft)
            self.ids.append(invoice_id)
            self.changes[invoice_id] = 0

    @property
    def young(self) -> list[str]:
        return [one for one in self.ids[-4 * self.count :] if self.changes[one] < _CHANGES_OF_A_LIFE]

    def go_on(self, times: int) -> bool:
        """Let things happen; whether an invoice was born, which the watch list has to name then."""
        born = len(self.ids)
        for _ in range(times):
            invoice_id = self.rng.choice(self.young)
            bill = self.ledger.bill(PROVIDER, invoice_id)
            self.changes[invoice_id] += 1
            if self.changes[invoice_id] == _CHANGES_OF_A_LIFE:
                _finish(self.ledger, bill)
            else:
                _change(self.ledger, bill, self.rng)
            self.begin()
        return len(self.ids) > born

    def bill(self, invoice_id: str) -> Bill:
        return self.ledger.bill(PROVIDER, invoice_id)


def _finish(ledger: Ledger, bill: Bill) -> None:
    if bill.stage.value in {"void", "written_off"}:
        ledger.reopen(bill)
    if bill.pending:
        ledger.fail_payment(bill)
    if bill.owed:
        ledger.pay(bill)


def _change(ledger: Ledger, bill: Bill, rng: Random) -> None:
    """Something that can happen to it as it is."""
    kept = sum(payment.kept for payment in bill.payments)
    if bill.pending:
        rng.choice([ledger.pay, ledger.fail_payment])(bill)
    elif bill.stage.value == "draft":
        ledger.finalize(bill)
    elif bill.stage.value in {"void", "written_off"}:
        ledger.reopen(bill)
    elif bill.owed:
        _change_open(ledger, bill, rng, kept)
    else:
        _change_paid(ledger, bill, rng, kept)


def _change_open(ledger: Ledger, bill: Bill, rng: Random, kept: int) -> None:
    match rng.randrange(12):
        case 0 if not kept:
            ledger.void(bill)
        case 1:
            ledger.write_off(bill)
        case 2:
            ledger.credit(bill, rng.randint(1, bill.owed))
        case 3:
            ledger.fail_payment(bill)
        case 4:
            ledger.start_payment(bill)
        case 5:
            _move_due(ledger, bill, rng)
        case 6 | 7 | 8:
            ledger.pay(bill)
        case _:
            ledger.pay(bill, rng.randint(1, bill.owed))


def _change_paid(ledger: Ledger, bill: Bill, rng: Random, kept: int) -> None:
    if kept and rng.random() < 0.7:
        ledger.chargeback(bill, rng.randint(1, kept))
    elif kept:
        ledger.refund(bill, rng.randint(1, kept))
    else:
        _move_due(ledger, bill, rng)


def _move_due(ledger: Ledger, bill: Bill, rng: Random) -> None:
    """To a day long past or far ahead."""
    days = rng.randint(-_FAR_DAYS, -2) if rng.random() < 0.5 else rng.randint(2, _FAR_DAYS)
    ledger.change_due(bill, datetime.now(UTC).date() + timedelta(days=days))
