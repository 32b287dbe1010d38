"""Lists of invoices in every order: whole, page by page, under every filter, and by an index."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import stored
from tests.fakes.seen_invoices import due, money, see
from tests.fakes.statements import statements
from tests.fakes.stored import NOW
from watcher.core.errors import StoreUnavailable
from watcher.core.invoices.invoice import Customer, Status
from watcher.ports import DesiredWatch, InvoiceFilters, InvoicePlace, InvoiceSort, ListedInvoice
from watcher.store import AmountsFill, Reports, SqlPollQueue, SqlWatches, Store
from watcher.store.invoice_amounts import rank

DAY = date(2026, 12, 1)


async def ids(store: Store, sort: InvoiceSort, *, descending: bool = False, **filters: object) -> str:
    asked: InvoiceFilters = {"sort": sort, "descending": descending, **filters}  # type: ignore[typeddict-item]
    return "".join(str(one.item["id"]) for one in await Reports(store).invoice_list(asked))


async def some(store: Store) -> None:
    """Named so that their order by id is not that by anything else."""
    await see(
        store,
        due("b", "10.00", None, created_at=NOW - timedelta(days=90)),
        due("d", day=DAY, issued_on=date(2026, 11, 4), amounts=(money("1.00"), money("500.00", currency="USD"))),
        due("a", "9.50", DAY, issued_on=date(2026, 11, 3)),
        due("c", "9.5001", date(2026, 10, 1)),
        due("e", "0.10", date(2027, 1, 1), issued_on=date(2026, 11, 1)),
        apart=timedelta(minutes=1),
    )


async def test_each_order_is_that_of_its_values_and_what_has_none_comes_last(store: Store) -> None:
    await some(store)
    assert await ids(store, InvoiceSort.DUE_DATE) == "cdaeb"
    assert await ids(store, InvoiceSort.DUE_DATE, descending=True) == "eadcb"
    assert await ids(store, InvoiceSort.AMOUNT_DUE) == "edacb"
    assert await ids(store, InvoiceSort.AMOUNT_DUE, descending=True) == "bcade"
    assert await ids(store, InvoiceSort.AGE) == "daebc"
    assert await ids(store, InvoiceSort.AGE, descending=True) == "beadc"
    assert await ids(store, InvoiceSort.LAST_CHANGE) == "bdace"
    assert await ids(store, InvoiceSort.LAST_CHANGE, descending=True) == "ecadb"
    assert await ids(store, InvoiceSort.ID, descending=True) == "edcba"


async def test_amounts_of_two_currencies_are_not_compared(store: Store) -> None:
    await see(
        store,
        due("a", amounts=(money("5", currency="JPY"),)),
        due("b", amounts=(money("7.00"), money("3.00", currency="USD"))),
        due("c", amounts=(money("900.00"),)),
        due("d", amounts=(money("1.00", currency="USD"),)),
        due("e", amounts=()),
    )
    assert await ids(store, InvoiceSort.AMOUNT_DUE) == "ebcad"
    assert await ids(store, InvoiceSort.AMOUNT_DUE, currency="USD") == "db"
    assert await ids(store, InvoiceSort.DUE_DATE, currency="USD") == "bd"
    assert await ids(store, InvoiceSort.ID, currency="JPY") == "a"
    assert await Reports(store).currencies() == ["EUR", "JPY", "USD"]


async def test_pages_of_any_order_add_up_to_the_list(store: Store) -> None:
    await some(store)
    reports = Reports(store)
    for sort in InvoiceSort:
        for descending in (False, True):
            asked = InvoiceFilters(sort=sort, descending=descending)
            whole = await reports.invoice_list(asked)
            paged, after = list[ListedInvoice](), None
            while page := await reports.invoice_list(asked, after, 2):
                paged += page
                after = page[-1].place
            assert paged == whole
            assert len(paged) == 5


async def test_a_place_holds_when_its_invoice_moves(store: Store) -> None:
    await some(store)
    reports, asked = Reports(store), InvoiceFilters(sort=InvoiceSort.DUE_DATE)
    after: InvoicePlace = (await reports.invoice_list(asked, None, 2))[-1].place
    await see(store, due("a", "9.50", date(2028, 1, 1)), version=2)
    assert [one.item["id"] for one in await reports.invoice_list(asked, after)] == ["e", "a", "b"]


async def test_filters_hold_in_every_order(store: Store) -> None:
    ada = Customer("cus_1", "Ada")
    await see(
        store,
        due("a", day=DAY, customer=ada, tags=("vip",), overdue=True),
        due("b", day=DAY, customer=Customer("cus_2"), status=Status.PARTIALLY_PAID),
        replace(due("c", day=DAY, customer=Customer("Ada")), source="other"),
        due("d", day=DAY, customer=Customer(), number="R-77"),
    )
    await SqlWatches(store).add(DesiredWatch("acme", "never_polled"), "cli", NOW)
    for sort in InvoiceSort:
        for descending in (False, True) if sort is InvoiceSort.DUE_DATE else (False,):
            for filters, found in (
                ({"customer": "cus_1"}, "a"),
                ({"customer": "Ada"}, "ac"),
                ({"customer": "Ada", "source": "other"}, "c"),
                ({"tag": "vip"}, "a"),
                ({"overdue": True}, "a"),
                ({"status": Status.PARTIALLY_PAID}, "b"),
                ({"search": "r-77"}, "d"),
                ({"search": "nothing"}, ""),
                ({}, "abcd"),
            ):
                assert "".join(sorted(await ids(store, sort, descending=descending, **filters))) == found


async def test_stopped_and_purged_invoices_leave_every_order(store: Store) -> None:
    await some(store)
    watches = SqlWatches(store)
    await watches.remove("acme", "a", NOW)
    await watches.remove("acme", "c", NOW, purge=True)
    assert await ids(store, InvoiceSort.DUE_DATE) == "deb"
    await watches.add(DesiredWatch("acme", "a"), "cli", NOW)
    assert await ids(store, InvoiceSort.DUE_DATE) == "daeb"
    assert await AmountsFill(store).run() == 0, "nothing differs from the snapshots"


async def test_what_an_older_program_wrote_is_read_before_anything_is_sorted(store: Store) -> None:
    await some(store)
    reports = Reports(store)
    whole = {sort: await reports.invoice_list({"sort": sort}) for sort in InvoiceSort}
    async with store.transaction() as connection:
        await connection.exec_driver_sql("DELETE FROM invoice_amounts WHERE due = '9.50'")
        await connection.exec_driver_sql("UPDATE invoice_amounts SET version = 7, due_on = NULL WHERE due = '1.00'")
        await connection.exec_driver_sql("UPDATE invoice_amounts SET watched = NOT watched WHERE due = '10.00'")
        await connection.exec_driver_sql("DELETE FROM counters WHERE name = 'invoice_amounts_filled'")
    with pytest.raises(StoreUnavailable, match="still being counted"):
        await ids(store, InvoiceSort.AGE)
    assert await AmountsFill(store).run() == 3
    assert {sort: await reports.invoice_list({"sort": sort}) for sort in InvoiceSort} == whole


async def test_a_page_reads_no_more_of_its_index_than_it_shows_on_sqlite(sqlite_store: Store) -> None:
    await see(sqlite_store, *(due(f"inv_{number}", str(number), DAY) for number in range(50)))
    reports = Reports(sqlite_store)
    async with statements(sqlite_store) as run:
        for sort in set(InvoiceSort) - {InvoiceSort.ID}:
            first = await reports.invoice_list({"sort": sort, "search": "inv"}, None, 10)
            await reports.invoice_list({"sort": sort, "descending": True}, first[-1].place, 10)
    plans: list[str] = []
    async with sqlite_store.reading() as connection:
        for statement, parameters in run:
            if statement.startswith("SELECT invoice_amounts.watch_id"):
                rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                plans.append("\n".join(str(row[-1]) for row in rows))
    assert len(plans) >= 8
    assert [plan for plan in plans if "ix_invoice_amounts_" not in plan or "TEMP B-TREE" in plan] == []


async def test_a_poll_that_finds_nothing_new_writes_no_amounts(store: Store) -> None:
    await see(store, due("a", day=DAY))
    queue = SqlPollQueue(store)
    (claim,) = await queue.claim(NOW, [stored.request(interval=timedelta(0))], stored.LEASE)
    async with statements(store) as run:
        assert await queue.record([stored.renewed(one) for one in claim.watches], {}) == frozenset()
    assert run
    assert [statement for statement, _ in run if "amounts" in statement] == []


amounts = st.decimals(min_value=0, max_value=10**29, allow_nan=False, allow_infinity=False)


@given(one=amounts, other=amounts)
def test_ranks_sort_as_the_amounts_do(one: Decimal, other: Decimal) -> None:
    assert (rank(one) < rank(other)) == (one < other)
    assert (rank(one) == rank(other)) == (one == other)
