"""Every query a loop makes goes by its index, so that its cost does not grow with what is stored."""

import re
from dataclasses import replace
from datetime import time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from tests.fakes import stored
from tests.fakes.statements import Statement, statements
from tests.fakes.stored import LEASE, MINUTE, NOW, SECOND, event
from watcher.core.invoices.invoice import Status
from watcher.core.notifications.digest_schedule import DigestSchedule
from watcher.core.webhooks.endpoint_health import FIRST_PROBE_AFTER, OPENS_AFTER
from watcher.core.webhooks.subscription import Subscription
from watcher.ports import ClaimedWatch, ListedIds, ListSyncKind, Outcome, PollRecord, WatchState
from watcher.store import (
    Backlogs,
    Redelivery,
    Reports,
    SqlDigests,
    SqlEndpoints,
    SqlListSyncs,
    SqlOutbox,
    SqlPollQueue,
    Store,
)

MANY = 3000
CLAIMED = 1000
"""Those of them that were polled."""
READS_ALL = re.compile(
    r"Seq Scan on (watches|deliveries|events)\b"  # PostgreSQL rightly reads tables of a few rows through
    r"|SCAN (watches|deliveries|events|snapshots|documents|attempts|head)\b"
)


@pytest.fixture(params=["with statistics", "without statistics"])
async def full_store(store: Store, request: pytest.FixtureRequest) -> Store:
    """Many watches, two thirds of them due; many deliveries, two thirds of them waiting behind another."""
    await stored.endpoints(store, "ledger")
    await stored.watch(store, *(f"inv_{number}" for number in range(MANY)))
    await SqlPollQueue(store).record([_told(claimed) for claimed in await stored.claim(store)], {})
    if request.param == "with statistics":
        async with store.transaction() as connection:
            await connection.execute(text("ANALYZE"))
    return store


def _told(claimed: ClaimedWatch) -> PollRecord:
    events = [event(f"evt_{claimed.key}_{number}", "invoice.updated", "ledger") for number in range(3)]
    return replace(stored.polled(claimed), clock_at=NOW + 90 * MINUTE, change=stored.change(*events))


async def plans(store: Store, statements_run: list[Statement]) -> list[str]:
    """Each statement and how the database would do it."""
    explain = "EXPLAIN QUERY PLAN" if store.is_sqlite else "EXPLAIN"
    found: list[str] = []
    async with store.reading() as connection:
        for statement, parameters in statements_run:
            if statement.startswith(("SELECT", "UPDATE", "WITH", "DELETE")):
                rows = (await connection.exec_driver_sql(f"{explain} {statement}", parameters)).all()
                plan = "\n".join(str(row[-1]) for row in rows)
                found.append(f"{statement}\n{plan}")
    return found


async def large_scans(store: Store, statements_run: list[Statement]) -> list[str]:
    return [plan for plan in await plans(store, statements_run) if READS_ALL.search(plan)]


async def test_the_loops_of_polling_read_no_table_through(full_store: Store) -> None:
    queue = SqlPollQueue(full_store)
    async with statements(full_store) as statements_run:
        (claim,) = await queue.claim(NOW, [stored.request(requests=5)], LEASE)
        await queue.release(claim.watches, NOW)
        await queue.claim_stale_clocks(NOW, ["acme"], NOW, 100, LEASE)
        (claim,) = await queue.claim(NOW + MINUTE, [stored.request(requests=5)], LEASE)
        recorded = stored.change(
            event("evt_new", "invoice.paid", "ledger"), version=2, supersedes=("invoice.due_soon",)
        )
        await queue.record([replace(stored.polled(claim.watches[0], change=recorded), raw=b"{}")], {"acme": NOW})
    assert len(statements_run) > 12
    assert await large_scans(full_store, statements_run) == []


