from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import anyio
import pytest
import structlog
from structlog.testing import capture_logs

from tests.fakes.clock import START, quiet
from tests.fakes.delivering import ENDPOINT, MOMENT, World
from watcher.ports import Attempt, DeliveryState, Outcome, Receipt


@pytest.fixture
def world() -> World:
    return World()


def only_the_first(outcome: Outcome) -> Callable[[Attempt], Outcome]:
    seen: set[str] = set()

    def answer(attempt: Attempt) -> Outcome:
        first = attempt.event_id not in seen
        seen.add(attempt.event_id)
        return outcome if first else Outcome.DELIVERED

    return answer


async def test_due_deliveries_are_sent_and_settled_in_one_batch(world: World) -> None:
    keys = [world.outbox.add() for _ in range(8)]
    async with world.running(world.dispatcher()):
        assert [world.outbox.state(key) for key in keys] == [DeliveryState.DELIVERED] * 8
    assert len(world.outbox.settled) == 1
    attempts = {"endpoint": "ledger", "outcome": "delivered"}
    assert world.metrics.registry.get_sample_value("invoice_watcher_attempts_total", attempts) == 8


async def test_a_notified_dispatcher_claims_at_once_and_an_idle_one_every_second(world: World) -> None:
    dispatcher = world.dispatcher()
    async with world.running(dispatcher):
        first = world.outbox.add()
        await world.clock.elapse(MOMENT)
        assert world.outbox.state(first) is DeliveryState.PENDING
        dispatcher.notify()
        await world.clock.elapse(MOMENT)
        assert world.outbox.state(first) is DeliveryState.DELIVERED
        second = world.outbox.add()
        before = world.heartbeats
        await world.clock.elapse(timedelta(seconds=3))
        assert world.outbox.state(second) is DeliveryState.DELIVERED
        assert world.heartbeats >= before + 3


async def test_a_failed_delivery_is_tried_again_when_it_is_due(world: World) -> None:
    world.sender.answers = only_the_first(Outcome.RETRY)
    key = world.outbox.add()
    async with world.running(world.dispatcher()):
        await world.clock.elapse(timedelta(seconds=4.9))
        assert (world.outbox.state(key), len(world.sender.sent)) == (DeliveryState.PENDING, 1)
        await world.clock.elapse(timedelta(seconds=0.2))
        assert (world.outbox.state(key), len(world.sender.sent)) == (DeliveryState.DELIVERED, 2)


async def test_deliveries_of_one_invoice_arrive_in_order_while_others_pass(world: World) -> None:
    answer = only_the_first(Outcome.RETRY)
    world.sender.answers = lambda attempt: answer(attempt) if attempt.event_id == "evt_1" else Outcome.DELIVERED
    for invoice in ("inv_a", "inv_a", "inv_b", "inv_a"):
        world.outbox.add(invoice=invoice)
    async with world.running(world.dispatcher()):
        assert world.sender.sent == ["evt_1", "evt_3"]
        await world.clock.elapse(timedelta(seconds=6))
    assert world.sender.sent == ["evt_1", "evt_3", "evt_1", "evt_2", "evt_4"]


async def test_no_endpoint_gets_more_at_once_than_its_concurrency(world: World) -> None:
    for _ in range(25):
        world.outbox.add()
    world.sender.gates["ledger"] = anyio.Event()
    async with world.running(world.dispatcher({"ledger": replace(ENDPOINT, concurrency=4)})):
        assert world.sender.under_way["ledger"] == 4
        world.sender.gates["ledger"].set()
        await world.clock.elapse(timedelta(seconds=1))
    assert world.sender.most_under_way["ledger"] == 4
    assert len(world.sender.sent) == 25


async def test_a_hanging_endpoint_does_not_hold_back_another(world: World) -> None:
    world.sender.gates["slow"] = anyio.Event()
    for _ in range(50):
        world.outbox.add("slow")
    for _ in range(50):
        world.outbox.add("quick")
    async with world.running(world.dispatcher({"slow": ENDPOINT, "quick": ENDPOINT}, most_under_way=15)):
        await world.clock.elapse(timedelta(seconds=1))
        sent = Counter(
            world.outbox.rows[int(event.removeprefix("evt_"))].claimed.endpoint for event in world.sender.sent
        )
    assert sent == {"slow": 10, "quick": 50}


