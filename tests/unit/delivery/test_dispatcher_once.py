from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import anyio
import pytest

from tests.fakes.delivering import ENDPOINT, World
from watcher.core.errors import StoreUnavailable
from watcher.ports import DeliveryState, Outcome


@pytest.fixture
def world() -> World:
    return World()


async def test_once_tries_each_due_delivery_once_and_ends(world: World) -> None:
    world.sender.answers = lambda attempt: Outcome.RETRY if attempt.event_id == "evt_2" else Outcome.DELIVERED
    for invoice in ("inv_a", "inv_b", "inv_a", "inv_a", "inv_b"):
        world.outbox.add(invoice=invoice)
    outcomes = await world.dispatcher().run_once()
    assert outcomes == {Outcome.DELIVERED: 3, Outcome.RETRY: 1}
    assert sorted(world.sender.sent) == ["evt_1", "evt_2", "evt_3", "evt_4"]
    assert world.outbox.state(5) is DeliveryState.PENDING


async def test_once_does_not_wait_for_retries_even_immediate_ones(world: World) -> None:
    world.sender.answers = lambda _: Outcome.RETRY
    key = world.outbox.add()
    outcomes = await world.dispatcher({"ledger": replace(ENDPOINT, retries=(timedelta(0),) * 5)}).run_once()
    assert outcomes == {Outcome.RETRY: 1}
    assert world.outbox.released == [key]


async def test_once_keeps_the_rate(world: World) -> None:
    for _ in range(12):
        world.outbox.add()
    outcomes: list[Mapping[Outcome, int]] = []

    async def once() -> None:
        outcomes.append(await world.dispatcher({"ledger": replace(ENDPOINT, rate=2)}).run_once())

    async with anyio.create_task_group() as group:
        group.start_soon(once)
        await world.clock.elapse(timedelta(seconds=4))
        assert 9 <= len(world.sender.sent) <= 10
        await world.clock.elapse(timedelta(seconds=3))
    assert outcomes == [{Outcome.DELIVERED: 12}]


async def test_once_says_when_the_store_is_away(world: World) -> None:
    world.outbox.unavailable = True
    with pytest.raises(StoreUnavailable):
        await world.dispatcher().run_once()