async def test_rounds_through_lists_read_no_table_through(full_store: Store) -> None:
    rounds, ids = SqlListSyncs(full_store), tuple(f"inv_{number}" for number in range(MANY - 5, MANY + 5))
    listed = ListedIds("acme", ids, frozenset(ids), NOW + MINUTE)
    async with statements(full_store) as statements_run:
        assert await rounds.begin("acme", ListSyncKind.REFRESH, NOW, NOW + MINUTE)
        assert await rounds.count_due("acme", NOW, 100) == 100
        assert await rounds.discover("acme", ids, NOW) == 5
        assert len((await rounds.lease_listed(listed, NOW + MINUTE, LEASE)).watches) == 10
        await rounds.lease_listed(replace(listed, partial_since=NOW), NOW + MINUTE, LEASE)
        await rounds.count_due("acme", NOW, 100, partial_since=NOW)
        beside = await rounds.claim_urgent(stored.request(requests=5), NOW + MINUTE, LEASE, new_since=NOW)
        assert beside is not None
        await rounds.request_polls(beside.watches, NOW + MINUTE)
        assert await rounds.poll_sooner("acme", {NOW}, [NOW] * 10) == 10
        await rounds.end("acme", ListSyncKind.REFRESH, NOW + MINUTE)
    assert len(statements_run) >= 14
    assert await large_scans(full_store, statements_run) == []


async def test_the_loops_of_delivery_read_no_table_through(full_store: Store) -> None:
    outbox = SqlOutbox(full_store)
    async with statements(full_store) as statements_run:
        claimed = await stored.send(outbox, most=3)
        assert len(claimed) == 3
        await outbox.next_attempt_at(["ledger"])
        await outbox.settle([stored.retried(claimed[0], NOW + MINUTE), stored.delivered(claimed[1])])
        await outbox.release(claimed[2:], NOW)
        await Reports(full_store).event_bodies(after=100, limit=10)
    assert len(statements_run) > 10
    assert await large_scans(full_store, statements_run) == []


async def test_claiming_a_digest_reads_no_table_through(full_store: Store) -> None:
    await _deliver_nearly_all(full_store)
    digests, hourly = SqlDigests(full_store), DigestSchedule(timedelta(hours=1), time(8), ZoneInfo("UTC"))
    async with statements(full_store) as statements_run:
        assert await digests.claim_digest("ledger", hourly, NOW + MINUTE, LEASE) == ()
        assert len(await digests.claim_digest("ledger", hourly, NOW + 61 * MINUTE, LEASE)) == CLAIMED // 50
    assert len(statements_run) > 10
    # The bodies are read as the loop of delivery reads them: twenty of so small a table are rightly read through.
    own = [one for one in statements_run if "events.id AS event_id" not in one[0]]
    assert await large_scans(full_store, own) == []


async def test_the_loops_of_a_failing_endpoint_read_no_table_through(full_store: Store) -> None:
    outbox, switch = SqlOutbox(full_store, lambda: 0.5), SqlEndpoints(full_store)
    claimed = await stored.send(outbox, ledger=2 * OPENS_AFTER)
    await outbox.settle([stored.retried(one, NOW + 60 * MINUTE) for one in claimed])
    async with statements(full_store) as statements_run:
        assert await outbox.next_attempt_at(["ledger"]) == NOW + 0.9 * FIRST_PROBE_AFTER + timedelta(milliseconds=5)
        (probe,) = await stored.send(outbox, NOW + MINUTE, ledger=10)
        assert probe.probe
        await outbox.settle([stored.delivered(probe, NOW + MINUTE)])
        await switch.disable("ledger", "operator", NOW + MINUTE)
        await switch.enable("ledger", NOW + MINUTE)
    assert len(statements_run) > 15
    await _deliver_nearly_all(full_store)
    assert await large_scans(full_store, statements_run) == []


