"""How an adapter file's map reads times, statuses and money, and that no document does more than be refused."""

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.adapter_files import file_adapter
from tests.fakes.wire_documents import ANY_JSON, JsonObject
from watcher.config.adapters.files import load_adapter
from watcher.core import json_text
from watcher.core.errors import InvalidAnswer
from watcher.core.invoices.invoice import Invoice, Status
from watcher.providers.adapter_file import invoice_map
from watcher.providers.adapter_file.fingerprint import steady_fingerprint
from watcher.providers.adapter_file.invoice_map import read_day, read_instant, write_instant
from watcher.providers.adapter_file.spec import AdapterSpec, TimeFormat

CHICAGO = ZoneInfo("America/Chicago")
AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
BASE = """
name = "one"
[auth]
type = "none"
[invoice]
path = "/{{id}}"
[probe]
path = "/"
[map]
{map}
[map.status]
of = "state"
words = {{ draft = "draft", open = "open", done = "by_balance", gone = "void", lost = "uncollectible" }}
[map.amounts]
currency = "currency"
unit = "{unit}"
total = "total"
paid = "paid"
due = {{ subtract = ["total", "paid"] }}
"""
DOCUMENT: JsonObject = {"id": 7, "state": "open", "currency": "eur", "total": 1000, "paid": 250}


def spec(folder: Path, mapped: str = "", unit: str = "minor") -> AdapterSpec:
    (folder / "one.toml").write_text(BASE.format(map=mapped, unit=unit))
    return load_adapter(folder / "one.toml").spec


def read(made: AdapterSpec, **changes: object) -> Invoice:
    return invoice_map.to_invoice(DOCUMENT | changes, None, made.map, made.invoice.id, CHICAGO)


@pytest.mark.parametrize(
    ("value", "times", "instant"),
    [
        ("2026-11-22T10:00:00Z", TimeFormat.ISO, AT),
        ("2026-11-22 10:00:00", TimeFormat.ISO, AT),
        ("2026-11-22T04:00:00", TimeFormat.LOCAL, AT),
        ("2026-11-22T10:00:00+00:00", TimeFormat.LOCAL, AT),
        (1795341600, TimeFormat.UNIX, AT),
        ("1795341600", TimeFormat.UNIX, AT),
        (1795341600000, TimeFormat.UNIX_MS, AT),
        (0, TimeFormat.UNIX, None),
        ("soon", TimeFormat.LOCAL, None),
        (None, TimeFormat.ISO, None),
        (10**30, TimeFormat.UNIX, None),
        ("NaN", TimeFormat.UNIX_MS, None),
    ],
)
def test_an_instant_is_read_as_the_file_says(value: object, times: TimeFormat, instant: datetime | None) -> None:
    assert read_instant(value, times, CHICAGO) == instant


@pytest.mark.parametrize("times", list(TimeFormat))
def test_an_instant_that_is_written_is_read_as_the_same(times: TimeFormat) -> None:
    written = write_instant(AT, times, CHICAGO)
    assert read_instant(written, times, CHICAGO) == AT


def test_a_day_is_that_of_the_sources_time_zone_unless_it_is_written() -> None:
    assert read_day(1795310400, TimeFormat.UNIX, CHICAGO) == date(2026, 11, 21)
    assert read_day("2026-11-22", TimeFormat.UNIX, CHICAGO) == date(2026, 11, 22)


@pytest.mark.parametrize(
    ("changes", "status", "due"),
    [
        ({}, Status.PARTIALLY_PAID, "7.50"),
        ({"paid": 0}, Status.OPEN, "10.00"),
        ({"state": "DONE"}, Status.PARTIALLY_PAID, "7.50"),
        ({"state": "done", "paid": 1000}, Status.PAID, "0.00"),
        ({"state": "done", "paid": 1200}, Status.PAID, "0.00"),
        ({"state": "gone"}, Status.VOID, "0.00"),
        ({"state": "lost"}, Status.UNCOLLECTIBLE, "0.00"),
        ({"state": "what?"}, Status.UNKNOWN, "7.50"),
    ],
)
def test_words_and_balance_decide_the_status(tmp_path: Path, changes: JsonObject, status: Status, due: str) -> None:
    invoice = read(spec(tmp_path), **changes)
    assert (invoice.status, str(invoice.amounts[0].due), invoice.id) == (status, due, "7")


