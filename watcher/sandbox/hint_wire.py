"""The bodies of the providers' webhooks: which change of a bill has one, and what it says."""

from collections.abc import Mapping
from datetime import datetime

from watcher.sandbox.apis import chargebee_wire, lago_wire, meteroid_wire, rapyd_wire, stripe_wire
from watcher.sandbox.apis.stripe import DEFAULT_VERSION
from watcher.sandbox.apis.wire_json import encode, shortest, unix, zulu
from watcher.sandbox.bill import Bill, Change, derived
from watcher.sandbox.traps import Traps

_METEROID = {
    Change.CREATED: "invoice.created",
    Change.FINALIZED: "invoice.finalized",
    Change.PAID: "invoice.paid",
    Change.VOIDED: "invoice.voided",
    Change.CONSOLIDATED: "invoice.consolidated",
}
_METEROID_CLOUD = {
    **_METEROID,
    Change.PAYMENT_FAILED: "payment.failed",
    Change.REFUNDED: "refund.settled",
    Change.REVERSED: "payment.reversed",
    Change.DELETED: "invoice.deleted",
}
_RAPYD = {
    Change.CREATED: "INVOICE_CREATED",
    Change.FINALIZED: "INVOICE_FINALIZED",
    Change.PAYMENT_STARTED: "INVOICE_PAYMENT_CREATED",
    Change.PAYMENT_FAILED: "INVOICE_PAYMENT_FAILED",
    Change.PAID: "INVOICE_PAYMENT_SUCCEEDED",
}
_RAPYD_PAYMENTS = {Change.PAID_IN_PART: "PAYMENT_COMPLETED", Change.REFUNDED: "REFUND_COMPLETED"}
_STRIPE = {
    Change.CREATED: "invoice.created",
    Change.FINALIZED: "invoice.finalized",
    Change.PAYMENT_FAILED: "invoice.payment_failed",
    Change.PAID_IN_PART: "invoice_payment.paid",
    Change.PAID: "invoice.paid",
    Change.REFUNDED: "credit_note.created",
    Change.CREDITED: "credit_note.created",
    Change.VOIDED: "invoice.voided",
    Change.WRITTEN_OFF: "invoice.marked_uncollectible",
    Change.DELETED: "invoice.deleted",
}
_LAGO = {
    Change.CREATED: "invoice.one_off_created",
    Change.FINALIZED: "invoice.created",
    Change.PAYMENT_FAILED: "invoice.payment_failure",
    Change.PAID: "invoice.payment_status_updated",
    Change.REFUNDED: "credit_note.created",
    Change.CREDITED: "credit_note.created",
    Change.REVERSED: "invoice.payment_dispute_lost",
    Change.VOIDED: "invoice.voided",
    Change.DELETED: "invoice.deleted",
}
_CHARGEBEE = {
    Change.CREATED: "invoice_generated",
    Change.FINALIZED: "invoice_generated",
    Change.PAYMENT_STARTED: "payment_initiated",
    Change.PAYMENT_FAILED: "payment_failed",
    Change.PAID_IN_PART: "payment_succeeded",
    Change.PAID: "payment_succeeded",
    Change.REFUNDED: "payment_refunded",
    Change.DELETED: "invoice_deleted",
}
_CHARGEOVER_TRANSACTIONS = frozenset({Change.PAID_IN_PART, Change.PAID, Change.REFUNDED, Change.REVERSED})


def hint(bill: Bill, change: Change, traps: Traps, now: datetime) -> tuple[str, bytes] | None:
    """The type and the body of the webhook, None if the provider sends none about this."""
    match bill.provider:
        case "meteroid":
            typed = _meteroid(bill, change, traps, now)
        case "rapyd":
            typed = _rapyd(bill, change, traps, now)
        case "chargeover":
            typed = _chargeover(bill, change)
        case "stripe":
            typed = _stripe(bill, change, now)
        case "lago":
            typed = _lago(bill, change, traps, now)
        case "chargebee":
            typed = _chargebee(bill, change, now)
        case _:
            typed = None
    return None if typed is None else (typed[0], encode(typed[1]))


def _meteroid(bill: Bill, change: Change, traps: Traps, now: datetime) -> tuple[str, Mapping[str, object]] | None:
    """Nothing about partial payments; the open-source server sends five types only."""
    word = (_METEROID_CLOUD if traps.meteroid.cloud_fields else _METEROID).get(change)
    if word is None:
        return None
    document = {
        "id": f"evt_{derived('meteroid', bill.id, bill.revision, length=22)}",
        "type": word,
        "invoice_id": bill.id,
        "customer_id": f"cus_{derived(bill.provider, bill.id, 'customer', length=22)}",
        "status": meteroid_wire.spelled(meteroid_wire.status(bill, traps.meteroid), traps.meteroid),
        "currency": bill.currency,
        "total": bill.total,
        "tax_amount": 0,
        "created_at": zulu(bill.created_at),
        "timestamp": zulu(now),
    }
    merged = {"consolidated_into_invoice_id": "inv_parent"} if change is Change.CONSOLIDATED else {}
    return word, {**document, **merged}


