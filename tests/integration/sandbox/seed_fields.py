"""The fields that the providers' documentation shows in one invoice, as dotted paths; a list is its first item."""

from collections.abc import Iterator
from typing import cast


def paths(document: object, prefix: str = "") -> Iterator[str]:
    """All dotted paths of a document."""
    if isinstance(document, list):
        items = cast("list[object]", document)
        yield from paths(items[0], prefix) if items else ()
    elif isinstance(document, dict):
        for key, value in cast("dict[str, object]", document).items():
            yield prefix + key
            yield from paths(value, f"{prefix}{key}.")


def _named(names: str) -> set[str]:
    return set(names.split())


def _under(parent: str, names: str) -> set[str]:
    return {f"{parent}.{name}" for name in names.split()}


_SUMS = {f"{side}.{name}" for side in ("net", "payins", "payouts") for name in ("actual", "expected", "remaining")}

FRAGMENT = {
    *_named("id balances created status users version workspaceId lineItems modified"),
    *_under("balances", "currency net payins payouts"),
    *(f"balances.{path}" for path in _SUMS),
    *_under("users", "id balances balances.currency balances.net balances.payins balances.payouts"),
    *(f"users.balances.{path}" for path in _SUMS),
    *_under("lineItems", "id amount currencyCode description product_id type user_id"),
}
METEROID = {
    *_named(
        "amount_due applied_credits coupons created_at currency customer_details customer_id id invoice_date "
        "invoice_number invoice_type line_items net_terms payment_status status subtotal subtotal_recurring tax_amount "
        "tax_breakdown total transactions due_date finalized_at marked_as_uncollectible_at memo paid_at purchase_order "
        "reference subscription_id updated_at voided_at"
    ),
    *_under("coupons", "coupon_id name total"),
    *_under("customer_details", "id name snapshot_at alias billing_address email vat_number"),
    *_under("customer_details.billing_address", "city country line1 line2 state zip_code"),
    *_under("line_items", "amount_total end_date name start_date sub_line_items tax_rate description quantity"),
    *_under("line_items", "unit_price"),
    *_under("line_items.sub_line_items", "id name quantity total unit_price"),
    *_under("tax_breakdown", "name tax_amount tax_rate taxable_amount exemption_type"),
    *_under("transactions", "amount currency id payment_type status error payment_method_id payment_method_info"),
    *_under("transactions", "processed_at provider_transaction_id"),
    *_under("transactions.payment_method_info", "payment_method_type account_number_hint card_brand card_last4"),
}
DOLLR = {
    *_named(
        "id invoice_number counterparty_id currency total_amount status note fee_bearer due_date as_payment_link "
        "owner_id owner_type created_at updated_at reference_id paid_at invoice_items counterparty"
    ),
    *_under("invoice_items", "id name currency qty amount created_at updated_at"),
    *_under("counterparty", "id owner_party_type owner_party_id relationship_type created_at updated_at party"),
    *_under("counterparty.party", "id fullname created_at updated_at email phone country_code"),
}
RAPYD = {
    *_named("status data"),
    *_under("status", "error_code status message response_code operation_id"),
    *_under(
        "data",
        "id attempt_count billing billing_reason created_at currency customer description discount due_date "
        "days_until_due metadata payment_method payment payout payment_fields period_end period_start lines "
        "statement_descriptor subscription discount_amount subtotal tax tax_percent total status payout_fields type",
    ),
    *_under("data.lines", "id amount currency description discountable invoice_item metadata period proration"),
    *_under("data.lines", "quantity plan subscription subscription_item type period.start period.end"),
}
_ADDRESS = "addr1 addr2 addr3 city state postcode country notes block"
CHARGEOVER = {
    *_named("code status message details response"),
    *_under(
        "response",
        "invoice_id refnumber external_key invoice_index package_id customer_id brand_id brand_name write_datetime "
        "mod_datetime void_datetime date currency_id currency_symbol currency_iso4217 class_id class_name paycycle "
        "paycycle_name terms_id terms_name terms_days admin_id admin_name token cycle_pre_from_date cycle_pre_to_date "
        "cycle_this_date cycle_post_from_date cycle_post_to_date url_permalink url_pdflink url_paylink url_self "
        "is_paid is_void is_overdue due_date days_overdue paid_date balance applied total subtotal taxes credits "
        "payments writeoffs refunds overdue declines sum_base sum_usage sum_onetime invoice_status_name "
        "invoice_status_str invoice_status_state memo line_items schedule tags",
    ),
    *(f"response.{kind}_{part}" for kind in ("bill", "ship") for part in _ADDRESS.split()),
    *(f"response.custom_{number}" for number in range(1, 21)),
    *(f"response.line_items.custom_{number}" for number in range(1, 11)),
    *_under(
        "response.line_items",
        "line_item_id invoice_id admin_id item_id item_name item_accounting_sku item_external_key item_token "
        "item_units item_type invoice_line_bundle_id paycycle tierset_id package_line_id package_line_external_key "
        "package_obligation_id package_line_first_obligation_id descrip line_prorate line_rate line_quantity "
        "line_usage line_subtotal line_total usage_from usage_to number_of_recurs_this number_of_recurs_line "
        "tax_taxable tax_taxed tax_total tax_id tax_group_id tax_name tax_group_name is_usage is_setup is_base "
        "is_free is_recurring is_taxed is_latefee is_obligation",
    ),
    *_under(
        "response.schedule",
        "invoice_schedule_id invoice_id token paymethod creditcard_id ach_id tokenized_id due_date days_overdue "
        "amount amount_or_percent_formatted balance date url_paylink url_ttl_paylink",
    ),
}
