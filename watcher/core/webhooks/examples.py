"""A realistic body of every event type, for developers of receivers. The real rules decide what each contains."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import cast

from watcher.core import json_text
from watcher.core.invoices.body import Observation, about_endpoint, about_source, full, thin
from watcher.core.invoices.clock_events import ClockRules
from watcher.core.invoices.event import EventType
from watcher.core.invoices.history_state import HistoryState
from watcher.core.invoices.invoice import Amounts, Customer, Direction, Snapshot, Status
from watcher.core.invoices.transition import observe
from watcher.core.webhooks.endpoint_health import RECOVERED, Reason

TEST_ID_PREFIX = "evt_test_"

_T = EventType
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_SOURCE, _PROVIDER, _INVOICE, _ENDPOINT = "example", "meteroid", "inv_example", "example"
_RULES = ClockRules(due_soon=(7 * _DAY,), reminders=(_DAY,))
_DUE_IN_DAYS = {_T.DUE_SOON: 7, _T.OVERDUE: 0, _T.OVERDUE_REMINDER: -1, _T.OVERDUE_CLEARED: -1}
_USUALLY_DUE_IN_DAYS = 20
_REASONS = {
    _T.SOURCE_FAILING: "credentials refused",
    _T.SOURCE_RECOVERED: "answers again",
    _T.ENDPOINT_DISABLED: Reason.GONE.value,
    _T.ENDPOINT_RECOVERED: RECOVERED,
    _T.WEBHOOK_TEST: "command line",
}

Scene = tuple[Snapshot, ...]
"""What successive polls of an invoice find; the last one causes the event."""
Scenes = dict[EventType, Scene]


def example(event_type: EventType, event_id: str, now: datetime, *, is_thin: bool = False) -> bytes:
    """A body with `"test": true` and an id that begins with `evt_test_`: real events have neither."""
    whole = _about_watcher(event_type, now) if event_type in _REASONS else _about_invoice(event_type, now)
    document = cast("Mapping[str, object]", json_text.read(whole))
    data = cast("Mapping[str, object]", document["data"])
    body = json_text.write({**document, "data": {**data, "event_id": event_id, "test": True}})
    return thin(body, truncated=False) if is_thin and "invoice" in data else body


def _about_watcher(event_type: EventType, now: datetime) -> bytes:
    since, reason = now - _HOUR, _REASONS[event_type]
    if event_type in {_T.SOURCE_FAILING, _T.SOURCE_RECOVERED}:
        return about_source(event_type, source=_SOURCE, provider=_PROVIDER, reason=reason, since=since, now=now)[1]
    return about_endpoint(event_type, endpoint=_ENDPOINT, reason=reason, since=since, now=now)[1]


def _about_invoice(event_type: EventType, now: datetime) -> bytes:
    midnight = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    scene = _scene(event_type, midnight)
    polls = [midnight - number * _HOUR for number in range(len(scene) - 1, 0, -1)]
    memory = HistoryState()
    for seen, at in zip(scene[:-1], polls, strict=True):
        memory = observe(memory, seen, None, at, _RULES, clock_held=False).memory
    last = observe(memory, scene[-1], None, now, _RULES, clock_held=False)
    event = next(event for event in last.events if event.fact.type is event_type)
    return full(event, last.snapshot, Observation(polls[-1] if polls else None, now, now), now)


def _scene(event_type: EventType, midnight: datetime) -> Scene:
    """The days before `midnight`, and what is found after it."""
    invoice = _open(midnight, midnight + _DUE_IN_DAYS.get(event_type, _USUALLY_DUE_IN_DAYS) * _DAY)
    scenes = _money(invoice, midnight) | _endings(invoice, midnight) | _terms(invoice, midnight)
    return scenes[event_type]


def _terms(invoice: Snapshot, midnight: datetime) -> Scenes:
    draft = replace(invoice, status=Status.DRAFT, provider_status="DRAFT/UNPAID", finalized_at=None)
    return {
        _T.TRACKED: (invoice,),
        _T.FINALIZED: (draft, invoice),
        _T.DUE_DATE_CHANGED: (invoice, _due(invoice, midnight + 30 * _DAY)),
        _T.AMOUNT_CHANGED: (invoice, replace(invoice, amounts=_euros("1199.98", total="1199.98"), line_count=4)),
        _T.UPDATED: (invoice, replace(invoice, line_count=4)),
        _T.DUE_SOON: (invoice, invoice),
        _T.OVERDUE: (invoice, invoice),
        _T.OVERDUE_REMINDER: (invoice, invoice),
    }


def _money(invoice: Snapshot, midnight: datetime) -> Scenes:
    paid = replace(
        invoice, status=Status.PAID, provider_status="FINALIZED/PAID", paid_at=midnight, amounts=_euros(paid="1079.98")
    )
    partly = replace(
        invoice,
        status=Status.PARTIALLY_PAID,
        provider_status="FINALIZED/PARTIALLY_PAID",
        amounts=_euros("679.98", paid="400.00"),
    )
    return {
        _T.CREDITED: (invoice, replace(invoice, amounts=_euros("979.98", credited="100.00"))),
        _T.PAYMENT_FAILED: (invoice, replace(invoice, failed_attempts=1, last_payment_error="card_declined")),
        _T.PAYMENT_PENDING: (invoice, replace(invoice, payment_pending=True)),
        _T.PARTIALLY_PAID: (invoice, partly),
        _T.REFUNDED: (paid, replace(paid, amounts=_euros(paid="1079.98", refunded="79.98"))),
        _T.PAYMENT_REVERSED: (paid, invoice),
        _T.PAID: (invoice, paid),
        _T.OVERPAID: (paid, replace(paid, amounts=_euros(paid="1100.00"))),
        _T.OVERDUE_CLEARED: (invoice, paid),
    }


def _endings(invoice: Snapshot, midnight: datetime) -> Scenes:
    void = replace(invoice, status=Status.VOID, provider_status="VOID/UNPAID", voided_at=midnight, amounts=_euros("0"))
    deleted = replace(invoice, status=Status.DELETED, amounts=_euros("0"))
    uncollectible = replace(
        invoice,
        status=Status.UNCOLLECTIBLE,
        provider_status="UNCOLLECTIBLE/UNPAID",
        amounts=_euros("0", written_off="1079.98"),
    )
    return {
        _T.RESTORED: (invoice, deleted, invoice),
        _T.REOPENED: (void, invoice),
        _T.VOIDED: (invoice, void),
        _T.MARKED_UNCOLLECTIBLE: (invoice, uncollectible),
        _T.DELETED: (invoice, deleted),
    }


def _open(midnight: datetime, due_at: datetime) -> Snapshot:
    issued_at = midnight - 10 * _DAY
    snapshot = Snapshot(
        source=_SOURCE, provider=_PROVIDER, id=_INVOICE, number="INV-0042", status=Status.OPEN,
        provider_status="FINALIZED/UNPAID", overdue=False, payment_pending=False, failed_attempts=0,
        last_payment_error=None, direction=Direction.RECEIVABLE, amounts=_euros("1079.98"), issued_on=issued_at.date(),
        due_on=None, due_at=None, created_at=issued_at - _HOUR, finalized_at=issued_at, paid_at=None, voided_at=None,
        customer=Customer("cus_example", None), line_count=3, url=None, tags=("example",),
    )  # fmt: skip
    return _due(snapshot, due_at)


def _due(snapshot: Snapshot, due_at: datetime) -> Snapshot:
    due_on: date = (due_at - _DAY).date()
    return replace(snapshot, due_on=due_on, due_at=due_at, due_key=due_on.isoformat())


def _euros(
    due: str = "0",
    *,
    total: str = "1079.98",
    paid: str = "0",
    credited: str = "0",
    refunded: str = "0",
    written_off: str = "0",
) -> tuple[Amounts, ...]:
    cents = Decimal("0.01")
    return (
        Amounts(
            currency="EUR",
            total=Decimal(total).quantize(cents),
            paid=Decimal(paid).quantize(cents),
            due=Decimal(due).quantize(cents),
            credited=Decimal(credited).quantize(cents),
            refunded=Decimal(refunded).quantize(cents),
            written_off=Decimal(written_off).quantize(cents),
        ),
    )
