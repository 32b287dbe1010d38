"""What a Fragment document means."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contract.providers.documents import part, read, snapshot_of
from watcher.core.errors import InvalidAnswer
from watcher.core.invoices.invoice import Direction, Status
from watcher.providers.fragment import to_invoice
from watcher.providers.fragment_wire import FragmentInvoice

_WHOLE = st.integers(min_value=-(10**28), max_value=10**28) | st.just(0)


def balance(expected: int, actual: int = 0) -> dict[str, object]:
    return {"expected": str(expected), "actual": str(actual), "remaining": str(expected - actual)}


def row(
    currency: str = "USD", *, payins: tuple[int, int] = (0, 0), payouts: tuple[int, int] = (0, 0)
) -> dict[str, object]:
    net = (payins[0] - payouts[0], payins[1] - payouts[1])
    return {"currency": currency, "net": balance(*net), "payins": balance(*payins), "payouts": balance(*payouts)}


def document(*rows: dict[str, object], lines: int = 1, **changes: object) -> dict[str, object]:
    line_items = [{"id": f"item_{number}"} for number in range(lines)]
    plain = {"id": "inv_1", "status": "active", "balances": list(rows), "line_items": line_items}
    return plain | changes


def test_the_example_of_the_camel_case_generation_is_read() -> None:
    invoice = to_invoice(part(read("fragment_g2_invoice.json"), "data"), None)
    assert invoice.id == "inv_1234567890"
    assert invoice.status is Status.PARTIALLY_PAID
    assert invoice.provider_status == "active"
    assert (invoice.line_count, invoice.created_at) == (1, datetime(2024, 1, 13, tzinfo=UTC))
    (amounts,) = invoice.amounts
    assert (amounts.currency, amounts.total, amounts.paid, amounts.due) == ("USD", *map(Decimal, ("100", "50", "50")))
    assert (amounts.credited, amounts.refunded, amounts.written_off) == (0, 0, 0)


def test_the_snake_case_generation_is_read_with_one_row_per_currency_sorted() -> None:
    invoice = to_invoice(part(read("fragment_g3_invoice.json"), "data"), None)
    assert invoice.id == "order/2026#7 50%"
    assert [(amounts.currency, str(amounts.total), str(amounts.due)) for amounts in invoice.amounts] == [
        ("JPY", "5000", "0"),
        ("USD", "100.00", "75.00"),
    ]
    assert invoice.status is Status.PARTIALLY_PAID
    assert invoice.direction is Direction.RECEIVABLE
    assert invoice.line_count == 2


def test_every_key_is_read_in_both_spellings() -> None:
    old = FragmentInvoice.model_validate(part(read("fragment_g2_invoice.json"), "data"))
    new = FragmentInvoice.model_validate(part(read("fragment_g3_invoice.json"), "data"))
    for wire in (old, new):
        assert wire.workspace_id
        assert wire.line_items
        assert wire.line_items[0]
        assert wire.line_items[0].currency_code == "USD"
        assert wire.line_items[0].product_id
        assert wire.line_items[0].user_id
        assert not wire.model_extra
        assert not wire.line_items[0].model_extra


def test_fields_a_snapshot_has_no_source_for_are_absent() -> None:
    invoice = to_invoice(part(read("fragment_g3_invoice.json"), "data"), None)
    absent = (invoice.number, invoice.issued_on, invoice.due, invoice.paid_at, invoice.voided_at, invoice.customer_id)
    assert absent == (None,) * 6
    assert invoice.url is None


def test_the_oldest_generation_without_balances_is_unknown() -> None:
    old = {"id": "inv_1", "status": "closed", "workspaceId": "ws", "lineItems": [{"id": "item"}]}
    invoice = to_invoice(old, None)
    assert (invoice.status, invoice.amounts, invoice.provider_status) == (Status.UNKNOWN, (), "closed")
    assert invoice.line_count == 1


@pytest.mark.parametrize(
    ("rows", "status"),
    [
        ([row(payins=(100, 0))], Status.OPEN),
        ([row(payins=(100, 1))], Status.PARTIALLY_PAID),
        ([row(payins=(100, 100))], Status.PAID),
        ([row(payins=(100, 130))], Status.PAID),
        ([row(payins=(100, 100)), row("EUR", payins=(5, 0))], Status.PARTIALLY_PAID),
        ([row(payins=(100, 0)), row("EUR", payins=(5, 0))], Status.OPEN),
        ([row(payins=(100, 100)), row("EUR", payins=(5, 5))], Status.PAID),
        ([row(payins=(100, 100), payouts=(90, 0))], Status.PAID),
    ],
)
def test_the_numbers_report_the_status(rows: list[dict[str, object]], status: Status) -> None:
    assert to_invoice(document(*rows), None).status is status


def test_an_overpaid_invoice_is_paid_and_nothing_is_due() -> None:
    (amounts,) = to_invoice(document(row(payins=(10000, 12000))), None).amounts
    assert (amounts.total, amounts.paid, amounts.due) == (Decimal("100.00"), Decimal("120.00"), Decimal("0.00"))


def test_payouts_are_what_counts_where_no_payins_are_expected() -> None:
    invoice = to_invoice(document(row(payouts=(9000, 4000)), row("EUR", payouts=(100, 0))), None)
    assert invoice.direction is Direction.PAYABLE
    assert [str(amounts.total) for amounts in invoice.amounts] == ["1.00", "90.00"]
    assert invoice.status is Status.PARTIALLY_PAID


def test_an_invoice_without_lines_yet_is_a_draft() -> None:
    assert to_invoice(document(row(), lines=0), None).status is Status.DRAFT
    assert to_invoice(document(lines=0), None).status is Status.DRAFT
    draft = snapshot_of(to_invoice(document(row(), lines=0), None))
    assert to_invoice(document(row(), lines=0), draft).status is Status.DRAFT


@pytest.mark.parametrize("side", ["payins", "payouts"])
def test_an_invoice_whose_lines_were_all_deleted_is_void_and_stays_so(side: str) -> None:
    opened = snapshot_of(to_invoice(document({**row(), side: balance(100, 30)}), None))
    voided = to_invoice(document({**row(), side: balance(0, 30)}, lines=0), opened)
    assert voided.status is Status.VOID
    assert voided.direction is opened.direction
    assert [amounts.due for amounts in voided.amounts] == [0]
    again = to_invoice(document(row(), lines=0), snapshot_of(voided))
    assert again.status is Status.VOID
    assert to_invoice(document(row(payins=(100, 0))), snapshot_of(again)).status is Status.OPEN


def test_a_free_invoice_with_lines_is_paid_not_void_nor_draft() -> None:
    free = to_invoice(document(row()), None)
    assert free.status is Status.PAID
    assert to_invoice(document(row()), snapshot_of(free)).status is Status.PAID


def test_no_rows_are_never_paid() -> None:
    assert to_invoice(document(lines=2), None).status is Status.UNKNOWN


def test_a_word_nobody_knows_makes_the_status_unknown_and_is_kept() -> None:
    invoice = to_invoice(document(row(payins=(100, 100)), status="on_hold"), None)
    assert (invoice.status, invoice.provider_status) == (Status.UNKNOWN, "on_hold")
    assert len(invoice.amounts) == 1


@pytest.mark.parametrize("word", ["ACTIVE", "open", None])
def test_a_status_word_without_meaning_may_change_case_or_vanish(word: str | None) -> None:
    assert to_invoice(document(row(payins=(100, 100)), status=word), None).status is Status.PAID


@pytest.mark.parametrize("currency", ["BTC", "PTS", "LOGICAL", "CUSTOM", "BYR"])
def test_a_currency_whose_decimals_nobody_knows_stays_in_minor_units(currency: str) -> None:
    (amounts,) = to_invoice(document(row(currency, payins=(2**80, 1))), None).amounts
    assert amounts.minor
    assert (amounts.total, amounts.due) == (2**80, 2**80 - 1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("expected", True),
        ("expected", None),
        ("actual", "1.5"),
        ("remaining", "NaN"),
        ("remaining", "1_000"),
        ("actual", "9" * 31),
        ("actual", Decimal("0.1")),
    ],
)
def test_an_impossible_amount_is_refused_by_its_name(field: str, value: object) -> None:
    wrong = {**row(), "payins": balance(1) | {field: value}}
    with pytest.raises(InvalidAnswer, match=rf"payins\.{field}"):
        to_invoice(document(wrong), None)


@pytest.mark.parametrize("field", ["id", "balances"])
def test_a_field_that_matters_is_refused_by_its_name(field: str) -> None:
    with pytest.raises(InvalidAnswer, match=field):
        to_invoice(document(row()) | {field: {"not": "this"}}, None)


def test_one_currency_in_two_rows_is_refused() -> None:
    with pytest.raises(InvalidAnswer, match="balances"):
        to_invoice(document(row("USD"), row("usd")), None)


@pytest.mark.parametrize(
    "key", ["users", "payments", "tags", "version", "modified", "workspace_id", "line_items", "created"]
)
@pytest.mark.parametrize("value", [None, "text", True, 7, [], {}, ["text", None, {"id": [1], "amount": {}}]])
def test_a_field_nobody_reads_never_makes_an_invoice_unreadable(key: str, value: object) -> None:
    assert to_invoice(document(row(payins=(100, 0))) | {key: value}, None).status is Status.OPEN


def test_an_integer_id_and_integer_amounts_are_read_like_text() -> None:
    numbers: dict[str, object] = {"expected": 100, "actual": 0, "remaining": Decimal("100.0")}
    invoice = to_invoice(document({**row(), "payins": numbers}, id=7), None)
    assert (invoice.id, str(invoice.amounts[0].due)) == ("7", "1.00")


@given(
    st.lists(
        st.tuples(st.sampled_from(["USD", "JPY", "KWD", "BTC"]), _WHOLE, _WHOLE, _WHOLE, _WHOLE),
        unique_by=lambda numbers: numbers[0],
    ),
    st.integers(min_value=0, max_value=2),
    st.sampled_from([None, Status.OPEN, Status.VOID]),
)
def test_any_balances_give_exact_amounts_and_a_status_they_bear_out(
    balances: list[tuple[str, int, int, int, int]], lines: int, earlier: Status | None
) -> None:
    opened = snapshot_of(to_invoice(document(row(payins=(100, 0))), None))
    before = replace(opened, status=earlier) if earlier else None
    rows = [row(currency, payins=(a, b), payouts=(c, d)) for currency, a, b, c, d in balances]
    invoice = to_invoice(document(*rows, lines=lines), before)
    for amounts in invoice.amounts:
        assert all(type(value) is Decimal for value in (amounts.total, amounts.paid, amounts.due, amounts.credited))
        assert amounts.due >= 0
    if not balances:
        assert invoice.status is not Status.PAID
    if invoice.status in {Status.PAID, Status.VOID}:
        assert not any(amounts.due for amounts in invoice.amounts)
