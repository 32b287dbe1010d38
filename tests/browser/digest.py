"""A digest as finance gets it, made by the program's own code of events with fixed facts."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from watcher.core.invoices.event import EventType
from watcher.core.notifications.digest import Digest, digest
from watcher.core.notifications.event_facts import EventFacts, InvoiceFacts, Money
from watcher.notify.rendering import Rendered, render

NOW = datetime(2026, 12, 1, 8, tzinfo=UTC)
_DAY = timedelta(days=1)
_PUBLIC_URL = "https://watcher.example.com"


@dataclass(frozen=True, slots=True)
class _Case:
    """What happened to an invoice that fell due this many days ago."""

    kind: EventType
    invoice: int
    customer: str
    currency: str
    due: str
    paid: str
    days: int


def sample() -> Digest:
    """A day with overdue invoices, a failed payment, payments in two currencies, and an account that refuses us."""
    days = (
        _Case(EventType.OVERDUE, 41, "cus_Northwind", "EUR", "1079.98", "0.00", 1),
        _Case(EventType.OVERDUE, 42, "cus_Contoso", "EUR", "250.00", "0.00", 1),
        _Case(EventType.OVERDUE_REMINDER, 43, "cus_Tailspin", "USD", "18400.00", "0.00", 8),
        _Case(EventType.PAYMENT_FAILED, 44, "cus_Fabrikam", "EUR", "89.90", "0.00", -5),
        _Case(EventType.DUE_SOON, 45, "cus_Litware", "EUR", "640.00", "0.00", -7),
        _Case(EventType.PAID, 46, "cus_Adatum", "EUR", "0.00", "2310.50", -3),
        _Case(EventType.PAID, 47, "cus_Proseware", "USD", "0.00", "980.00", -12),
    )
    events = [_event(number, case) for number, case in enumerate(days)]
    failing = EventFacts(
        id="evt_source",
        type=EventType.SOURCE_FAILING,
        timestamp=NOW,
        sequence=0,
        subject="shop",
        reason="credentials refused",
        offset=None,
        delta=(),
        changes=(),
        invoice=None,
        is_example=False,
    )
    return digest([failing, *events], NOW, _PUBLIC_URL)


def _event(number: int, case: _Case) -> EventFacts:
    kind = case.kind
    facts = InvoiceFacts(
        source="acme",
        id=f"inv_{case.invoice:06}",
        number=f"INV-2026-{case.invoice:04}",
        status="paid" if kind is EventType.PAID else "open",
        is_payable=False,
        customer_id=case.customer,
        customer_name=None,
        due_on=(NOW - case.days * _DAY).date().isoformat(),
        due_at=datetime.combine((NOW - (case.days - 1) * _DAY).date(), time(), UTC),
        is_overdue=case.days > 0,
        error="card_declined" if kind is EventType.PAYMENT_FAILED else None,
        due=(Money(case.currency, case.due),),
        total=(Money(case.currency, case.due if case.paid == "0.00" else case.paid),),
    )
    return EventFacts(
        id=f"evt_{number}",
        type=kind,
        timestamp=NOW,
        sequence=1,
        subject="acme",
        reason=None,
        offset="7d" if kind in {EventType.DUE_SOON, EventType.OVERDUE_REMINDER} else None,
        delta=(Money(case.currency, case.paid),) if kind is EventType.PAID else (),
        changes=(),
        invoice=facts,
        is_example=False,
    )


def rendered() -> Rendered:
    return render(sample(), "finance")


def digest_html() -> str:
    return rendered().html
