"""Hints in the store: one poll for many, one more for one during a poll, a budget for unknown invoices."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select, update

from tests.fakes import stored
from tests.fakes.stored import MINUTE, NOW, SECOND
from watcher.core.scheduling.hint_state import HintState, HintTally
from watcher.ports import (
    ClaimedWatch,
    FoundBy,
    FoundChange,
    HintedIds,
    HintsTaken,
    PollReason,
    SourceRow,
    WatchState,
)
from watcher.store import HintSummaries, SqlHazardStats, SqlHints, SqlPollQueue, SqlWatches, Store
from watcher.store.tables import sources, watches

SLOW = timedelta(hours=6)


async def hint(store: Store, *ids: str, discovery: timedelta | None = None) -> HintsTaken:
    taken = await SqlHints(store).take([HintedIds("acme", ids, discovery)], NOW)
    return taken["acme"]


async def claimed_later(store: Store, *ids: str) -> tuple[ClaimedWatch, ...]:
    """Watch and poll these, so that they are due in a quarter of an hour."""
    await stored.watch(store, *ids)
    claimed = await stored.claim(store)
    await SqlPollQueue(store).record([stored.polled(one) for one in claimed], {})
    assert await stored.claim(store) == ()
    return claimed


async def test_many_hints_before_a_poll_are_one_poll_and_the_reason_is_known(store: Store) -> None:
    await claimed_later(store, "inv_1", "inv_2")
    assert await hint(store, "inv_1", "inv_1", "unknown") == HintsTaken(1, 0, 1)
    assert await hint(store, "inv_1") == HintsTaken(1, 0, 0)
    (claimed,) = await stored.claim(store)
    assert (claimed.invoice_id, claimed.poll_reason) == ("inv_1", PollReason.HINT)
    await SqlPollQueue(store).record([stored.renewed(claimed)], {})
    assert await stored.claim(store) == ()
    later = await stored.claim(store, NOW + 15 * MINUTE)
    assert {one.poll_reason for one in later} == {None}, "the next poll is a planned one"


async def test_a_hint_during_a_poll_is_another_poll_after_it(store: Store) -> None:
    await stored.watch(store, "inv_1")
    (first,) = await stored.claim(store)
    await hint(store, "inv_1")
    assert await stored.claim(store) == (), "one request at a time"
    await SqlPollQueue(store).record([stored.renewed(first)], {})
    (second,) = await stored.claim(store)
    assert second.poll_reason is PollReason.HINT


async def test_the_reason_of_the_next_poll_is_that_of_the_record(store: Store) -> None:
    await claimed_later(store, "inv_1")
    await hint(store, "inv_1")
    (claimed,) = await stored.claim(store)
    echo = replace(stored.polled(claimed), poll_at=NOW + 10 * SECOND, next_reason=PollReason.ECHO)
    await SqlPollQueue(store).record([echo], {})
    (again,) = await stored.claim(store, NOW + 10 * SECOND)
    assert again.poll_reason is PollReason.ECHO


async def test_a_requested_poll_says_so(store: Store) -> None:
    await claimed_later(store, "inv_1")
    await SqlWatches(store).request_poll("acme", "inv_1", NOW)
    (claimed,) = await stored.claim(store)
    assert claimed.poll_reason is PollReason.REQUEST


async def test_what_is_asked_for_goes_before_a_backlog_but_not_into_every_slot(store: Store) -> None:
    await stored.watch(store, *(f"inv_{number:02}" for number in range(40)))
    await hint(store, *(f"inv_{number:02}" for number in range(20, 40)))
    request = stored.request(interval=SECOND, requests=16)
    (claim,) = await SqlPollQueue(store).claim(NOW, [request], stored.LEASE)
    hinted = [one.invoice_id for one in claim.watches if one.poll_reason is PollReason.HINT]
    others = [one.invoice_id for one in claim.watches if one.poll_reason is None]
    assert (len(hinted), len(others)) == (12, 4)
    assert others == [f"inv_{number:02}" for number in range(4)], "longest due first"


async def test_beside_a_list_sync_only_what_hints_named_is_claimed(store: Store) -> None:
    watching = await stored.watch(store, "inv_1", "inv_2", "inv_3")
    await watching.request_poll("acme", "inv_2", NOW)
    await hint(store, "inv_3")
    request = replace(stored.request(), hinted_only=True)
    (claim,) = await SqlPollQueue(store).claim(NOW, [request], stored.LEASE)
    assert stored.ids([claim]) == ["inv_3"]
    assert await SqlPollQueue(store).claim(NOW, [request], stored.LEASE) == ()


async def test_a_hint_wakes_a_retired_watch(store: Store) -> None:
    (claimed,) = await claimed_later(store, "inv_1")
    async with store.transaction() as connection:
        retired = {"state": WatchState.RETIRED.value, "poll_at": None, "due_at": None, "settled_at": NOW - SLOW}
        await connection.execute(update(watches).where(watches.c.id == claimed.key).values(retired))
    await hint(store, "inv_1")
    (again,) = await stored.claim(store)
    assert again.settled_at == NOW, "or the next poll would retire it again at once"


async def test_unknown_invoices_are_polled_one_after_the_other_and_too_many_are_dropped(store: Store) -> None:
    await stored.watch(store)
    ids = [f"inv_{number}" for number in range(100)]
    assert await hint(store, *ids, discovery=10 * SECOND) == HintsTaken(0, 61, 39), "ten minutes of them"
    for seconds in (0, 10, 20):
        claimed = await stored.claim(store, NOW + timedelta(seconds=seconds))
        assert [one.poll_reason for one in claimed] == [PollReason.HINT]
    assert await hint(store, "another", discovery=10 * SECOND) == HintsTaken(0, 0, 1)
    async with store.reading() as connection:
        origins = set((await connection.execute(select(watches.c.origins))).scalars())
    assert origins == {"discovered"}


async def test_hints_do_not_watch_what_was_removed_by_hand(store: Store) -> None:
    watching = await stored.watch(store, "inv_1")
    await watching.remove("acme", "inv_1", NOW)
    assert await hint(store, "inv_1", discovery=SECOND) == HintsTaken(0, 0, 1)


async def test_an_invoice_that_only_a_hint_knows_and_the_provider_does_not_is_forgotten(store: Store) -> None:
    await stored.watch(store, "inv_listed")
    await hint(store, "inv_phantom", discovery=SECOND)
    for misses in (1, 2):
        claimed = await stored.claim(store)
        missing = [
            replace(
                stored.polled(one), state=WatchState.NOT_FOUND, misses=misses, asked_at=None, fetched_at=None,
                poll_at=NOW, fingerprint=None,
            )
            for one in claimed
        ]  # fmt: skip
        await SqlPollQueue(store).record(missing, {})
    async with store.reading() as connection:
        assert set((await connection.execute(select(watches.c.invoice_id))).scalars()) == {"inv_listed"}


async def record_changes(store: Store, *changes: FoundChange) -> None:
    await SqlWatches(store).request_poll("acme", "inv_1", NOW)
    (claimed,) = await stored.claim(store)
    await SqlPollQueue(store).record([replace(stored.polled(claimed), found_changes=changes)], {})


async def state(store: Store) -> HintState:
    census = await SqlHazardStats(store).census("acme", "meteroid", NOW, weighted=False)
    summary = (await HintSummaries(store).of_all(NOW))["acme"]
    assert census.hints is summary.state
    return summary.state


async def test_hints_that_stop_are_noticed_and_those_that_come_back_too(store: Store) -> None:
    paid_by_hint = FoundChange("acme", "invoice.paid", FoundBy.HINT)
    paid_by_poll = FoundChange("acme", "invoice.paid", FoundBy.POLL)
    part_by_poll = FoundChange("acme", "invoice.partially_paid", FoundBy.POLL)
    await stored.watch(store, "inv_1")
    await SqlWatches(store).sync_sources([SourceRow("acme", "meteroid", takes_hints=True)], NOW)
    assert await state(store) is HintState.WAITING
    for _ in range(3):
        await record_changes(store, paid_by_hint, part_by_poll)
    assert await state(store) is HintState.WORKING
    for _ in range(4):
        await record_changes(store, paid_by_poll, part_by_poll)
    assert await state(store) is HintState.WORKING, "partial payments never came by hint, and few paid ones were missed"
    await record_changes(store, paid_by_poll)
    assert await state(store) is HintState.STOPPED
    summary = (await HintSummaries(store).of_all(NOW))["acme"]
    assert (summary.share, summary.missing) == (3 / 15, ("invoice.paid",))
    await record_changes(store, paid_by_hint)
    assert await state(store) is HintState.WORKING, "an outage says nothing about what hints bring"
    assert (await HintSummaries(store).of_all(NOW))["acme"].share == 4 / 16


async def test_a_source_without_hints_has_no_summary(store: Store) -> None:
    await stored.watch(store, "inv_1")
    await hint(store, "inv_1")
    assert await HintSummaries(store).of_all(NOW) == {}
    census = await SqlHazardStats(store).census("acme", "meteroid", NOW, weighted=False)
    assert census.hints is HintState.OFF
    async with store.reading() as connection:
        hinted_at = select(sources.c.hinted_at).where(sources.c.name == "acme")
        assert (await connection.execute(hinted_at)).scalar_one() == NOW


def test_hints_are_expected_of_types_that_mostly_came_by_them() -> None:
    assert HintTally("invoice.paid", 3, 2, 0).is_expected
    assert not HintTally("invoice.paid", 2, 0, 0).is_expected, "too few to know"
    assert not HintTally("invoice.paid", 3, 3, 0).is_expected
    assert HintTally("invoice.paid", 3, 7, 5).has_stopped
    assert not HintTally("invoice.paid", 3, 6, 4).has_stopped
