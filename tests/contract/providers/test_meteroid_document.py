from datetime import UTC, date, datetime
from decimal import Decimal
from typing import cast

import pytest
from hypothesis import given

from tests.fakes.wire_documents import JsonObject, changes_of, example
from watcher.core.errors import InvalidAnswer
from watcher.core.invoices.invoice import Amounts, Invoice, Status
from watcher.providers.meteroid import to_invoice

TEN, NIL = Decimal("10.00"), Decimal("0.00")


def invoice(**changes: object) -> Invoice:
    plain: JsonObject = {
        "status": "FINALIZED",
        "payment_status": "UNPAID",
        "currency": "EUR",
        "total": 1000,
        "amount_due": 1000,
        "applied_credits": 0,
        "transactions": [],
    }
    return to_invoice(example("meteroid") | plain | changes)


def payment(**changes: object) -> JsonObject:
    plain: JsonObject = {
        "id": "pay_1",
        "amount": 1000,
        "currency": "EUR",
        "status": "SETTLED",
        "payment_type": "PAYMENT",
    }
    return plain | changes


def money(invoice: Invoice) -> dict[str, str]:
    (row,) = invoice.amounts
    names = ("total", "paid", "due", "credited", "refunded", "written_off")
    return {name: str(cast("Decimal", getattr(row, name))) for name in names if getattr(row, name)}


def test_every_part_of_the_snapshot_is_taken_from_its_field() -> None:
    read = invoice(invoice_number="INV-1", due_date="2023-12-26", transactions=[])
    instant = datetime(2023, 11, 7, 5, 31, 56, tzinfo=UTC)
    assert read == Invoice(
        id="<string>",
        status=Status.OPEN,
        provider_status="FINALIZED/UNPAID",
        amounts=(Amounts("EUR", total=TEN, paid=NIL, due=TEN, credited=NIL, refunded=NIL, written_off=NIL),),
        number="INV-1",
        issued_on=date(2023, 12, 25),
        due=date(2023, 12, 26),
        created_at=instant,
        finalized_at=instant,
        paid_at=instant,
        voided_at=instant,
        uncollectible_at=instant,
        customer_id="<string>",
        customer_name="<string>",
        line_count=1,
        revision=1_699_335_116_000_000,
    )


@pytest.mark.parametrize(
    ("status", "payment_status", "given", "provider_status"),
    [
        ("DRAFT", "UNPAID", Status.DRAFT, "DRAFT/UNPAID"),
        ("Draft", "Unpaid", Status.DRAFT, "DRAFT/UNPAID"),
        ("FINALIZED", "UNPAID", Status.OPEN, "FINALIZED/UNPAID"),
        ("Finalized", "PartiallyPaid", Status.OPEN, "FINALIZED/PARTIALLY_PAID"),
        ("FINALIZED", "PROCESSING", Status.OPEN, "FINALIZED/PROCESSING"),
        ("FINALIZED", "ERRORED", Status.OPEN, "FINALIZED/ERRORED"),
        ("FINALIZED", "PAID", Status.PAID, "FINALIZED/PAID"),
        ("UNCOLLECTIBLE", "UNPAID", Status.UNCOLLECTIBLE, "UNCOLLECTIBLE/UNPAID"),
        ("VOID", "UNPAID", Status.VOID, "VOID/UNPAID"),
        ("CLOSED", "PAID", Status.PAID, "CLOSED/PAID"),
        ("CLOSED", "UNPAID", Status.UNKNOWN, "CLOSED/UNPAID"),
        ("FINALIZED", "HalfWayThere", Status.UNKNOWN, "FINALIZED/HALF_WAY_THERE"),
        ("Archived", "PAID", Status.UNKNOWN, "ARCHIVED/PAID"),
    ],
)
def test_both_spellings_of_every_status_are_mapped(
    status: str, payment_status: str, given: Status, provider_status: str
) -> None:
    due = 0 if given is Status.PAID else 1000
    read = invoice(status=status, payment_status=payment_status, amount_due=due)
    assert (read.status, read.provider_status) == (given, provider_status)


