from datetime import UTC, datetime
from decimal import Decimal
from typing import cast

import pytest
from hypothesis import given

from tests.fakes.wire_documents import JsonObject, changes_of_data, example
from watcher.core.errors import InvalidAnswer
from watcher.core.invoices.invoice import Amounts, Direction, Invoice, Status
from watcher.providers.rapyd import to_invoice


def invoice(**changes: object) -> Invoice:
    plain: JsonObject = {"status": "open", "total": Decimal("19.99")}
    return to_invoice(cast("JsonObject", example("rapyd")["data"]) | plain | changes)


def money(read: Invoice) -> dict[str, str]:
    (row,) = read.amounts
    names = ("total", "paid", "due", "credited", "refunded", "written_off")
    return {name: str(cast("Decimal", getattr(row, name))) for name in names if getattr(row, name)}


def payment(**changes: object) -> JsonObject:
    plain: JsonObject = {"id": "payment_1", "amount": 5, "currency_code": "USD", "status": "CLO", "paid": True}
    return plain | changes


def test_every_part_of_the_snapshot_of_the_published_example() -> None:
    total, zero = Decimal("1079.98"), Decimal("0.00")
    assert to_invoice(cast("JsonObject", example("rapyd")["data"])) == Invoice(
        id="invoice_e7a973caf0dd43e73707fe22767c268f",
        status=Status.DRAFT,
        provider_status="draft",
        amounts=(Amounts("USD", total=total, paid=zero, due=total, credited=zero, refunded=zero, written_off=zero),),
        due=datetime(2025, 12, 19, 14, 9, 40, tzinfo=UTC),
        created_at=datetime(2025, 11, 19, 14, 9, 40, tzinfo=UTC),
        customer_id="cus_4e25112ac20e144ad073a614dc46934b",
        line_count=3,
    )


@pytest.mark.parametrize(
    ("word", "given", "expected"),
    [
        ("draft", Status.DRAFT, {"total": "19.99", "due": "19.99"}),
        ("open", Status.OPEN, {"total": "19.99", "due": "19.99"}),
        ("PAID", Status.PAID, {"total": "19.99", "paid": "19.99"}),
        ("void", Status.VOID, {"total": "19.99"}),
        ("uncollectible", Status.UNCOLLECTIBLE, {"total": "19.99", "written_off": "19.99"}),
        ("deleted", Status.DELETED, {"total": "19.99"}),
        ("canceled", Status.DELETED, {"total": "19.99"}),
        ("dormant", Status.UNKNOWN, {"total": "19.99", "due": "19.99"}),
    ],
)
def test_every_status_is_mapped_with_its_amounts(word: str, given: Status, expected: dict[str, str]) -> None:
    read = invoice(status=word)
    assert (read.status, read.provider_status, money(read)) == (given, word, expected)


@pytest.mark.parametrize(
    ("changes", "given", "expected"),
    [
        ({"payment": payment()}, Status.PARTIALLY_PAID, {"total": "19.99", "paid": "5.00", "due": "14.99"}),
        ({"payment": payment(paid=False)}, Status.OPEN, {"total": "19.99", "due": "19.99"}),
        ({"payment": payment(currency_code="EUR")}, Status.OPEN, {"total": "19.99", "due": "19.99"}),
        (
            {"status": "paid", "payment": payment(amount=Decimal("19.99"), refunded=True, refunded_amount=4)},
            Status.PAID,
            {"total": "19.99", "paid": "19.99", "refunded": "4.00"},
        ),
        (
            {"status": "uncollectible", "payment": payment()},
            Status.UNCOLLECTIBLE,
            {"total": "19.99", "paid": "5.00", "written_off": "14.99"},
        ),
        ({"status": "paid", "total": 0}, Status.PAID, {}),
        ({"total": 1050}, Status.OPEN, {"total": "1050.00", "due": "1050.00"}),
        ({"total": Decimal("0.30000000000000004")}, Status.OPEN, {"total": "0.30", "due": "0.30"}),
        ({"currency": "JPY", "total": 500}, Status.OPEN, {"total": "500", "due": "500"}),
        ({"currency": "KWD", "total": Decimal("1.5")}, Status.OPEN, {"total": "1.500", "due": "1.500"}),
        ({"currency": "QQQ", "total": Decimal("1.50")}, Status.OPEN, {"total": "1.50", "due": "1.50"}),
        ({"type": "payout", "total": Decimal("-19.99")}, Status.OPEN, {"total": "19.99", "due": "19.99"}),
        ({"payment": ""}, Status.OPEN, {"total": "19.99", "due": "19.99"}),
    ],
)
def test_amounts_follow_from_the_total_and_the_payment(
    changes: JsonObject, given: Status, expected: dict[str, str]
) -> None:
    read = invoice(**changes)
    assert (read.status, money(read)) == (given, expected)


