"""The truth: every version that every invoice at the simulated providers has ever had."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from random import Random

from watcher.core.invoices.invoice import Amounts, Invoice, Status
from watcher.core.json_text import Document
from watcher.core.money import from_minor

_BUSY_SHARE = 0.3
_SETTLED = frozenset({"paid", "void"})


@dataclass(frozen=True, slots=True)
class Version:
    """One state of one invoice, in cents. `number` counts the versions from 1."""

    number: int
    status: str
    total: int
    paid: int
    due_on: date

    @property
    def is_settled(self) -> bool:
        return self.status in _SETTLED

    @property
    def document(self) -> dict[str, object]:
        return {
            "version": self.number,
            "status": self.status,
            "total": self.total,
            "paid": self.paid,
            "due_on": self.due_on.isoformat(),
        }


@dataclass(slots=True)
class Bill:
    """One invoice. It is hidden while its provider says that there is no such invoice."""

    source: str
    id: str
    versions: list[Version]
    is_hidden: bool = False
    hidden_at: datetime | None = None

    @property
    def now(self) -> Version:
        return self.versions[-1]

    def change(self, **parts: object) -> None:
        self.versions.append(replace(self.now, number=self.now.number + 1, **parts))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def read(invoice_id: str, document: Document) -> Invoice:
    """What an adapter makes of a version's document."""
    total, paid = (from_minor(str(document[key]), "EUR") for key in ("total", "paid"))
    status = Status(str(document["status"]))
    zero = total - total
    due = zero if status is Status.VOID else total - paid
    return Invoice(
        id=invoice_id,
        status=Status.PARTIALLY_PAID if status is Status.OPEN and paid and due else status,
        provider_status=str(document["status"]),
        amounts=(Amounts("EUR", total, paid, due, zero, zero, zero),),
        due=date.fromisoformat(str(document["due_on"])),
        revision=int(str(document["version"])),
    )


@dataclass
class Ledger:
    """All invoices of all sources, and what happens to them."""

    rng: Random
    busy: Bill | None = None
    """More happens to it than to others."""
    bills: dict[tuple[str, str], Bill] = field(default_factory=dict[tuple[str, str], Bill])

    def add(self, source: str, invoice_id: str, today: date) -> None:
        total = self.rng.randrange(100, 1_000_000)
        due_on = today + timedelta(days=self.rng.randrange(1, 20))
        status = self.rng.choice(["draft", "open", "open"])
        self.bills[source, invoice_id] = Bill(source, invoice_id, [Version(1, status, total, 0, due_on)])

    def of(self, source: str) -> list[Bill]:
        return [bill for bill in self.bills.values() if bill.source == source]

    def happen(self, now: datetime) -> tuple[Bill, str]:
        """Let one thing happen to one invoice; which, and what in words."""
        bill = self.rng.choice(list(self.bills.values()))
        if self.busy is not None and self.rng.random() < _BUSY_SHARE:
            bill = self.busy
        doing = self.rng.choice(_POSSIBLE[bill.now.status])
        doing(bill, self.rng, now)
        return bill, f"{bill.source} {bill.id} {doing.__name__.strip('_')} -> {bill.now.document}"


def _finalize(bill: Bill, _rng: Random, _now: datetime) -> None:
    bill.change(status="open")


def _pay(bill: Bill, _rng: Random, _now: datetime) -> None:
    bill.change(status="paid", paid=bill.now.total)


def _pay_part(bill: Bill, rng: Random, _now: datetime) -> None:
    left = bill.now.total - bill.now.paid
    if left > 1:
        bill.change(paid=bill.now.paid + rng.randrange(1, left))


def _reverse(bill: Bill, _rng: Random, _now: datetime) -> None:
    bill.change(status="open", paid=0)


def _void(bill: Bill, _rng: Random, _now: datetime) -> None:
    if not bill.now.paid:
        bill.change(status="void")


def _prolong(bill: Bill, rng: Random, now: datetime) -> None:
    bill.change(due_on=now.date() + timedelta(days=rng.randrange(1, 15)))


def _hide(bill: Bill, _rng: Random, now: datetime) -> None:
    bill.is_hidden, bill.hidden_at = not bill.is_hidden, now


def _touch(bill: Bill, _rng: Random, _now: datetime) -> None:
    bill.change()


_Happening = Callable[[Bill, Random, datetime], None]
_POSSIBLE: dict[str, list[_Happening]] = {
    "draft": [_finalize, _finalize, _prolong, _touch],
    "open": [_pay, _pay, _pay_part, _pay_part, _reverse, _void, _prolong, _hide, _touch],
    "paid": [_reverse, _touch, _touch],
    "void": [_touch],
}
