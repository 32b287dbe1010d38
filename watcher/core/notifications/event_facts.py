"""What a message needs of an event, read from the event's full body."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from watcher.core import json_text
from watcher.core.instants import read_instant
from watcher.core.invoices.event import EventType

_DAY = timedelta(days=1)
_MINOR = "minor"

_Object = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Money:
    """`amount` is an exact decimal; `is_minor`: in whole minor units, because the currency's decimals are unknown."""

    currency: str
    amount: str
    is_minor: bool = False

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}{' (minor units)' if self.is_minor else ''}"


@dataclass(frozen=True, slots=True)
class InvoiceFacts:
    source: str
    id: str
    number: str | None
    status: str
    is_payable: bool
    customer_id: str | None
    customer_name: str | None
    due_on: str | None
    due_at: datetime | None
    is_overdue: bool
    error: str | None
    due: tuple[Money, ...]
    total: tuple[Money, ...]

    @property
    def label(self) -> str:
        return self.number or self.id

    @property
    def customer(self) -> str | None:
        names = [name for name in (self.customer_name, self.customer_id) if name]
        return f"{names[0]} ({names[1]})" if len(names) > 1 else next(iter(names), None)

    def days_overdue(self, now: datetime) -> int | None:
        """1 on the first day after the due date; None unless it is overdue."""
        if not self.is_overdue or self.due_at is None or now < self.due_at:
            return None
        return (now - self.due_at) // _DAY + 1


@dataclass(frozen=True, slots=True)
class EventFacts:
    """`subject` is the source or endpoint of an event about one. `changes` are (field, before, after)."""

    id: str
    type: EventType
    timestamp: datetime
    sequence: int
    subject: str
    reason: str | None
    offset: str | None
    delta: tuple[Money, ...]
    changes: tuple[tuple[str, object, object], ...]
    invoice: InvoiceFacts | None
    is_example: bool


def read_event(body: bytes) -> EventFacts:
    document = cast("_Object", json_text.read(body))
    data = cast("_Object", document["data"])
    invoice = cast("_Object | None", data.get("invoice"))
    facts = None if invoice is None else _invoice(invoice)
    minor = set[str]() if facts is None else {money.currency for money in facts.total if money.is_minor}
    return EventFacts(
        id=str(data["event_id"]),
        type=EventType(str(document["type"])),
        timestamp=read_instant(str(document["timestamp"])),
        sequence=cast("int", data.get("sequence") or 0),
        subject=str(data.get("source") or data.get("endpoint") or ""),
        reason=_line(data.get("reason")),
        offset=cast("str | None", data.get("offset")),
        delta=tuple(
            Money(str(row["currency"]), str(row["amount"]), str(row["currency"]) in minor)
            for row in _rows(data.get("delta"))
        ),
        changes=tuple((str(row["field"]), row["before"], row["after"]) for row in _rows(data.get("changes"))),
        invoice=facts,
        is_example=data.get("test") is True,
    )


def _invoice(invoice: _Object) -> InvoiceFacts:
    customer = cast("_Object", invoice["customer"])
    due_at = invoice["due_at"]
    return InvoiceFacts(
        source=str(invoice["source"]),
        id=str(invoice["id"]),
        number=_line(invoice["number"]),
        status=str(invoice["status"]),
        is_payable=invoice["direction"] == "payable",
        customer_id=_line(customer["id"]),
        customer_name=_line(customer["name"]),
        due_on=cast("str | None", invoice["due_on"]),
        due_at=None if due_at is None else read_instant(str(due_at)),
        is_overdue=invoice["overdue"] is True,
        error=_line(invoice["last_payment_error"]),
        due=_amounts(invoice, "due"),
        total=_amounts(invoice, "total"),
    )


def _amounts(invoice: _Object, name: str) -> tuple[Money, ...]:
    rows = _rows(invoice["amounts"])
    return tuple(Money(str(row["currency"]), str(row[name]), row.get("unit") == _MINOR) for row in rows)


def _rows(value: object) -> Sequence[_Object]:
    return cast("Sequence[_Object]", value or ())


def _line(value: object) -> str | None:
    """Text of a provider on one line: it stands in subjects."""
    return " ".join(str(value).split()) or None if value is not None else None
