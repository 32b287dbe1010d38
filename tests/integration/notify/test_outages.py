"""Outages and restarts: nothing is lost, and what a receiver took is not sent again."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from ipaddress import IPv4Network
from zoneinfo import ZoneInfo

import anyio
import pytest

from tests.fakes import stored
from tests.fakes.clock import FakeClock
from tests.fakes.receiver import Receiver, answering, receiving
from tests.integration.notify.conftest import json_url, titles
from watcher.core.invoices.event import EventType
from watcher.core.notifications.digest_schedule import DigestSchedule
from watcher.core.webhooks.examples import example
from watcher.core.webhooks.form import Form
from watcher.core.webhooks.subscription import Subscription
from watcher.daemon.notify_wiring import POLICY
from watcher.delivery import DigestDispatcher, DigestPolicy, Dispatcher
from watcher.notify import NotificationSender, NotifyTarget
from watcher.ports import ClaimedDelivery, EventRecord, Outcome
from watcher.store import Reports, SqlDigests, SqlOutbox, SqlReached, Store

DAILY = DigestSchedule(timedelta(days=1), time(8), ZoneInfo("UTC"))
MORNING = datetime(2026, 11, 23, 8, 0, 2, tzinfo=stored.NOW.tzinfo)
DAY = timedelta(days=1)


@dataclass
class Life:
    """One process of a service, with what it needs for one notification."""

    store: Store
    url: str
    clock: FakeClock
    sender: NotificationSender = field(init=False)

    def __post_init__(self) -> None:
        self.sender = NotificationSender(self.clock, SqlReached(self.store))
        target = NotifyTarget("finance", (self.url,), allow_private=(IPv4Network("127.0.0.0/8"),))
        self.sender.reconfigure({"finance": target})

    async def send(self) -> list[Outcome]:
        """A message for each event that is due."""
        dispatcher = Dispatcher(SqlOutbox(self.store), self.sender, self.clock, lambda: 0.0)
        dispatcher.configure({"finance": POLICY})
        outcomes: list[Outcome] = []
        async with anyio.create_task_group() as group:
            group.start_soon(self._pass_time)
            outcomes += await dispatcher.run_once()
            group.cancel_scope.cancel()
        return outcomes

    async def digest(self) -> list[Outcome]:
        digests = DigestDispatcher(SqlDigests(self.store), SqlOutbox(self.store), self.sender, self.clock, lambda: 0.0)
        digests.configure({"finance": DigestPolicy(DAILY, POLICY)})
        return list(await digests.run_once())

    async def _pass_time(self) -> None:
        while True:
            self.clock.advance(timedelta(milliseconds=100))
            await anyio.sleep(0.01)


@pytest.fixture(name="clock")
def fixture_clock() -> FakeClock:
    return FakeClock(stored.NOW)


async def happened(store: Store, invoice_id: str, kind: EventType, sequence: int = 1, *, at: datetime) -> None:
    body = json.loads(example(kind, f"evt_{invoice_id}_{sequence}", at))
    body["data"] |= {"sequence": sequence}
    body["data"]["invoice"] |= {"id": invoice_id, "number": invoice_id}
    record = EventRecord(
        id=body["data"]["event_id"],
        type=kind.value,
        sequence=sequence,
        source="acme",
        timestamp=at,
        bodies={Form.FULL: json.dumps(body).encode()},
        deliveries=(("finance", Form.FULL),),
    )
    await stored.record_all(store, {invoice_id: [record]}, at=at)


async def listening(store: Store) -> None:
    wanted = [Subscription("finance", whole=True)]
    await SqlOutbox(store).sync_endpoints({"finance": "json"}, stored.NOW, wanted)


async def states(store: Store) -> set[tuple[object, object]]:
    return {(row["state"], row["attempts"]) for row in await Reports(store).deliveries()}


def names(receiver: Receiver) -> list[str]:
    return [title.removeprefix("Example, nothing has happened: Invoice ").split(" ")[0] for title in titles(receiver)]


async def test_messages_of_an_outage_come_once_and_in_order_when_the_service_answers_again(
    sqlite_store: Store, clock: FakeClock
) -> None:
    await listening(sqlite_store)
    await happened(sqlite_store, "inv_1", EventType.OVERDUE, at=clock.now())
    await happened(sqlite_store, "inv_1", EventType.PAID, 2, at=clock.now())
    async with receiving(answering(503)) as down:
        assert await Life(sqlite_store, json_url(down), clock).send() == [Outcome.RETRY]
    async with receiving(answering()) as receiver:
        for _ in range(2):
            clock.advance(timedelta(minutes=6))
            await Life(sqlite_store, json_url(receiver), clock).send()
        assert titles(receiver) == [
            "Example, nothing has happened: Invoice inv_1 is overdue: 1079.98 EUR due",
            "Example, nothing has happened: Invoice inv_1 was paid: 1079.98 EUR",
        ]
        clock.advance(DAY)
        assert await Life(sqlite_store, json_url(receiver), clock).send() == []
    assert await states(sqlite_store) == {("delivered", 2), ("delivered", 1)}


async def test_a_digest_survives_an_outage_and_a_restart_and_comes_once(sqlite_store: Store, clock: FakeClock) -> None:
    await listening(sqlite_store)
    await happened(sqlite_store, "inv_1", EventType.OVERDUE, at=clock.now())
    await happened(sqlite_store, "inv_2", EventType.PAID, at=clock.now())
    async with receiving(answering(503)) as down:
        clock.advance(timedelta(minutes=1))
        assert await Life(sqlite_store, json_url(down), clock).digest() == [], "nothing goes before the morning"
        clock.instant = MORNING
        assert await Life(sqlite_store, json_url(down), clock).digest() == [Outcome.RETRY]
        assert len(down.requests) == 1
    await happened(sqlite_store, "inv_3", EventType.OVERDUE, at=clock.now())
    async with receiving(answering()) as receiver:
        clock.advance(timedelta(seconds=8))
        restarted = Life(sqlite_store, json_url(receiver), clock)
        assert await restarted.digest() == [Outcome.DELIVERED]
        assert titles(receiver) == ["Overdue: 1, Paid: 1"]
        clock.advance(timedelta(hours=1))
        assert await restarted.digest() == []
        clock.instant = MORNING + DAY
        assert await Life(sqlite_store, json_url(receiver), clock).digest() == [Outcome.DELIVERED]
        assert titles(receiver) == ["Overdue: 1, Paid: 1", "Overdue: 1"]
        clock.instant = MORNING + 2 * DAY
        assert await restarted.digest() == [], "nothing to say"


async def test_a_process_that_dies_between_sending_and_settling_may_repeat_a_digest_and_loses_none(
    sqlite_store: Store, clock: FakeClock
) -> None:
    await listening(sqlite_store)
    await happened(sqlite_store, "inv_1", EventType.OVERDUE, at=clock.now())
    clock.instant = MORNING
    async with receiving(answering()) as receiver:
        life = Life(sqlite_store, json_url(receiver), clock)
        found = await SqlDigests(sqlite_store).claim_digest("finance", DAILY, clock.now(), timedelta(minutes=1))
        assert (await life.sender.send_digest("finance", found)).outcome is Outcome.DELIVERED
        clock.advance(timedelta(minutes=2))
        assert await Life(sqlite_store, json_url(receiver), clock).digest() == [Outcome.DELIVERED]
        assert titles(receiver) == ["Overdue: 1"] * 2
    assert await states(sqlite_store) == {("delivered", 1)}


@dataclass(frozen=True)
class _TakenOver(SqlDigests):
    """Stops after its claim until another process, in its next `life`, has sent the digest."""

    life: Life

    async def claim_digest(
        self, endpoint: str, schedule: DigestSchedule, now: datetime, lease: timedelta
    ) -> tuple[ClaimedDelivery, ...]:
        claimed = await super().claim_digest(endpoint, schedule, now, lease)
        self.life.clock.advance(timedelta(minutes=5))
        assert await self.life.digest() == [Outcome.DELIVERED]
        return claimed


async def test_a_process_that_was_stopped_after_its_claim_does_not_send_what_another_has_sent(
    sqlite_store: Store, clock: FakeClock
) -> None:
    await listening(sqlite_store)
    await happened(sqlite_store, "inv_1", EventType.OVERDUE, at=clock.now())
    clock.instant = MORNING
    async with receiving(answering()) as receiver:
        life = Life(sqlite_store, json_url(receiver), clock)
        stopped = _TakenOver(sqlite_store, life)
        digests = DigestDispatcher(stopped, SqlOutbox(sqlite_store), life.sender, clock, lambda: 0.0)
        digests.configure({"finance": DigestPolicy(DAILY, POLICY)})
        assert await digests.run_once() == []
        assert titles(receiver) == ["Overdue: 1"]
    assert await states(sqlite_store) == {("delivered", 1)}


@dataclass(frozen=True)
class _Stopped(SqlReached):
    """The process is stopped while it reads who has the message."""

    clock: FakeClock

    async def marks(self, endpoint: str, event_ids: Collection[str]) -> Mapping[str, frozenset[str]]:
        self.clock.advance(timedelta(seconds=20))
        return await super().marks(endpoint, event_ids)


async def test_a_message_whose_preparation_was_stopped_is_not_sent_by_that_process(
    sqlite_store: Store, clock: FakeClock
) -> None:
    await listening(sqlite_store)
    await happened(sqlite_store, "inv_1", EventType.OVERDUE, at=clock.now())
    async with receiving(answering()) as receiver:
        life = Life(sqlite_store, json_url(receiver), clock)
        life.sender = NotificationSender(clock, _Stopped(sqlite_store, clock))
        urls = tuple(f"{json_url(receiver)}{number}" for number in range(2))
        target = NotifyTarget("finance", urls, allow_private=(IPv4Network("127.0.0.0/8"),))
        life.sender.reconfigure({"finance": target})
        assert await life.send() == [Outcome.RETRY]
        assert receiver.requests == []


async def test_a_long_outage_uses_up_no_attempts(sqlite_store: Store, clock: FakeClock) -> None:
    """Several invoices failed in a row: the breaker opens, and probes are not counted."""
    await listening(sqlite_store)
    for number in range(12):
        await happened(sqlite_store, f"inv_{number}", EventType.OVERDUE, at=clock.now())
    clock.instant = MORNING
    async with receiving(answering(503)) as down:
        life = Life(sqlite_store, json_url(down), clock)
        for _ in range(60):
            await life.digest()
            clock.advance(timedelta(hours=1, minutes=1))
        assert await states(sqlite_store) == {("pending", 1)}
        assert len(down.requests) > 40
    async with receiving(answering()) as receiver:
        assert await Life(sqlite_store, json_url(receiver), clock).digest() == [Outcome.DELIVERED]
        assert titles(receiver) == ["Overdue: 12"]


@pytest.mark.parametrize("ending", ["stop", "cancel"])
async def test_the_loop_ends_when_it_is_asked_to_and_leaves_nothing_leased(
    sqlite_store: Store, clock: FakeClock, ending: str
) -> None:
    await listening(sqlite_store)
    await happened(sqlite_store, "inv_1", EventType.OVERDUE, at=clock.now())
    clock.instant = MORNING
    async with receiving(answering() if ending == "stop" else _silent) as receiver:
        life = Life(sqlite_store, json_url(receiver), clock)
        digests = DigestDispatcher(SqlDigests(sqlite_store), SqlOutbox(sqlite_store), life.sender, clock, lambda: 0.0)
        digests.configure({"finance": DigestPolicy(DAILY, POLICY)})
        async with anyio.create_task_group() as group:
            group.start_soon(digests.run)
            with anyio.fail_after(10):
                await receiver.arrived.wait()
            end: Callable[[], None] = digests.stop if ending == "stop" else group.cancel_scope.cancel
            end()
    assert await states(sqlite_store) == {("delivered", 1) if ending == "stop" else ("pending", 0)}
    assert len(receiver.requests) == 1


async def _silent(writer: object) -> None:
    del writer
    await anyio.sleep_forever()
