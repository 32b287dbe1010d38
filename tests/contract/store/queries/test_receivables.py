"""Customers, forecast and days sales outstanding: exact, never across currencies, and nothing invented."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from tests.fakes.seen_invoices import due, money, paid, see
from tests.fakes.stored import NOW
from watcher.core.invoices.aging import Bucket
from watcher.core.invoices.invoice import Amounts, Customer, Direction, Status
from watcher.core.invoices.weeks import PeriodKind
from watcher.ports import CustomerSum, DsoRow, ForecastRow, Item, forecast_items
from watcher.store import SqlCustomers, SqlDso, SqlForecasts, Store

LONG = "123456789012345678901234567.89"
TODAY = NOW.date()
"""A Sunday."""
MINOR = Amounts("XYZ", *[Decimal(7)] * 6, minor=True)  # type: ignore[arg-type]


def told(found: CustomerSum) -> tuple[object, ...]:
    return found.currency, found.invoices, str(found.paid), found.due.count, str(found.due.due), str(found.overdue.due)


async def test_a_customer_has_what_is_due_overdue_and_paid_by_currency(store: Store) -> None:
    ada = Customer("cus_1", "Ada")
    await see(
        store,
        due("a", "0.10", TODAY - timedelta(days=10), customer=ada),
        due("b", "0.20", TODAY + timedelta(days=10), customer=ada),
        due("c", customer=ada, status=Status.PARTIALLY_PAID, amounts=(money("1.00", LONG), money("5", "6", "JPY"))),
        paid("d", "0.05", None, None, customer=ada),
        due("e", "9.00", customer=ada, status=Status.DRAFT),
        due("f", "64.00", customer=Customer("cus_2")),
        replace(due("g", "32.00", customer=ada), source="other"),
    )
    customers = SqlCustomers(store)
    found = await customers.customer("acme", "cus_1", NOW, {})
    assert found is not None
    assert (found.source, found.id, found.name, found.invoices) == ("acme", "cus_1", "Ada", 6)
    assert [told(one) for one in found.sums] == [
        ("EUR", 5, "123456789012345678901234567.94", 3, "1.30", "0.10"),
        ("JPY", 1, "6", 1, "5", "0"),
    ]
    assert found.sums[0].statuses == {"open": 2, "partially_paid": 1, "paid": 1, "draft": 1}
    assert found.sums[0].buckets[Bucket.DAYS_8_30].count == 1
    assert await customers.customer("acme", "nobody", NOW, {}) is None

    everybody = await customers.customers(NOW, {})
    assert [(one.id, one.source) for one in everybody] == [("cus_1", "acme"), ("cus_1", "other"), ("cus_2", "acme")]
    assert everybody[0] == found
    paged = [*await customers.customers(NOW, {}, limit=1), *await customers.customers(NOW, {}, after=everybody[0].key)]
    assert paged == everybody
    assert [one.source for one in await customers.customers(NOW, {}, search="ADA")] == ["acme", "other"]
    assert await customers.customers(NOW, {}, search="%") == []


def periods(row: ForecastRow) -> list[tuple[object, ...]]:
    items: list[Item] = [item for item in forecast_items(row) if item["count"]]
    return [(item["period"], item["first_day"], item["count"], item["due"]) for item in items]


async def test_what_is_due_stands_in_the_week_of_its_due_day(store: Store) -> None:
    sunday, midnight = TODAY, datetime(2026, 11, 23, tzinfo=UTC)
    await see(
        store,
        due("a", "0.10", sunday - timedelta(days=1)),
        due("b", "0.20", sunday),
        due("c", "0.40", sunday + timedelta(days=1)),
        replace(due("d", "0.80"), due_on=midnight.date(), due_at=midnight),
        due("e", "1.005", sunday + timedelta(days=77)),
        due("f", "2.00", sunday + timedelta(days=78)),
        due("g", "4.00"),
        due("h", LONG, sunday),
        due("i", "8.00", sunday, status=Status.DRAFT),
        due("j", "16.00", sunday, direction=Direction.PAYABLE),
        replace(due("k", "32.00", sunday), source="other"),
        due("l", day=sunday, amounts=(MINOR,)),
    )
    forecasts = SqlForecasts(store)
    found = {(row.direction, row.currency): row for row in await forecasts.forecast(NOW)}
    assert set(found) == {("receivable", "EUR"), ("receivable", "XYZ"), ("payable", "EUR")}
    assert periods(found["receivable", "EUR"]) == [
        ("overdue", None, 1, "0.10"),
        ("week", "2026-11-16", 3, "123456789012345678901234600.09"),
        ("week", "2026-11-23", 2, "1.20"),
        ("week", "2027-02-01", 1, "1.005"),
        ("later", "2027-02-08", 1, "2.00"),
        ("no_due_date", None, 1, "4.00"),
    ]
    row = found["receivable", "EUR"]
    assert [period.kind for period, _ in row.sums].count(PeriodKind.WEEK) == 12
    assert (row.total.count, str(row.total.due)) == (9, "123456789012345678901234608.395")
    assert (found["receivable", "XYZ"].minor, row.minor) == (True, False)
    (other,) = await forecasts.forecast(NOW, "other")
    assert periods(other) == [("week", "2026-11-16", 1, "32.00")]


def figures(row: DsoRow) -> tuple[object, ...]:
    month = None if row.month is None else row.month.isoformat()[:7]
    return month, row.invoices, str(row.paid), None if row.days is None else str(row.days), row.median, row.left_out


async def test_days_sales_outstanding_weigh_each_invoice_by_what_was_paid(store: Store) -> None:
    def on(month: int, day: int, hour: int = 12) -> datetime:
        return datetime(2026, month, day, hour, tzinfo=UTC)

    await see(
        store,
        paid("a", "100.00", date(2026, 10, 1), on(10, 11)),
        paid("b", "300.00", date(2026, 10, 1), on(10, 31)),
        paid("c", "0.01", date(2026, 10, 30), on(10, 20)),
        paid("d", "5.00", None, on(10, 20)),
        paid("e", "5.00", date(2026, 10, 1), None),
        paid("f", "7.00", date(2025, 10, 1), datetime(2025, 11, 30, 23, tzinfo=UTC)),
        paid("g", "0.00", date(2026, 10, 1), on(10, 2)),
        paid("h", LONG, date(2026, 11, 1), on(11, 3)),
        due("i", "9.00", issued_on=date(2026, 10, 1), paid_at=on(10, 9)),
        replace(paid("j", "1.00", date(2026, 10, 1), on(10, 31, 23)), source="other"),
    )
    rows = await SqlDso(store).dso(NOW, {"other": ZoneInfo("Asia/Tokyo")})
    assert len(rows) == 13
    assert [figures(row) for row in rows if row.invoices or row.left_out] == [
        # 100 for 10 days, 300 for 30, 0.01 for none; the one of `other` was paid in November where it is.
        ("2026-10", 3, "400.01", "25.0", 10, 1),
        ("2026-11", 2, "123456789012345678901234568.89", "2.0", 2, 0),
        (None, 0, "0", None, None, 1),
    ]
    assert rows[0].month == date(2025, 12, 1)
    (other,) = [row for row in await SqlDso(store).dso(NOW, {}, "other") if row.invoices]
    assert figures(other) == ("2026-10", 1, "1.00", "30.0", 30, 0)
