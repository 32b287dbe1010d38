"""What the page shows over everything, on both databases: exact, by currency, and of what is watched alone."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.fakes import stored
from tests.fakes.stored import EUR, MINUTE, NOW, OPEN, SECOND, event
from watcher.core.invoices import history_state
from watcher.core.invoices.history_state import HistoryState
from watcher.core.invoices.invoice import Amounts, Direction, Snapshot, Status
from watcher.ports import Age, MoneyUnit, SourceRow, Sum, WatchState
from watcher.store import Reports, SqlDashboard, SqlPollQueue, SqlWatches, Store

DAY = timedelta(days=1)
EUROS = MoneyUnit("receivable", "EUR", minor=False)


def of(currency: str, total: str, paid: str, due: str, *, minor: bool = False) -> Amounts:
    nothing = Decimal(0)
    return Amounts(currency, Decimal(total), Decimal(paid), Decimal(due), nothing, nothing, nothing, minor=minor)


async def seen(store: Store, *snapshots: Snapshot) -> None:
    """Watch these invoices; a poll of each brings its snapshot."""
    watches = await stored.watch(store, *(one.id for one in snapshots))
    for one in snapshots:
        await watches.request_poll("acme", one.id, NOW)
    claimed = {one.invoice_id: one for one in await stored.claim(store)}
    changes = [replace(stored.change(snapshot=one), memory=history_state.dumps(HistoryState(one))) for one in snapshots]
    records = [stored.polled(claimed[one.snapshot.id], change=one) for one in changes if one.snapshot]
    await SqlPollQueue(store).record(records, {"acme": NOW})


async def test_money_is_added_exactly_and_never_across_currencies_directions_or_units(store: Store) -> None:
    open_one = replace(OPEN, id="a", amounts=(of("EUR", "0.10", "0.00", "0.10"), of("JPY", "300", "0", "300")))
    await seen(
        store,
        open_one,
        replace(open_one, id="b", amounts=(of("EUR", "0.2", "0.00", "0.2"),)),
        replace(open_one, id="c", amounts=(of("EUR", "0.001", "0", "0.001"),)),
        replace(open_one, id="d", direction=Direction.PAYABLE),
        replace(open_one, id="e", amounts=(of("XTS", "5", "0", "5", minor=True),)),
        replace(open_one, id="f", status=Status.PAID, amounts=(of("EUR", "-7.50", "-7.50", "0.00"),)),
        replace(open_one, id="g", status=Status.UNKNOWN, amounts=()),
    )
    figures = await SqlDashboard(store).figures(NOW)
    assert figures.money == {
        (EUROS, "open"): Sum(3, Decimal("0.301"), Decimal("0.00"), Decimal("0.301")),
        (MoneyUnit("receivable", "JPY", minor=False), "open"): Sum(1, Decimal(300), Decimal(0), Decimal(300)),
        (MoneyUnit("payable", "EUR", minor=False), "open"): Sum(1, Decimal("0.10"), Decimal("0.00"), Decimal("0.10")),
        (MoneyUnit("payable", "JPY", minor=False), "open"): Sum(1, Decimal(300), Decimal(0), Decimal(300)),
        (MoneyUnit("receivable", "XTS", minor=True), "open"): Sum(1, Decimal(5), Decimal(0), Decimal(5)),
        (EUROS, "paid"): Sum(1, Decimal("-7.50"), Decimal("-7.50"), Decimal("0.00")),
    }
    assert figures.invoices == {"open": 5, "paid": 1, "unknown": 1}


async def test_the_longest_amounts_lose_no_digit(store: Store) -> None:
    long = "123456789012345678901234567.89"
    await seen(
        store,
        replace(OPEN, id="a", amounts=(of("EUR", long, "0.00", long),)),
        replace(OPEN, id="b", amounts=(of("EUR", long, "0.00", long),)),
        replace(OPEN, id="c", amounts=(of("EUR", "0.01", "0.01", "0.00"),)),
    )
    found = (await SqlDashboard(store).figures(NOW)).money[EUROS, "open"]
    assert found == Sum(
        3, Decimal("246913578024691357802469135.79"), Decimal("0.01"), Decimal("246913578024691357802469135.78")
    )


async def test_what_is_overdue_is_sorted_by_age_and_the_longest_is_named_first(store: Store) -> None:
    days = {"a": 3, "b": 7, "c": 8, "d": 45, "e": 90, "f": 400}
    await seen(
        store,
        *(replace(OPEN, id=name, overdue=True, due_at=NOW - count * DAY) for name, count in days.items()),
        replace(OPEN, id="g", overdue=True),
        replace(OPEN, id="h", due_at=NOW - 3 * DAY),
    )
    figures = await SqlDashboard(store).figures(NOW)
    counts = {age: found.count for (_, age), found in figures.overdue_money.items()}
    assert counts == {Age.WEEK: 2, Age.MONTH: 1, Age.TWO_MONTHS: 1, Age.QUARTER: 1, Age.OLDER: 2}
    assert figures.overdue_money[EUROS, Age.WEEK].due == Decimal("20.00")
    assert figures.overdue == 7
    assert [item["id"] for item in figures.longest_overdue] == ["f", "e", "d", "c", "b", "a", "g"]


async def test_only_the_newest_snapshot_of_what_is_watched_counts(store: Store) -> None:
    await seen(store, OPEN, replace(OPEN, id="inv_2"), replace(OPEN, id="inv_3"))
    watches = SqlWatches(store)
    await watches.remove("acme", "inv_3", NOW)
    await watches.request_poll("acme", "inv_1", NOW)
    (claimed,) = await stored.claim(store)
    paid = replace(OPEN, status=Status.PAID, amounts=(replace(EUR, paid=EUR.total, due=Decimal("0.00")),))
    poll = stored.polled(claimed, NOW + MINUTE, stored.change(version=2, snapshot=paid))
    await SqlPollQueue(store).record([poll], {})
    figures = await SqlDashboard(store).figures(NOW)
    assert {status: found.count for (_, status), found in figures.money.items()} == {"open": 1, "paid": 1}
    assert figures.watches == {("acme", "active"): 2}


async def test_watches_deliveries_and_events_are_counted(store: Store) -> None:
    outbox = await stored.endpoints(store, "ledger", "crm")
    old = replace(event("evt_0", "invoice.paid"), timestamp=NOW - 30 * DAY)
    earlier = replace(event("evt_1", "invoice.paid"), timestamp=datetime(2026, 11, 20, 23, 59, 59, tzinfo=UTC))
    await stored.record_events(
        store, "inv_1", old, earlier, event("evt_2", "invoice.tracked"), event("evt_3", "invoice.paid", "ledger")
    )
    await stored.record_events(store, "inv_2", event("evt_4", "invoice.updated", "ledger", "crm"))
    await outbox.settle([stored.delivered(one) for one in await stored.send(outbox, crm=9)])
    await stored.watch(store, "inv_9", source="other")
    await SqlWatches(store).sync_sources([SourceRow("acme", "meteroid")], NOW)
    figures = await SqlDashboard(store).figures(NOW)
    assert figures.watches == {("acme", "active"): 2, ("other", "orphaned"): 1}
    assert figures.planned == {"acme": 2}
    assert figures.deliveries == {("ledger", "pending"): 2, ("crm", "delivered"): 1}
    assert {day.isoformat(): count for day, count in figures.events.items() if count} == {
        "2026-11-20": 1,
        "2026-11-22": 2,
    }
    assert (len(figures.events), list(figures.events)[-1].isoformat()) == (14, "2026-11-22")


async def test_a_source_says_how_it_is_and_how_late_its_work_is(store: Store) -> None:
    await stored.watch(store, "inv_1")
    dashboard = SqlDashboard(store)
    acme, other = await dashboard.sources(NOW + MINUTE)
    assert (acme.name, acme.state, acme.behind_since, acme.last_error) == ("acme", "active", NOW, None)
    assert (other.provider, other.behind_since) == ("dollr", None)
    await stored.claim(store)
    (acme, _) = await dashboard.sources(NOW + SECOND)
    assert acme.behind_since is None
    await SqlWatches(store).sync_sources([SourceRow("other", "dollr", enabled=False)], NOW)
    assert [(one.name, one.state) for one in await dashboard.sources(NOW)] == [
        ("acme", "removed"),
        ("other", "disabled"),
    ]


async def test_an_endpoint_says_how_it_is_and_what_waits(store: Store) -> None:
    outbox = await stored.endpoints(store, "ledger", "crm")
    await stored.record_events(store, "inv_1", event("evt_1", "invoice.paid", "ledger"))
    await outbox.sync_endpoints({"crm": "https://crm.example/"}, NOW)
    crm, ledger = await SqlDashboard(store).endpoints(NOW)
    assert (crm.name, crm.state, crm.url) == ("crm", "active", "https://crm.example/")
    assert (ledger.name, ledger.state) == ("ledger", "removed")
    figures = await SqlDashboard(store).figures(NOW)
    assert (figures.waiting("crm"), figures.waiting("ledger")) == (0, 1)


async def test_an_invoice_is_found_by_a_part_of_its_id_or_number_until_it_is_purged(store: Store) -> None:
    await seen(
        store,
        replace(OPEN, id="inv_A1", number="2026-77"),
        replace(OPEN, id="inv_b2", number="100%"),
        replace(OPEN, id="inv_c3", number=None),
    )
    reports = Reports(store)

    async def found(search: str) -> list[object]:
        return [item["id"] for item in await reports.invoices(search=search)]

    assert await found("v_a1") == ["inv_A1"]
    assert await found("26-7") == ["inv_A1"]
    assert await found("0%") == ["inv_b2"]
    assert await found("%") == ["inv_b2"]
    assert await found("inv") == ["inv_A1", "inv_b2", "inv_c3"]
    assert await found("nothing") == []
    watches = SqlWatches(store)
    await watches.remove("acme", "inv_A1", NOW, purge=True)
    await watches.add(stored.DesiredWatch("acme", "inv_A1"), "cli", NOW)
    assert await found("2026-77") == []


async def test_what_was_never_seen_makes_no_page_of_invoices_shorter(store: Store) -> None:
    await seen(store, replace(OPEN, id="inv_3"), replace(OPEN, id="inv_4"), replace(OPEN, id="inv_5"))
    await stored.watch(store, "inv_1", "inv_2")
    reports = Reports(store)
    assert [item["id"] for item in await reports.invoices(limit=2)] == ["inv_3", "inv_4"]
    assert [item["id"] for item in await reports.invoices(after=("acme", "inv_4"), limit=2)] == ["inv_5"]


async def test_an_invoice_with_the_longest_id_number_and_tags_is_kept_and_found(store: Store) -> None:
    """Long and of little that repeats: an index that holds all of it may refuse it."""
    rng = random.Random(1)  # noqa: S311 -- the same in every run

    def noise(length: int) -> str:
        return "".join(chr(rng.randint(0x10000, 0x1FFFF)) for _ in range(length))

    invoice_id, number, tags = noise(255), noise(200), tuple(noise(64) for _ in range(20))
    await stored.watch(store)
    await SqlWatches(store).add(stored.DesiredWatch("acme", invoice_id, tags), "cli", NOW)
    (claimed,) = await stored.claim(store)
    recorded = replace(event("evt_1", "invoice.paid"), tags=tags)
    made = stored.change(recorded, snapshot=replace(OPEN, id=invoice_id, number=number, tags=tags))
    await SqlPollQueue(store).record([stored.polled(claimed, change=made)], {})
    reports = Reports(store)
    assert [item["id"] for item in await reports.invoices(search=number[100:])] == [invoice_id]
    assert [item["id"] for item in await reports.invoices(tag=tags[19])] == [invoice_id]
    assert [item["cursor"] for item in await reports.events(limit=5, tag=tags[19])] == [1]


async def test_lists_can_be_read_from_the_newest_on(store: Store) -> None:
    await stored.endpoints(store, "ledger")
    for number in range(5):
        await stored.record_events(store, "inv_1", event(f"evt_{number}", "invoice.paid", "ledger", sequence=number))
    reports = Reports(store)
    first = await reports.events(limit=2, newest_first=True)
    assert [item["cursor"] for item in first] == [5, 4]
    assert [item["cursor"] for item in await reports.events(after="4", limit=2, newest_first=True)] == [3, 2]
    sent = await reports.deliveries(limit=2, newest_first=True)
    assert [item["event_id"] for item in sent] == ["evt_4", "evt_3"]
    number = int(str(sent[-1]["delivery_id"]).removeprefix("dlv_"))
    older = await reports.deliveries(after=number, limit=9, newest_first=True)
    assert [item["event_id"] for item in older] == ["evt_2", "evt_1", "evt_0"]


@pytest.mark.parametrize(
    ("state", "found"),
    [(WatchState.FAILING, ["inv_1"]), (WatchState.ACTIVE, ["inv_2"]), (WatchState.ORPHANED, ["inv_3"])],
)
async def test_watches_can_be_chosen_by_state(store: Store, state: WatchState, found: list[str]) -> None:
    await stored.watch(store, "inv_1")
    (claimed,) = await stored.claim(store)
    failed = replace(stored.polled(claimed), state=WatchState.FAILING, last_error="HTTP 500", failures=1)
    await SqlPollQueue(store).record([failed], {})
    await stored.watch(store, "inv_2")
    await stored.watch(store, "inv_3", source="other")
    await SqlWatches(store).sync_sources([SourceRow("acme", "meteroid")], NOW)
    assert [item["invoice_id"] for item in await Reports(store).watch_list(state=state)] == found
