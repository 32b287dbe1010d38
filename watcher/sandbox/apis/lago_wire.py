"""Lago's invoice documents: whole minor units called cents, days, ISO instants in whole seconds."""

from datetime import UTC, date, datetime

from watcher.sandbox.apis.wire_json import instant_of
from watcher.sandbox.bill import Bill, Line, Stage, derived, number_of
from watcher.sandbox.traps import LagoTraps

_STAGE_WORDS = {Stage.DRAFT: "draft", Stage.VOID: "voided"}
_ZEROS = (
    "coupons_amount_cents credit_notes_amount_cents prepaid_credit_amount_cents "
    "progressive_billing_credit_amount_cents taxes_amount_cents"
)
_CUSTOMER_NULLS = (
    "address_line2 currency firstname lastname legal_name legal_number logo_url net_payment_term state "
    "tax_identification_number timezone url customer_type"
)


def invoice(bill: Bill, traps: LagoTraps, now: datetime, link: str) -> dict[str, object]:
    """As it is by id; rows of the list have no fees, credits and subscriptions."""
    fees = [_fee(bill, line, index) for index, line in enumerate(bill.lines)]
    return {**row(bill, traps, now, link), "fees": fees, "credits": [], "subscriptions": [], "error_details": []}


def row(bill: Bill, traps: LagoTraps, now: datetime, link: str) -> dict[str, object]:
    """`link` is the part of its links that changes without a change of the invoice."""
    return {
        "lago_id": bill.id,
        "billing_entity_code": "sandbox",
        "sequential_id": int(derived(bill.id, "sequence", length=3), 16),
        "number": "SAN-D001-DRAFT" if bill.stage is Stage.DRAFT else number_of(bill),
        "purchase_order_number": None,
        **_dates(bill, now),
        "invoice_type": "one_off",
        "status": status(bill),
        "payment_status": payment_status(bill),
        "payment_dispute_lost_at": zulu_seconds(bill.touched_at) if bill.reversed else None,
        "currency": bill.currency,
        **_amounts(bill, traps),
        "version_number": 4,
        "self_billed": False,
        **_links(bill, link),
        "created_at": zulu_seconds(bill.created_at),
        "updated_at": zulu_seconds(now if traps.restless else bill.touched_at),
        "voided_at": zulu_seconds(bill.voided_at),
        "customer": _customer(bill),
        "metadata": [],
        "applied_taxes": [],
        "billing_periods": [],
        "applied_invoice_custom_sections": [],
    }


def status(bill: Bill) -> str:
    """A write-off does not exist: the invoice stays as it is."""
    return _STAGE_WORDS.get(bill.stage, "finalized")


def payment_status(bill: Bill) -> str:
    """`succeeded` is final: refunds are credit notes, and a lost dispute has a time of its own."""
    if bill.first_paid_at is not None:
        return "succeeded"
    return "failed" if bill.last_failed else "pending"


def due_day(bill: Bill) -> date:
    """There always is one: without a payment term it is the day of issue."""
    due = bill.created_at if bill.due is None else bill.due
    return due.date() if isinstance(due, datetime) else due


def is_overdue(bill: Bill, now: datetime) -> bool:
    return status(bill) == "finalized" and payment_status(bill) != "succeeded" and due_day(bill) < now.date()


def zulu_seconds(instant: date | None) -> str | None:
    if instant is None:
        return None
    return instant_of(instant).astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def _dates(bill: Bill, now: datetime) -> dict[str, object]:
    issued_on = bill.created_at.date()
    return {
        "issuing_date": issued_on.isoformat(),
        "payment_due_date": due_day(bill).isoformat(),
        "net_payment_term": max(0, (due_day(bill) - issued_on).days),
        "payment_overdue": is_overdue(bill, now),
    }


def _amounts(bill: Bill, traps: LagoTraps) -> dict[str, object]:
    amounts: dict[str, object] = {
        **dict.fromkeys(_ZEROS.split(), 0),
        "fees_amount_cents": bill.total,
        "prepaid_granted_credit_amount_cents": None,
        "prepaid_purchased_credit_amount_cents": None,
        "sub_total_excluding_taxes_amount_cents": bill.total,
        "sub_total_including_taxes_amount_cents": bill.total,
        "total_amount_cents": bill.total,
    }
    if traps.totals_only:
        return amounts
    paid = min(bill.settled, bill.total - bill.credited)
    return {
        **amounts,
        "total_due_amount_cents": bill.total - paid - bill.credited,
        "total_paid_amount_cents": paid,
        "total_offsetted_credit_note_amount_cents": bill.credited,
    }


def _links(bill: Bill, link: str) -> dict[str, object]:
    if bill.stage is Stage.DRAFT:
        return {"file_url": None, "xml_url": None, "web_url": None}
    files = f"https://files.lago.example/blobs/{link}"
    return {
        "file_url": f"{files}/invoice.pdf",
        "xml_url": None,
        "web_url": f"https://app.lago.example/sandbox/invoice/{bill.id}/overview",
    }


def _customer(bill: Bill) -> dict[str, object]:
    identity = derived(bill.provider, bill.id, "customer", length=32)
    return {
        **dict.fromkeys(_CUSTOMER_NULLS.split()),
        "lago_id": f"{identity[:8]}-{identity[8:12]}-4{identity[13:16]}-8{identity[17:20]}-{identity[20:]}",
        "billing_entity_code": "sandbox",
        "external_id": f"buyer-{identity[:6]}",
        "name": "Sandbox Buyer Ltd",
        "email": "jane.doe@example.com",
        "phone": "+33 1 23 45 67 89",
        "address_line1": "1 Sandbox Street",
        "city": "Paris",
        "zipcode": "75001",
        "country": "FR",
        "applicable_timezone": "UTC",
        "created_at": zulu_seconds(bill.created_at),
        "updated_at": zulu_seconds(bill.created_at),
        "billing_configuration": {"payment_provider": "stripe", "document_locale": "en"},
        "metadata": [],
    }


def _fee(bill: Bill, line: Line, index: int) -> dict[str, object]:
    identity = derived(bill.id, "fee", index)
    item = {"type": "add_on", "code": "services", "name": line.description, "item_type": "AddOn"}
    return {
        "lago_id": f"{identity[:8]}-{identity[8:12]}-4{identity[13:16]}-8{identity[17:20]}-{identity[20:]}",
        "lago_invoice_id": bill.id,
        "item": {**item, "lago_item_id": identity, "invoice_display_name": None},
        "amount_cents": line.amount,
        "amount_currency": bill.currency,
        "taxes_amount_cents": 0,
        "taxes_rate": 0,
        "total_amount_cents": line.amount,
        "total_amount_currency": bill.currency,
        "units": "1.0",
        "description": line.description,
        "precise_unit_amount": "1.0",
        "events_count": None,
        "pay_in_advance": False,
        "invoiceable": True,
        "payment_status": payment_status(bill),
        "created_at": zulu_seconds(bill.created_at),
        "succeeded_at": zulu_seconds(bill.first_paid_at),
        "failed_at": None,
        "refunded_at": None,
    }
