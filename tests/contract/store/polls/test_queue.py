"""The queue of watches, on both databases."""

from dataclasses import replace
from datetime import timedelta

import anyio
from sqlalchemy import func, select

from tests.fakes import stored
from tests.fakes.stored import LEASE, MINUTE, NOW, SECOND
from watcher.ports import Claim, DesiredWatch, SourceRow, WatchState
from watcher.store import SqlAccountStates, SqlPollQueue, Store, open_store
from watcher.store.tables import deliveries, events, snapshots, sources, watches

DAY = timedelta(days=1)


async def test_a_new_watch_is_due_at_once_and_comes_back_when_planned(store: Store) -> None:
    await stored.watch(store, "inv_1")
    (claimed,) = await stored.claim(store)
    assert (claimed.invoice_id, claimed.memory, claimed.misses) == ("inv_1", None, 0)
    await SqlPollQueue(store).record([stored.polled(claimed)], {})
    assert await stored.claim(store, NOW + 15 * MINUTE - SECOND) == ()
    (again,) = await stored.claim(store, NOW + 15 * MINUTE)
    assert (again.fingerprint, again.asked_at, again.fetched_at) == (b"print", NOW - SECOND, NOW)


async def test_nobody_else_gets_a_leased_watch_until_the_lease_ends(store: Store) -> None:
    await stored.watch(store, "inv_1")
    (first,) = await stored.claim(store)
    assert await stored.claim(store, NOW + LEASE - SECOND) == ()
    (second,) = await stored.claim(store, NOW + LEASE)
    assert second.lease > first.lease


async def test_a_late_outcome_writes_nothing_and_says_so(store: Store) -> None:
    await stored.watch(store, "inv_1")
    await stored.endpoints(store, "ledger")
    (first,) = await stored.claim(store)
    (second,) = await stored.claim(store, NOW + LEASE)
    queue = SqlPollQueue(store)
    recorded = stored.change(stored.event("evt_1", "invoice.tracked", "ledger"))
    assert await queue.record([stored.polled(first, change=recorded)], {}) == {first.key}
    async with store.reading() as connection:
        for table in (events, deliveries, snapshots):
            assert (await connection.execute(select(func.count()).select_from(table))).scalar_one() == 0
    assert await queue.record([stored.polled(second)], {}) == frozenset()
    assert await queue.record([stored.polled(second)], {}) == {second.key}


async def test_polls_that_found_nothing_new_write_when_they_were_made_and_what_was_wrong_is_over(store: Store) -> None:
    await stored.watch(store, "inv_1", "inv_2", "inv_3")
    queue = SqlPollQueue(store)
    claimed = await stored.claim(store)
    failing = [
        replace(stored.polled(one), state=WatchState.FAILING, failures=3, misses=2, first_missed_at=NOW, last_error="?")
        for one in claimed
    ]
    assert await queue.record(failing, {}) == frozenset()
    later = NOW + 15 * MINUTE
    again = await stored.claim(store, later)
    assert [(one.failures, one.misses) for one in again] == [(3, 2)] * 3
    assert await queue.record([stored.renewed(one, later) for one in again], {}) == frozenset()
    async with store.reading() as connection:
        rows = (await connection.execute(select(watches).order_by(watches.c.id))).all()
    for row in rows:
        assert (row.state, row.last_error, row.lease_ends_at) == ("active", None, None)
        assert (row.polled_at, row.fetched_at, row.asked_at) == (later, later, later - SECOND)
        assert row.poll_at == row.due_at == later + 15 * MINUTE - store.shift
    last = await stored.claim(store, later + 15 * MINUTE)
    kept = [(one.failures, one.misses, one.first_missed_at, one.fingerprint) for one in last]
    assert kept == [(0, 0, None, b"print")] * 3


