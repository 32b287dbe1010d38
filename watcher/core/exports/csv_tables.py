"""The lists as CSV tables: from items as `--json` prints them to rows of cells."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from watcher.core.exports.csv_text import harmless, lines
from watcher.core.invoices.aging import Bucket

Item = Mapping[str, object]

_MONEY = ("total", "paid", "due", "credited", "refunded", "written_off")


@dataclass(frozen=True, slots=True)
class CsvTable:
    """`rows` gives the rows of one item; an invoice has one for each currency."""

    name: str
    columns: tuple[str, ...]
    rows: Callable[[Item], Iterable[Sequence[str]]]

    def header(self) -> str:
        return lines([self.columns])

    def text(self, items: Iterable[Item]) -> str:
        return lines(row for item in items for row in self.rows(item))


def cell(value: object) -> str:
    """A value as text: nothing for null, lists with `;` as watch lists have them."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case list() | tuple():
            return harmless(";".join(map(str, cast("Sequence[object]", value))))
        case _:
            return harmless(str(value))


def amount(value: object) -> str:
    """An exact decimal of ours, which is a number also where it begins with a minus sign."""
    return "" if value is None else str(value)


def _cells(item: Item, names: Iterable[str]) -> list[str]:
    return [cell(item.get(name)) for name in names]


_OF_INVOICE = ("source", "id", "number", "status", "overdue", "direction")
_AFTER_AMOUNTS = (
    *("issued_on", "due_on", "due_at", "finalized_at", "paid_at", "voided_at"),
    *("payment_pending", "failed_attempts", "last_payment_error", "provider", "provider_status", "tags", "url"),
)


def _invoice(item: Item) -> Iterator[Sequence[str]]:
    customer = cast("Item", item["customer"])
    before = [*_cells(item, _OF_INVOICE), cell(customer["id"]), cell(customer["name"])]
    after = _cells(item, _AFTER_AMOUNTS)
    for row in cast("Sequence[Item]", item["amounts"]) or ({},):
        money = [cell(row.get("currency")), cell(row.get("unit")), *(amount(row.get(name)) for name in _MONEY)]
        yield [*before, *money, *after]


INVOICES = CsvTable(
    "invoices",
    (*_OF_INVOICE, "customer_id", "customer_name", "currency", "unit", *_MONEY, *_AFTER_AMOUNTS),
    _invoice,
)
"""One row for each invoice and currency."""

_OF_EVENT = ("cursor", "timestamp", "type")
_OF_DATA = ("source", "invoice_id", "sequence", "event_id", "occurred_at", "observed_at", "inferred", "reason")


def _event(item: Item) -> Iterator[Sequence[str]]:
    data = cast("Item", item["data"])
    invoice = cast("Item", data.get("invoice") or {})
    customer = cast("Item", invoice.get("customer") or {})
    before = [*_cells(item, _OF_EVENT), cell(data.get("endpoint")), *_cells(data, _OF_DATA)]
    after = [
        *(cell(invoice.get(name)) for name in ("number", "status")),
        cell(customer.get("id")),
        cell("; ".join(_change(one) for one in cast("Sequence[Item]", data.get("changes") or ()))),
        cell(item.get("found_by")),
    ]
    for row in cast("Sequence[Item]", data.get("delta") or ()) or ({},):
        yield [*before, cell(row.get("currency")), amount(row.get("amount")), *after]


def _change(change: Item) -> str:
    return f"{change['field']}: {_plain(change['before'])} > {_plain(change['after'])}"


def _plain(value: object) -> str:
    return "nothing" if value is None else cell(value)


EVENTS = CsvTable(
    "events",
    (
        *_OF_EVENT,
        "endpoint",
        *_OF_DATA,
        *("currency", "delta", "number", "status", "customer_id", "changes", "found_by"),
    ),
    _event,
)
"""One row for each event, or for each currency of its delta."""

WATCH_LIST = ("source", "invoice_id", "tags", "due_on", "note")


def _plain_table(name: str, *columns: str) -> CsvTable:
    return CsvTable(name, columns, lambda item: [_cells(item, columns)])


DELIVERIES = _plain_table(
    "deliveries",
    *("delivery_id", "event_id", "type", "endpoint", "source", "invoice_id"),
    *("state", "attempts", "next_attempt_at", "last_status", "last_error"),
)
AUDIT = _plain_table("audit", "at", "who", "action", "target", "outcome")
WATCHES = _plain_table("watches", *WATCH_LIST, "origins", "state", "last_polled_at", "next_poll_at", "last_error")
"""Begins with the columns of a watch list."""


_OF_AGING = ("source", "customer_id", "customer_name", "tag", "direction", "currency", "unit")
_SUMS = ("total", *(bucket.value for bucket in Bucket))


def _aging(item: Item) -> Iterator[Sequence[str]]:
    sums = [cast("Item", item[name]) for name in _SUMS]
    yield [*_cells(item, _OF_AGING), *(part for one in sums for part in (cell(one["count"]), amount(one["due"])))]


_OF_MONEY = ("direction", "currency", "unit")
_OF_CUSTOMER = ("source", "customer_id", "customer_name")


def _customer(item: Item) -> Iterator[Sequence[str]]:
    for row in cast("Sequence[Item]", item["sums"]):
        due, overdue = cast("Item", row["due"]), cast("Item", row["overdue"])
        counts = [cell(row["invoices"]), amount(row["paid"])]
        sums = [part for one in (due, overdue) for part in (cell(one["count"]), amount(one["due"]))]
        yield [*_cells(item, _OF_CUSTOMER), *_cells(row, _OF_MONEY), *counts, *sums]


CUSTOMERS = CsvTable(
    "customers",
    (*_OF_CUSTOMER, *_OF_MONEY, "invoices", "paid", "due_count", "due", "overdue_count", "overdue"),
    _customer,
)
"""One row for each customer and currency."""


def _with_amounts(name: str, columns: Sequence[str], *amounts: str) -> CsvTable:
    """`amounts` are those of the columns that are numbers of ours."""

    def row(item: Item) -> Iterator[Sequence[str]]:
        yield [amount(item[one]) if one in amounts else cell(item[one]) for one in columns]

    return CsvTable(name, tuple(columns), row)


FORECAST = _with_amounts("forecast", (*_OF_MONEY, "period", "first_day", "last_day", "count", "due"), "due")
DSO = _with_amounts("dso", (*_OF_MONEY, "month", "invoices", "paid", "days", "median_days", "left_out"), "paid", "days")
AGING = CsvTable(
    "aging", (*_OF_AGING, *(column for name in _SUMS for column in (f"{name}_count", f"{name}_due"))), _aging
)
"""One row for each group and currency."""
