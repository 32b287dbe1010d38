"""Meteroid's invoice documents: hosted or self-hosted, new or old spelling."""

from datetime import datetime

from watcher.sandbox.apis.wire_json import day_of, naive, with_decimals, zulu
from watcher.sandbox.bill import Bill, Line, Payment, PaymentState, Stage, derived, number_of
from watcher.sandbox.traps import MeteroidTraps

_TRANSACTION_WORDS = {PaymentState.PENDING: "PENDING", PaymentState.SETTLED: "SETTLED", PaymentState.FAILED: "FAILED"}
_STAGE_WORDS = {
    Stage.DRAFT: "DRAFT",
    Stage.ISSUED: "FINALIZED",
    Stage.VOID: "VOID",
    Stage.WRITTEN_OFF: "UNCOLLECTIBLE",
}


def status(bill: Bill, traps: MeteroidTraps) -> str:
    if bill.id in traps.closed:
        return "CLOSED"
    return "DRAFT" if bill.consolidated else _STAGE_WORDS[bill.stage]


def spelled(word: str, traps: MeteroidTraps) -> str:
    return "".join(part.capitalize() for part in word.split("_")) if traps.pascal_case else word


def invoice(bill: Bill, traps: MeteroidTraps) -> dict[str, object]:
    document = {
        **_head(bill, traps),
        **_amounts(bill, traps),
        **_times(bill, traps),
        "line_items": [_line(bill, line, index) for index, line in enumerate(bill.lines)],
        "tax_breakdown": [_tax(bill, traps)],
        "coupons": [{"coupon_id": "cou_sandbox", "name": "Welcome", "total": 0}],
        "customer_details": _customer(bill, traps),
        "transactions": [_transaction(bill, payment, traps) for payment in bill.payments],
    }
    return {**document, **_cloud(bill)} if traps.cloud_fields else document


def _head(bill: Bill, traps: MeteroidTraps) -> dict[str, object]:
    number = "draft" if status(bill, traps) == "DRAFT" else number_of(bill)
    return {
        "id": bill.id,
        "invoice_number": number,
        "status": spelled(status(bill, traps), traps),
        "payment_status": spelled(_payment_status(bill, traps), traps),
        "invoice_type": spelled("RECURRING", traps),
        "customer_id": f"cus_{derived(bill.provider, bill.id, 'customer', length=22)}",
        "subscription_id": f"sub_{derived(bill.provider, bill.id, 'subscription', length=22)}",
        "currency": bill.currency,
        "invoice_date": bill.created_at.date().isoformat(),
        "due_date": day_of(bill.due),
        "net_terms": 30,
        "memo": None,
        "reference": number,
        "purchase_order": None,
    }


def _amounts(bill: Bill, traps: MeteroidTraps) -> dict[str, object]:
    return {
        "subtotal": bill.total,
        "subtotal_recurring": bill.total,
        "tax_amount": 0,
        "total": bill.total,
        "amount_due": _due(bill, traps),
        "applied_credits": 0 if bill.consolidated else bill.credited,
    }


def _due(bill: Bill, traps: MeteroidTraps) -> int:
    """A void and a write-off leave it unchanged; hidden refunds only show here."""
    owed = max(0, bill.total - bill.credited - (bill.settled - bill.reversed))
    return min(bill.total, owed + bill.refunded) if traps.hides_reversals else owed


def _payment_status(bill: Bill, traps: MeteroidTraps) -> str:
    due = _due(bill, traps)
    if bill.issued and not due:
        return "PAID"
    if bill.pending:
        return "PROCESSING"
    if bill.issued and bill.last_failed:
        return "ERRORED"
    return "PARTIALLY_PAID" if due < bill.total - bill.credited else "UNPAID"


def _time(instant: datetime | None, traps: MeteroidTraps) -> str | None:
    return naive(instant) if traps.naive_times else zulu(instant)


