"""The events: their types in the order of recording, what each one contains, and how their ids are derived."""

import hashlib
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from watcher.core.invoices.diff import FieldChange
from watcher.core.value_object import value_object


class EventType(StrEnum):
    """All event types. The events of one transition are recorded in this order."""

    TRACKED = "invoice.tracked"
    RESTORED = "invoice.restored"
    FINALIZED = "invoice.finalized"
    DUE_DATE_CHANGED = "invoice.due_date_changed"
    AMOUNT_CHANGED = "invoice.amount_changed"
    CREDITED = "invoice.credited"
    PAYMENT_FAILED = "invoice.payment_failed"
    PAYMENT_PENDING = "invoice.payment_pending"
    PARTIALLY_PAID = "invoice.partially_paid"
    REFUNDED = "invoice.refunded"
    PAYMENT_REVERSED = "invoice.payment_reversed"
    REOPENED = "invoice.reopened"
    PAID = "invoice.paid"
    OVERPAID = "invoice.overpaid"
    VOIDED = "invoice.voided"
    MARKED_UNCOLLECTIBLE = "invoice.marked_uncollectible"
    DELETED = "invoice.deleted"
    UPDATED = "invoice.updated"
    OVERDUE_CLEARED = "invoice.overdue_cleared"
    DUE_SOON = "invoice.due_soon"
    OVERDUE = "invoice.overdue"
    OVERDUE_REMINDER = "invoice.overdue_reminder"
    SOURCE_FAILING = "source.failing"
    SOURCE_RECOVERED = "source.recovered"
    ENDPOINT_DISABLED = "endpoint.disabled"
    ENDPOINT_RECOVERED = "endpoint.recovered"
    WEBHOOK_TEST = "webhook.test"


CLOCK_TYPES = frozenset({EventType.OVERDUE_CLEARED, EventType.DUE_SOON, EventType.OVERDUE, EventType.OVERDUE_REMINDER})
"""Recorded once per (invoice, due date value, offset), which also identify them."""

ORDER = {event_type: place for place, event_type in enumerate(EventType)}


@value_object
class Delta:
    """How far the amount moved that the event is about, as a positive number."""

    currency: str
    amount: Decimal


@value_object
class Fact:
    """One event before it has a sequence number and an id.

    `inferred`: nobody observed the moment itself. `offset` belongs to due_soon and reminders, `attempts_delta` to
    payment_failed. `occurred_at` is the provider's time, or the clock's for clock events.
    """

    type: EventType
    changes: tuple[FieldChange, ...] = ()
    delta: tuple[Delta, ...] | None = None
    occurred_at: datetime | None = None
    reason: str | None = None
    inferred: bool = False
    offset: str | None = None
    attempts_delta: int | None = None
    due_key: str | None = None


CONFIGURATION = "configuration"
"""The reason of an `invoice.updated` that only the watch list or the configuration caused."""


def is_quiet(event_type: EventType, reason: str | None) -> bool:
    """Always in the history, delivered only to endpoints that ask for it (`announce_tracked`)."""
    return event_type is EventType.TRACKED or (event_type is EventType.UPDATED and reason == CONFIGURATION)


def fact_id(source: str, invoice_id: str, fact: Fact, version: int) -> str:
    """The same fact has the same id whenever it is decided: after a crash, or on another replica.

    A fact from a comparison is identified by the version of its snapshot. A clock event is identified by the value of
    the due date, so that a change of time zone, grace or clock makes no second one.
    """
    if fact.type in CLOCK_TYPES:
        return _derive(source, invoice_id, fact.type, fact.due_key or "", fact.offset or "")
    return _derive(source, invoice_id, fact.type, str(version))


def watcher_event_id(event_type: EventType, name: str, since: str) -> str:
    """The id of an event about a source or an endpoint: one per (type, name, beginning)."""
    return _derive(event_type, name, since)


def _derive(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(b"%d:%b" % (len(encoded), encoded))
    return f"evt_{digest.hexdigest()[:32]}"


def is_change_at_provider(fact: Fact) -> bool:
    """Whether the provider changed the invoice: not the clock, not the configuration, and no first poll."""
    return fact.type not in CLOCK_TYPES and not is_quiet(fact.type, fact.reason)