@pytest.mark.parametrize(
    ("unit", "changes", "total"),
    [
        ("minor", {"currency": "JPY"}, "1000"),
        ("minor", {"currency": "XXA"}, "1000"),
        ("major", {"currency": "KWD"}, "1000.000"),
        ("minor", {"total": 10**29}, f"1{'0' * 27}.00"),
        ("major", {"total": json_text.read("0.30000000000000004"), "paid": 0}, "0.30"),
    ],
)
def test_money_is_exact_in_every_currency(tmp_path: Path, unit: str, changes: JsonObject, total: str) -> None:
    (row,) = read(spec(tmp_path, unit=unit), **changes).amounts
    assert str(row.total) == total
    assert row.minor is (row.currency == "XXA")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": None}, "id: an id is expected, not null"),
        ({"state": None}, "state: a word is expected, not null"),
        ({"currency": 5.5}, "currency: a word is expected"),
        ({"total": "ten"}, "total: a number is expected, not other text"),
        ({"total": 10**31}, "digits"),
        ({"paid": "0.5"}, "not a whole number"),
    ],
)
def test_what_has_to_be_there_is_named(tmp_path: Path, changes: JsonObject, words: str) -> None:
    with pytest.raises(InvalidAnswer, match=words):
        read(spec(tmp_path), **changes)


def test_revisions_are_the_latest_instant_or_a_version(tmp_path: Path) -> None:
    latest = spec(tmp_path, 'revision = ["at", "rows[].at"]')
    assert read(latest, at="1970-01-01T00:00:01Z", rows=[{"at": "1970-01-01T00:00:02Z"}, {}]).revision == 2_000_000
    version = spec(tmp_path, 'version = "v"')
    assert [read(version, v=v).revision for v in (7, "8", None, 10**40, "NaN")] == [7, 8, None, None, None]


def test_counts_are_lenient_and_their_conditions_exact(tmp_path: Path) -> None:
    made = spec(tmp_path, 'failed_attempts = { if = { zero = "rest" }, then = 0, else = "tries" }', unit="major")
    tries = [(json_text.read("0.5"), 3), (0, 3), (1, None), (1, "x"), (1, -2), (1, 10**40)]
    assert [read(made, rest=rest, tries=one).failed_attempts for rest, one in tries] == [3, 0, 0, 0, 0, 2**31 - 1]


def test_only_links_and_masked_errors_leave_the_document(tmp_path: Path) -> None:
    made = spec(tmp_path, 'url = "link"\nlast_payment_error = "why"\nnumber = "n"')
    invoice = read(made, link="javascript:alert(1)", why="card 4242424242424242 of jo@example.com", n="x" * 300)
    assert (invoice.url, invoice.last_payment_error) == (None, "card *** of ***")
    assert len(invoice.number or "") == 200
    assert read(made, link="https://example.com/i").url == "https://example.com/i"


@settings(max_examples=60)
@given(
    st.sampled_from(["tally", "dollr", "meteroid"]),
    st.dictionaries(st.text(max_size=9), ANY_JSON, max_size=6),
    ANY_JSON,
)
def test_any_document_is_read_or_refused_in_words(name: str, changes: JsonObject, rows: object) -> None:
    made = file_adapter(name).spec
    fields = ("id", "state", "status", "currency", "total", "total_cents", "total_amount", "payments", "transactions")
    document = dict.fromkeys(fields, rows) | changes
    try:
        steady_fingerprint(document, made.invoice)
        invoice = invoice_map.to_invoice(document, None, made.map, made.invoice.id, CHICAGO)
    except InvalidAnswer:
        return
    assert isinstance(invoice.status, Status)


def test_a_large_document_is_refused_in_bounded_time() -> None:
    rows = [{"state": "settled", "cents": 1}] * 400_000
    made = file_adapter("tally").spec
    document: JsonObject = {"id": "b", "state": "sent", "currency": "EUR", "total_cents": 1, "payments": rows}
    with pytest.raises(InvalidAnswer, match="too large"):
        invoice_map.to_invoice(document, None, made.map, "id", CHICAGO)
