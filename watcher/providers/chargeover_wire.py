"""ChargeOver's invoice as it comes over the wire.

Its back end is inconsistent: ids as integers or text, money as integers or decimals, flags as 0 and 1, nearly
everything may be null.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, Field, PlainValidator

from watcher.core import money
from watcher.core.errors import InvalidAnswer
from watcher.providers.toolkit import field_types, field_values
from watcher.providers.toolkit.field_types import (
    Count,
    Currency,
    Identifier,
    Listed,
    Number,
    Text,
    Unused,
    Wire,
    WordOrEmpty,
)

_ZERO = Decimal(0)
_NO_DATE = "0000-00-00"
"""How MySQL writes that there is no date."""

_YES: frozenset[object] = frozenset({True, "1", "true"})


def _flag(value: object) -> bool:
    return isinstance(value, bool | int | str) and value in _YES


def _bounded(value: Decimal) -> Decimal:
    try:
        return money.from_major(value, "")
    except InvalidAnswer as error:
        raise ValueError(str(error)) from error


def _day(value: object) -> date | None:
    if value is None or value == "" or (isinstance(value, str) and value.startswith(_NO_DATE)):
        return None
    found = field_values.day(value)
    if found is None:
        raise ValueError("a date is expected")
    return found


def local_time(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


Flag = Annotated[bool, PlainValidator(_flag)]
Amount = Annotated[field_types.Amount, AfterValidator(_bounded)]
AmountOrZero = Annotated[field_types.AmountOrZero, AfterValidator(_bounded)]

Day = Annotated[date | None, PlainValidator(_day)]
"""A calendar day or nothing. Unlike other dates it never fails silently, because a due date must not vanish."""

LocalTime = Annotated[datetime | None, PlainValidator(local_time)]
"""A date and time; without an offset, as in most accounts, it is in the account's time zone."""


class LineItem(Wire):
    line_item_id: Text = None
    invoice_id: Text = None
    admin_id: Text = None
    item_id: Text = None
    item_name: Text = None
    item_accounting_sku: Text = None
    item_external_key: Text = None
    item_token: Text = None
    item_units: Text = None
    item_type: Text = None
    invoice_line_bundle_id: Text = None
    paycycle: Text = None
    tierset_id: Text = None
    package_line_id: Text = None
    package_line_external_key: Text = None
    package_obligation_id: Text = None
    package_line_first_obligation_id: Text = None
    descrip: Text = None
    line_prorate: Number = None
    line_rate: Number = None
    line_quantity: Number = None
    line_usage: Number = None
    line_subtotal: Number = None
    line_total: Number = None
    usage_from: Number = None
    usage_to: Number = None
    number_of_recurs_this: Number = None
    number_of_recurs_line: Number = None
    tax_taxable: Number = None
    tax_taxed: Number = None
    tax_total: Number = None
    tax_id: Text = None
    tax_group_id: Text = None
    tax_name: Text = None
    tax_group_name: Text = None
    is_usage: Flag = False
    is_setup: Flag = False
    is_base: Flag = False
    is_free: Flag = False
    is_recurring: Flag = False
    is_taxed: Flag = False
    is_latefee: Flag = False
    is_obligation: Flag = False
    custom_1: Text = None
    custom_2: Text = None
    custom_3: Text = None
    custom_4: Text = None
    custom_5: Text = None
    custom_6: Text = None
    custom_7: Text = None
    custom_8: Text = None
    custom_9: Text = None
    custom_10: Text = None


class ScheduledPayment(Wire):
    invoice_schedule_id: Text = None
    invoice_id: Text = None
    token: Text = None
    paymethod: Text = None
    """crd, ach or inv."""
    creditcard_id: Text = None
    ach_id: Text = None
    tokenized_id: Text = None
    due_date: Text = None
    days_overdue: Number = None
    amount: Number = None
    amount_or_percent_formatted: Text = None
    balance: Number = None
    date: Text = None
    url_paylink: Text = None
    url_ttl_paylink: Text = None