def _times(bill: Bill, traps: MeteroidTraps) -> dict[str, object]:
    return {
        "created_at": _time(bill.created_at, traps),
        "updated_at": _time(bill.edited_at, traps),
        "finalized_at": _time(bill.finalized_at, traps),
        "paid_at": _time(bill.paid_at if not _due(bill, traps) else None, traps),
        "voided_at": _time(bill.voided_at, traps),
        "marked_as_uncollectible_at": _time(bill.uncollectible_at, traps),
    }


def _line(bill: Bill, line: Line, index: int) -> dict[str, object]:
    day = bill.created_at.date().isoformat()
    price = str(with_decimals(line.amount, bill.currency))
    part = {
        "id": f"sub_line_{derived(bill.id, 'part', index, length=8)}",
        "name": line.description,
        "quantity": "1",
        "total": line.amount,
        "unit_price": price,
    }
    return {
        "name": line.description,
        "description": line.description,
        "quantity": "1",
        "unit_price": price,
        "amount_total": line.amount,
        "start_date": day,
        "end_date": day,
        "tax_rate": "0",
        "sub_line_items": [part],
    }


def _tax(bill: Bill, traps: MeteroidTraps) -> dict[str, object]:
    return {
        "name": "VAT",
        "tax_amount": 0,
        "tax_rate": "0",
        "taxable_amount": bill.total,
        "exemption_type": spelled("REVERSE_CHARGE", traps),
    }


def _customer(bill: Bill, traps: MeteroidTraps) -> dict[str, object]:
    return {
        "id": f"cus_{derived(bill.provider, bill.id, 'customer', length=22)}",
        "name": "Sandbox Buyer Ltd",
        "alias": "sandbox-buyer",
        "email": "billing@buyer.example",
        "vat_number": "FR00123456789",
        "snapshot_at": _time(bill.created_at, traps),
        "billing_address": {
            "line1": "1 Sandbox Street",
            "line2": None,
            "city": "Paris",
            "state": None,
            "zip_code": "75001",
            "country": "FR",
        },
    }


def _transaction(bill: Bill, payment: Payment, traps: MeteroidTraps) -> dict[str, object]:
    word = _TRANSACTION_WORDS[payment.state]
    gone = payment.amount and payment.refunded + payment.reversed == payment.amount
    if traps.hides_reversals and word == "SETTLED" and gone:
        word = "REFUNDED"
    method = {
        "payment_method_type": spelled("CARD", traps),
        "account_number_hint": None,
        "card_brand": "visa",
        "card_last4": "4242",
    }
    row: dict[str, object] = {
        "id": f"pay_{payment.id[:22]}",
        "amount": payment.amount,
        "currency": bill.currency,
        "status": spelled(word, traps),
        "payment_type": spelled("PAYMENT", traps),
        "error": payment.error,
        "payment_method_id": "pm_sandbox",
        "payment_method_info": method if traps.cloud_fields else None,
        "processed_at": None if payment.state is PaymentState.PENDING else _time(payment.at, traps),
        "provider_transaction_id": f"pi_{payment.id[:16]}",
    }
    return {**row, **_reversal(payment, traps)} if traps.cloud_fields else row


def _reversal(payment: Payment, traps: MeteroidTraps) -> dict[str, object]:
    hidden = traps.hides_reversals
    return {
        "amount_refunded": 0 if hidden else payment.refunded,
        "amount_reversed": 0 if hidden else payment.reversed,
        "parent_transaction_id": None,
        "credit_note_id": None,
        "refund_mode": "ONLINE" if payment.refunded and not hidden else None,
        "reversal_kind": "CHARGEBACK" if payment.reversed and not hidden else None,
    }


def _cloud(bill: Bill) -> dict[str, object]:
    return {
        "custom_properties": {},
        "tax_inclusive": False,
        "billing_period_start": None,
        "einvoicing_status": None,
        "parent_invoice_id": "inv_parent" if bill.consolidated else None,
        "child_invoice_id": None,
    }
