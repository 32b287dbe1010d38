"""Rapyd's envelope and its invoice as they come over the wire."""

from decimal import Decimal

from watcher.providers import fields


class EnvelopeStatus(fields.Wire):
    error_code: fields.Text = None
    status: fields.Text = None
    message: fields.Text = None
    response_code: fields.Text = None
    operation_id: fields.Text = None

    @property
    def code(self) -> str:
        return (self.error_code or self.response_code or "").upper()


class Period(fields.Wire):
    start: fields.UnixInstant = None
    end: fields.UnixInstant = None


class Line(fields.Wire):
    id: fields.Text = None
    amount: fields.Number = None
    currency: fields.Text = None
    description: fields.Text = None
    discountable: fields.Flag = None
    invoice_item: fields.Text = None
    metadata: object = None
    period: fields.Unused[Period] = None
    proration: fields.Flag = None
    quantity: fields.Number = None
    plan: object = None
    subscription: fields.Text = None
    subscription_item: fields.Text = None
    type: fields.Text = None


class Payment(fields.Wire):
    """What an invoice may rest on; the dozens of other fields are noise or personal."""

    id: fields.Text = None
    amount: fields.AmountOrZero = Decimal(0)
    original_amount: fields.Number = None
    currency_code: fields.Text = None
    status: fields.WordOrEmpty = ""
    paid: fields.Flag = None
    paid_at: fields.UnixInstant = None
    is_partial: fields.Flag = None
    refunded: fields.Flag = None
    refunded_amount: fields.AmountOrZero = Decimal(0)
    failure_code: fields.Text = None
    failure_message: fields.Text = None
    error_code: fields.Text = None


class RapydInvoice(fields.Wire):
    id: fields.Identifier
    number: fields.Text = None
    attempt_count: fields.Count = 0
    automatic_attempt_count: fields.Count = 0
    attempted: fields.Flag = None
    next_payment_attempt: fields.UnixInstant = None
    billing: fields.Text = None
    billing_reason: fields.Text = None
    created_at: fields.UnixInstant = None
    currency: fields.Currency
    customer: fields.Text = None
    description: fields.Text = None
    discount: object = None
    discount_amount: fields.Number = None
    due_date: fields.UnixInstant = None
    days_until_due: fields.Number = None
    metadata: object = None
    payment_method: fields.Text = None
    payment: fields.Optional[Payment] = None
    payment_fields: object = None
    payout: object = None
    payout_fields: object = None
    period_start: fields.UnixInstant = None
    period_end: fields.UnixInstant = None
    lines: fields.Unused[tuple[fields.Unused[Line], ...]] = None
    statement_descriptor: fields.Text = None
    subscription: fields.Text = None
    subtotal: fields.Number = None
    tax: fields.Number = None
    tax_percent: fields.Number = None
    total: fields.Amount
    status: fields.Word
    type: fields.WordOrEmpty = ""
