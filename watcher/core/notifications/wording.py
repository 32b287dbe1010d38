"""What happened, in a sentence for people."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import cast

from watcher.core.invoices.event import CONFIGURATION, EventType
from watcher.core.notifications.event_facts import EventFacts, Money

_T = EventType

_SENTENCES: Mapping[EventType, str] = MappingProxyType(
    {
        _T.TRACKED: "{Invoice} is watched from now on",
        _T.RESTORED: "{Invoice} was deleted and is back",
        _T.FINALIZED: "{Invoice} was finalized: {due} due",
        _T.DUE_DATE_CHANGED: "The due date of {invoice} changed to {due_on}",
        _T.AMOUNT_CHANGED: "The amount of {invoice} changed to {total}",
        _T.CREDITED: "{Invoice} was credited: {delta}",
        _T.PAYMENT_FAILED: "A payment of {invoice} failed: {due} due",
        _T.PAYMENT_PENDING: "A payment of {invoice} is pending: {due} due",
        _T.PARTIALLY_PAID: "{Invoice} was partially paid: {delta} paid, {due} due",
        _T.REFUNDED: "A payment of {invoice} was refunded: {delta}",
        _T.PAYMENT_REVERSED: "A payment of {invoice} was reversed: {delta}",
        _T.REOPENED: "{Invoice} was reopened: {due} due",
        _T.PAID: "{Invoice} was paid: {delta}",
        _T.OVERPAID: "{Invoice} was overpaid",
        _T.VOIDED: "{Invoice} was voided",
        _T.MARKED_UNCOLLECTIBLE: "{Invoice} was marked uncollectible",
        _T.DELETED: "{Invoice} was deleted at the provider",
        _T.UPDATED: "{Invoice} was changed",
        _T.OVERDUE_CLEARED: "{Invoice} is no longer overdue: {reason}",
        _T.DUE_SOON: "{Invoice} is due in {offset}: {due} due",
        _T.OVERDUE: "{Invoice} is overdue: {due} due",
        _T.OVERDUE_REMINDER: "{Invoice} has been overdue for {offset}: {due} due",
        _T.SOURCE_FAILING: "Source {subject} cannot be polled: {reason}",
        _T.SOURCE_RECOVERED: "Source {subject} is polled again",
        _T.ENDPOINT_DISABLED: "Endpoint {subject} was disabled: {reason}",
        _T.ENDPOINT_RECOVERED: "Endpoint {subject} gets its events again",
        _T.WEBHOOK_TEST: "This is a test of {subject}",
    }
)
_REASONS = {
    "due_date_changed": "its due date changed",
    "gone": "it answered that it is gone",
    "failing": "it failed for five days",
    "operator": "by an operator",
}
_UNITS = {"d": "day", "h": "hour", "m": "minute", "s": "second", "ms": "millisecond"}
_PART = re.compile(r"(\d+)(ms|[dhms])")


def sentence(event: EventFacts) -> str:
    """One sentence without its full stop; it says so if the event is an example."""
    invoice = event.invoice
    label, due, total = (invoice.label, invoice.due, invoice.total) if invoice is not None else ("", (), ())
    values = {
        "Invoice": f"Invoice {label}",
        "invoice": f"invoice {label}",
        "subject": event.subject,
        "due": money_text(due),
        "total": money_text(total),
        # A payment that needed no money, such as one by credit, has no delta.
        "delta": money_text(event.delta or total),
        "due_on": (invoice and invoice.due_on) or "none",
        "reason": _REASONS.get(event.reason or "", event.reason or "without a reason"),
        "offset": period_words(event.offset or "0s"),
    }
    text = _SENTENCES[event.type].format_map(values)
    return f"Example, nothing has happened: {text}" if event.is_example else text


def money_text(amounts: Sequence[Money]) -> str:
    """Every amount with its currency; zeros are left out beside others."""
    known = [money for money in amounts if money.amount.strip("0.")] or amounts[:1]
    return ", ".join(map(str, known)) or "no amount"


def period_words(period: str) -> str:
    """`7d` in words: `7 days`."""
    parts = [f"{count} {_UNITS[unit]}{'' if count == '1' else 's'}" for count, unit in _PART.findall(period)]
    return " ".join(parts) or period


def changes_text(event: EventFacts) -> tuple[tuple[str, str], ...]:
    """The fields that changed, as label and text; only of an event that nothing else describes."""
    if event.type not in {_T.UPDATED, _T.AMOUNT_CHANGED, _T.DUE_DATE_CHANGED}:
        return ()
    rows = tuple(
        (field, f"{_value(before)} \N{RIGHTWARDS ARROW} {_value(after)}") for field, before, after in event.changes
    )
    cause = (("Cause", "the watch list or the configuration"),) if event.reason == CONFIGURATION else ()
    return cause + rows


def _value(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, cast("list[object]", value))) or "none"
    return " ".join(str(value).split())