class ChargeOverInvoice(Wire):
    """The invoice object: first what a snapshot uses, then the rest."""

    invoice_id: Identifier
    refnumber: Text = None
    customer_id: Text = None
    currency_iso4217: Currency
    total: Amount
    balance: Amount
    payments: AmountOrZero = _ZERO
    credits: AmountOrZero = _ZERO
    refunds: AmountOrZero = _ZERO
    writeoffs: AmountOrZero = _ZERO
    declines: Count = 0
    is_paid: Flag = False
    is_void: Flag = False
    invoice_status_str: WordOrEmpty = ""
    """open-unpaid, open-overdue, open-collections, closed-paid, closed-void."""
    invoice_status_state: WordOrEmpty = ""
    """o or c."""
    date: Day = None
    due_date: Day = None
    write_datetime: LocalTime = None
    void_datetime: LocalTime = None
    mod_datetime: LocalTime = None
    url_self: Text = None
    """The page for the account's own staff, behind a login."""
    line_items: Unused[tuple[Unused[LineItem], ...]] = None

    external_key: Text = None
    invoice_index: Text = None
    package_id: Text = None
    brand_id: Text = None
    brand_name: Text = None
    currency_id: Text = None
    currency_symbol: Text = None
    class_id: Text = None
    class_name: Text = None
    paycycle: Text = None
    paycycle_name: Text = None
    terms_id: Text = None
    terms_name: Text = None
    terms_days: Number = None
    admin_id: Text = None
    admin_name: Text = None
    token: Text = None
    bill_addr1: Text = None
    bill_addr2: Text = None
    bill_addr3: Text = None
    bill_city: Text = None
    bill_state: Text = None
    bill_postcode: Text = None
    bill_country: Text = None
    bill_notes: Text = None
    bill_block: Text = None
    ship_addr1: Text = None
    ship_addr2: Text = None
    ship_addr3: Text = None
    ship_city: Text = None
    ship_state: Text = None
    ship_postcode: Text = None
    ship_country: Text = None
    ship_notes: Text = None
    ship_block: Text = None
    cycle_pre_from_date: Text = None
    cycle_pre_to_date: Text = None
    cycle_this_date: Text = None
    cycle_post_from_date: Text = None
    cycle_post_to_date: Text = None
    url_permalink: Text = None
    url_pdflink: Text = None
    url_paylink: Text = None
    is_overdue: Flag = False
    days_overdue: Number = None
    paid_date: Text = None
    applied: Number = None
    subtotal: Number = None
    taxes: Number = None
    overdue: Number = None
    sum_base: Number = None
    sum_usage: Number = None
    sum_onetime: Number = None
    invoice_status_name: Text = None
    memo: Text = None
    custom_1: Text = None
    custom_2: Text = None
    custom_3: Text = None
    custom_4: Text = None
    custom_5: Text = None
    custom_6: Text = None
    custom_7: Text = None
    custom_8: Text = None
    custom_9: Text = None
    custom_10: Text = None
    custom_11: Text = None
    custom_12: Text = None
    custom_13: Text = None
    custom_14: Text = None
    custom_15: Text = None
    custom_16: Text = None
    custom_17: Text = None
    custom_18: Text = None
    custom_19: Text = None
    custom_20: Text = None
    schedule: Unused[tuple[Unused[ScheduledPayment], ...]] = None
    tags: Unused[tuple[Text, ...]] = None


class Envelope(Wire):
    """What surrounds every answer, and every row of a bulk answer. `response` is false on errors."""

    code: Unused[int] = None
    status: Text = None
    message: Text = None
    details: object = None
    """An object; a list if it is empty."""
    response: object = None


class Bulk(Wire):
    rows: Listed[Unused[Envelope]] = Field(alias="_bulk")


class BulkAnswer(Wire):
    response: Bulk
