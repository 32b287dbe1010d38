"""Figures that cost much are read rarely and apart from requests; cheap ones with the request that asks."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import anyio
import pytest

from tests.fakes.clock import FakeClock
from watcher.core.errors import StoreUnavailable
from watcher.ports import Figures
from watcher.web.dashboard_cache import DashboardCache

COST = timedelta(seconds=2)


@dataclass
class Reading:
    """Counts how often it is read; `clock` moves on while it reads."""

    clock: FakeClock
    cost: timedelta = timedelta(0)
    reads: int = 0
    is_away: bool = False

    async def figures(self, now: datetime) -> Figures:
        del now
        if self.is_away:
            raise StoreUnavailable("database away")
        self.reads += 1
        self.clock.instant += self.cost
        return Figures(overdue=self.reads)


async def test_cheap_figures_are_read_by_who_asks_once_a_second_at_most() -> None:
    clock = FakeClock()
    reading = Reading(clock)
    dashboard_cache = DashboardCache(reading.figures, clock)
    found = [await dashboard_cache.current() for _ in range(3)]
    assert [one and one.figures.overdue for one in found] == [1, 1, 1]
    clock.instant += timedelta(seconds=1)
    again = await dashboard_cache.current()
    assert again is not None
    assert (again.figures.overdue, again.at) == (2, clock.instant)


async def test_dear_figures_are_shown_as_they_were_and_read_anew_apart_from_the_request() -> None:
    clock = FakeClock()
    reading = Reading(clock, cost=COST)
    dashboard_cache = DashboardCache(reading.figures, clock)
    async with anyio.create_task_group() as group:
        group.start_soon(dashboard_cache.keep)
        await anyio.wait_all_tasks_blocked()
        assert reading.reads == 1
        clock.instant += 18 * COST
        before = await dashboard_cache.current()
        assert before is not None
        assert (before.figures.overdue, reading.reads) == (1, 1)
        clock.instant += 2 * COST
        await dashboard_cache.current()
        await anyio.wait_all_tasks_blocked()
        after = await dashboard_cache.current()
        assert after is not None
        assert (after.figures.overdue, reading.reads) == (2, 2)
        group.cancel_scope.cancel()


async def test_who_comes_during_the_first_reading_is_not_kept_waiting_for_it() -> None:
    clock, goes_on = FakeClock(), anyio.Event()

    async def slow(now: datetime) -> Figures:
        del now
        await goes_on.wait()
        return Figures(overdue=7)

    dashboard_cache = DashboardCache(slow, clock)
    async with anyio.create_task_group() as group:
        group.start_soon(dashboard_cache.keep)
        await anyio.wait_all_tasks_blocked()
        assert await dashboard_cache.current() is None
        goes_on.set()
        await anyio.wait_all_tasks_blocked()
        found = await dashboard_cache.current()
        assert found is not None
        assert found.figures.overdue == 7
        group.cancel_scope.cancel()


async def test_a_database_that_is_away_is_said_and_asked_again() -> None:
    clock = FakeClock()
    reading = Reading(clock, is_away=True)
    dashboard_cache = DashboardCache(reading.figures, clock)
    with pytest.raises(StoreUnavailable):
        await dashboard_cache.current()
    async with anyio.create_task_group() as group:
        group.start_soon(dashboard_cache.keep)
        await anyio.wait_all_tasks_blocked()
        reading.is_away = False
        assert await dashboard_cache.current() is not None
        group.cancel_scope.cancel()
