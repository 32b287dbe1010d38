"""What polls teach, what is open, and what accounts are asked less for, on both databases."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from tests.contract.store.test_query_plans import statements
from tests.fakes import stored
from tests.fakes.stored import MINUTE, NOW, event
from watcher.core.invoices import history_state
from watcher.core.invoices.history_state import HistoryState
from watcher.core.scheduling.allocation import Census, HazardGroup
from watcher.core.scheduling.hazard import DAY, Exposure, Tally
from watcher.ports import ClaimedWatch, PollRecord
from watcher.store import DelayStats, SqlAccountStates, SqlHazardStats, SqlPollQueue, SqlWatches, Store
from watcher.store.learned_tables import hazards
from watcher.store.polls.hazard_stats import OPEN_WATCHES

OPEN = HazardGroup("open", 500_000, "EUR", 13)


async def census(store: Store, now: timedelta = timedelta(0), *, weighted: bool = False) -> Census:
    return await SqlHazardStats(store).census("acme", "meteroid", NOW + now, weighted=weighted)


def taught(stage: int, events: int, days: float, status: str = "open") -> Exposure:
    return Exposure("meteroid", status, stage, events, days * DAY)


def hazard_group(claimed: ClaimedWatch, here: HazardGroup, *exposures: Exposure) -> PollRecord:
    """A poll that found the invoice to stand here."""
    snapshot = replace(stored.OPEN, id=claimed.invoice_id)
    change = replace(stored.change(snapshot=snapshot), memory=history_state.dumps(HistoryState(snapshot)))
    return replace(stored.polled(claimed, change=change), hazard_group=here, exposures=exposures)


async def polled(store: Store, *groups: HazardGroup) -> Sequence[ClaimedWatch]:
    await stored.watch(store, *(f"inv_{number}" for number in range(len(groups))))
    claimed = sorted(await stored.claim(store), key=lambda one: one.key)
    records = [hazard_group(one, here) for one, here in zip(claimed, groups, strict=True)]
    await SqlPollQueue(store).record(records, {})
    return claimed


async def test_open_watches_are_counted_by_where_they_stand(store: Store) -> None:
    undated = HazardGroup("open", None, "EUR", 13)
    await polled(store, OPEN, OPEN, replace(OPEN, worth=20), undated)
    await stored.watch(store, "inv_new")
    assert (await census(store)).open == {HazardGroup("open", 500_000): 3, HazardGroup("open"): 1}
    assert (await census(store, weighted=True)).open == {OPEN: 2, replace(OPEN, worth=20): 1, undated: 1}


async def test_stopped_watches_are_not_counted(store: Store) -> None:
    await polled(store, OPEN, OPEN)
    await SqlWatches(store).remove("acme", "inv_1", NOW)
    assert (await census(store)).open == {HazardGroup("open", 500_000): 1}


async def test_a_claim_brings_where_the_invoice_stands(store: Store) -> None:
    (before,) = await polled(store, OPEN)
    assert before.hazard_group == HazardGroup()
    (claimed,) = await stored.claim(store, NOW + 15 * MINUTE)
    assert claimed.hazard_group == OPEN
    await SqlPollQueue(store).record([stored.polled(claimed, NOW + 15 * MINUTE)], {})
    (again,) = await stored.claim(store, NOW + 30 * MINUTE)
    assert again.hazard_group == OPEN, "a poll that found nothing new leaves it"


async def test_a_purge_forgets_what_the_invoice_is_worth(store: Store) -> None:
    await polled(store, OPEN)
    await SqlWatches(store).remove("acme", "inv_0", NOW, purge=True)
    poll_reasons = await DelayStats(store).watch("acme", "inv_0")
    assert poll_reasons is not None
    assert poll_reasons.hazard_group == HazardGroup()


async def test_what_polls_teach_adds_up_by_provider_status_and_stage(store: Store) -> None:
    await stored.watch(store, "inv_1", "inv_2")
    first, second = await stored.claim(store)
    queue = SqlPollQueue(store)
    await queue.record([hazard_group(first, OPEN, taught(3, 0, 1), taught(4, 1, 0.5))], {})
    await queue.record([hazard_group(second, OPEN, taught(4, 2, 2), taught(4, 0, 3, "draft"))], {})
    assert (await census(store)).learned == {
        "open": {3: Tally(0, 1.0), 4: Tally(3, 2.5)},
        "draft": {4: Tally(0, 3.0)},
    }


async def test_a_poll_whose_lease_was_lost_teaches_nothing(store: Store) -> None:
    await stored.watch(store, "inv_1")
    (claimed,) = await stored.claim(store)
    late = replace(hazard_group(claimed, OPEN, taught(3, 1, 1)), lease=claimed.lease - 1)
    assert await SqlPollQueue(store).record([late], {}) == {claimed.key}
    assert (await census(store)).learned == {}


async def test_stages_of_another_version_s_scale_teach_nothing(store: Store) -> None:
    async with store.transaction() as connection:
        await connection.execute(hazards.insert().values(
            provider="meteroid", status="open", stage="a fortnight", events=9, exposure_ms=9,
        ))  # fmt: skip
    assert (await census(store)).learned == {}


async def test_a_batch_teaches_in_one_statement(store: Store) -> None:
    await stored.watch(store, *(f"inv_{number}" for number in range(200)))
    claimed = await stored.claim(store)
    records = [replace(stored.polled(one), exposures=(taught(one.key % 5, 0, 1), taught(7, 0, 1))) for one in claimed]
    async with statements(store) as statements_run:
        await SqlPollQueue(store).record(records, {})
    assert sum("hazards" in statement for statement, _ in statements_run) == 1
    async with store.reading() as connection:
        assert len((await connection.execute(select(hazards))).all()) == 6


async def test_an_account_that_puts_us_off_is_asked_less_and_gets_it_back_slowly(store: Store) -> None:
    await stored.watch(store)
    accounts = SqlAccountStates(store)
    assert (await census(store)).share == 1
    for _ in range(3):
        await accounts.back_off("acme", NOW, NOW + MINUTE)
    assert (await census(store)).share == 0.7, "requests under way together are one refusal"
    await accounts.back_off("acme", NOW + 10 * MINUTE, NOW + 11 * MINUTE)
    assert (await census(store, 10 * MINUTE)).share == 0.56
    assert (await census(store, 60 * MINUTE)).share == 1
    await accounts.back_off("nobody", NOW, NOW + MINUTE)


async def test_delays_are_kept_with_their_events(store: Store) -> None:
    delayed = [replace(event(f"evt_{number}"), delay=number * MINUTE) for number in range(3)]
    await stored.record_events(store, "inv_1", *delayed, event("evt_without"))
    delay_stats = DelayStats(store)
    assert sorted(await delay_stats.delays("acme", NOW - DAY)) == [0 * MINUTE, MINUTE, 2 * MINUTE]
    assert await delay_stats.delays("acme", NOW + DAY) == ()
    assert await delay_stats.delays("other", NOW - DAY) == ()


@pytest.mark.parametrize("weighted", [False, True])
async def test_counting_what_is_open_reads_an_index_alone(store: Store, *, weighted: bool) -> None:
    await polled(store, *[replace(OPEN, due_hour=500_000 + number) for number in range(300)])
    query = (
        OPEN_WATCHES[weighted]
        .params(of_source="acme")
        .compile(store.engine.sync_engine, compile_kwargs={"literal_binds": True})
    )
    async with store.transaction() as connection:
        if store.is_sqlite:
            rows = await connection.execute(text(f"EXPLAIN QUERY PLAN {query}"))
        else:
            await connection.execute(text("SET LOCAL enable_seqscan = off"))
            rows = await connection.execute(text(f"EXPLAIN {query}"))
        plan = "\n".join(str(row[-1]) for row in rows)
    assert "ix_watches_open" in plan
    assert not store.is_sqlite or "COVERING INDEX ix_watches_open" in plan
    assert "TEMP B-TREE" not in plan


async def test_a_poll_that_finds_nothing_new_does_not_touch_what_is_counted(store: Store) -> None:
    await polled(store, OPEN)
    (claimed,) = await stored.claim(store, NOW + 15 * MINUTE)
    async with statements(store) as statements_run:
        await SqlPollQueue(store).record([stored.polled(claimed, NOW + 15 * MINUTE)], {})
    updates = [statement for statement, _ in statements_run if statement.startswith("UPDATE watches")]
    assert len(updates) == 1
    assert not any(f"{column}=" in updates[0] for column in ("status", "due_hour", "currency", "worth", "origins"))
