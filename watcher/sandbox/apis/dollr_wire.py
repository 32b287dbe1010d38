"""Dollr's invoice documents: major units as JSON numbers, a buyer's personal data embedded."""

from datetime import datetime
from decimal import Decimal

from watcher.sandbox.apis.wire_json import instant_of, naive, shortest, with_decimals, zulu
from watcher.sandbox.bill import Bill, Line, Stage, derived, number_of
from watcher.sandbox.traps import DollrTraps


def status(bill: Bill) -> str:
    """PAID is final: it never shows a refund or reversal, nor that a part was paid."""
    if bill.stage in {Stage.VOID, Stage.WRITTEN_OFF}:
        return "CANCELED"
    if bill.first_paid_at is not None:
        return "PAID"
    if bill.stage is Stage.DRAFT:
        return "IDLE"
    return "PROCESSING" if bill.pending else "ACTIVE"


def invoice(bill: Bill, traps: DollrTraps) -> dict[str, object]:
    return {
        **row(bill, traps),
        "invoice_items": [_item(bill, line, index, traps) for index, line in enumerate(bill.lines)],
        "counterparty": _counterparty(bill, traps),
    }


def row(bill: Bill, traps: DollrTraps) -> dict[str, object]:
    """A row of the list: without items and counterparty."""
    return {
        "id": int(bill.id),
        "invoice_number": number_of(bill),
        "counterparty_id": _number(bill, "counterparty"),
        "currency": bill.currency,
        "total_amount": _amount(bill.total, bill, traps),
        "status": status(bill),
        "note": "Thank you",
        "fee_bearer": "PAYER",
        "due_date": None if bill.due is None else _time(instant_of(bill.due), traps),
        "as_payment_link": False,
        "owner_id": 7,
        "owner_type": "MERCHANT",
        "created_at": _time(bill.created_at, traps),
        "updated_at": _time(bill.touched_at, traps),
        "reference_id": None,
        "paid_at": _time(bill.first_paid_at, traps),
    }


def light(bill: Bill, traps: DollrTraps) -> dict[str, object]:
    """The answer of the light status call; `paid_at` is only there once paid."""
    paid = {} if bill.first_paid_at is None else {"paid_at": _time(bill.first_paid_at, traps)}
    return {
        "source_id": int(bill.id),
        "source_type": "INVOICE",
        "source_number": number_of(bill),
        "status": status(bill),
        "currency": bill.currency,
        "total_amount": _amount(bill.total, bill, traps),
        **paid,
    }


def _amount(minor: int, bill: Bill, traps: DollrTraps) -> Decimal:
    return shortest(minor, bill.currency) if traps.whole_totals else with_decimals(minor, bill.currency)


def _time(instant: datetime | None, traps: DollrTraps) -> str | None:
    return naive(instant) if traps.naive_times else zulu(instant)


def _number(bill: Bill, what: str) -> int:
    return int(derived(bill.provider, bill.id, what, length=6), 16)


def _item(bill: Bill, line: Line, index: int, traps: DollrTraps) -> dict[str, object]:
    return {
        "id": _number(bill, f"item {index}"),
        "name": line.description,
        "currency": bill.currency,
        "qty": 1,
        "amount": _amount(line.amount, bill, traps),
        "created_at": _time(bill.created_at, traps),
        "updated_at": _time(bill.created_at, traps),
    }


def _counterparty(bill: Bill, traps: DollrTraps) -> dict[str, object]:
    created = {"created_at": _time(bill.created_at, traps), "updated_at": _time(bill.created_at, traps)}
    return {
        "id": _number(bill, "counterparty"),
        "owner_party_type": "MERCHANT",
        "owner_party_id": 7,
        "relationship_type": "CUSTOMER",
        **created,
        "party": {
            "id": _number(bill, "party"),
            "fullname": "Jane Doe",
            **created,
            "email": "jane.doe@example.com",
            "phone": "231770000000",
            "country_code": "LR",
        },
    }