@pytest.mark.parametrize(
    ("changes", "given", "expected"),
    [
        ({}, Status.OPEN, {"total": "10.00", "due": "10.00"}),
        (
            {"payment_status": "PAID", "amount_due": 0, "transactions": [payment()]},
            Status.PAID,
            {"total": "10.00", "paid": "10.00"},
        ),
        # Paid by a credit note alone.
        ({"payment_status": "PAID", "amount_due": 0}, Status.PAID, {"total": "10.00", "credited": "10.00"}),
        # Overpaid.
        (
            {"payment_status": "PAID", "amount_due": 0, "transactions": [payment(amount=1200)]},
            Status.PAID,
            {"total": "10.00", "paid": "12.00"},
        ),
        # ERRORED hides a partial payment.
        (
            {"payment_status": "ERRORED", "amount_due": 600, "transactions": [payment(amount=400)]},
            Status.PARTIALLY_PAID,
            {"total": "10.00", "paid": "4.00", "due": "6.00"},
        ),
        # No transaction explains it.
        ({"amount_due": 600}, Status.PARTIALLY_PAID, {"total": "10.00", "paid": "4.00", "due": "6.00"}),
        # Credits and a debt cancellation beside a payment.
        (
            {"applied_credits": 100, "amount_due": 500, "transactions": [payment(amount=300)]},
            Status.PARTIALLY_PAID,
            {"total": "10.00", "paid": "3.00", "due": "5.00", "credited": "2.00"},
        ),
        # A partial reversal on the open-source server: only what is due rises.
        (
            {"payment_status": "PARTIALLY_PAID", "amount_due": 250, "transactions": [payment()]},
            Status.PARTIALLY_PAID,
            {"total": "10.00", "paid": "7.50", "due": "2.50"},
        ),
        # A reversal in the cloud.
        (
            {"payment_status": "UNPAID", "transactions": [payment(amount_reversed=1000)]},
            Status.OPEN,
            {"total": "10.00", "due": "10.00"},
        ),
        # A refund in the cloud leaves it paid.
        (
            {"payment_status": "PAID", "amount_due": 0, "transactions": [payment(amount_refunded=250)]},
            Status.PAID,
            {"total": "10.00", "paid": "10.00", "refunded": "2.50"},
        ),
        ({"transactions": [payment(status="REFUNDED")]}, Status.OPEN, {"total": "10.00", "due": "10.00"}),
        ({"transactions": [payment(payment_type="REFUND")]}, Status.OPEN, {"total": "10.00", "due": "10.00"}),
        (
            {"status": "UNCOLLECTIBLE", "amount_due": 900, "transactions": [payment(amount=100)]},
            Status.UNCOLLECTIBLE,
            {"total": "10.00", "paid": "1.00", "written_off": "9.00"},
        ),
        ({"status": "VOID"}, Status.VOID, {"total": "10.00"}),
        ({"currency": "JPY"}, Status.OPEN, {"total": "1000", "due": "1000"}),
        ({"currency": "KWD"}, Status.OPEN, {"total": "1.000", "due": "1.000"}),
        ({"total": "1000", "amount_due": Decimal("1000.0")}, Status.OPEN, {"total": "10.00", "due": "10.00"}),
        (
            {"total": 10**29, "amount_due": 10**29},
            Status.OPEN,
            {"total": f"1{'0' * 27}.00", "due": f"1{'0' * 27}.00"},
        ),
    ],
)
def test_amounts_follow_from_totals_and_transactions(
    changes: JsonObject, given: Status, expected: dict[str, str]
) -> None:
    read = invoice(**changes)
    assert (read.status, money(read)) == (given, expected)


def test_a_currency_without_known_decimals_stays_in_minor_units() -> None:
    (row,) = invoice(currency="XXA").amounts
    assert (row.minor, str(row.total)) == (True, "1000")


def test_failed_attempts_and_their_last_error_are_reported_without_personal_data() -> None:
    failed = payment(
        status="FAILED", error="Card 4242424242424242 of jo@example.com declined", processed_at="2026-01-02T00:00:00Z"
    )
    older = payment(id="pay_0", status="Failed", error="older", processed_at="2026-01-01T00:00:00.123456789")
    read = invoice(transactions=[failed, older, payment(status="FAILED", payment_type="REFUND")])
    assert (read.failed_attempts, read.last_payment_error) == (2, "Card *** of *** declined")


@pytest.mark.parametrize(
    ("changes", "pending"),
    [
        ({"payment_status": "PROCESSING"}, True),
        ({"transactions": [payment(status="PENDING")]}, True),
        ({"transactions": [payment(status="PENDING", payment_type="REFUND")]}, False),
        ({"transactions": [payment(status="READY")]}, False),
    ],
)
def test_a_payment_in_flight_is_pending(changes: JsonObject, pending: bool) -> None:  # noqa: FBT001  # a parameter set
    assert invoice(**changes).payment_pending is pending


def test_naive_instants_of_the_open_source_server_are_utc() -> None:
    read = invoice(created_at="2026-03-02T08:00:00.1234567", finalized_at="2026-03-02T08:00:00+05:30")
    assert read.created_at == datetime(2026, 3, 2, 8, 0, 0, 123456, tzinfo=UTC)
    assert read.finalized_at == datetime(2026, 3, 2, 2, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("due", "read"),
    [
        ("0001-01-01", date(1, 1, 1)),
        ("9999-12-31", date(9999, 12, 31)),
        ("0000-01-01", None),
        ("10000-01-01", None),
        ("tomorrow", None),
        (None, None),
        (20261201, None),
    ],
)
def test_due_dates_at_the_ends_of_time_are_read_and_others_are_none(due: object, read: date | None) -> None:
    assert invoice(due_date=due).due == read


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"total": True}, "total"),
        ({"total": None}, "total"),
        ({"amount_due": "ten"}, "amount_due"),
        ({"amount_due": 10.5}, "amount_due"),
        ({"total": Decimal("0.5")}, "whole number"),
        ({"total": 10**31}, "digits"),
        ({"status": 5.5}, "status"),
        ({"currency": None}, "currency"),
        ({"transactions": "none"}, "transactions"),
        ({"transactions": [payment(amount=None)]}, r"transactions\.0\.amount"),
    ],
)
def test_a_wrong_type_where_it_matters_names_the_field(changes: JsonObject, name: str) -> None:
    with pytest.raises(InvalidAnswer, match=name):
        invoice(**changes)


def test_a_wrong_type_where_it_does_not_matter_is_passed_over() -> None:
    read = invoice(
        coupons=7,
        customer_details=[],
        tax_breakdown={"a": 1},
        line_items=[None, 5, {"sub_line_items": "x"}],
        memo={},
        net_terms="x",
    )
    assert (read.status, read.line_count, read.customer_name) == (Status.OPEN, 3, None)


@given(changes_of("meteroid"))
def test_any_document_is_read_or_refused_in_words(changes: JsonObject) -> None:
    try:
        read = to_invoice(example("meteroid") | changes)
    except InvalidAnswer:
        return
    assert isinstance(read.status, Status)
    assert all(isinstance(row.total, Decimal) and row.due >= 0 for row in read.amounts)