async def test_a_late_poll_that_found_nothing_new_is_distinguished_from_those_in_time(store: Store) -> None:
    await stored.watch(store, "inv_1", "inv_2", "inv_3")
    queue = SqlPollQueue(store)
    first, late, third = await stored.claim(store)
    await queue.release([late], NOW)
    (taken,) = await stored.claim(store, NOW)
    renewed = [stored.renewed(one) for one in (first, late, third)]
    assert await queue.record(renewed, {}) == {late.key}
    assert await queue.record([stored.renewed(taken)], {}) == frozenset()
    assert await stored.claim(store, NOW + 15 * MINUTE - SECOND) == ()


async def test_a_poll_asked_for_during_one_that_finds_nothing_new_is_made(store: Store) -> None:
    watched = await stored.watch(store, "inv_1", "inv_2")
    claimed = await stored.claim(store)
    await watched.request_poll("acme", "inv_1", NOW + SECOND)
    await SqlPollQueue(store).record([stored.renewed(one, NOW + 2 * SECOND) for one in claimed], {})
    (again,) = await stored.claim(store, NOW + 3 * SECOND)
    assert again.invoice_id == "inv_1"


async def test_slots_are_spaced_by_the_interval_and_end_at_the_horizon(store: Store) -> None:
    await stored.watch(store, *(f"inv_{number}" for number in range(10)))
    queue = SqlPollQueue(store)
    (claim,) = await queue.claim(NOW, [stored.request(batch_size=2, ahead=2)], LEASE)
    assert claim.slots == (NOW, NOW + SECOND, NOW + 2 * SECOND)
    assert len(claim.watches) == 6
    assert claim.lease_ends_at == NOW + LEASE
    assert await queue.claim(NOW, [stored.request(batch_size=2, ahead=2)], LEASE) == ()
    (rest,) = await queue.claim(NOW + SECOND, [stored.request(batch_size=2, ahead=10)], LEASE)
    assert rest.slots == (NOW + 3 * SECOND, NOW + 4 * SECOND)
    assert not {one.key for one in claim.watches} & {one.key for one in rest.watches}


async def test_no_slot_is_taken_for_which_nothing_is_due(store: Store) -> None:
    await stored.watch(store, "inv_1")
    queue = SqlPollQueue(store)
    (claim,) = await queue.claim(NOW, [stored.request(requests=50)], LEASE)
    assert claim.slots == (NOW,)
    assert await queue.reserve("acme", SECOND, NOW) == NOW + SECOND
    assert await queue.reserve("acme", SECOND, NOW + MINUTE) == NOW + MINUTE


async def test_the_longest_due_comes_first(store: Store) -> None:
    await stored.watch(store, "late", at=NOW - MINUTE)
    await stored.watch(store, "later", at=NOW - SECOND)
    await stored.watch(store, "latest", at=NOW - 2 * MINUTE)
    claims = await SqlPollQueue(store).claim(NOW, [stored.request(requests=2)], LEASE)
    assert stored.ids(claims) == ["latest", "late"]


async def test_sources_that_back_off_are_disabled_or_removed_give_none(store: Store) -> None:
    watching = await stored.watch(store, "inv_1")
    accounts = SqlAccountStates(store)
    await accounts.back_off("acme", NOW, NOW + MINUTE)
    assert await stored.claim(store) == ()
    later = NOW + MINUTE
    for rows in ([SourceRow("acme", "meteroid", enabled=False)], []):
        await watching.sync_sources(rows, later)
        assert await stored.claim(store, later) == ()
    await watching.sync_sources([SourceRow("acme", "meteroid")], later)
    await accounts.open_circuit("acme", at=later, refused=True, error="401", probe_at=later)
    assert await stored.claim(store, later) == ()
    await accounts.close_circuit("acme", later, stored.event("evt_r", "source.recovered", sequence=None))
    assert len(await stored.claim(store, later)) == 1


