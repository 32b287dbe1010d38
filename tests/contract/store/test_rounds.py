"""Rounds through the lists: whose turn it is, and which watches a page may speak for."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.fakes import stored
from tests.fakes.stored import LEASE, MINUTE, NOW, SECOND
from watcher.ports import ListedIds, RoundKind, WatchState
from watcher.store import SqlAccounts, SqlPollQueue, SqlRounds, Store

LATER = NOW + 30 * MINUTE


async def looked_at(store: Store, *ids: str, **more: object) -> None:
    """Open invoices, looked at by id at NOW; `more` is what else their records say."""
    await stored.watch(store, *ids)
    records = [replace(stored.polled(one), **more) for one in await stored.claim(store)]  # pyright: ignore[reportArgumentType] -- the fields a test names
    assert await SqlPollQueue(store).record(records, {}) == frozenset()


async def leased(
    store: Store,
    ids: Sequence[str],
    *,
    asked_at: datetime = NOW + MINUTE,
    settled: Sequence[str] = (),
    hints_since: datetime | None = None,
) -> list[str]:
    unsettled = frozenset(ids) - frozenset(settled)
    listed = ListedIds("acme", tuple(ids), unsettled, asked_at, hints_since)
    claim = await SqlRounds(store).lease_listed(listed, asked_at + SECOND, LEASE)
    assert claim.slots == ()
    return sorted(one.invoice_id for one in claim.watches)


@pytest.mark.parametrize("kind", RoundKind)
async def test_only_one_replica_makes_a_round_and_none_before_its_time(store: Store, kind: RoundKind) -> None:
    await stored.watch(store)
    rounds = SqlRounds(store)
    assert await rounds.begin("acme", kind, NOW, NOW + MINUTE)
    assert not await rounds.begin("acme", kind, NOW, NOW + MINUTE)
    assert await rounds.begin("acme", kind, NOW + MINUTE, NOW + 2 * MINUTE), "who began it may have died"
    await rounds.end("acme", kind, LATER)
    assert not await rounds.begin("acme", kind, LATER - SECOND, LATER)
    assert await rounds.begin("acme", kind, LATER, LATER + MINUTE)


async def test_rounds_of_different_kinds_do_not_wait_for_each_other(store: Store) -> None:
    await stored.watch(store)
    for kind in RoundKind:
        assert await SqlRounds(store).begin("acme", kind, NOW, LATER)


async def test_an_account_that_is_left_alone_is_not_asked_for_lists_either(store: Store) -> None:
    await stored.watch(store)
    accounts, rounds = SqlAccounts(store), SqlRounds(store)
    await accounts.back_off("acme", NOW, NOW + MINUTE)
    assert not await rounds.begin("acme", RoundKind.SWEEP, NOW, LATER)
    await accounts.open_circuit("acme", at=NOW, refused=True, error="no", probe_at=LATER)
    assert not await rounds.begin("acme", RoundKind.SWEEP, NOW + 2 * MINUTE, LATER)
    assert not await rounds.begin("nobody", RoundKind.SWEEP, NOW, LATER)


async def test_a_page_may_speak_for_watches_that_are_not_due(store: Store) -> None:
    await looked_at(store, "inv_1", "inv_2", "inv_3")
    assert await leased(store, ["inv_1", "inv_2", "unknown"]) == ["inv_1", "inv_2"]
    assert await leased(store, ["inv_1", "inv_3"]) == ["inv_3"], "what somebody has is left to him"


async def test_a_page_that_may_be_older_than_what_is_known_does_not_count(store: Store) -> None:
    await looked_at(store, "inv_1")
    assert await leased(store, ["inv_1"], asked_at=NOW - timedelta(microseconds=1)) == []
    assert await leased(store, ["inv_1"], asked_at=NOW) == ["inv_1"]


async def test_a_page_does_not_count_for_what_was_removed(store: Store) -> None:
    await looked_at(store, "inv_1")
    watches = await stored.watch(store)
    await watches.remove("acme", "inv_1", NOW)
    assert await leased(store, ["inv_1"]) == []


async def test_a_retired_watch_is_woken_by_a_row_that_is_not_settled(store: Store) -> None:
    await looked_at(store, "inv_1", poll_at=None, state=WatchState.RETIRED, settled_at=NOW)
    assert await leased(store, ["inv_1"], settled=["inv_1"]) == []
    assert await leased(store, ["inv_1"]) == ["inv_1"]


async def test_a_hint_does_not_stand_for_a_look_that_is_needed_anyway(store: Store) -> None:
    since = NOW - MINUTE
    await stored.watch(store, "new")
    assert await leased(store, ["new"], hints_since=since) == []
    await looked_at(store, "fine")
    await looked_at(store, "missed", misses=1)
    await looked_at(store, "failed", failures=1)
    await looked_at(store, "clock", clock_at=NOW + MINUTE)
    ids = ["new", "fine", "missed", "failed", "clock"]
    assert await leased(store, ids, hints_since=NOW + SECOND) == [], "the last look is too long ago"
    assert await leased(store, ids, hints_since=since) == ["fine", "new"]


async def test_a_poll_that_was_asked_for_while_the_page_was_under_way_is_made(store: Store) -> None:
    await looked_at(store, "inv_1", "inv_2")
    watches = await stored.watch(store)
    asked_at = NOW + MINUTE
    await watches.request_poll("acme", "inv_1", asked_at + SECOND / 2)
    listed = ListedIds("acme", ("inv_1", "inv_2"), frozenset(), asked_at)
    claim = await SqlRounds(store).lease_listed(listed, asked_at + SECOND, LEASE)
    records = [replace(stored.polled(one, asked_at + SECOND), poll_at=LATER) for one in claim.watches]
    assert await SqlPollQueue(store).record(records, {}) == frozenset()
    assert [one.invoice_id for one in await stored.claim(store, asked_at + 2 * SECOND)] == ["inv_1"]


async def test_those_due_that_a_list_is_likely_to_refresh_are_counted(store: Store) -> None:
    rounds = SqlRounds(store)
    await looked_at(store, "settled", settled_at=NOW)
    await looked_at(store, "missed", misses=1)
    await looked_at(store, "failed", failures=1)
    await looked_at(store, *(f"open_{number}" for number in range(20)))
    await stored.watch(store, "new", at=LATER)
    await stored.watch(store, "elsewhere", source="other")
    assert await rounds.count_due("acme", NOW + SECOND, 100) == 0
    assert await rounds.count_due("acme", LATER, 100) == 21
    assert await rounds.count_due("acme", LATER, 10) <= 10


async def test_a_thousand_rows_are_leased_in_one_go(store: Store) -> None:
    ids = [f"inv_{number}" for number in range(1000)]
    await looked_at(store, *ids)
    assert await leased(store, ids) == sorted(ids)
