"""While nothing can be due the queues ask nothing; whatever anybody writes, or an instant that comes, ends that."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from tests.fakes import stored
from tests.fakes.statements import statements
from tests.fakes.stored import LEASE, MINUTE, NOW, SECOND, event
from watcher.store import (
    IdleAccountStates,
    IdleListSyncs,
    IdleOutbox,
    IdlePollQueue,
    NextPoll,
    SqlAccountStates,
    SqlEndpoints,
    SqlPollQueue,
    Store,
    open_store,
)
from watcher.store.data_version import DataVersion

LATER = NOW + 15 * MINUTE
"""When what was polled at NOW is due again."""


class Loops:
    """Asks what the loops of an idle service ask."""

    def __init__(self, store: Store) -> None:
        next_poll = NextPoll(store)
        self.queue, self.list_syncs = IdlePollQueue(store, next_poll), IdleListSyncs(store, next_poll)
        self.accounts, self.outbox = IdleAccountStates(store), IdleOutbox(store)

    async def turn(self, now: datetime) -> int:
        """Returns how many watches, clock events and deliveries were found."""
        claims = await self.queue.claim(now, [stored.request(interval=timedelta(0))], LEASE)
        stale = await self.queue.claim_stale_clocks(now, ["acme"], now, 100, LEASE)
        due = await self.list_syncs.count_due("acme", now, 100)
        await self.accounts.states()
        deliveries = await self.outbox.claim(now, {"ledger": 10}, LEASE)
        await self.outbox.next_attempt_at(("ledger",))
        return sum(len(claim.watches) for claim in (*claims, *stale)) + due + len(deliveries)


async def polled(store: Store, clock_at: datetime | None = None) -> None:
    """One watch, due again LATER."""
    await stored.endpoints(store, "ledger")
    await stored.watch(store, "inv_1")
    (claimed,) = await stored.claim(store)
    await SqlPollQueue(store).record([replace(stored.polled(claimed), clock_at=clock_at)], {})


async def test_an_idle_turn_asks_sqlite_nothing(sqlite_store: Store) -> None:
    await polled(sqlite_store)
    loops = Loops(sqlite_store)
    assert await loops.turn(NOW) == 0
    async with statements(sqlite_store) as asked:
        for second in range(60):
            assert await loops.turn(NOW + second * SECOND) == 0
    assert asked == []


async def test_what_becomes_due_is_found(store: Store) -> None:
    await polled(store)
    loops = Loops(store)
    assert await loops.turn(LATER - SECOND) == 0
    assert await loops.turn(LATER) == 1


async def test_a_clock_event_that_no_poll_came_for_is_found(store: Store) -> None:
    await polled(store, clock_at=NOW + MINUTE)
    loops = Loops(store)
    assert await loops.turn(NOW) == 0
    assert await loops.turn(NOW + MINUTE) == 1


async def test_what_another_process_writes_is_found_at_the_next_turn(database_url: str) -> None:
    async with (
        open_store(database_url, database_clock=False) as ours,
        open_store(database_url, database_clock=False) as theirs,
    ):
        await polled(ours)
        loops = Loops(ours)
        assert await loops.turn(NOW) == 0
        await stored.watch(theirs, "inv_2")
        assert await loops.turn(NOW) == 1
        await stored.record_events(theirs, "inv_3", event("evt_1", "invoice.paid", "ledger"))
        assert await loops.turn(NOW) == 1
        await SqlAccountStates(theirs).open_circuit("acme", at=NOW, refused=True, error="403", probe_at=LATER)
        assert (await loops.accounts.states())["acme"].last_error == "403"


async def test_deliveries_that_wait_for_their_endpoint_are_found_when_it_is_enabled(sqlite_store: Store) -> None:
    await polled(sqlite_store)
    loops, endpoints = Loops(sqlite_store), SqlEndpoints(sqlite_store)
    await endpoints.disable("ledger", "operator", NOW)
    await stored.record_events(sqlite_store, "inv_2", event("evt_1", "invoice.paid", "ledger"))
    assert await loops.turn(NOW) == 0
    assert await loops.turn(NOW) == 0
    await endpoints.enable("ledger", NOW)
    assert await loops.turn(NOW) == 1


async def test_a_watch_whose_source_may_not_be_asked_is_found_when_the_pause_ends(sqlite_store: Store) -> None:
    await polled(sqlite_store)
    loops = Loops(sqlite_store)
    await SqlAccountStates(sqlite_store).back_off("acme", LATER, LATER + MINUTE)
    claiming = [stored.request(interval=timedelta(0))]
    assert await loops.queue.claim(LATER + SECOND, claiming, LEASE) == ()
    assert await loops.queue.claim(LATER + MINUTE, claiming, LEASE) != ()


async def test_a_file_that_is_gone_or_locked_has_no_version(tmp_path: Path, sqlite_store: Store) -> None:
    assert DataVersion(tmp_path / "none.db").read() is None
    assert sqlite_store.file is not None
    version = DataVersion(sqlite_store.file)
    before = version.read()
    assert before is not None
    assert version.read() == before
    await sqlite_store.check_writable()
    assert version.read() not in {None, before}
    version.close()
