"""What the published schema says of each event and each field, for people who write receivers."""

from collections.abc import Mapping

from watcher.core.invoices.event import EventType

_T = EventType

OF_EVENTS: Mapping[EventType, str] = {
    _T.TRACKED: "The first poll of an invoice: the baseline of its history.",
    _T.RESTORED: "It was deleted and is there again.",
    _T.FINALIZED: "A draft became a real invoice; `inferred` if no poll saw it open.",
    _T.DUE_DATE_CHANGED: "The due date changed after the invoice was finalized.",
    _T.AMOUNT_CHANGED: "The amount changed after the invoice was finalized.",
    _T.CREDITED: "More was credited.",
    _T.PAYMENT_FAILED: "A payment failed.",
    _T.PAYMENT_PENDING: "A payment is on its way.",
    _T.PARTIALLY_PAID: "More was paid, and something is still due.",
    _T.REFUNDED: "More was refunded.",
    _T.PAYMENT_REVERSED: "Paid money went back other than by a refund: chargeback, bounced debit.",
    _T.REOPENED: "A void or uncollectible invoice has to be paid again.",
    _T.PAID: "It is paid in full.",
    _T.OVERPAID: "More came in than was asked for.",
    _T.VOIDED: "It was voided.",
    _T.MARKED_UNCOLLECTIBLE: "It was given up as uncollectible.",
    _T.DELETED: "The provider does not have it any more.",
    _T.UPDATED: "Something else changed that no other event says.",
    _T.OVERDUE_CLEARED: "It was overdue and is not any more.",
    _T.DUE_SOON: "It is due soon, and money is due.",
    _T.OVERDUE: "The due date has passed with money due: once per due date, ever.",
    _T.OVERDUE_REMINDER: "It is still overdue some time after the due date.",
    _T.SOURCE_FAILING: "An account refuses the watcher's credentials, or answers with errors only.",
    _T.SOURCE_RECOVERED: "The account answers again.",
    _T.ENDPOINT_DISABLED: "Another endpoint gets no more events for now.",
    _T.ENDPOINT_RECOVERED: "That endpoint got a webhook again.",
    _T.WEBHOOK_TEST: "Somebody tested this endpoint.",
}

OF_DATA: Mapping[str, str] = {
    "event_id": "Equals the header webhook-id, the same in every repeat.",
    "sequence": "Counts the events of this invoice from 1.",
    "source": "The account, by its name in the watcher's configuration.",
    "endpoint": "Its name in the watcher's configuration.",
    "occurred_at": "The provider's own time of it, the instant itself for events of the clock; else null.",
    "observed_after": "It became visible after this poll; null in the baseline.",
    "observed_at": "It became visible at this poll.",
    "snapshot_at": "When `invoice` was fetched.",
    "inferred": "No poll saw the state in between.",
    "reason": "Why, where there is more to say than the type does.",
    "delta": "By how much, per currency, as positive numbers.",
    "attempts_delta": "How many more payments failed; null where the provider does not count them.",
    "offset": 'How long before or after the due date, such as "7d".',
    "changes": "What is different from the invoice before. Each changed field is in one event only.",
    "truncated": "The whole body would have been too long: `invoice` and `changes` are left out.",
    "since": "When the trouble began.",
}

OF_INVOICE: Mapping[str, str] = {
    "status": "Read from the provider's word and the amounts; `unknown` is a word without a meaning here yet.",
    "provider_status": "The provider's own word.",
    "overdue": "Money is due, and the due date and the operator's grace have passed.",
    "direction": "Whether you are paid or pay. Amounts are positive in both.",
    "amounts": "One row per currency, sorted.",
    "due_on": "The day as the provider names it, in the time zone of the source.",
    "due_at": "The first instant after the due day, or the provider's own instant.",
    "customer": "The name is null unless the operator asked for names.",
    "tags": "Those of the watch, never the provider's.",
}
