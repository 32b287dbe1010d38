from datetime import timedelta

import anyio

from tests.fakes.clock import START, FakeClock
from watcher.clock import Clock


async def test_sleepers_wake_when_time_passes_the_end_of_their_sleep() -> None:
    clock = FakeClock()
    typed: Clock = clock
    woken: list[str] = []

    async def nap(name: str, seconds: int) -> None:
        await typed.sleep(timedelta(seconds=seconds))
        woken.append(name)

    async with anyio.create_task_group() as group:
        group.start_soon(nap, "long", 10)
        group.start_soon(nap, "short", 1)
        await anyio.wait_all_tasks_blocked()
        assert clock.sleepers == 2
        clock.advance(timedelta(seconds=1))
        await anyio.wait_all_tasks_blocked()
        assert woken == ["short"]
        clock.advance(timedelta(seconds=60))
    assert woken == ["short", "long"]
    assert clock.sleepers == 0


async def test_elapse_stops_at_every_waking() -> None:
    clock = FakeClock()
    ticks: list[timedelta] = []

    async def tick() -> None:
        while True:
            await clock.sleep(timedelta(seconds=2))
            ticks.append(clock.now() - START)

    async with anyio.create_task_group() as group:
        group.start_soon(tick)
        await clock.elapse(timedelta(seconds=5))
        group.cancel_scope.cancel()
    assert ticks == [timedelta(seconds=2), timedelta(seconds=4)]
    assert clock.now() == START + timedelta(seconds=5)