def test_a_payout_is_payable() -> None:
    assert invoice(type="payout").direction is Direction.PAYABLE
    assert invoice(type="payment").direction is Direction.RECEIVABLE


@pytest.mark.parametrize(
    ("due", "read"),
    [
        (0, None),
        (None, None),
        ("", None),
        ("0", None),
        ("1766153380", datetime(2025, 12, 19, 14, 9, 40, tzinfo=UTC)),
        (Decimal("1766153380.5"), datetime(2025, 12, 19, 14, 9, 40, 500_000, tzinfo=UTC)),
        (253402300799, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (253402300800, None),
        (Decimal("1e99999999"), None),
        (-1, None),
        (True, None),
        ({}, None),
    ],
)
def test_a_due_date_of_zero_is_none_and_no_other_crashes(due: object, read: datetime | None) -> None:
    assert invoice(due_date=due).due == read


@pytest.mark.parametrize(
    ("changes", "attempts"),
    [
        ({"attempt_count": 0}, 0),
        ({"attempt_count": 2}, 2),
        ({"attempt_count": 2, "payment": payment(status="ERR", paid=False)}, 2),
        ({"attempt_count": 2, "payment": payment(status="ACT", paid=False)}, 1),
        ({"attempt_count": 2, "status": "paid"}, 1),
        ({"attempt_count": 0, "status": "paid"}, 0),
        ({"attempt_count": None}, 0),
        ({"attempt_count": 10**40}, 2**31 - 1),
    ],
)
def test_failed_attempts_leave_out_the_one_that_lives_or_succeeded(changes: JsonObject, attempts: int) -> None:
    assert invoice(**changes).failed_attempts == attempts


@pytest.mark.parametrize(
    ("changes", "pending"),
    [
        ({"payment": payment(status="ACT", paid=False)}, True),
        ({"payment": payment(status="ACT", paid=True)}, False),
        ({"payment": payment(status="ACT", paid=False), "status": "paid"}, False),
        ({"payment": payment(status="EXP", paid=False)}, False),
        ({}, False),
    ],
)
def test_an_active_unpaid_payment_is_pending(changes: JsonObject, pending: bool) -> None:  # noqa: FBT001  # a set
    assert invoice(**changes).payment_pending is pending


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"failure_code": "ERROR_CARD_DECLINED", "failure_message": "for jo@example.com"}, "ERROR_CARD_DECLINED"),
        ({"error_code": "ERR_2"}, "ERR_2"),
        ({"failure_message": "card 4111 1111 1111 1111 of jo@example.com"}, "card *** of ***"),
        ({"failure_message": "x" * 900}, "x" * 500),
        ({"failure_code": "", "failure_message": ""}, None),
    ],
)
def test_the_last_error_is_a_code_or_masked_words(changes: JsonObject, error: str | None) -> None:
    assert invoice(payment=payment(**changes)).last_payment_error == error


def test_the_instant_of_payment_is_the_payments() -> None:
    assert invoice(payment=payment(paid_at=1763561380)).paid_at == datetime(2025, 11, 19, 14, 9, 40, tzinfo=UTC)
    assert invoice(payment=payment(paid_at=0)).paid_at is None


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"total": None}, "total"),
        ({"total": True}, "total"),
        ({"id": []}, "id"),
        ({"status": None}, "status"),
        ({"payment": "x"}, "payment"),
        ({"payment": payment(amount="much")}, r"payment\.amount"),
        ({"payment": payment(refunded_amount=[])}, r"payment\.refunded_amount"),
    ],
)
def test_a_wrong_type_where_it_matters_names_the_field(changes: JsonObject, name: str) -> None:
    with pytest.raises(InvalidAnswer, match=name):
        invoice(**changes)


def test_a_wrong_type_where_it_does_not_matter_is_passed_over() -> None:
    read = invoice(lines=[5, {"period": "x"}], metadata=7, customer={"id": "c"}, subscription=[], period_end="x")
    assert (read.line_count, read.customer_id) == (2, None)


@given(changes_of_data("rapyd"))
def test_any_document_is_read_or_refused_in_words(changes: JsonObject) -> None:
    try:
        read = invoice(**changes)
    except InvalidAnswer:
        return
    assert isinstance(read.status, Status)
    assert all(isinstance(row.total, Decimal) and row.due >= 0 for row in read.amounts)
