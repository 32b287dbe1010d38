"""Rapyd's envelope and its invoice as they come over the wire."""

from decimal import Decimal

from watcher.providers.toolkit import field_types


class EnvelopeStatus(field_types.Wire):
    error_code: field_types.Text = None
    status: field_types.Text = None
    message: field_types.Text = None
    response_code: field_types.Text = None
    operation_id: field_types.Text = None

    @property
    def code(self) -> str:
        return (self.error_code or self.response_code or "").upper()


class Period(field_types.Wire):
    start: field_types.UnixInstant = None
    end: field_types.UnixInstant = None


class Line(field_types.Wire):
    id: field_types.Text = None
    amount: field_types.Number = None
    currency: field_types.Text = None
    description: field_types.Text = None
    discountable: field_types.Flag = None
    invoice_item: field_types.Text = None
    metadata: object = None
    period: field_types.Unused[Period] = None
    proration: field_types.Flag = None
    quantity: field_types.Number = None
    plan: object = None
    subscription: field_types.Text = None
    subscription_item: field_types.Text = None
    type: field_types.Text = None


class Payment(field_types.Wire):
    """The fields that an invoice uses; the dozens of others are noise or personal."""

    id: field_types.Text = None
    amount: field_types.AmountOrZero = Decimal(0)
    original_amount: field_types.Number = None
    currency_code: field_types.Text = None
    status: field_types.WordOrEmpty = ""
    paid: field_types.Flag = None
    paid_at: field_types.UnixInstant = None
    is_partial: field_types.Flag = None
    refunded: field_types.Flag = None
    refunded_amount: field_types.AmountOrZero = Decimal(0)
    failure_code: field_types.Text = None
    failure_message: field_types.Text = None
    error_code: field_types.Text = None


class RapydInvoice(field_types.Wire):
    id: field_types.Identifier
    number: field_types.Text = None
    attempt_count: field_types.Count = 0
    automatic_attempt_count: field_types.Count = 0
    attempted: field_types.Flag = None
    next_payment_attempt: field_types.UnixInstant = None
    billing: field_types.Text = None
    billing_reason: field_types.Text = None
    created_at: field_types.UnixInstant = None
    currency: field_types.Currency
    customer: field_types.Text = None
    description: field_types.Text = None
    discount: object = None
    discount_amount: field_types.Number = None
    due_date: field_types.UnixInstant = None
    days_until_due: field_types.Number = None
    metadata: object = None
    payment_method: field_types.Text = None
    payment: field_types.Optional[Payment] = None
    payment_fields: object = None
    payout: object = None
    payout_fields: object = None
    period_start: field_types.UnixInstant = None
    period_end: field_types.UnixInstant = None
    lines: field_types.Unused[tuple[field_types.Unused[Line], ...]] = None
    statement_descriptor: field_types.Text = None
    subscription: field_types.Text = None
    subtotal: field_types.Number = None
    tax: field_types.Number = None
    tax_percent: field_types.Number = None
    total: field_types.Amount
    status: field_types.Word
    type: field_types.WordOrEmpty = ""
