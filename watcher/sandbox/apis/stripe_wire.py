"""Stripe's invoice documents: whole minor units, Unix seconds, and payments that only show if they are expanded."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from watcher.sandbox.apis.wire_json import instant_of, unix
from watcher.sandbox.bill import Bill, Line, Payment, PaymentState, Stage, derived, number_of

_STAGE_WORDS = {Stage.DRAFT: "draft", Stage.VOID: "void", Stage.WRITTEN_OFF: "uncollectible"}
_DELIVERED_AFTER = timedelta(seconds=2)
_UNUSED = (
    "account_tax_ids application automatically_finalizes_at custom_fields customer_account customer_address "
    "customer_phone customer_shipping default_payment_method default_source description footer from_invoice "
    "last_finalization_error latest_revision on_behalf_of parent receipt_number shipping_cost shipping_details "
    "statement_descriptor test_clock threshold_reason"
)
_NONE_OF = "customer_tax_ids default_tax_rates discounts total_discount_amounts total_pretax_credit_amounts total_taxes"
_EMPTY: dict[str, object] = {
    **dict.fromkeys(_UNUSED.split()),
    **{key: list[object]() for key in _NONE_OF.split()},
    "metadata": {},
}


@dataclass(frozen=True, slots=True)
class Drawing:
    """One bill as of now. `link` is the part of its links that changes without a change of the invoice."""

    bill: Bill
    delivered_at: datetime | None
    link: str

    @classmethod
    def of(cls, bill: Bill, now: datetime, link: str) -> "Drawing":
        """Webhooks count as delivered two seconds after a change."""
        changed_at = bill.touched_at or bill.created_at
        delivered_at = changed_at + _DELIVERED_AFTER
        return cls(bill, delivered_at if delivered_at <= now else None, link)

    def invoice(self) -> dict[str, object]:
        """As it is without `expand`: then it has no payments."""
        bill = self.bill
        return {
            "id": bill.id,
            "object": "invoice",
            **_EMPTY,
            **self._account(),
            **self._amounts(),
            **self._attempts(),
            **self._times(),
            **self._links(),
            "currency": bill.currency.lower(),
            "customer": _id("cus", bill, "customer", length=14),
            "lines": self._lines(),
            "number": None if bill.stage is Stage.DRAFT else number_of(bill),
            "status": status(bill),
        }

    def payments(self, *, expanded: bool) -> dict[str, object]:
        """What `expand[]=payments` adds; `expanded` shows their payment intents instead of the ids alone."""
        rows = [self._payment(payment, expanded=expanded) for payment in _settled(self.bill)]
        default = self._default_payment(expanded=expanded)
        return {
            "object": "list",
            "data": [*rows, *([] if default is None else [default])],
            "has_more": False,
            "url": f"/v1/invoices/{self.bill.id}/payments",
        }

    def _account(self) -> dict[str, object]:
        is_sent = self.bill.due is not None
        return {
            "account_country": "US",
            "account_name": "Sandbox",
            "auto_advance": self.bill.issued,
            "automatic_tax": {
                "disabled_reason": None,
                "enabled": False,
                "liability": None,
                "provider": None,
                "status": None,
            },
            "billing_reason": "manual",
            "collection_method": "send_invoice" if is_sent else "charge_automatically",
            "customer_email": "jane.doe@example.com",
            "customer_name": "Jane Doe",
            "customer_tax_exempt": "none",
            "issuer": {"type": "self"},
            "livemode": False,
            "payment_settings": {
                "default_mandate": None,
                "payment_method_options": None,
                "payment_method_types": None,
            },
            "rendering": {"amount_tax_display": None, "pdf": {"page_size": "auto"}, "template": None},
        }

    def _amounts(self) -> dict[str, object]:
        bill = self.bill
        due = _due(bill)
        paid = _paid(bill)
        return {
            "amount_due": due,
            "amount_overpaid": max(0, bill.settled - due),
            "amount_paid": paid,
            "amount_paid_off_stripe": 0,
            "amount_remaining": due - paid,
            "amount_shipping": 0,
            "ending_balance": None if bill.stage is Stage.DRAFT else 0,
            "post_payment_credit_notes_amount": bill.refunded,
            "pre_payment_credit_notes_amount": bill.credited,
            "starting_balance": 0,
            "subtotal": bill.total,
            "subtotal_excluding_tax": bill.total,
            "total": bill.total,
            "total_excluding_tax": bill.total,
        }

    def _attempts(self) -> dict[str, object]:
        """Any payment is the first attempt, a manual one is no further one."""
        bill = self.bill
        attempts = len(bill.payments) if bill.due is None else min(1, len(bill.payments))
        retries = bill.due is None and bill.issued and bill.last_failed
        next_at = unix(bill.payments[-1].at + timedelta(days=3)) if retries else None
        return {"attempt_count": attempts, "attempted": attempts > 0, "next_payment_attempt": next_at}

    def _times(self) -> dict[str, object]:
        bill = self.bill
        created, finalized = unix(bill.created_at), _seconds(bill.finalized_at)
        return {
            "created": created,
            "due_date": None if bill.due is None else unix(bill.due),
            "effective_at": finalized,
            "period_end": created,
            "period_start": created,
            "status_transitions": {
                "finalized_at": finalized,
                "marked_uncollectible_at": _seconds(bill.uncollectible_at),
                "paid_at": _seconds(bill.first_paid_at),
                "voided_at": _seconds(bill.voided_at),
            },
            "webhooks_delivered_at": _seconds(self.delivered_at),
        }

    def _links(self) -> dict[str, object]:
        if self.bill.stage is Stage.DRAFT:
            return {"hosted_invoice_url": None, "invoice_pdf": None}
        page = f"https://invoice.stripe.example/i/acct_sandbox/test_{self.link}"
        return {"hosted_invoice_url": f"{page}?s=ap", "invoice_pdf": f"{page}/pdf?s=ap"}

    def _lines(self) -> dict[str, object]:
        lines = self.bill.lines
        return {
            "object": "list",
            "data": [self._line(line, index) for index, line in enumerate(lines)],
            "has_more": False,
            "total_count": len(lines),
            "url": f"/v1/invoices/{self.bill.id}/lines",
        }

    def _line(self, line: Line, index: int) -> dict[str, object]:
        bill, created = self.bill, unix(self.bill.created_at)
        return {
            "id": _id("il", bill, "line", index),
            "object": "line_item",
            "amount": line.amount,
            "currency": bill.currency.lower(),
            "description": line.description,
            "discount_amounts": [],
            "discountable": True,
            "discounts": [],
            "invoice": bill.id,
            "livemode": False,
            "metadata": {},
            "parent": None,
            "period": {"end": created, "start": created},
            "pretax_credit_amounts": [],
            "pricing": None,
            "quantity": 1,
            "subscription": None,
            "subtotal": line.amount,
            "taxes": [],
        }

    def _payment(self, payment: Payment, *, expanded: bool) -> dict[str, object]:
        row = self._row(payment.id, "paid", payment.amount, payment.at, is_default=False)
        intent = self._intent(payment.id, "succeeded", payment.amount, payment) if expanded else f"pi_{payment.id[:24]}"
        return {
            **row,
            "amount_paid": payment.amount,
            "payment": {"type": "payment_intent", "payment_intent": intent},
            "status_transitions": {"canceled_at": None, "paid_at": unix(payment.at)},
        }

    def _default_payment(self, *, expanded: bool) -> dict[str, object] | None:
        """One for what is still to be paid; failed attempts and the one in progress are in its payment intent."""
        bill = self.bill
        remaining = _due(bill) - _paid(bill)
        if bill.stage is Stage.DRAFT or not remaining or bill.first_paid_at is not None:
            return None
        last = bill.payments[-1] if bill.payments else None
        word = "processing" if bill.pending else "requires_payment_method"
        is_void = bill.stage is Stage.VOID
        identity = derived(bill.provider, bill.id, "default payment")
        intent = self._intent(identity, "canceled" if is_void else word, remaining, last)
        begun_at = bill.finalized_at or bill.created_at
        return {
            **self._row(identity, "canceled" if is_void else "open", remaining, begun_at, is_default=True),
            "payment": {"type": "payment_intent", "payment_intent": intent if expanded else intent["id"]},
            "status_transitions": {"canceled_at": _seconds(bill.voided_at), "paid_at": None},
        }

    def _row(self, identity: str, word: str, amount: int, at: datetime, *, is_default: bool) -> dict[str, object]:
        return {
            "id": f"inpay_{identity[:24]}",
            "object": "invoice_payment",
            "amount_paid": None,
            "amount_requested": amount,
            "created": unix(at),
            "currency": self.bill.currency.lower(),
            "invoice": self.bill.id,
            "is_default": is_default,
            "livemode": False,
            "status": word,
        }

    def _intent(self, identity: str, word: str, amount: int, last: Payment | None) -> dict[str, object]:
        error = None if last is None or last.state is not PaymentState.FAILED else last.error
        code, _, message = (error or "").partition(": ")
        failure = {"type": "card_error", "code": code, "decline_code": "generic_decline", "message": message}
        return {
            "id": f"pi_{identity[:24]}",
            "object": "payment_intent",
            "amount": amount,
            "amount_capturable": 0,
            "amount_received": amount if word == "succeeded" else 0,
            "capture_method": "automatic",
            "client_secret": f"pi_{identity[:24]}_secret_{identity[8:]}",
            "confirmation_method": "automatic",
            "created": unix(self.bill.finalized_at or self.bill.created_at),
            "currency": self.bill.currency.lower(),
            "last_payment_error": failure if error else None,
            "livemode": False,
            "metadata": {},
            "payment_method_types": ["card", "sepa_debit"],
            "receipt_email": "jane.doe@example.com",
            "status": word,
        }


def status(bill: Bill) -> str:
    """`paid` is final: refunds are credit notes, and a lost dispute does not show."""
    if bill.first_paid_at is not None and bill.stage is not Stage.VOID:
        return "paid"
    return _STAGE_WORDS.get(bill.stage, "open")


def _due(bill: Bill) -> int:
    """What is asked for: credit notes before the payment lower it, a void and a write-off do not."""
    return max(0, bill.total - bill.credited)


def _paid(bill: Bill) -> int:
    return min(bill.settled, _due(bill))


def _settled(bill: Bill) -> list[Payment]:
    return [payment for payment in bill.payments if payment.state is PaymentState.SETTLED]


def _seconds(instant: datetime | None) -> int | None:
    return None if instant is None else unix(instant_of(instant))


def _id(prefix: str, bill: Bill, *parts: object, length: int = 24) -> str:
    return f"{prefix}_{derived(bill.provider, bill.id, *parts, length=length)}"