async def test_the_rate_is_kept_from_the_first_moment_on(world: World) -> None:
    for _ in range(40):
        world.outbox.add()
    async with world.running(world.dispatcher({"ledger": replace(ENDPOINT, rate=5, concurrency=40)})):
        assert len(world.sender.sent) == 1
        await world.clock.elapse(timedelta(seconds=4) - MOMENT)
        assert 19 <= len(world.sender.sent) <= 21


async def test_restarting_over_and_over_hardly_exceeds_the_rate(world: World) -> None:
    for _ in range(200):
        world.outbox.add()
    for _ in range(10):
        async with world.running(world.dispatcher({"ledger": replace(ENDPOINT, rate=20, concurrency=40)})):
            await world.clock.elapse(timedelta(milliseconds=500) - MOMENT)
    assert len(world.sender.sent) <= 5 * 20 + 10 * 2


async def test_an_idle_second_is_all_that_is_saved_up(world: World) -> None:
    dispatcher = world.dispatcher({"ledger": replace(ENDPOINT, rate=5, concurrency=40)})
    async with world.running(dispatcher):
        await world.clock.elapse(timedelta(hours=1))
        for _ in range(40):
            world.outbox.add()
        dispatcher.notify()
        await world.clock.elapse(MOMENT)
        assert len(world.sender.sent) == 5


async def test_every_endpoint_has_its_turn_when_there_is_no_room_for_all(world: World) -> None:
    names = [f"endpoint_{number}" for number in range(20)]
    for name in names:
        world.outbox.add(name)
        world.sender.gates[name] = anyio.Event()
    async with world.running(world.dispatcher(dict.fromkeys(names, ENDPOINT), most_under_way=5)):
        for _ in range(4):
            for gate in world.sender.gates.values():
                gate.set()
            await world.clock.elapse(timedelta(seconds=1))
    assert len(world.sender.sent) == 20
    assert max(sum(claim.values()) for claim in world.outbox.claims) <= 5


async def test_retry_after_holds_the_whole_endpoint_back(world: World) -> None:
    busy = Receipt(Outcome.RETRY, START, timedelta(0), status=429, retry_after=timedelta(seconds=60))
    world.sender.answers = lambda attempt: busy if attempt.event_id == "evt_1" else Outcome.DELIVERED
    world.outbox.add()
    dispatcher = world.dispatcher()
    async with world.running(dispatcher):
        second = world.outbox.add()
        dispatcher.notify()
        await world.clock.elapse(timedelta(seconds=59))
        assert world.outbox.state(second) is DeliveryState.PENDING
        await world.clock.elapse(timedelta(seconds=2))
        assert world.outbox.state(second) is DeliveryState.DELIVERED


async def test_a_delivery_whose_lease_has_ended_is_not_sent(world: World) -> None:
    world.outbox.add()
    world.outbox.claiming_takes = timedelta(minutes=1)
    async with world.running(world.dispatcher()):
        assert world.sender.sent == []


async def test_a_delivery_that_begins_late_after_its_claim_is_given_back_and_claimed_again(world: World) -> None:
    """The process was stopped; the lease lasts longer, and another replica may have sent it."""
    key = world.outbox.add()
    world.outbox.claiming_takes = timedelta(seconds=16)
    dispatcher = world.dispatcher()
    async with world.running(dispatcher):
        assert world.sender.sent == []
        assert world.outbox.state(key) is DeliveryState.PENDING
        world.outbox.claiming_takes = timedelta(0)
        await world.clock.elapse(timedelta(seconds=20))
        assert world.outbox.state(key) is DeliveryState.DELIVERED


async def test_a_result_that_comes_after_the_lease_was_lost_changes_nothing(world: World) -> None:
    world.sender.gates["ledger"] = anyio.Event()
    key = world.outbox.add()
    with capture_logs() as logs:
        async with world.running(world.dispatcher()):
            world.outbox.lose_lease(key)
            world.sender.gates["ledger"].set()
            await world.clock.elapse(MOMENT)
    assert world.outbox.state(key) is DeliveryState.DELIVERING
    assert "delivery.lease_lost" in [log["event"] for log in logs]


