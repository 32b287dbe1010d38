"""Rapyd's invoice documents: major units, Unix seconds with 0 for none, "" for no id."""

from datetime import timedelta
from decimal import Decimal

from watcher.sandbox.apis.wire_json import instant_of, shortest, unix
from watcher.sandbox.bill import Bill, Line, Payment, PaymentState, Stage, derived
from watcher.sandbox.traps import RapydTraps

_PAYMENT_WORDS = {PaymentState.PENDING: "ACT", PaymentState.SETTLED: "CLO", PaymentState.FAILED: "ERR"}
_STAGE_WORDS = {Stage.DRAFT: "draft", Stage.VOID: "void", Stage.WRITTEN_OFF: "uncollectible"}


def status(bill: Bill, traps: RapydTraps) -> str:
    """`paid` is final: refunds only show in the payment."""
    if bill.deleted:
        return traps.deletion.value
    return _STAGE_WORDS.get(bill.stage) or ("open" if bill.first_paid_at is None else "paid")


def invoice(bill: Bill, traps: RapydTraps) -> dict[str, object]:
    amount = _money(bill.total, bill, traps)
    return {
        "id": bill.id,
        "attempt_count": len(bill.payments),
        "billing": "pay_automatically",
        "billing_reason": "manual",
        "created_at": unix(bill.created_at),
        "currency": bill.currency,
        "customer": f"cus_{derived(bill.provider, bill.id, 'customer')}",
        "description": "",
        "discount": None,
        "due_date": unix(bill.due),
        "days_until_due": _days_until_due(bill),
        "metadata": {},
        "payment_method": f"card_{derived(bill.provider, bill.id, 'card')}",
        "payment": _payment(bill, bill.payments[-1], traps) if bill.payments else None,
        "payout": None,
        "payment_fields": None,
        "period_end": 0,
        "period_start": 0,
        "lines": [_line(bill, line, index, traps) for index, line in enumerate(bill.lines)],
        "statement_descriptor": "",
        "subscription": "",
        "discount_amount": 0,
        "subtotal": amount,
        "tax": 0,
        "tax_percent": 0,
        "total": amount,
        "status": status(bill, traps),
        "payout_fields": None,
        "type": "payout" if bill.payable else "payment",
    }


def _money(minor: int, bill: Bill, traps: RapydTraps) -> Decimal:
    return shortest(minor, bill.currency, noise=traps.float_noise)


def _days_until_due(bill: Bill) -> int:
    return 0 if bill.due is None else max(0, (instant_of(bill.due) - bill.created_at) // timedelta(days=1))


def _line(bill: Bill, line: Line, index: int, traps: RapydTraps) -> dict[str, object]:
    return {
        "id": f"il_{derived(bill.id, 'line', index)}",
        "amount": _money(line.amount, bill, traps),
        "currency": bill.currency,
        "description": line.description,
        "discountable": True,
        "invoice_item": f"ii_{derived(bill.id, 'item', index)}",
        "metadata": {},
        "period": {"start": 0, "end": 0},
        "proration": False,
        "quantity": 1,
        "plan": None,
        "subscription": "",
        "subscription_item": "",
        "type": "",
    }


def _payment(bill: Bill, payment: Payment, traps: RapydTraps) -> dict[str, object]:
    """The last attempt, with some of the personal data and links that the real object contains."""
    settled = payment.state is PaymentState.SETTLED
    amount = _money(payment.amount, bill, traps)
    code, _, message = (payment.error or "").partition(": ")
    return {
        "id": f"payment_{payment.id}",
        "amount": amount if settled else 0,
        "original_amount": amount,
        "is_partial": False,
        "currency_code": bill.currency,
        "status": "REV" if settled and payment.reversed else _PAYMENT_WORDS[payment.state],
        "paid": settled,
        "paid_at": unix(payment.at) if settled else 0,
        "refunded": payment.refunded > 0,
        "refunded_amount": _money(payment.refunded, bill, traps),
        "refunds": None,
        "failure_code": code,
        "failure_message": message,
        "error_code": code,
        "receipt_email": "jane.doe@example.com",
        "redirect_url": f"https://checkout.example/{payment.id}",
        "ewallets": [],
    }
