"""Chargebee's invoice documents: whole minor units, Unix seconds, absent where other providers say null."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from watcher.sandbox.apis.wire_json import instant_of, unix
from watcher.sandbox.bill import Bill, Line, Payment, PaymentState, Stage, derived

_PAYMENT_WORDS = {PaymentState.PENDING: "in_progress", PaymentState.SETTLED: "success", PaymentState.FAILED: "failure"}
_RETRIES = 3
"""Failed payments after which dunning has ended."""
_EMPTY_LISTS = (
    "adjustment_credit_notes applied_credits discounts linked_orders line_item_discounts line_item_taxes notes taxes"
)


def status(bill: Bill, now: datetime) -> str:
    """A write-off closes the invoice as `paid`; only its amount tells it apart."""
    if bill.stage is Stage.DRAFT:
        return "pending"
    if bill.stage is Stage.VOID:
        return "voided"
    if not bill.owed:
        return "paid"
    if bill.failures >= _RETRIES:
        return "not_paid"
    return "payment_due" if bill.failures or is_late(bill, now) else "posted"


def is_late(bill: Bill, now: datetime) -> bool:
    return bill.due is not None and instant_of(bill.due) <= now


@dataclass(frozen=True, slots=True)
class Drawing:
    """One bill as of now; `updated_at` may be later than its last change."""

    bill: Bill
    now: datetime
    updated_at: datetime

    def invoice(self) -> dict[str, object]:
        bill = self.bill
        customer = f"sandbox{derived(bill.provider, bill.id, 'customer', length=10)}"
        return {
            "id": bill.id,
            "customer_id": customer,
            "recurring": False,
            "status": status(bill, self.now),
            "price_type": "tax_exclusive",
            **self._times(),
            "exchange_rate": 1,
            **self._amounts(),
            **self._dunning(),
            "deleted": bill.deleted,
            "object": "invoice",
            "first_invoice": True,
            "currency_code": bill.currency,
            "base_currency_code": bill.currency,
            "has_advance_charges": False,
            "is_gifted": False,
            "term_finalized": True,
            "channel": "web",
            "line_items": [self._line(line, index, customer) for index, line in enumerate(bill.lines)],
            "linked_payments": [self._payment(payment) for payment in bill.payments],
            "issued_credit_notes": [self._refund(payment) for payment in bill.payments if payment.refunded],
            **{name: list[object]() for name in _EMPTY_LISTS.split()},
            "billing_address": self._address(),
            "site_details_at_creation": {"timezone": "Europe/Paris"},
        }

    def _times(self) -> dict[str, object]:
        bill = self.bill
        times: dict[str, datetime | None] = {"paid_at": bill.paid_at, "voided_at": bill.voided_at}
        due = {} if bill.due is None else {"due_date": unix(bill.due), "net_term_days": self._term()}
        return {
            "date": unix(bill.created_at),
            "generated_at": unix(bill.created_at),
            **due,
            **{name: unix(instant) for name, instant in times.items() if instant is not None},
            "updated_at": unix(self.updated_at),
            "resource_version": int(self.updated_at.timestamp() * 1000),
        }

    def _term(self) -> int:
        return 0 if self.bill.due is None else max(0, (instant_of(self.bill.due) - self.bill.created_at).days)

    def _amounts(self) -> dict[str, object]:
        """What is paid too much is an excess payment of the customer, not of the invoice."""
        bill = self.bill
        paid = min(bill.settled - bill.reversed, bill.total - bill.credited)
        is_open = bill.stage in {Stage.DRAFT, Stage.ISSUED}
        return {
            "sub_total": bill.total,
            "tax": 0,
            "total": bill.total,
            "amount_paid": paid,
            "amount_adjusted": 0,
            "write_off_amount": bill.written_off,
            "credits_applied": bill.credited,
            "amount_due": bill.owed if is_open else 0,
            "amount_to_collect": bill.owed if is_open else 0,
            "round_off_amount": 0,
            "new_sales_amount": bill.total,
        }

    def _dunning(self) -> dict[str, object]:
        """There is none before the first failure."""
        failed = [payment for payment in self.bill.payments if payment.state is PaymentState.FAILED]
        if not failed:
            return {"dunning_attempts": []}
        attempts = [self._attempt(payment, number) for number, payment in enumerate(failed)]
        if not self.bill.owed:
            return {"dunning_status": "success", "dunning_attempts": attempts}
        if len(failed) >= _RETRIES:
            return {"dunning_status": "exhausted", "dunning_attempts": attempts}
        retry_at = unix(failed[-1].at + timedelta(days=1))
        return {"dunning_status": "in_progress", "next_retry_at": retry_at, "dunning_attempts": attempts}

    def _attempt(self, payment: Payment, number: int) -> dict[str, object]:
        return {
            "created_at": unix(payment.at),
            "attempt": number,
            "dunning_type": "auto_collect",
            "transaction_id": _transaction(payment),
            "txn_status": "failure",
            "txn_amount": payment.amount,
        }

    def _payment(self, payment: Payment) -> dict[str, object]:
        """A debit that bounces is a late failure, and what it paid is due again."""
        word = "late_failure" if payment.reversed and not payment.kept else _PAYMENT_WORDS[payment.state]
        return {
            "txn_id": _transaction(payment),
            "applied_amount": payment.amount - payment.reversed,
            "applied_at": unix(payment.at),
            "txn_status": word,
            "txn_date": unix(payment.at),
            "txn_amount": payment.amount,
        }

    def _refund(self, payment: Payment) -> dict[str, object]:
        return {
            "cn_id": f"CN-{derived(payment.id, 'credit note', length=6)}",
            "cn_create_reason_code": "Waiver",
            "cn_date": unix(self.bill.touched_at),
            "cn_total": payment.refunded,
            "cn_status": "refunded",
        }

    def _line(self, line: Line, index: int, customer: str) -> dict[str, object]:
        at = unix(self.bill.created_at)
        return {
            "id": f"li_{derived(self.bill.id, 'line', index, length=16)}",
            "date_from": at,
            "date_to": at,
            "unit_amount": line.amount,
            "quantity": 1,
            "amount": line.amount,
            "pricing_model": "flat_fee",
            "is_taxed": False,
            "tax_amount": 0,
            "object": "line_item",
            "customer_id": customer,
            "description": line.description,
            "entity_type": "adhoc",
            "discount_amount": 0,
            "item_level_discount_amount": 0,
        }

    def _address(self) -> dict[str, object]:
        return {
            "first_name": "Jane",
            "last_name": "Doe",
            "email": "jane.doe@example.com",
            "line1": "1 Sandbox Street",
            "city": "Paris",
            "country": "FR",
            "zip": "75001",
            "validation_status": "not_validated",
            "object": "billing_address",
        }


def _transaction(payment: Payment) -> str:
    return f"txn_{payment.id[:20]}"
