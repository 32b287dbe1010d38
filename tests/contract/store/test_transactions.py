"""What a transaction promises: all or nothing, cancelled or not, and cursors in the order they become visible."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import anyio
import pytest
from anyio.lowlevel import checkpoint
from sqlalchemy import func, insert, select

from tests.fakes import stored
from tests.fakes.stored import NOW, event
from watcher.ports import PollRecord
from watcher.store import Reports, SqlAccountStates, SqlPollQueue, Store, open_store
from watcher.store.tables import events, sources


async def test_cancelled_transactions_are_whole_and_leave_no_connection_behind(store: Store) -> None:
    await stored.watch(store)
    done: list[int] = []

    async def write(number: int) -> None:
        async with store.transaction() as connection:
            for part in ("a", "b"):
                await connection.execute(insert(sources).values(name=f"{number}{part}", provider="dollr"))
        done.append(number)

    for number in range(40):
        async with anyio.create_task_group() as group:
            group.start_soon(write, number)
            for _ in range(number % 7):
                await checkpoint()
            group.cancel_scope.cancel()
    async with store.reading() as connection:
        names = set((await connection.execute(select(sources.c.name))).scalars()) - {"acme", "other"}
    assert {name[:-1] for name in names} >= {str(number) for number in done}
    assert len(names) == 2 * len({name[:-1] for name in names})
    await write(99)
    assert 99 in done


async def test_a_failing_batch_writes_nothing_of_itself(store: Store) -> None:
    await stored.watch(store, "inv_1")
    (claimed,) = await stored.claim(store)

    async def broken() -> None:
        async with store.transaction() as connection:
            await connection.execute(insert(sources).values(name="half", provider="dollr"))
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        await broken()
    assert "half" not in await SqlAccountStates(store).states()
    assert await SqlPollQueue(store).record([stored.polled(claimed)], {}) == frozenset()


async def test_no_event_appears_at_or_below_a_cursor_already_seen(database_url: str) -> None:
    writers, batches = 4, 15
    async with open_store(database_url, database_clock=False) as store:
        await stored.watch(store, *(f"inv_{number}" for number in range(writers * batches)))
        records = [_tells(stored.polled(one), one.invoice_id) for one in await stored.claim(store)]
        seen: list[int] = []
        finished = anyio.Event()

        async def write(part: int) -> None:
            async with open_store(database_url, database_clock=False) as mine:
                for record in records[part::writers]:
                    await SqlPollQueue(mine).record([record], {})

        async def follow() -> None:
            reports = Reports(store)
            is_last = False
            while not is_last:
                was_finished = finished.is_set()  # before the page: what is written while it is read is on the next
                page = await reports.event_bodies(after=seen[-1] if seen else 0, limit=5)
                seen.extend(cursor for cursor, _ in page)
                is_last = was_finished and not page

        async with anyio.create_task_group() as following:
            following.start_soon(follow)
            async with anyio.create_task_group() as writing:
                for part in range(writers):
                    writing.start_soon(write, part)
            finished.set()
        async with store.reading() as connection:
            count = (await connection.execute(select(func.count()).select_from(events))).scalar_one()
    assert count == len(records) * 3
    assert seen == list(range(1, count + 1))


def _tells(record: PollRecord, invoice_id: str) -> PollRecord:
    recorded = [event(f"evt_{invoice_id}_{number}", "invoice.updated") for number in range(3)]
    return replace(record, change=stored.change(*recorded))


async def test_the_servers_clock_decides_where_replicas_clocks_differ(postgres_url: str) -> None:
    async with open_store(postgres_url) as store:
        long_ago = datetime(2001, 1, 1, tzinfo=UTC)
        await stored.watch(store, "inv_1", at=long_ago)
        (claim,) = await SqlPollQueue(store).claim(long_ago, [stored.request()], stored.LEASE)
        assert claim.slots == (long_ago,)
        assert claim.lease_ends_at == long_ago + stored.LEASE
        fast = NOW + timedelta(days=10_000)
        assert await SqlPollQueue(store).claim(fast, [stored.request()], stored.LEASE) == ()
