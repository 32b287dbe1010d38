"""What a ChargeOver document means."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contract.providers.documents import part, read
from watcher.core import json_text
from watcher.core.errors import InvalidAnswer
from watcher.core.invoices.invoice import Direction, Status
from watcher.providers.chargeover import to_invoice
from watcher.providers.chargeover_wire import ChargeOverInvoice

_CHICAGO = ZoneInfo("America/Chicago")
_MAJOR = st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**20), max_value=10**20)


def document(**changes: object) -> dict[str, object]:
    return part(read("chargeover_invoice.json"), "response") | changes


def test_a_partial_payment_that_the_status_hides_is_read_from_the_numbers() -> None:
    invoice = to_invoice(document(), _CHICAGO)
    assert (invoice.status, invoice.provider_status) == (Status.PARTIALLY_PAID, "open-unpaid")
    (amounts,) = invoice.amounts
    assert amounts.currency == "USD"
    given = (amounts.total, amounts.paid, amounts.due, amounts.credited, amounts.refunded, amounts.written_off)
    assert tuple(map(str, given)) == ("100.00", "35.00", "65.00", "0.00", "0.00", "0.00")


def test_the_other_fields_of_the_example_are_read() -> None:
    invoice = to_invoice(document(), _CHICAGO)
    assert (invoice.id, invoice.number, invoice.customer_id) == ("98165", "98165", "17")
    assert (invoice.issued_on, invoice.due) == (date(2019, 9, 26), date(2019, 10, 26))
    assert invoice.created_at == datetime(2019, 9, 26, 15, 16, 43, tzinfo=UTC)
    assert (invoice.paid_at, invoice.voided_at, invoice.finalized_at) == (None, None, None)
    assert (invoice.line_count, invoice.failed_attempts, invoice.payment_pending) == (1, 0, False)
    assert invoice.url == "https://acme.chargeover.com/admin/r/invoice/view/98165"
    assert invoice.direction is Direction.RECEIVABLE


def test_the_wire_model_knows_every_field_of_the_page() -> None:
    wire = ChargeOverInvoice.model_validate(document())
    assert not wire.model_extra
    assert wire.line_items
    assert wire.line_items[0]
    assert not wire.line_items[0].model_extra
    assert wire.schedule
    assert wire.schedule[0]
    assert not wire.schedule[0].model_extra


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"payments": 0, "balance": 100}, Status.OPEN),
        ({"payments": 0, "balance": 100, "invoice_status_str": "open-overdue", "is_overdue": True}, Status.OPEN),
        ({"invoice_status_str": "open-overdue", "is_overdue": True, "days_overdue": 3}, Status.PARTIALLY_PAID),
        ({"invoice_status_str": "open-collections"}, Status.PARTIALLY_PAID),
        ({"payments": 0, "balance": 100, "invoice_status_str": "OPEN_COLLECTIONS"}, Status.OPEN),
        ({"payments": 0, "credits": 35, "balance": 65}, Status.OPEN),
        ({"payments": 100, "balance": 0, "is_paid": True}, Status.PAID),
        ({"payments": 100, "balance": 0, "invoice_status_str": "closed-paid"}, Status.PAID),
        ({"payments": 0, "credits": 100, "balance": 0, "invoice_status_str": "closed-paid"}, Status.PAID),
        ({"total": 0, "balance": 0, "payments": 0, "is_void": True}, Status.VOID),
        ({"total": 0, "balance": 0, "payments": 0, "invoice_status_str": "closed-void"}, Status.VOID),
        ({"is_void": True, "is_paid": True}, Status.VOID),
        ({"payments": 40, "writeoffs": 60, "balance": 0, "invoice_status_str": "closed-paid"}, Status.UNCOLLECTIBLE),
        ({"payments": 100, "writeoffs": 5, "balance": 0, "invoice_status_str": "closed-paid"}, Status.PAID),
        ({"payments": 35, "writeoffs": 5, "balance": 60}, Status.PARTIALLY_PAID),
        ({"invoice_status_str": "closed-frozen"}, Status.UNKNOWN),
        ({"invoice_status_str": None}, Status.PARTIALLY_PAID),
        ({"invoice_status_str": None, "invoice_status_state": "c"}, Status.UNKNOWN),
    ],
)
def test_the_first_rule_that_matches_reports_the_status(changes: dict[str, object], status: Status) -> None:
    assert to_invoice(document(**changes), _CHICAGO).status is status


def test_the_word_is_kept_as_the_provider_wrote_it() -> None:
    assert to_invoice(document(invoice_status_str="closed-frozen"), _CHICAGO).provider_status == "closed-frozen"


def test_a_voided_invoice_has_nothing_due_and_says_when() -> None:
    changes = {"is_void": True, "total": 0, "balance": 0, "payments": 0, "void_datetime": "2019-12-24T08:50:45-06:00"}
    invoice = to_invoice(document(**changes), _CHICAGO)
    assert invoice.voided_at == datetime(2019, 12, 24, 14, 50, 45, tzinfo=UTC)
    assert (invoice.amounts[0].total, invoice.amounts[0].due) == (0, 0)
    assert to_invoice(document(is_void=True, balance=65), _CHICAGO).amounts[0].due == 0


def test_every_kind_of_amount_has_its_own_field() -> None:
    changes = {"total": 100, "payments": 50, "credits": 10, "refunds": 5, "writeoffs": 3, "balance": 42, "declines": 2}
    invoice = to_invoice(document(**changes), _CHICAGO)
    (amounts,) = invoice.amounts
    assert (amounts.paid, amounts.credited, amounts.refunded, amounts.written_off, amounts.due) == (50, 10, 5, 3, 42)
    assert invoice.failed_attempts == 2


def test_an_overpaid_invoice_has_nothing_due() -> None:
    invoice = to_invoice(document(payments=120, balance=-20, is_paid=True), _CHICAGO)
    assert (invoice.status, str(invoice.amounts[0].due)) == (Status.PAID, "0.00")


def test_floats_and_drifting_types_are_read_exactly() -> None:
    text = b'{"total": 1079.98, "balance": 0.30000000000000004, "payments": "1079.68", "credits": 0, "declines": "2"}'
    drifted = json_text.read(text)
    assert isinstance(drifted, dict)
    ids = {"invoice_id": "2688", "customer_id": "17", "refnumber": 1001, "is_paid": 0, "is_void": "0"}
    invoice = to_invoice(document(**ids) | drifted, _CHICAGO)
    (amounts,) = invoice.amounts
    assert tuple(map(str, (amounts.total, amounts.paid, amounts.due))) == ("1079.98", "1079.68", "0.30")
    assert (invoice.id, invoice.customer_id, invoice.number) == ("2688", "17", "1001")
    assert (invoice.status, invoice.failed_attempts) == (Status.PARTIALLY_PAID, 2)


@pytest.mark.parametrize(
    ("given", "at"),
    [
        ("2019-09-26 10:16:43", datetime(2019, 9, 26, 15, 16, 43, tzinfo=UTC)),
        ("2022-10-25T08:50:45-05:00", datetime(2022, 10, 25, 13, 50, 45, tzinfo=UTC)),
        ("2022-10-25T08:50:45Z", datetime(2022, 10, 25, 8, 50, 45, tzinfo=UTC)),
        ("2022-11-06 01:30:00", datetime(2022, 11, 6, 6, 30, tzinfo=UTC)),  # comes twice: the first
        ("2022-03-13 02:30:00", datetime(2022, 3, 13, 8, 30, tzinfo=UTC)),  # never comes: counted from before
        ("0000-00-00 00:00:00", None),
        ("9999-12-31 23:59:59", None),
        ("", None),
        (None, None),
        ("soon", None),
    ],
)
def test_naive_times_are_the_wall_clock_of_the_account(given: object, at: datetime | None) -> None:
    assert to_invoice(document(write_datetime=given), _CHICAGO).created_at == at


def test_the_zone_is_the_accounts() -> None:
    invoice = to_invoice(document(), ZoneInfo("Europe/Berlin"))
    assert invoice.created_at == datetime(2019, 9, 26, 8, 16, 43, tzinfo=UTC)


@pytest.mark.parametrize("given", [None, "", "0000-00-00"])
def test_an_invoice_may_have_no_due_date(given: object) -> None:
    assert to_invoice(document(due_date=given), _CHICAGO).due is None


def test_of_a_due_date_with_a_time_the_day_as_written_counts() -> None:
    assert to_invoice(document(due_date="2019-10-26 00:00:00"), _CHICAGO).due == date(2019, 10, 26)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("invoice_id", None),
        ("currency_iso4217", None),
        ("total", None),
        ("total", True),
        ("balance", "NaN"),
        ("balance", "lots"),
        ("payments", [1]),
        ("payments", "9" * 31),
        ("refunds", False),
        ("due_date", "soon"),
        ("date", 20190926),
    ],
)
def test_a_field_that_matters_is_refused_by_its_name(field: str, value: object) -> None:
    with pytest.raises(InvalidAnswer, match=field):
        to_invoice(document(**{field: value}), _CHICAGO)


def test_everything_that_does_not_matter_may_be_null_strange_or_absent() -> None:
    needed = {"invoice_id", "currency_iso4217", "total", "balance", "invoice_status_str"}
    least = {key: value for key, value in document().items() if key in needed}
    assert to_invoice(least, _CHICAGO).status is Status.OPEN
    known = needed | {"payments", "credits", "refunds", "writeoffs", "date", "due_date"}
    stranger: list[object] = [None, [], {}, "text", 7, [None, "text", {"line_total": []}]]
    for strange in stranger:
        others = {key: strange for key in document() if key not in known} | {"never_seen": strange}
        assert to_invoice(document(**others), _CHICAGO).status is Status.PARTIALLY_PAID


@pytest.mark.parametrize("link", ["javascript:alert(1)", "//acme.chargeover.com/", "", None, 7])
def test_only_web_links_become_the_url(link: object) -> None:
    assert to_invoice(document(url_self=link), _CHICAGO).url is None


def test_no_link_that_opens_or_pays_no_token_and_no_address_enters_the_invoice() -> None:
    given = repr(to_invoice(document(), _CHICAGO))
    for secret in ("paylink", "i3p4ke5ud2", "sched-token", "item-token", "1 Test Lane", "Springfield"):
        assert secret not in given


@given(
    st.fixed_dictionaries({"total": _MAJOR, "balance": _MAJOR, "payments": _MAJOR.map(abs)}),
    st.sampled_from([0, Decimal("0.1"), "5.00", None]),
    st.sampled_from(["USD", "JPY", "KWD", "XBT"]),
    st.sampled_from(["open-unpaid", "closed-paid", "closed-void", "other"]),
)
def test_any_numbers_give_exact_amounts_and_a_status_they_bear_out(
    numbers: dict[str, Decimal], writeoffs: object, currency: str, word: str
) -> None:
    others = {"writeoffs": writeoffs, "currency_iso4217": currency, "invoice_status_str": word}
    invoice = to_invoice(document(**numbers, **others), _CHICAGO)
    (amounts,) = invoice.amounts
    assert all(type(value) is Decimal for value in (amounts.total, amounts.paid, amounts.due, amounts.written_off))
    assert amounts.due >= 0
    assert amounts.total == numbers["total"]
    if invoice.status is Status.PARTIALLY_PAID:
        assert amounts.paid > 0
        assert amounts.due > 0
    if invoice.status in {Status.VOID, Status.UNCOLLECTIBLE}:
        assert amounts.due == 0