async def test_sending_a_range_again_reads_no_table_through(full_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watcher.store.deliveries.redelivery._WINDOW", 100)  # else it is all of these
    later = NOW + 60 * MINUTE
    recorded = {
        f"inv_{CLAIMED + n}": [replace(event(f"evt_n{n}", "invoice.paid", "ledger"), timestamp=later)] for n in range(5)
    }
    await stored.record_all(full_store, recorded)
    async with statements(full_store) as statements_run:
        count = await Redelivery(full_store).redeliver_range(Subscription("ledger"), later, later + MINUTE, NOW)
    assert (count, len(statements_run) > 30) == (5, True)
    await _deliver_nearly_all(full_store)
    assert await large_scans(full_store, statements_run) == []


async def test_the_lag_of_the_queue_is_one_index_lookup(full_store: Store) -> None:
    async with statements(full_store) as statements_run:
        await Backlogs(full_store).sources(NOW)
    assert len(statements_run) > 0
    assert await large_scans(full_store, statements_run) == []


async def test_sqlite_chooses_lists_without_reading_wide_rows(sqlite_store: Store) -> None:
    await stored.watch(sqlite_store, *(f"inv_{number}" for number in range(300)))
    await SqlPollQueue(sqlite_store).record([_told(claimed) for claimed in await stored.claim(sqlite_store)], {})
    for statistics in ("SELECT 1", "ANALYZE"):
        async with sqlite_store.transaction() as connection:
            await connection.execute(text(statistics))
        reports = Reports(sqlite_store)
        async with statements(sqlite_store) as statements_run:
            await reports.invoices(status=Status.VOID, limit=5)
            await reports.invoices(overdue=True, tag="nobody", after=("acme", "inv_5"), limit=5)
            await reports.invoices(search="nothing like it", limit=5)
            await reports.events(limit=5, type_glob="invoice.re*", tag="nobody")
            await reports.events(limit=5, type_glob="invoice.re*", after="500", newest_first=True)
            await reports.watch_list(state=WatchState.FAILING, limit=5)
        explained = [plan for plan in await plans(sqlite_store, statements_run) if plan.startswith("SELECT")]
        assert [plan for plan in explained if "_browse" not in plan and "_troubled" not in plan] == []
        assert len(explained) == 6


async def _deliver_nearly_all(store: Store) -> None:
    """Reading all would be right where all of them wait: what matters is the history that is read past."""
    async with store.transaction() as connection:
        ended = "UPDATE deliveries SET state = 'delivered', due_at = NULL WHERE id % 50 <> 0"
        await connection.execute(text(ended))
        await connection.execute(text("ANALYZE"))


@pytest.mark.parametrize("outcome", [Outcome.DELIVERED, Outcome.RETRY])
async def test_settling_takes_as_many_statements_for_many_receipts_as_for_a_few(
    full_store: Store, outcome: Outcome
) -> None:
    outbox, counts = SqlOutbox(full_store), list[int]()
    for count in (OPENS_AFTER, 400):
        claimed = await stored.send(outbox, NOW + MINUTE, ledger=count)
        assert len(claimed) == count
        settlements = [replace(stored.delivered(one), receipt=stored.receipt(outcome)) for one in claimed]
        async with statements(full_store) as statements_run:
            await outbox.settle(settlements)
        counts.append(len(statements_run))
        await SqlEndpoints(full_store).enable("ledger", NOW)
    assert counts[0] == counts[1]


async def test_claiming_takes_as_many_statements_for_many_endpoints_as_for_one(store: Store) -> None:
    names, counts = [f"endpoint{number}" for number in range(30)], list[int]()
    outbox = await stored.endpoints(store, *names)
    await stored.record_all(store, {name: [event(f"evt_{name}", "invoice.paid", name)] for name in names})
    for some in (names[:1], names[1:]):
        async with statements(store) as statements_run:
            claimed = await outbox.claim(NOW, dict.fromkeys(some, 5), LEASE)
        assert sorted(one.endpoint for one in claimed) == sorted(some)
        counts.append(len(statements_run))
    assert counts[0] == counts[1]


async def test_first_attempts_do_not_wait_for_thousands_of_retries(full_store: Store) -> None:
    outbox = SqlOutbox(full_store)
    claimed = await stored.send(outbox, ledger=MANY)
    assert len(claimed) == CLAIMED
    for start in range(0, CLAIMED, 500):
        await outbox.settle([stored.retried(one, NOW - MINUTE) for one in claimed[start : start + 500]])
    await SqlEndpoints(full_store).enable("ledger", NOW + SECOND)
    new = range(CLAIMED, CLAIMED + 30)
    await stored.record_all(full_store, {f"inv_{n}": [event(f"evt_n{n}", "a", "ledger")] for n in new})
    arrived: list[str] = []
    for _ in range(3):
        batch = await stored.send(outbox, NOW + 2 * MINUTE, ledger=10)
        arrived += [one.event_id for one in batch]
        await outbox.settle([stored.delivered(one, NOW + 2 * MINUTE) for one in batch])
    assert sorted(arrived) == sorted(f"evt_n{number}" for number in new)
    assert len(await stored.send(outbox, NOW + 2 * MINUTE, ledger=10)) == 10


async def test_the_scan_of_a_whole_table_would_be_noticed(full_store: Store) -> None:
    statements_run: list[Statement] = [("SELECT * FROM deliveries WHERE attempts = 9", ())]
    assert len(await large_scans(full_store, statements_run)) == 1