async def test_a_released_watch_is_due_again_when_said(store: Store) -> None:
    await stored.watch(store, "inv_1")
    (claimed,) = await stored.claim(store)
    queue = SqlPollQueue(store)
    await queue.release([claimed], NOW + MINUTE)
    assert await stored.claim(store, NOW + MINUTE - SECOND) == ()
    (again,) = await stored.claim(store, NOW + MINUTE)
    await queue.release([claimed], NOW)
    assert await stored.claim(store, NOW + MINUTE) == ()
    assert await queue.record([stored.polled(again)], {}) == frozenset()


async def test_what_our_clock_planned_is_due_when_our_clock_says_so(store: Store) -> None:
    await stored.watch(store, "polled", "released")
    queue, later = SqlPollQueue(store), NOW + 15 * MINUTE
    store.shift = timedelta(seconds=-3)
    polled, released = await stored.claim(store)
    await queue.record([stored.polled(polled)], {})
    await queue.release([released], later)
    assert await stored.claim(store, later + 2 * SECOND) == ()
    assert len(await stored.claim(store, later + 3 * SECOND)) == 2


async def test_a_poll_asked_for_during_a_poll_comes_right_after_it(store: Store) -> None:
    watching = await stored.watch(store, "inv_1", "inv_2", "inv_3")
    claimed = await stored.claim(store)
    await watching.request_poll("acme", "inv_1", NOW)
    await watching.add(DesiredWatch("acme", "inv_2", tags=("vip",)), "cli", NOW)
    queue = SqlPollQueue(store)
    retired = [replace(stored.polled(one), poll_at=None, state=WatchState.RETIRED) for one in claimed]
    await queue.record(retired, {})
    again = await stored.claim(store, NOW + SECOND)
    assert [(one.invoice_id, one.tags) for one in again] == [("inv_1", ()), ("inv_2", ("vip",))]


async def test_a_deletion_forgets_the_fingerprint_but_not_when_the_document_was_seen(store: Store) -> None:
    await stored.watch(store, "inv_1")
    queue = SqlPollQueue(store)
    (claimed,) = await stored.claim(store)
    await queue.record([stored.polled(claimed)], {})
    (again,) = await stored.claim(store, NOW + 15 * MINUTE)
    gone = replace(stored.polled(again, NOW + 15 * MINUTE), asked_at=None, fetched_at=None, fingerprint=b"")
    await queue.record([gone], {})
    (last,) = await stored.claim(store, NOW + 30 * MINUTE)
    assert (last.fingerprint, last.fetched_at) == (b"", NOW)


async def test_a_retired_watch_wakes_for_a_poll_request(store: Store) -> None:
    watching = await stored.watch(store, "inv_1")
    (claimed,) = await stored.claim(store)
    queue = SqlPollQueue(store)
    await queue.record([replace(stored.polled(claimed), poll_at=None, state=WatchState.RETIRED)], {})
    assert await stored.claim(store, NOW + timedelta(days=400)) == ()
    await watching.request_poll("acme", "inv_1", NOW)
    assert len(await stored.claim(store)) == 1


async def test_what_is_woken_or_watched_again_counts_as_settled_from_then_on(store: Store) -> None:
    watching = await stored.watch(store, "retired", "stopped", "settled", "asked")
    claimed = {one.invoice_id: one for one in await stored.claim(store)}
    retired = {name: replace(stored.polled(one), settled_at=NOW - 90 * DAY) for name, one in claimed.items()}
    for name in ("retired", "asked"):
        retired[name] = replace(retired[name], poll_at=None, state=WatchState.RETIRED)
    await watching.request_poll("acme", "asked", NOW)
    await SqlPollQueue(store).record(tuple(retired.values()), {})
    await watching.remove("acme", "stopped", NOW)
    await watching.request_poll("acme", "retired", NOW + DAY)
    await watching.request_poll("acme", "settled", NOW + DAY)
    await watching.add(DesiredWatch("acme", "stopped"), "cli", NOW + DAY)
    again = {one.invoice_id: one.settled_at for one in await stored.claim(store, NOW + DAY)}
    assert again == {"retired": NOW + DAY, "stopped": NOW + DAY, "settled": NOW - 90 * DAY, "asked": NOW}