async def test_stop_lets_what_is_under_way_end_and_claims_no_more(world: World) -> None:
    world.sender.gates["ledger"] = anyio.Event()
    first = world.outbox.add()
    dispatcher = world.dispatcher()
    async with anyio.create_task_group() as group:
        group.start_soon(dispatcher.run)
        await world.clock.elapse(MOMENT)
        world.outbox.add()
        dispatcher.stop()
        await world.clock.elapse(timedelta(seconds=5))
        assert world.sender.sent == ["evt_1"]
        world.sender.gates["ledger"].set()
        await world.clock.elapse(MOMENT)
    assert world.outbox.state(first) is DeliveryState.DELIVERED
    assert world.outbox.state(2) is DeliveryState.PENDING
    assert world.outbox.released == []


async def test_a_stop_that_comes_before_the_start_is_not_lost(world: World) -> None:
    world.outbox.add()
    dispatcher = world.dispatcher()
    dispatcher.stop()
    await dispatcher.run()
    assert world.outbox.claims == []


async def test_cancelled_it_settles_what_was_answered_and_gives_the_rest_back(world: World) -> None:
    world.sender.gates["slow"] = anyio.Event()
    slow, quick = world.outbox.add("slow"), world.outbox.add("quick")
    async with anyio.create_task_group() as group:
        group.start_soon(world.dispatcher({"slow": ENDPOINT, "quick": ENDPOINT}).run)
        await quiet()
        assert world.outbox.state(quick) is DeliveryState.DELIVERING
        group.cancel_scope.cancel()
    assert world.outbox.state(quick) is DeliveryState.DELIVERED
    assert world.outbox.state(slow) is DeliveryState.PENDING
    assert world.outbox.released == [slow]
    assert world.outbox.rows[slow].claimed.attempts == 0


async def test_receipts_are_kept_while_the_store_is_away_and_settled_when_it_is_back(world: World) -> None:
    world.sender.gates["ledger"] = anyio.Event()
    key = world.outbox.add()
    async with world.running(world.dispatcher()):
        world.outbox.unavailable = True
        world.sender.gates["ledger"].set()
        await world.clock.elapse(timedelta(seconds=10))
        assert world.outbox.state(key) is DeliveryState.DELIVERING
        world.outbox.unavailable = False
        await world.clock.elapse(timedelta(seconds=2))
        assert world.outbox.state(key) is DeliveryState.DELIVERED
    assert world.sender.sent == ["evt_1"]


async def test_reconfigured_endpoints_are_served_at_once_and_removed_ones_no_more(world: World) -> None:
    dispatcher = world.dispatcher({"old": ENDPOINT})
    async with world.running(dispatcher):
        dispatcher.configure({"new": ENDPOINT})
        old, new = world.outbox.add("old"), world.outbox.add("new")
        await world.clock.elapse(timedelta(seconds=2))
    assert (world.outbox.state(old), world.outbox.state(new)) == (DeliveryState.PENDING, DeliveryState.DELIVERED)


async def test_attempts_under_way_count_against_the_new_concurrency(world: World) -> None:
    world.sender.gates["ledger"] = anyio.Event()
    for _ in range(10):
        world.outbox.add()
    dispatcher = world.dispatcher({"ledger": replace(ENDPOINT, concurrency=3)})
    async with world.running(dispatcher):
        dispatcher.configure({"ledger": replace(ENDPOINT, concurrency=5)})
        await world.clock.elapse(MOMENT)
        assert world.sender.under_way["ledger"] == 5


async def test_each_attempt_is_one_line_without_body_and_a_death_one_more(world: World) -> None:
    structlog.reset_defaults()
    answers = {"evt_1": Outcome.UNSENDABLE, "evt_2": Outcome.BLOCKED}
    world.sender.answers = lambda attempt: answers.get(attempt.event_id, Outcome.DELIVERED)
    for _ in range(3):
        world.outbox.add()
    with capture_logs() as logs:
        async with world.running(world.dispatcher()):
            pass
    assert Counter(log["event"] for log in logs) == {
        "delivery.attempted": 3,
        "delivery.died": 1,
        "delivery.parked": 1,
    }
    assert all("body" not in log for log in logs)
    assert {log["event_id"] for log in logs} == {"evt_1", "evt_2", "evt_3"}
