"""The message about one event."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from watcher.core.invoices.event import EventType
from watcher.core.notifications.event_facts import EventFacts, InvoiceFacts
from watcher.core.notifications.wording import changes_text, money_text, sentence

_PAGES = {
    EventType.SOURCE_FAILING: "/",
    EventType.SOURCE_RECOVERED: "/",
    EventType.ENDPOINT_DISABLED: "/endpoints",
    EventType.ENDPOINT_RECOVERED: "/endpoints",
}


@dataclass(frozen=True, slots=True)
class Message:
    """`rows` are labels with their values; `url` is the page to read on, None without a `public_url`."""

    subject: str
    rows: tuple[tuple[str, str], ...]
    url: str | None


def message(event: EventFacts, now: datetime, public_url: str | None) -> Message:
    """`now` is when it is sent: the days overdue are counted up to then."""
    invoice = event.invoice
    rows = _about_watcher(event) if invoice is None else (*_rows(invoice, now), *changes_text(event))
    return Message(sentence(event), tuple(rows), page_url(event, public_url))


def page_url(event: EventFacts, public_url: str | None) -> str | None:
    if public_url is None:
        return None
    path = _PAGES.get(event.type) if event.invoice is None else _path(event.invoice)
    return None if path is None else public_url.rstrip("/") + path


def due_text(invoice: InvoiceFacts, now: datetime) -> str | None:
    """The due date, and how long it has passed."""
    if (days := invoice.days_overdue(now)) is not None:
        return f"{invoice.due_on or 'not known'}, {days} day{'' if days == 1 else 's'} overdue"
    return invoice.due_on


def _rows(invoice: InvoiceFacts, now: datetime) -> Iterator[tuple[str, str]]:
    yield "Invoice", f"{invoice.number} ({invoice.id})" if invoice.number else invoice.id
    if invoice.customer is not None:
        yield "Supplier" if invoice.is_payable else "Customer", invoice.customer
    yield "Amount due", money_text(invoice.due)
    yield "Total", money_text(invoice.total)
    if (due := due_text(invoice, now)) is not None:
        yield "Due date", due
    yield "Status", invoice.status.replace("_", " ")
    if invoice.error is not None:
        yield "Last payment error", invoice.error
    yield "Source", invoice.source


def _about_watcher(event: EventFacts) -> Iterator[tuple[str, str]]:
    if event.reason is not None and event.type is not EventType.WEBHOOK_TEST:
        yield "Reason", event.reason
    yield "Time", event.timestamp.strftime("%Y-%m-%d %H:%M UTC")


def _path(invoice: InvoiceFacts) -> str:
    return f"/invoices/{quote(invoice.source, safe='')}/{quote(invoice.id, safe='')}"
