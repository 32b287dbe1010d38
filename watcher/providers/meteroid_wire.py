"""Meteroid's invoice as it comes over the wire, in both spellings of its enums."""

from decimal import Decimal

from watcher.providers import fields
from watcher.providers.reading import word_key


class Coupon(fields.Wire):
    coupon_id: fields.Text = None
    name: fields.Text = None
    total: fields.Number = None


class Address(fields.Wire):
    line1: fields.Text = None
    line2: fields.Text = None
    city: fields.Text = None
    state: fields.Text = None
    zip_code: fields.Text = None
    country: fields.Text = None


class CustomerDetails(fields.Wire):
    id: fields.Text = None
    name: fields.Text = None
    snapshot_at: fields.Instant = None
    alias: fields.Text = None
    email: fields.Text = None
    vat_number: fields.Text = None
    billing_address: fields.Unused[Address] = None


class SubLine(fields.Wire):
    id: fields.Text = None
    name: fields.Text = None
    quantity: fields.Number = None
    total: fields.Number = None
    unit_price: fields.Number = None


class LineItem(fields.Wire):
    name: fields.Text = None
    description: fields.Text = None
    quantity: fields.Number = None
    unit_price: fields.Number = None
    amount_total: fields.Number = None
    start_date: fields.Day = None
    end_date: fields.Day = None
    tax_rate: fields.Number = None
    sub_line_items: fields.Unused[tuple[SubLine, ...]] = None


class TaxBreakdown(fields.Wire):
    name: fields.Text = None
    taxable_amount: fields.Number = None
    tax_amount: fields.Number = None
    tax_rate: fields.Number = None
    exemption_type: fields.Text = None


class PaymentMethod(fields.Wire):
    payment_method_type: fields.Text = None
    account_number_hint: fields.Text = None
    card_brand: fields.Text = None
    card_last4: fields.Text = None


class Transaction(fields.Wire):
    """The amounts refunded and reversed are the cloud's: refunded by choice, reversed against our will."""

    id: fields.Text = None
    amount: fields.Amount
    currency: fields.Text = None
    status: fields.WordOrEmpty = ""
    payment_type: fields.WordOrEmpty = ""
    error: fields.Text = None
    payment_method_id: fields.Text = None
    payment_method_info: fields.Unused[PaymentMethod] = None
    processed_at: fields.Instant = None
    provider_transaction_id: fields.Text = None
    amount_refunded: fields.AmountOrZero = Decimal(0)
    amount_reversed: fields.AmountOrZero = Decimal(0)
    parent_transaction_id: fields.Text = None
    credit_note_id: fields.Text = None
    refund_mode: fields.Text = None
    reversal_kind: fields.Text = None

    def is_payment(self, status: str) -> bool:
        return word_key(self.payment_type) in {"payment", ""} and word_key(self.status) == status


class MeteroidInvoice(fields.Wire):
    id: fields.Identifier
    invoice_number: fields.Text = None
    status: fields.Word
    payment_status: fields.WordOrEmpty = ""
    invoice_type: fields.Text = None
    customer_id: fields.Text = None
    customer_details: fields.Unused[CustomerDetails] = None
    subscription_id: fields.Text = None
    currency: fields.Currency
    invoice_date: fields.Day = None
    due_date: fields.Day = None
    subtotal: fields.Number = None
    subtotal_recurring: fields.Number = None
    tax_amount: fields.Number = None
    total: fields.Amount
    amount_due: fields.Amount
    applied_credits: fields.AmountOrZero = Decimal(0)
    net_terms: fields.Number = None
    memo: fields.Text = None
    reference: fields.Text = None
    purchase_order: fields.Text = None
    created_at: fields.Instant = None
    updated_at: fields.Instant = None
    finalized_at: fields.Instant = None
    paid_at: fields.Instant = None
    voided_at: fields.Instant = None
    marked_as_uncollectible_at: fields.Instant = None
    line_items: fields.Unused[tuple[fields.Unused[LineItem], ...]] = None
    tax_breakdown: fields.Unused[tuple[TaxBreakdown, ...]] = None
    coupons: fields.Unused[tuple[Coupon, ...]] = None
    transactions: fields.Listed[Transaction] = ()
    custom_properties: object = None
    tax_inclusive: fields.Flag = None
    billing_period_start: fields.Day = None
    billing_period_end: fields.Day = None
    einvoicing_status: fields.Text = None
    parent_invoice_id: fields.Text = None
    child_invoice_id: fields.Text = None