async def test_clock_instants_without_a_new_poll_are_claimed_apart_and_the_poll_stays_due(store: Store) -> None:
    await stored.watch(store, "inv_1", "inv_2")
    queue = SqlPollQueue(store)
    claimed = await stored.claim(store)
    await queue.record([replace(stored.polled(one), clock_at=NOW + 15 * MINUTE) for one in claimed], {})
    now = NOW + timedelta(hours=2)
    assert await queue.claim_stale_clocks(now, ["acme"], NOW, 10, LEASE) == ()
    stale = await queue.claim_stale_clocks(now, ["other", "acme"], now - MINUTE, 10, LEASE)
    assert stored.ids(stale) == ["inv_1", "inv_2"]
    assert [claim.slots for claim in stale] == [()]
    assert await stored.claim(store, now) == ()
    recorded = [
        replace(stored.polled(one, now), clock_only=True, poll_at=now, misses=9, fetched_at=None)
        for one in stale[0].watches
    ]
    await queue.record(recorded, {})
    again = await stored.claim(store, now)
    assert [(one.misses, one.clock_at, one.fetched_at) for one in again] == [(0, None, NOW)] * 2


async def test_a_clock_event_without_a_new_poll_is_remembered(store: Store) -> None:
    await stored.watch(store, "inv_1")
    (claimed,) = await stored.claim(store)
    assert claimed.memory is None
    poll = replace(stored.polled(claimed, NOW, stored.change(snapshot=None)), clock_only=True, poll_at=NOW)
    await SqlPollQueue(store).record([poll], {})
    (again,) = await stored.claim(store)
    assert again.memory == "{}"


async def test_the_last_success_only_moves_forward(store: Store) -> None:
    await stored.watch(store, "inv_1")
    queue = SqlPollQueue(store)
    await queue.record([], {"acme": NOW})
    await queue.record([], {"acme": NOW - MINUTE})
    assert (await SqlAccountStates(store).states())["acme"].last_success_at == NOW


async def test_replicas_that_claim_at_once_share_no_watch_and_no_slot(database_url: str) -> None:
    async with (
        open_store(database_url, database_clock=False) as one,
        open_store(database_url, database_clock=False) as two,
    ):
        await stored.watch(one, *(f"inv_{number}" for number in range(400)))
        taken: list[Claim] = []

        async def claim_all(store: Store) -> None:
            queue = SqlPollQueue(store)
            while claims := await queue.claim(NOW, [stored.request(requests=7)], LEASE):
                taken.extend(claims)
                await anyio.lowlevel.checkpoint()

        async with anyio.create_task_group() as group:
            for store in (one, two, one, two):
                group.start_soon(claim_all, store)
        assert sorted(stored.ids(taken)) == sorted(f"inv_{number}" for number in range(400))
        slots = sorted(slot for claim in taken for slot in claim.slots)
        assert slots == [NOW + number * SECOND for number in range(400)]


async def test_what_providers_say_is_stored_whatever_it_is(store: Store) -> None:
    await stored.watch(store, "a/b?c#%{}\x00 \ud800")
    await stored.watch(store, "a/b?c#%{}\x00 \ud800")
    (claimed,) = await stored.claim(store)
    odd = replace(stored.polled(claimed), last_error="\x00\ud800" + "x" * 100_000)
    assert await SqlPollQueue(store).record([odd], {}) == frozenset()
    async with store.reading() as connection:
        error: str = (await connection.execute(select(watches.c.last_error))).scalar_one()
    assert len(error) == 500


async def test_an_unknown_source_in_a_request_is_no_claim(store: Store) -> None:
    assert await SqlPollQueue(store).claim(NOW, [stored.request("nobody")], LEASE) == ()
    async with store.reading() as connection:
        assert (await connection.execute(select(func.count()).select_from(sources))).scalar_one() == 0
