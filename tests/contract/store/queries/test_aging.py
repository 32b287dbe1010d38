"""What is due and for how long: exact, never across currencies, and always what the newest snapshots say."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, text

from tests.fakes import stored
from tests.fakes.statements import statements
from tests.fakes.stored import EUR, NOW, OPEN
from watcher.core.errors import StoreUnavailable
from watcher.core.invoices import history_state
from watcher.core.invoices.aging import Bucket
from watcher.core.invoices.history_state import HistoryState
from watcher.core.invoices.invoice import Amounts, Customer, Direction, Snapshot, Status
from watcher.ports import AgingBy, AgingRow, DesiredWatch
from watcher.store import AmountsFill, SqlAging, SqlPollQueue, SqlWatches, Store
from watcher.store.open_amounts import FILLED
from watcher.store.tables import counters

DAY = timedelta(days=1)


def invoice(name: str, due: str = "10.00", days: int | None = 1, **other: object) -> Snapshot:
    """Overdue for so many days; None is without a due date."""
    due_at = None if days is None else NOW.replace(hour=5) - (days - 1) * DAY
    amounts = other.pop("amounts", (replace(EUR, total=Decimal(due), due=Decimal(due)),))
    return replace(OPEN, id=name, due_at=due_at, amounts=amounts, **other)  # type: ignore[arg-type]


async def see(store: Store, *snapshots: Snapshot, version: int = 1) -> None:
    """A poll of each of these finds this."""
    watches = SqlWatches(store)
    await stored.watch(store)
    await watches.import_entries([DesiredWatch(one.source, one.id, one.tags) for one in snapshots], "cli", NOW)
    for source in {one.source for one in snapshots}:
        queue = SqlPollQueue(store)
        claims = await queue.claim(NOW, [stored.request(source, interval=timedelta(0))], stored.LEASE)
        claimed = {watch.invoice_id: watch for claim in claims for watch in claim.watches}
        mine = [one for one in snapshots if one.source == source]
        records = [
            stored.polled(
                claimed[one.id],
                change=replace(
                    stored.change(version=version, snapshot=one), memory=history_state.dumps(HistoryState(one))
                ),
            )
            for one in mine
        ]
        assert await queue.record(records, {}) == frozenset()
        await queue.release([claimed[name] for name in claimed if name not in {one.id for one in mine}], NOW)


async def report(store: Store, by: AgingBy = AgingBy.SOURCE, **zones: ZoneInfo) -> dict[tuple[str, ...], AgingRow]:
    rows = await SqlAging(store).report(by, NOW, zones)
    return {tuple(part for part in row.key[:4] if part not in {"", "receivable"}): row for row in rows}


def sums(row: AgingRow) -> Mapping[str, tuple[int, str]]:
    return {bucket.value: (one.count, str(one.due)) for bucket, one in row.buckets.items() if one.count}


async def test_each_invoice_is_in_one_bucket_of_its_source_and_currency(store: Store) -> None:
    usd = replace(EUR, currency="USD", due=Decimal("5.00"))
    await see(
        store,
        invoice("a", "0.10", 1),
        invoice("b", "0.20", 7, amounts=(replace(EUR, due=Decimal("0.20")), usd)),
        invoice("c", "1.005", 8),
        invoice("d", "3.00", 95, source="other"),
        invoice("e", "4.00", None),
        invoice("f", "5.00", -3),
        invoice("g", "6.00", 40, direction=Direction.PAYABLE),
        invoice("h", "7.00", 40, status=Status.PARTIALLY_PAID),
        invoice("i", "8.00", 40, status=Status.UNKNOWN),
        invoice("j", "9.00", 40, status=Status.DRAFT),
        invoice("k", "0.00", 40),
    )
    found = await report(store)
    assert set(found) == {("acme", "EUR"), ("acme", "USD"), ("acme", "payable", "EUR"), ("other", "EUR")}
    assert sums(found["acme", "EUR"]) == {
        "not_due": (2, "9.00"),
        "days_1_7": (2, "0.30"),
        "days_8_30": (1, "1.005"),
        "days_31_60": (1, "7.00"),
    }
    assert sums(found["acme", "USD"]) == {"days_1_7": (1, "5.00")}
    assert sums(found["other", "EUR"]) == {"days_over_90": (1, "3.00")}
    assert (found["acme", "EUR"].total.count, str(found["acme", "EUR"].total.due)) == (6, "17.305")


async def test_amounts_of_any_length_are_added_exactly(store: Store) -> None:
    long = "123456789012345678901234567.89"
    minor = Amounts("XYZ", *[Decimal(7)] * 6, minor=True)
    await see(
        store,
        invoice("a", long),
        invoice("b", long),
        invoice("c", "0.01"),
        invoice("d", "999999999999"),
        invoice("e", amounts=(minor,)),
    )
    found = await report(store)
    assert sums(found["acme", "EUR"]) == {"days_1_7": (4, "246913578024692357802469134.79")}
    assert (found["acme", "XYZ"].minor, found["acme", "EUR"].minor) == (True, False)


async def test_what_changes_stops_starts_and_is_purged_is_followed(store: Store) -> None:
    await see(store, invoice("a", "1.00"), invoice("b", "2.00"), invoice("c", "4.00"), invoice("d", "8.00"))
    await see(store, invoice("a", "0.50", 40), invoice("b", status=Status.PAID), version=2)
    watches = SqlWatches(store)
    await watches.remove("acme", "c", NOW)
    await watches.remove("acme", "d", NOW, purge=True)
    assert sums((await report(store))["acme", "EUR"]) == {"days_31_60": (1, "0.50")}
    await watches.add(DesiredWatch("acme", "c"), "cli", NOW)
    assert sums((await report(store))["acme", "EUR"]) == {"days_31_60": (1, "0.50"), "days_1_7": (1, "4.00")}
    assert await AmountsFill(store).run() == 0, "nothing differs from the snapshots"


async def test_customers_are_those_of_a_source_and_come_in_pages(store: Store) -> None:
    ada, bob, nobody = Customer("cus_1", "Ada"), Customer("cus_2"), Customer()
    await see(
        store,
        invoice("a", "1.00", customer=ada),
        invoice("b", "2.00", 40, customer=ada),
        invoice("c", "4.00", customer=bob),
        invoice("d", "8.00", customer=nobody),
        invoice("e", "16.00", customer=ada, source="other"),
    )
    rows = await SqlAging(store).report(AgingBy.CUSTOMER, NOW, {"acme": ZoneInfo("Asia/Tokyo")})
    assert [(row.group, row.customer_id, row.customer_name, str(row.total.due)) for row in rows] == [
        ("acme", "", None, "8.00"),
        ("acme", "cus_1", "Ada", "3.00"),
        ("acme", "cus_2", None, "4.00"),
        ("other", "cus_1", "Ada", "16.00"),
    ]
    for by in AgingBy:
        everything = await SqlAging(store).report(by, NOW, {})
        paged: list[AgingRow] = []
        while page := await SqlAging(store).report(by, NOW, {}, after=paged[-1].key if paged else None, limit=1):
            assert len(page) == 1
            paged += page
        assert paged == list(everything)


async def test_an_invoice_counts_for_each_of_its_tags(store: Store) -> None:
    await see(
        store,
        invoice("a", "1.00", tags=("vip", "b,c")),
        invoice("b", "2.00", tags=("vip",), source="other"),
        invoice("c", "4.00"),
    )
    found = await report(store, AgingBy.TAG)
    assert {key: str(row.total.due) for key, row in found.items()} == {
        ("EUR",): "4.00",
        ("b,c", "EUR"): "1.00",
        ("vip", "EUR"): "3.00",
    }


async def test_days_are_those_of_the_source(store: Store) -> None:
    # 10:00 UTC: in Auckland the day has nearly ended, in Honolulu it has just begun.
    due_at = NOW.replace(hour=9, minute=0, second=0, microsecond=0) - 7 * DAY
    await see(store, replace(invoice("a"), due_at=due_at), replace(invoice("b", source="other"), due_at=due_at))
    rows = await report(store, acme=ZoneInfo("Pacific/Auckland"), other=ZoneInfo("Pacific/Honolulu"))
    assert list(sums(rows["acme", "EUR"])) == ["days_8_30"]
    assert list(sums(rows["other", "EUR"])) == ["days_8_30"]
    rows = await report(store, other=ZoneInfo("Pacific/Kiritimati"))
    assert list(sums(rows["acme", "EUR"])) == ["days_8_30"]
    near = NOW.replace(hour=11, minute=0, second=0, microsecond=0) - 7 * DAY
    await see(store, replace(invoice("c", "2.00"), due_at=near), replace(invoice("d", source="other"), due_at=near))
    rows = await report(store, acme=ZoneInfo("Pacific/Auckland"), other=ZoneInfo("Pacific/Honolulu"))
    assert sums(rows["acme", "EUR"]) == {"days_1_7": (1, "2.00"), "days_8_30": (1, "10.00")}
    assert sums(rows["other", "EUR"]) == {"days_8_30": (2, "20.00")}


async def test_what_an_older_program_wrote_is_counted_before_anything_is_shown(store: Store) -> None:
    await see(store, invoice("a", "1.00"), invoice("b", "2.00"), invoice("c", "4.00"), invoice("d", "8.00"))
    await SqlWatches(store).remove("acme", "d", NOW)
    async with store.transaction() as connection:
        await connection.execute(text("DELETE FROM open_amounts WHERE due = '1.00'"))
        await connection.execute(text("UPDATE open_amounts SET version = 7, due = '99' WHERE due = '2.00'"))
        await connection.execute(text("UPDATE open_amounts SET watched = NOT watched WHERE due IN ('4.00', '8.00')"))
        await connection.execute(delete(counters).where(counters.c.name == FILLED))
    with pytest.raises(StoreUnavailable, match="still being counted"):
        await report(store)
    fill = AmountsFill(store)
    assert (await fill.is_needed(), await fill.run(), await fill.is_needed()) == (True, 4, False)
    assert sums((await report(store))["acme", "EUR"]) == {"days_1_7": (3, "7.00")}


async def test_a_report_reads_indexes_and_no_rows_on_sqlite(sqlite_store: Store) -> None:
    await see(sqlite_store, *(invoice(f"inv_{number}") for number in range(50)))
    async with statements(sqlite_store) as run:
        for by in AgingBy:
            await SqlAging(sqlite_store).report(by, NOW, {}, limit=10)
    plans: list[str] = []
    async with sqlite_store.reading() as connection:
        for statement, parameters in run:
            if "FROM open_amounts" in statement and "max(" not in statement:
                rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                plans.append("\n".join(str(row[-1]) for row in rows))
    assert len(plans) >= 5
    assert [plan for plan in plans if "USING INDEX" not in plan and "USING COVERING INDEX" not in plan] == []
    assert [plan for plan in plans if "TEMP B-TREE" in plan] == []


def test_every_bucket_is_there_for_every_row() -> None:
    assert len(Bucket) == 6
