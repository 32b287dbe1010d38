"""Rows of the tables: an invoice in two currencies, amounts that stay numbers, ids that stay text."""

import csv
import io
from dataclasses import replace
from decimal import Decimal

from tests.fakes.stored import EUR, OPEN
from watcher.core.exports.csv_tables import EVENTS, INVOICES, WATCHES, CsvTable, Item
from watcher.core.invoices.snapshot import to_document


def rows(table: CsvTable, *items: Item) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.header() + table.text(items), newline=""), strict=True))


def test_an_invoice_has_a_row_for_each_currency_and_one_without_amounts() -> None:
    usd = replace(EUR, currency="USD", total=Decimal("-1.50"))
    both = rows(INVOICES, to_document(replace(OPEN, id="=1+1", amounts=(EUR, usd), tags=("-vip", "b"))))
    assert [(row["id"], row["currency"], row["total"], row["tags"]) for row in both] == [
        ("'=1+1", "EUR", "10.00", "'-vip;b"),
        ("'=1+1", "USD", "-1.50", "'-vip;b"),
    ]
    (bare,) = rows(INVOICES, to_document(replace(OPEN, amounts=())))
    assert (bare["currency"], bare["total"], bare["customer_name"], bare["overdue"]) == ("", "", "Ada", "false")


def test_an_event_has_its_delta_in_columns_and_its_changes_in_words() -> None:
    data = {
        "source": "acme",
        "invoice_id": "inv_1",
        "sequence": 2,
        "event_id": "evt_1",
        "delta": [{"currency": "EUR", "amount": "-3.00"}],
        "changes": [
            {"field": "status", "before": None, "after": "paid"},
            {"field": "number", "before": "a", "after": "=b"},
        ],
        "invoice": to_document(OPEN),
    }
    (row,) = rows(EVENTS, {"cursor": 7, "timestamp": "2026-01-01T00:00:00Z", "type": "invoice.paid", "data": data})
    assert (row["currency"], row["delta"], row["customer_id"]) == ("EUR", "-3.00", "cus_1")
    assert row["changes"] == "status: nothing > paid; number: a > '=b"
    (about,) = rows(EVENTS, {"cursor": 8, "type": "endpoint.disabled", "data": {"endpoint": "ledger"}})
    assert (about["endpoint"], about["invoice_id"], about["delta"]) == ("ledger", "", "")


def test_watches_begin_with_the_columns_of_a_watch_list() -> None:
    assert WATCHES.header().startswith("source,invoice_id,tags,due_on,note,")
