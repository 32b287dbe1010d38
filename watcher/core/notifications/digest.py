"""One message about everything that happened in a period: by kind of event, with sums per currency."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from types import MappingProxyType

from watcher.core.invoices.event import EventType
from watcher.core.money import exact, text
from watcher.core.notifications.event_facts import EventFacts, InvoiceFacts, Money
from watcher.core.notifications.message import due_text, page_url
from watcher.core.notifications.wording import money_text, sentence

MOST_ROWS = 50
"""Invoices that a group names; its sums count all."""

_NAMED_IN_SUBJECT = 3
_T = EventType


_Newest = Mapping[tuple[str, str], tuple[int, InvoiceFacts]]
"""By source and id of the invoice: the sequence of its newest event in the digest, and the invoice as it was then."""


class _Figure(Enum):
    """What a group adds up."""

    DUE = "due"
    TOTAL = "in total"
    PAID = "paid"
    MOVED = ""


_GROUPS: Mapping[EventType, tuple[str, _Figure]] = MappingProxyType(
    {
        _T.SOURCE_FAILING: ("Accounts that cannot be polled", _Figure.DUE),
        _T.ENDPOINT_DISABLED: ("Endpoints that were disabled", _Figure.DUE),
        _T.OVERDUE: ("Overdue", _Figure.DUE),
        _T.OVERDUE_REMINDER: ("Still overdue", _Figure.DUE),
        _T.PAYMENT_FAILED: ("Failed payments", _Figure.DUE),
        _T.PAYMENT_REVERSED: ("Reversed payments", _Figure.MOVED),
        _T.DUE_SOON: ("Due soon", _Figure.DUE),
        _T.PAID: ("Paid", _Figure.PAID),
        _T.PARTIALLY_PAID: ("Partially paid", _Figure.PAID),
        _T.OVERPAID: ("Overpaid", _Figure.TOTAL),
        _T.PAYMENT_PENDING: ("Pending payments", _Figure.DUE),
        _T.REFUNDED: ("Refunded", _Figure.MOVED),
        _T.CREDITED: ("Credited", _Figure.MOVED),
        _T.FINALIZED: ("Finalized", _Figure.TOTAL),
        _T.REOPENED: ("Reopened", _Figure.DUE),
        _T.OVERDUE_CLEARED: ("No longer overdue", _Figure.TOTAL),
        _T.AMOUNT_CHANGED: ("Changed amounts", _Figure.TOTAL),
        _T.DUE_DATE_CHANGED: ("Changed due dates", _Figure.DUE),
        _T.VOIDED: ("Voided", _Figure.TOTAL),
        _T.MARKED_UNCOLLECTIBLE: ("Marked uncollectible", _Figure.TOTAL),
        _T.DELETED: ("Deleted at the provider", _Figure.TOTAL),
        _T.RESTORED: ("Deleted and back", _Figure.DUE),
        _T.TRACKED: ("Newly watched", _Figure.DUE),
        _T.UPDATED: ("Other changes", _Figure.DUE),
        _T.SOURCE_RECOVERED: ("Accounts that are polled again", _Figure.DUE),
        _T.ENDPOINT_RECOVERED: ("Endpoints that get their events again", _Figure.DUE),
        _T.WEBHOOK_TEST: ("Tests", _Figure.DUE),
    }
)
"""In the order of the message: what needs somebody comes first."""
_URGENT = frozenset(
    {
        _T.SOURCE_FAILING,
        _T.ENDPOINT_DISABLED,
        _T.OVERDUE,
        _T.OVERDUE_REMINDER,
        _T.PAYMENT_FAILED,
        _T.PAYMENT_REVERSED,
    }
)


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    customer: str | None
    facts: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Group:
    """`count` is how many invoices (or accounts, endpoints) it is about; `rows` has the first of them.

    `is_urgent`: it needs somebody.
    """

    title: str
    count: int
    sums: tuple[str, ...]
    rows: tuple[Row, ...]
    is_urgent: bool = False

    @property
    def heading(self) -> str:
        return f"{self.title}: {', '.join((str(self.count), *self.sums))}"

    @property
    def unnamed(self) -> int:
        return self.count - len(self.rows)


@dataclass(frozen=True, slots=True)
class Digest:
    subject: str
    groups: tuple[Group, ...]


def digest(
    events: Sequence[EventFacts], now: datetime, public_url: str | None, unreadable: Sequence[str] = ()
) -> Digest:
    """Each invoice once per kind of event, as it was at its newest event of any kind.

    `unreadable` are ids of events that this program cannot read: of types that a newer replica has.
    """
    newest = _newest(events)
    by_type: dict[EventType, list[EventFacts]] = {}
    for event in events:
        by_type.setdefault(event.type, []).append(event)
    groups = [_group(kind, by_type[kind], newest, now, public_url) for kind in _GROUPS if kind in by_type]
    if unreadable:
        rows = tuple(Row(event_id, None, "see the history", public_url) for event_id in unreadable[:MOST_ROWS])
        groups.append(Group("Events of kinds that this version does not know", len(unreadable), (), rows))
    named = [f"{group.title}: {group.count}" for group in groups[:_NAMED_IN_SUBJECT]]
    others = sum(group.count for group in groups[_NAMED_IN_SUBJECT:])
    return Digest(", ".join([*named, *([f"and {others} more"] if others else [])]), tuple(groups))


def _newest(events: Iterable[EventFacts]) -> _Newest:
    newest: dict[tuple[str, str], EventFacts] = {}
    for event in events:
        if event.invoice is not None:
            key = event.invoice.source, event.invoice.id
            if key not in newest or newest[key].sequence < event.sequence:
                newest[key] = event
    return {key: (event.sequence, event.invoice) for key, event in newest.items() if event.invoice is not None}


def _group(
    kind: EventType,
    events: Sequence[EventFacts],
    newest: _Newest,
    now: datetime,
    public_url: str | None,
) -> Group:
    title, figure = _GROUPS[kind]
    subjects: dict[tuple[str, str], list[EventFacts]] = {}
    for event in events:
        key = (event.subject, "") if event.invoice is None else (event.invoice.source, event.invoice.id)
        subjects.setdefault(key, []).append(event)
    rows = [_row(same, newest.get(key), figure, now, public_url) for key, same in list(subjects.items())[:MOST_ROWS]]
    return Group(title, len(subjects), _sums(subjects, newest, figure), tuple(rows), is_urgent=kind in _URGENT)


def _row(
    events: Sequence[EventFacts],
    newest: tuple[int, InvoiceFacts] | None,
    figure: _Figure,
    now: datetime,
    public_url: str | None,
) -> Row:
    event = events[-1]
    url = page_url(event, public_url)
    if newest is None:
        return Row(event.subject, None, sentence(event), url)
    sequence, invoice = newest
    times = f"{len(events)} times" if len(events) > 1 else None
    due = due_text(invoice, now)
    facts = (
        _figure_text(_moved(events, invoice, figure), figure),
        f"due date {due}" if due is not None and figure is _Figure.DUE else None,
        f"now {invoice.status.replace('_', ' ')}" if sequence > event.sequence else None,
        times,
    )
    return Row(invoice.label, invoice.customer, ", ".join(fact for fact in facts if fact), url)


def _moved(events: Sequence[EventFacts], invoice: InvoiceFacts, figure: _Figure) -> tuple[Money, ...]:
    match figure:
        case _Figure.DUE:
            return invoice.due
        case _Figure.TOTAL:
            return invoice.total
        case _Figure.PAID | _Figure.MOVED:
            return _added(money for event in events for money in event.delta)


def _sums(
    subjects: Mapping[tuple[str, str], Sequence[EventFacts]],
    newest: _Newest,
    figure: _Figure,
) -> tuple[str, ...]:
    """Receivables, then payables: money that comes in and money that goes out are never added."""
    sums: list[str] = []
    for is_payable in (False, True):
        invoices = {
            key: newest[key][1] for key in subjects if key in newest and newest[key][1].is_payable is is_payable
        }
        added = _added(money for key, one in invoices.items() for money in _moved(subjects[key], one, figure))
        sums += [f"{_figure_text((money,), figure)}{' (payable)' if is_payable else ''}" for money in added]
    return tuple(sums)


@exact
def _added(amounts: Iterable[Money]) -> tuple[Money, ...]:
    sums: dict[tuple[str, bool], Decimal] = {}
    for money in amounts:
        key = money.currency, money.is_minor
        sums[key] = sums.get(key, Decimal(0)) + Decimal(money.amount)
    return tuple(Money(currency, text(added), is_minor) for (currency, is_minor), added in sorted(sums.items()))


def _figure_text(amounts: Sequence[Money], figure: _Figure) -> str:
    return f"{money_text(amounts)} {figure.value}".strip() if amounts else ""
