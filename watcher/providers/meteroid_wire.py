"""Meteroid's invoice as it comes over the wire, in both spellings of its enums."""

from decimal import Decimal

from watcher.providers.toolkit import field_types
from watcher.providers.toolkit.field_values import word_key


class Coupon(field_types.Wire):
    coupon_id: field_types.Text = None
    name: field_types.Text = None
    total: field_types.Number = None


class Address(field_types.Wire):
    line1: field_types.Text = None
    line2: field_types.Text = None
    city: field_types.Text = None
    state: field_types.Text = None
    zip_code: field_types.Text = None
    country: field_types.Text = None


class CustomerDetails(field_types.Wire):
    id: field_types.Text = None
    name: field_types.Text = None
    snapshot_at: field_types.Instant = None
    alias: field_types.Text = None
    email: field_types.Text = None
    vat_number: field_types.Text = None
    billing_address: field_types.Unused[Address] = None


class SubLine(field_types.Wire):
    id: field_types.Text = None
    name: field_types.Text = None
    quantity: field_types.Number = None
    total: field_types.Number = None
    unit_price: field_types.Number = None


class LineItem(field_types.Wire):
    name: field_types.Text = None
    description: field_types.Text = None
    quantity: field_types.Number = None
    unit_price: field_types.Number = None
    amount_total: field_types.Number = None
    start_date: field_types.Day = None
    end_date: field_types.Day = None
    tax_rate: field_types.Number = None
    sub_line_items: field_types.Unused[tuple[SubLine, ...]] = None


class TaxBreakdown(field_types.Wire):
    name: field_types.Text = None
    taxable_amount: field_types.Number = None
    tax_amount: field_types.Number = None
    tax_rate: field_types.Number = None
    exemption_type: field_types.Text = None


class PaymentMethod(field_types.Wire):
    payment_method_type: field_types.Text = None
    account_number_hint: field_types.Text = None
    card_brand: field_types.Text = None
    card_last4: field_types.Text = None


class Transaction(field_types.Wire):
    """Only the cloud has the amounts refunded and reversed: refunded by choice, reversed against our will."""

    id: field_types.Text = None
    amount: field_types.Amount
    currency: field_types.Text = None
    status: field_types.WordOrEmpty = ""
    payment_type: field_types.WordOrEmpty = ""
    error: field_types.Text = None
    payment_method_id: field_types.Text = None
    payment_method_info: field_types.Unused[PaymentMethod] = None
    processed_at: field_types.Instant = None
    provider_transaction_id: field_types.Text = None
    amount_refunded: field_types.AmountOrZero = Decimal(0)
    amount_reversed: field_types.AmountOrZero = Decimal(0)
    parent_transaction_id: field_types.Text = None
    credit_note_id: field_types.Text = None
    refund_mode: field_types.Text = None
    reversal_kind: field_types.Text = None

    def is_payment(self, status: str) -> bool:
        return word_key(self.payment_type) in {"payment", ""} and word_key(self.status) == status


class MeteroidInvoice(field_types.Wire):
    id: field_types.Identifier
    invoice_number: field_types.Text = None
    status: field_types.Word
    payment_status: field_types.WordOrEmpty = ""
    invoice_type: field_types.Text = None
    customer_id: field_types.Text = None
    customer_details: field_types.Unused[CustomerDetails] = None
    subscription_id: field_types.Text = None
    currency: field_types.Currency
    invoice_date: field_types.Day = None
    due_date: field_types.Day = None
    subtotal: field_types.Number = None
    subtotal_recurring: field_types.Number = None
    tax_amount: field_types.Number = None
    total: field_types.Amount
    amount_due: field_types.Amount
    applied_credits: field_types.AmountOrZero = Decimal(0)
    net_terms: field_types.Number = None
    memo: field_types.Text = None
    reference: field_types.Text = None
    purchase_order: field_types.Text = None
    created_at: field_types.Instant = None
    updated_at: field_types.Instant = None
    finalized_at: field_types.Instant = None
    paid_at: field_types.Instant = None
    voided_at: field_types.Instant = None
    marked_as_uncollectible_at: field_types.Instant = None
    line_items: field_types.Unused[tuple[field_types.Unused[LineItem], ...]] = None
    tax_breakdown: field_types.Unused[tuple[TaxBreakdown, ...]] = None
    coupons: field_types.Unused[tuple[Coupon, ...]] = None
    transactions: field_types.Listed[Transaction] = ()
    custom_properties: object = None
    tax_inclusive: field_types.Flag = None
    billing_period_start: field_types.Day = None
    billing_period_end: field_types.Day = None
    einvoicing_status: field_types.Text = None
    parent_invoice_id: field_types.Text = None
    child_invoice_id: field_types.Text = None
