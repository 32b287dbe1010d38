"""Rounds through the lists: whose turn it is, and which watches a page may speak for."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from tests.fakes import stored
from tests.fakes.stored import LEASE, MINUTE, NOW, SECOND
from watcher.core.invoices.invoice import Status
from watcher.ports import ClaimRequest, ListedIds, ListSyncKind, WatchState
from watcher.store import SqlAccountStates, SqlListSyncs, SqlPollQueue, Store
from watcher.store.tables import watches

LATER = NOW + 30 * MINUTE


async def polled(store: Store, *ids: str, **more: object) -> None:
    """Open invoices, polled by id at NOW; `more` is what else their records say."""
    await stored.watch(store, *ids)
    records = [replace(stored.polled(one), **more) for one in await stored.claim(store)]  # pyright: ignore[reportArgumentType] -- the fields a test names
    assert await SqlPollQueue(store).record(records, {}) == frozenset()


async def leased(
    store: Store,
    ids: Sequence[str],
    *,
    asked_at: datetime = NOW + MINUTE,
    settled: Sequence[str] = (),
    partial_since: datetime | None = None,
) -> list[str]:
    unsettled = frozenset(ids) - frozenset(settled)
    listed = ListedIds("acme", tuple(ids), unsettled, asked_at, partial_since)
    claim = await SqlListSyncs(store).lease_listed(listed, asked_at + SECOND, LEASE)
    assert claim.slots == ()
    return sorted(one.invoice_id for one in claim.watches)


@pytest.mark.parametrize("kind", ListSyncKind)
async def test_only_one_replica_makes_a_round_and_none_before_its_time(store: Store, kind: ListSyncKind) -> None:
    await stored.watch(store)
    rounds = SqlListSyncs(store)
    assert await rounds.begin("acme", kind, NOW, NOW + MINUTE)
    assert not await rounds.begin("acme", kind, NOW, NOW + MINUTE)
    assert await rounds.begin("acme", kind, NOW + MINUTE, NOW + 2 * MINUTE), "who began it may have died"
    await rounds.end("acme", kind, LATER)
    assert not await rounds.begin("acme", kind, LATER - SECOND, LATER)
    assert await rounds.begin("acme", kind, LATER, LATER + MINUTE)


async def test_rounds_of_different_kinds_do_not_wait_for_each_other(store: Store) -> None:
    await stored.watch(store)
    for kind in ListSyncKind:
        assert await SqlListSyncs(store).begin("acme", kind, NOW, LATER)


async def test_an_account_that_is_left_alone_is_not_asked_for_lists_either(store: Store) -> None:
    await stored.watch(store)
    accounts, rounds = SqlAccountStates(store), SqlListSyncs(store)
    await accounts.back_off("acme", NOW, NOW + MINUTE)
    assert not await rounds.begin("acme", ListSyncKind.REFRESH, NOW, LATER)
    await accounts.open_circuit("acme", at=NOW, refused=True, error="no", probe_at=LATER)
    assert not await rounds.begin("acme", ListSyncKind.REFRESH, NOW + 2 * MINUTE, LATER)
    assert not await rounds.begin("nobody", ListSyncKind.REFRESH, NOW, LATER)


async def test_a_page_may_speak_for_watches_that_are_not_due(store: Store) -> None:
    await polled(store, "inv_1", "inv_2", "inv_3")
    assert await leased(store, ["inv_1", "inv_2", "unknown"]) == ["inv_1", "inv_2"]
    assert await leased(store, ["inv_1", "inv_3"]) == ["inv_3"], "what somebody has is left to him"


async def test_a_page_that_may_be_older_than_what_is_known_does_not_count(store: Store) -> None:
    await polled(store, "inv_1")
    assert await leased(store, ["inv_1"], asked_at=NOW - timedelta(microseconds=1)) == []
    assert await leased(store, ["inv_1"], asked_at=NOW) == ["inv_1"]


async def test_a_page_does_not_count_for_what_was_removed(store: Store) -> None:
    await polled(store, "inv_1")
    watches = await stored.watch(store)
    await watches.remove("acme", "inv_1", NOW)
    assert await leased(store, ["inv_1"]) == []


async def test_a_retired_watch_is_woken_by_a_row_that_is_not_settled(store: Store) -> None:
    await polled(store, "inv_1", poll_at=None, state=WatchState.RETIRED, settled_at=NOW)
    assert await leased(store, ["inv_1"], settled=["inv_1"]) == []
    assert await leased(store, ["inv_1"]) == ["inv_1"]


async def test_a_partial_row_does_not_stand_for_a_poll_that_is_needed_anyway(store: Store) -> None:
    since = NOW - MINUTE
    await stored.watch(store, "new")
    assert await leased(store, ["new"], partial_since=since) == []
    await polled(store, "fine")
    await polled(store, "missed", misses=1)
    await polled(store, "failed", failures=1)
    await polled(store, "clock", clock_at=NOW + MINUTE)
    ids = ["new", "fine", "missed", "failed", "clock"]
    assert await leased(store, ids, partial_since=NOW + SECOND) == [], "the last poll is too long ago"
    assert await leased(store, ids, partial_since=since) == ["fine", "new"]


async def test_a_partial_row_does_not_stand_for_a_poll_that_somebody_asked_for(store: Store) -> None:
    await polled(store, "asked for", "fine")
    watches = await stored.watch(store)
    await watches.request_poll("acme", "asked for", NOW + SECOND)
    since = NOW - MINUTE
    assert await SqlListSyncs(store).count_due("acme", NOW + MINUTE, 100, partial_since=since) == 0
    assert await leased(store, ["asked for", "fine"], partial_since=since) == ["fine"]
    assert await leased(store, ["asked for"]) == ["asked for"], "a whole document is a poll"


async def test_a_poll_that_was_asked_for_while_the_page_was_under_way_is_made(store: Store) -> None:
    await polled(store, "inv_1", "inv_2")
    watches = await stored.watch(store)
    asked_at = NOW + MINUTE
    await watches.request_poll("acme", "inv_1", asked_at + SECOND / 2)
    listed = ListedIds("acme", ("inv_1", "inv_2"), frozenset(), asked_at)
    claim = await SqlListSyncs(store).lease_listed(listed, asked_at + SECOND, LEASE)
    records = [replace(stored.polled(one, asked_at + SECOND), poll_at=LATER) for one in claim.watches]
    assert await SqlPollQueue(store).record(records, {}) == frozenset()
    assert [one.invoice_id for one in await stored.claim(store, asked_at + 2 * SECOND)] == ["inv_1"]


async def test_those_due_that_a_list_is_likely_to_refresh_are_counted(store: Store) -> None:
    rounds = SqlListSyncs(store)
    await polled(store, "settled", settled_at=NOW)
    await polled(store, "missed", misses=1)
    await polled(store, "failed", failures=1)
    await polled(store, *(f"open_{number}" for number in range(20)))
    await stored.watch(store, "new", at=LATER)
    await stored.watch(store, "elsewhere", source="other")
    assert await rounds.count_due("acme", NOW + SECOND, 100) == 0
    assert await rounds.count_due("acme", LATER, 100) == 21
    assert await rounds.count_due("acme", LATER, 10) <= 10


async def test_of_partial_rows_only_those_due_are_counted_for_which_partial_rows_may_speak(store: Store) -> None:
    await polled(store, "clock", clock_at=NOW + MINUTE)
    await polled(store, "fine")
    await stored.watch(store, "new", at=LATER)
    rounds = SqlListSyncs(store)
    assert await rounds.count_due("acme", LATER, 100) == 3
    assert await rounds.count_due("acme", LATER, 100, partial_since=NOW - MINUTE) == 1
    assert await rounds.count_due("acme", LATER, 100, partial_since=NOW + MINUTE) == 0, "polled too long ago"


def beside(requests: int, *, batch_size: int = 1) -> ClaimRequest:
    return ClaimRequest("acme", SECOND, batch_size, requests, LATER + MINUTE)


async def test_during_a_round_only_what_cannot_wait_is_claimed(store: Store) -> None:
    await polled(store, "open", "asked for", "changed")
    await polled(store, "settled", settled_at=NOW)
    await polled(store, "missed", misses=1)
    await polled(store, "failed", failures=1)
    await polled(store, "clock", clock_at=NOW + MINUTE)
    await stored.watch(store, "new before", at=NOW + MINUTE)
    watches = await stored.watch(store, "new", at=LATER)
    await watches.request_poll("acme", "asked for", LATER)
    rounds = SqlListSyncs(store)
    listed = ListedIds("acme", ("changed",), frozenset({"changed"}), LATER, NOW - MINUTE)
    page = await rounds.lease_listed(listed, LATER, LEASE)
    await rounds.request_polls(page.watches, LATER)
    claim = await rounds.claim_urgent(beside(9), LATER, LEASE, new_since=LATER)
    assert claim is not None
    names = sorted(one.invoice_id for one in claim.watches)
    assert names == ["asked for", "changed", "clock", "failed", "missed", "new"]
    assert len(claim.slots) == len(claim.watches)
    assert await rounds.claim_urgent(beside(9), LATER, LEASE, new_since=LATER) is None
    assert [one.invoice_id for one in await stored.claim(store, LATER)] == ["new before", "open", "settled"]


async def test_what_is_claimed_during_a_round_has_its_send_instants_from_the_same_budget(store: Store) -> None:
    await stored.watch(store, *(f"new_{number}" for number in range(9)))
    rounds = SqlListSyncs(store)
    first = await rounds.claim_urgent(beside(2, batch_size=2), NOW, LEASE, new_since=NOW)
    assert first is not None
    assert (len(first.watches), first.slots) == (4, (NOW, NOW + SECOND))
    assert await SqlPollQueue(store).reserve("acme", SECOND, NOW) == NOW + 2 * SECOND
    near = replace(beside(9), horizon=NOW + 2 * SECOND)
    assert await rounds.claim_urgent(near, NOW, LEASE, new_since=NOW) is None, "the next send instant is further ahead"
    await SqlAccountStates(store).back_off("acme", NOW, LATER)
    assert await rounds.claim_urgent(beside(9), NOW, LEASE, new_since=NOW) is None, "the account is left alone"


async def test_those_that_a_page_was_the_last_to_record_of_are_polled_sooner_one_after_the_other(store: Store) -> None:
    listed_at, plan = {NOW + MINUTE}, [LATER - MINUTE, LATER - SECOND]
    far, known = LATER + 60 * MINUTE, stored.change()
    await polled(store, "left_1", "left_2", "left_3", polled_at=NOW + MINUTE, poll_at=far, change=known)
    await polled(store, "named again", polled_at=NOW + 2 * MINUTE, poll_at=far, change=known)
    await polled(store, "due before", polled_at=NOW + MINUTE, poll_at=LATER - 4 * MINUTE, change=known)
    paid = stored.change(snapshot=replace(stored.OPEN, status=Status.PAID))
    await polled(store, "settled", polled_at=NOW + MINUTE, poll_at=far, settled_at=NOW, change=paid)
    rounds = SqlListSyncs(store)
    assert await rounds.poll_sooner("acme", listed_at, [LATER - 3 * MINUTE, *plan]) == 2
    assert await rounds.poll_sooner("acme", frozenset(), plan) == 0
    async with store.reading() as connection:
        rows = (await connection.execute(select(watches.c.invoice_id, watches.c.due_at))).all()
    sooner = {"left_1": plan[0], "left_2": plan[1]}
    due = {row.invoice_id: row.due_at for row in rows}
    assert due == sooner | {"due before": LATER - 4 * MINUTE, "left_3": far, "named again": far, "settled": far}


async def test_who_is_being_polled_is_not_hastened(store: Store) -> None:
    await polled(store, "inv_1", polled_at=NOW + MINUTE, change=stored.change())
    assert await leased(store, ["inv_1"], asked_at=LATER) == ["inv_1"]
    assert await SqlListSyncs(store).poll_sooner("acme", {NOW + MINUTE}, [LATER]) == 0


async def test_a_thousand_rows_are_leased_in_one_go(store: Store) -> None:
    ids = [f"inv_{number}" for number in range(1000)]
    await polled(store, *ids)
    assert await leased(store, ids) == sorted(ids)
