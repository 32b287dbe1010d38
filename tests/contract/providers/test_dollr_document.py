from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given

from tests.fakes.invoices import WATCH
from tests.fakes.wire_documents import JsonObject, changes_of, example
from watcher.core.errors import InvalidAnswer
from watcher.core.invoices.invoice import Amounts, Direction, Invoice, Status
from watcher.core.invoices.snapshot import take
from watcher.providers.dollr import to_invoice

FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)


def invoice(before: Invoice | None = None, **changes: object) -> Invoice:
    plain: JsonObject = {"status": "ACTIVE", "currency": "USD", "total_amount": Decimal("250.5")}
    earlier = None if before is None else take(before, WATCH)
    return to_invoice(example("dollr") | plain | changes, earlier)


def test_every_part_of_the_snapshot_is_taken_from_its_field() -> None:
    instant = datetime(2023, 11, 7, 5, 31, 56, tzinfo=UTC)
    total, zero = Decimal("250.50"), Decimal("0.00")
    assert invoice() == Invoice(
        id="123",
        status=Status.OPEN,
        provider_status="ACTIVE",
        amounts=(Amounts("USD", total=total, paid=zero, due=total, credited=zero, refunded=zero, written_off=zero),),
        number="<string>",
        due=instant,
        created_at=instant,
        paid_at=instant,
        customer_id="123",
        customer_name="<string>",
        line_count=1,
        revision=1_699_335_116_000_000,
        direction=Direction.RECEIVABLE,
    )


@pytest.mark.parametrize(
    ("word", "given", "paid", "due", "pending"),
    [
        ("IDLE", Status.DRAFT, "0.00", "250.50", False),
        ("ACTIVE", Status.OPEN, "0.00", "250.50", False),
        ("PROCESSING", Status.OPEN, "0.00", "250.50", True),
        ("PAID", Status.PAID, "250.50", "0.00", False),
        ("CANCELED", Status.VOID, "0.00", "0.00", False),
        ("Cancelled", Status.VOID, "0.00", "0.00", False),
        ("<string>", Status.UNKNOWN, "0.00", "250.50", False),
    ],
)
def test_every_status_is_mapped_with_its_amounts(
    word: str,
    given: Status,
    paid: str,
    due: str,
    pending: bool,  # noqa: FBT001  # a parameter set
) -> None:
    read = invoice(status=word)
    (row,) = read.amounts
    assert (read.status, read.provider_status, read.payment_pending) == (given, word, pending)
    assert (str(row.paid), str(row.due)) == (paid, due)


def test_the_published_example_is_read_with_its_placeholders() -> None:
    read = to_invoice(example("dollr"), None)
    assert (read.status, read.provider_status) == (Status.UNKNOWN, "<string>")
    assert str(read.amounts[0].total) == "123"


@pytest.mark.parametrize(
    ("before", "after", "failed"),
    [
        ("PROCESSING", "ACTIVE", True),
        ("processing", "Active", True),
        ("PROCESSING", "PAID", False),
        ("PROCESSING", "CANCELED", False),
        ("ACTIVE", "ACTIVE", False),
        ("IDLE", "ACTIVE", False),
    ],
)
def test_only_processing_going_back_to_active_is_a_failed_payment(
    before: str,
    after: str,
    failed: bool,  # noqa: FBT001  # a parameter set
) -> None:
    assert invoice(invoice(status=before), status=after).payment_failed_inferred is failed


@pytest.mark.parametrize(
    ("sent", "currency", "total"),
    [
        (250, "USD", "250.00"),
        (Decimal("250.0"), "LRD", "250.00"),
        (Decimal("0.30000000000000004"), "USD", "0.30"),
        (Decimal("12.345"), "USD", "12.345"),
        ("99.9", "NGN", "99.90"),
        (1500, "RWF", "1500"),
        (Decimal("1500.0"), "RWF", "1500"),
        (1500, "usd", "1500.00"),
    ],
)
def test_totals_are_exact_in_major_units(sent: object, currency: str, total: str) -> None:
    (row,) = invoice(total_amount=sent, currency=currency).amounts
    assert (row.currency, str(row.total), str(row.due)) == (currency.upper(), total, total)


@pytest.mark.parametrize(
    ("sent", "due"),
    [
        ("2026-12-01T10:00:00Z", datetime(2026, 12, 1, 10, tzinfo=UTC)),
        ("2026-12-01T10:00:00", datetime(2026, 12, 1, 10, tzinfo=UTC)),
        ("2026-12-01T10:00:00.5+02:00", datetime(2026, 12, 1, 8, 0, 0, 500_000, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", FIRST),
        ("9999-12-31T23:59:59-14:00", LAST),
        ("0000-01-01T00:00:00Z", None),
        ("10000-01-01T00:00:00Z", None),
        ("soon", None),
        (None, None),
        (5, None),
    ],
)
def test_the_due_instant_is_utc_and_never_crashes(sent: object, due: datetime | None) -> None:
    assert invoice(due_date=sent).due == due


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"total_amount": True}, "total_amount"),
        ({"total_amount": None}, "total_amount"),
        ({"total_amount": "1_000"}, "total_amount"),
        ({"total_amount": "NaN"}, "total_amount"),
        ({"total_amount": Decimal("1E+999999999")}, "digits"),
        ({"id": None}, "id"),
        ({"status": None}, "status"),
        ({"currency": ""}, "currency"),
    ],
)
def test_a_wrong_type_where_it_matters_names_the_field(changes: JsonObject, name: str) -> None:
    with pytest.raises(InvalidAnswer, match=name):
        invoice(None, **changes)


def test_a_wrong_type_where_it_does_not_matter_is_passed_over() -> None:
    read = invoice(counterparty=5, invoice_items="x", note=[], as_payment_link="yes", owner_id={})
    assert (read.customer_name, read.line_count, read.status) == (None, 0, Status.OPEN)


@given(changes_of("dollr"))
def test_any_document_is_read_or_refused_in_words(changes: JsonObject) -> None:
    try:
        read = to_invoice(example("dollr") | changes, None)
    except InvalidAnswer:
        return
    assert isinstance(read.status, Status)
    assert all(isinstance(row.total, Decimal) and row.due >= 0 for row in read.amounts)
