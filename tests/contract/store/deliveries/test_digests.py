"""A digest takes all deliveries of its endpoint when their period has ended, and none before."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import anyio
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.fakes import stored
from tests.fakes.stored import LEASE, MINUTE, NOW, SECOND, delivered, event, retried
from watcher.core.notifications.digest_schedule import DigestSchedule
from watcher.ports import ClaimedDelivery, EndpointLimit
from watcher.store import Backlogs, Redelivery, SqlDigests, SqlEndpoints, SqlOutbox, Store
from watcher.store.deliveries import digests
from watcher.store.deliveries.claim import LeaseTerms
from watcher.store.tables import deliveries

DAILY = DigestSchedule(timedelta(days=1), time(8), ZoneInfo("UTC"))
MORNING = datetime(2026, 11, 23, 8, tzinfo=NOW.tzinfo)
SENT_AT = MORNING + 2 * SECOND
NEXT_DAY = SENT_AT + timedelta(days=1)


@pytest.fixture(name="outbox")
async def fixture_outbox(store: Store) -> SqlOutbox:
    return await stored.listening(store, "finance", "ledger")


async def claim(store: Store, at: datetime, schedule: DigestSchedule = DAILY) -> list[str]:
    return [one.event_id for one in await claimed(store, at, schedule)]


async def claimed(store: Store, at: datetime, schedule: DigestSchedule = DAILY) -> tuple[ClaimedDelivery, ...]:
    return await SqlDigests(store).claim_digest("finance", schedule, at, LEASE)


async def times(store: Store) -> set[datetime | None]:
    async with store.reading() as connection:
        return set((await connection.execute(select(deliveries.c.next_attempt_at))).scalars())


async def three(store: Store) -> None:
    """Two events of one invoice and one of another."""
    first = event("evt_1", "invoice.overdue", "finance"), event("evt_2", "invoice.paid", "finance", sequence=2)
    await stored.record_all(store, {"inv_1": first, "inv_2": [event("evt_3", "invoice.overdue", "finance")]})


async def test_nothing_goes_before_the_end_of_the_period_and_then_everything_together(
    store: Store, outbox: SqlOutbox
) -> None:
    await three(store)
    assert await claim(store, NOW) == []
    assert await claim(store, NOW + MINUTE) == []
    assert await claim(store, MORNING) == [], "what was observed before is still being recorded"
    found = await claimed(store, SENT_AT)
    assert {one.event_id for one in found} == {"evt_1", "evt_2", "evt_3"}
    assert [one.event_id for one in found if one.event_id != "evt_3"] == ["evt_1", "evt_2"], "in their order"
    assert await claim(store, SENT_AT) == [], "somebody has it"
    assert await outbox.settle([delivered(one, SENT_AT) for one in found]) == frozenset()
    assert await claim(store, NEXT_DAY) == []


async def test_a_delivery_shows_when_its_digest_goes_also_after_a_restart(store: Store, outbox: SqlOutbox) -> None:
    await stored.record_events(store, "inv_1", event("evt_1", "invoice.overdue", "finance"))
    await claim(store, NOW + MINUTE)
    assert await times(store) == {MORNING}
    (before, _) = await Backlogs(store).endpoints(NOW + 40 * MINUTE, digests=("finance",))
    assert (before.waiting, before.oldest) == (1, timedelta(0)), "it is not late"
    (late, _) = await Backlogs(store).endpoints(MORNING + 40 * MINUTE, digests=("finance",))
    assert late.oldest == 40 * MINUTE
    assert await outbox.next_attempt_at(["finance"]) == MORNING


async def test_what_comes_after_the_end_waits_for_the_next_digest_also_behind_one_that_is_due(
    store: Store, outbox: SqlOutbox
) -> None:
    await stored.record_events(store, "inv_1", event("evt_1", "invoice.overdue", "finance"))
    await claim(store, NOW + MINUTE)
    late = {"inv_1": [event("evt_2", "invoice.paid", "finance", sequence=2)]}
    await stored.record_all(store, late, at=MORNING + SECOND)
    found = await claimed(store, SENT_AT)
    assert [one.event_id for one in found] == ["evt_1"]
    await outbox.settle([delivered(one, SENT_AT) for one in found])
    assert await claim(store, SENT_AT + 5 * SECOND) == []
    assert await claim(store, NEXT_DAY) == ["evt_2"]


async def test_a_digest_that_failed_is_tried_again_together_and_before_its_next_period(
    store: Store, outbox: SqlOutbox
) -> None:
    await three(store)
    await claim(store, NOW + MINUTE)
    found = await claimed(store, SENT_AT)
    await outbox.settle([retried(one, SENT_AT + MINUTE) for one in found])
    assert await claim(store, SENT_AT + 30 * SECOND) == []
    again = await claimed(store, SENT_AT + 2 * MINUTE)
    assert [one.attempts for one in again] == [1, 1, 1]
    assert await outbox.settle([delivered(one) for one in found]) == {one.key for one in found}, "too late"


async def test_what_a_process_that_died_held_is_sent_again_as_one_digest(store: Store, outbox: SqlOutbox) -> None:
    await three(store)
    await claim(store, NOW + MINUTE)
    assert len(await claim(store, SENT_AT)) == 3
    assert len(await claim(store, SENT_AT + LEASE + 3 * SECOND)) == 3
    given_back = await claimed(store, SENT_AT + 2 * LEASE + 6 * SECOND)
    await outbox.release(given_back, SENT_AT)
    assert len(await claim(store, SENT_AT + 2 * LEASE + 6 * SECOND)) == 3


async def test_a_paused_endpoint_gets_no_digest_until_it_is_enabled(store: Store, outbox: SqlOutbox) -> None:
    del outbox
    await three(store)
    await claim(store, NOW + MINUTE)
    await SqlEndpoints(store).disable("finance", "operator", NOW + MINUTE)
    assert await claim(store, SENT_AT) == []
    await SqlEndpoints(store).enable("finance", SENT_AT)
    assert len(await claim(store, SENT_AT + 3 * SECOND)) == 3


async def test_what_is_superseded_is_in_no_digest(store: Store, outbox: SqlOutbox) -> None:
    del outbox
    soon = "invoice.due_soon"
    await stored.record_events(store, "inv_1", event("evt_soon", soon, "finance"))
    await claim(store, NOW + MINUTE)
    await claim(store, SENT_AT)
    await stored.record_events(
        store, "inv_1", event("evt_paid", "invoice.paid", "finance", sequence=2), supersedes=(soon,)
    )
    assert await claim(store, SENT_AT + LEASE + 3 * SECOND) == ["evt_paid"]


async def test_a_redelivery_goes_at_once(store: Store, outbox: SqlOutbox) -> None:
    await stored.record_events(store, "inv_1", event("evt_1", "invoice.overdue", "finance"))
    await claim(store, NOW + MINUTE)
    await outbox.settle([delivered(one) for one in await claimed(store, SENT_AT)])
    wanted = stored.Subscription("finance", whole=True)
    await Redelivery(store).redeliver_event("evt_1", [wanted], SENT_AT)
    assert await claim(store, SENT_AT + 3 * SECOND) == ["evt_1"]


async def test_a_claim_of_single_messages_at_the_same_time_takes_none_of_them(
    store: Store, outbox: SqlOutbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While `digest` changes, one replica claims a digest and another one the same deliveries one by one."""
    await three(store)
    lease_all, single = digests.lease_all, list[ClaimedDelivery]()
    found: tuple[ClaimedDelivery, ...] = ()

    async def claim_single() -> None:
        single.extend(await outbox.claim(SENT_AT, {"finance": 9}, LEASE, {"finance": EndpointLimit(9, 9)}))

    async with anyio.create_task_group() as group:

        async def leasing(connection: AsyncConnection, keys: Sequence[int], terms: LeaseTerms) -> None:
            group.start_soon(claim_single)
            with anyio.move_on_after(0.3):  # it ends, or waits for this transaction
                while not single:  # noqa: ASYNC110 -- another connection is watched
                    await anyio.sleep(0.01)
            await lease_all(connection, keys, terms)

        monkeypatch.setattr(digests, "lease_all", leasing)
        found = await claimed(store, SENT_AT)
    assert (len(found), single) == (3, [])
    assert await SqlDigests(store).holds(found)
    await outbox.release(found[:1], SENT_AT)
    assert not await SqlDigests(store).holds(found)


async def test_another_schedule_holds_for_what_waits(store: Store, outbox: SqlOutbox) -> None:
    del outbox
    await stored.record_events(store, "inv_1", event("evt_1", "invoice.overdue", "finance"))
    await claim(store, NOW + MINUTE)
    later = DigestSchedule(timedelta(days=1), time(9), ZoneInfo("UTC"))
    assert await claim(store, SENT_AT, later) == []
    assert await claim(store, SENT_AT + 60 * MINUTE, later) == ["evt_1"]