def _rapyd(bill: Bill, change: Change, traps: Traps, now: datetime) -> tuple[str, Mapping[str, object]]:
    if change in _RAPYD_PAYMENTS:
        word = _RAPYD_PAYMENTS[change]
        data: Mapping[str, object] = {
            "id": f"payment_{derived(bill.provider, bill.id, 'payment')}",
            "invoice": bill.id,
        }
    else:
        word = _RAPYD.get(change, "INVOICE_UPDATED")
        data = rapyd_wire.invoice(bill, traps.rapyd)
    document = {
        "id": f"wh_{derived('rapyd', bill.id, bill.revision)}",
        "type": word,
        "data": data,
        "trigger_operation_id": derived("rapyd", "operation", bill.revision),
        "status": "NEW",
        "created_at": unix(now),
    }
    return word, document


def _chargeover(bill: Bill, change: Change) -> tuple[str, Mapping[str, object]]:
    """Money is a transaction, which names the invoices that it was applied to."""
    if change in _CHARGEOVER_TRANSACTIONS:
        transaction = int(derived("chargeover", bill.id, bill.revision, length=7), 16)
        applied = {"invoice_id": int(bill.id), "applied": shortest(bill.settled, bill.currency)}
        return "transaction.insert", {
            "context_str": "transaction",
            "context_id": transaction,
            "event": "insert",
            "data": {"transaction_id": transaction, "applied_to": [applied]},
        }
    event = {Change.CREATED: "insert", Change.DELETED: "delete"}.get(change, "update")
    return f"invoice.{event}", {
        "context_str": "invoice",
        "context_id": int(bill.id),
        "event": event,
        "data": {"invoice_id": int(bill.id), "total": shortest(bill.total, bill.currency)},
    }


def _stripe(bill: Bill, change: Change, now: datetime) -> tuple[str, Mapping[str, object]] | None:
    """Nothing of a lost dispute, which names a charge and no invoice."""
    if change is Change.REVERSED:
        return None
    word = _STRIPE.get(change, "invoice.updated")
    kind, _, _ = word.partition(".")
    identity = derived("stripe", bill.id, bill.revision, length=24)
    about: Mapping[str, object] = {"id": f"{_STRIPE_PREFIXES.get(kind)}_{identity}", "object": kind, "invoice": bill.id}
    event = {
        "id": f"evt_{identity}",
        "object": "event",
        "api_version": DEFAULT_VERSION,
        "created": unix(now),
        "data": {"object": stripe_wire.Drawing.of(bill, now, identity).invoice() if kind == "invoice" else about},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": word,
    }
    return word, event


_STRIPE_PREFIXES = {"invoice_payment": "inpay", "credit_note": "cn"}


def _lago(bill: Bill, change: Change, traps: Traps, now: datetime) -> tuple[str, Mapping[str, object]] | None:
    """Nothing about a part that was paid, nor about a write-off, which does not exist."""
    word = _LAGO.get(change)
    if word is None:
        return None
    identity = derived("lago", bill.id, bill.revision)
    about: Mapping[str, object]
    if word == "credit_note.created":
        kind, about = "credit_note", {"lago_id": identity, "lago_invoice_id": bill.id, "number": "SAN-CN001"}
    elif change is Change.PAYMENT_FAILED:
        kind = "payment_provider_invoice_payment_error"
        about = {"lago_invoice_id": bill.id, "payment_provider": "stripe", "provider_error": {"code": "card_declined"}}
    else:
        kind, about = "invoice", lago_wire.invoice(bill, traps.lago, now, identity)
    return word, {"webhook_type": word, "object_type": kind, "organization_id": derived("lago", "sandbox"), kind: about}


def _chargebee(bill: Bill, change: Change, now: datetime) -> tuple[str, Mapping[str, object]]:
    word = _CHARGEBEE.get(change, "invoice_updated")
    event = {
        "id": f"ev_{derived('chargebee', bill.id, bill.revision, length=20)}",
        "occurred_at": unix(now),
        "source": "admin_console",
        "object": "event",
        "api_version": "v2",
        "event_type": word,
        "webhook_status": "scheduled",
        "content": {"invoice": chargebee_wire.Drawing(bill, now, bill.touched_at or now).invoice()},
    }
    return word, event
