"""What the charts of the overview count, on both databases."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import insert, text

from tests.contract.store.queries.test_dashboard import EUROS, of, seen
from tests.fakes import stored
from tests.fakes.statements import statements
from tests.fakes.stored import MINUTE, NOW, OPEN, SECOND, event
from watcher.core.invoices.invoice import Snapshot, Status
from watcher.ports import AttemptHour, DelayBand, EventRecord, FoundBy, Sum
from watcher.store import SqlDashboard, Store
from watcher.store.queries.trends import attempts_by_hour, delay_bands
from watcher.store.tables import attempts

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = date(2026, 11, 16)
"""Of the week of NOW."""


async def test_money_is_added_by_the_week_of_its_due_date(store: Store) -> None:
    def one(name: str, due_on: date | None, *, paid: str = "0.00", status: Status = Status.OPEN) -> Snapshot:
        amounts = (of("EUR", "10.00", paid, str(Decimal("10.00") - Decimal(paid))),)
        return replace(OPEN, id=name, due_on=due_on, status=status, amounts=amounts)

    await seen(
        store,
        one("monday", MONDAY),
        one("sunday", MONDAY + timedelta(days=6), paid="10.00", status=Status.PAID),
        one("a week on", MONDAY + timedelta(days=7), paid="4.00", status=Status.PARTIALLY_PAID),
        one("first", MONDAY - timedelta(weeks=9)),
        one("too old", MONDAY - timedelta(weeks=9, days=1)),
        one("last", MONDAY + timedelta(weeks=3, days=6)),
        one("too far", MONDAY + timedelta(weeks=4)),
        one("draft", MONDAY, status=Status.DRAFT),
        one("no date", None),
        one("the year one", date(1, 1, 1)),
    )
    found = (await SqlDashboard(store).figures(NOW)).due_weeks
    assert {(unit, monday): (each.paid, each.due) for (unit, monday), each in found.items()} == {
        (EUROS, MONDAY): (Decimal("10.00"), Decimal("10.00")),
        (EUROS, MONDAY + timedelta(weeks=1)): (Decimal("4.00"), Decimal("6.00")),
        (EUROS, MONDAY - timedelta(weeks=9)): (Decimal("0.00"), Decimal("10.00")),
        (EUROS, MONDAY + timedelta(weeks=3)): (Decimal("0.00"), Decimal("10.00")),
    }
    assert found[EUROS, MONDAY] == Sum(2, Decimal("20.00"), Decimal("10.00"), Decimal("10.00"))


async def test_attempts_are_counted_by_the_hour_in_which_they_began(store: Store) -> None:
    outbox = await stored.endpoints(store, "ledger")
    events = [event(f"evt_{number}", "invoice.updated", "ledger") for number in range(5)]
    for number, one in enumerate(events):
        await stored.record_events(store, f"inv_{number}", one)
    claimed = await stored.send(outbox, ledger=9)
    begun = datetime(2026, 11, 22, 10, tzinfo=UTC)
    at = (begun, begun + 59 * MINUTE, begun - SECOND, begun - 23 * HOUR, begun - 23 * HOUR - SECOND)
    await outbox.settle([stored.delivered(one, each) for one, each in zip(claimed, at, strict=True)])
    failed = stored.retried(claimed[0], NOW + DAY)
    await _attempt(store, failed.receipt.started_at if failed.receipt else NOW)
    hours = (await SqlDashboard(store).figures(NOW)).hours
    assert len(hours) == 24
    assert {hour for hour in hours if hour.delivered or hour.failed} == {
        AttemptHour(begun, 2, 1),
        AttemptHour(begun - HOUR, 1, 0),
        AttemptHour(begun - 23 * HOUR, 1, 0),
    }
    assert hours[-1].began_at == begun


async def _attempt(store: Store, at: datetime) -> None:
    row = {"delivery_id": 1, "number": 9, "outcome": "retry", "started_at": at, "duration_us": 1}
    async with store.transaction() as connection:
        await connection.execute(insert(attempts), row)


async def test_changes_are_counted_by_how_soon_they_were_detected(store: Store) -> None:
    def late(name: str, delay: timedelta | None, how: FoundBy, at: datetime = NOW) -> EventRecord:
        return replace(event(name), delay=delay, found_by=how, timestamp=at)

    await stored.record_events(
        store,
        "inv_1",
        late("a", 2 * SECOND, FoundBy.HINT),
        late("b", 10 * SECOND, FoundBy.POLL),
        late("c", 10 * SECOND + timedelta(microseconds=1), FoundBy.LIST),
        late("d", timedelta(days=3), FoundBy.POLL),
        late("e", None, FoundBy.POLL),
        late("f", MINUTE, FoundBy.POLL, NOW - timedelta(days=31)),
    )
    bands = (await SqlDashboard(store).figures(NOW)).delay_bands
    assert [band for band in bands if band.polled or band.hinted] == [
        DelayBand(10 * SECOND, 1, 1),
        DelayBand(MINUTE, 1, 0),
        DelayBand(None, 1, 0),
    ]
    assert len(bands) == 8


async def test_neither_count_reads_a_table_through(store: Store) -> None:
    same = {"delivery_id": 1, "outcome": "delivered", "duration_us": 1}
    rows = [{**same, "number": number, "started_at": NOW - number * MINUTE} for number in range(20_000)]
    await stored.endpoints(store, "ledger")
    await stored.record_events(store, "inv_1", event("evt_1", "invoice.updated", "ledger"))
    async with store.transaction() as connection:
        await connection.execute(insert(attempts), rows)
    async with store.transaction() as connection:
        await connection.execute(text("ANALYZE"))
    async with store.reading() as connection, statements(store) as run:
        await attempts_by_hour(connection, NOW)
        await delay_bands(connection, NOW)
    assert await _indexes(store, run) == ["ix_attempts_started", "ix_events_delayed"]


async def _indexes(store: Store, run: Sequence[tuple[str, object]]) -> list[str]:
    """The index of each statement's own table."""
    explain = "EXPLAIN QUERY PLAN" if store.is_sqlite else "EXPLAIN"
    found: list[str] = []
    async with store.reading() as connection:
        if not store.is_sqlite:  # it rightly reads a table of one row through
            await connection.execute(text("SET LOCAL enable_seqscan = off"))
        for statement, parameters in run:
            rows = (await connection.exec_driver_sql(f"{explain} {statement}", parameters)).all()  # pyright: ignore[reportArgumentType] -- as the driver got them
            plan = " ".join(str(row[-1]) for row in rows)
            found += [name for name in ("ix_attempts_started", "ix_events_delayed") if name in plan]
    return found
