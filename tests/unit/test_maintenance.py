from collections.abc import Awaitable, Callable
from datetime import UTC, timedelta
from functools import partial
from typing import Any, cast

import anyio
import pytest
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from watcher.core.errors import StoreUnavailable
from watcher.maintenance import LONGEST, MaintenanceJob, maintenance_jobs, run_maintenance

HOUR = timedelta(hours=1)


class Work:
    def __init__(self, failures: int = 0) -> None:
        self.done = 0
        self.failures = failures
        self.running = 0
        self.most_at_once = 0
        self.go_on = anyio.Event()
        self.go_on.set()

    async def __call__(self) -> None:
        self.running += 1
        self.most_at_once = max(self.running, self.most_at_once)
        await self.go_on.wait()
        self.running -= 1
        self.done += 1
        if self.done <= self.failures:
            raise StoreUnavailable("the database is locked")


class House:
    def __init__(self) -> None:
        self.scheduler = AsyncIOScheduler(timezone=UTC)

    def jobs(self) -> dict[str, Any]:
        return {job.id: job for job in cast("Any", self.scheduler).get_jobs()}

    async def ring(self, name: str) -> None:
        ring = cast("Callable[[], Awaitable[None]]", self.jobs()[name].func)
        await ring()

    async def keep(self, jobs: list[MaintenanceJob], then: Callable[[], Awaitable[None]]) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(run_maintenance, jobs, self.scheduler)
            await anyio.wait_all_tasks_blocked()
            await then()
            group.cancel_scope.cancel()


async def test_a_job_only_rings_and_the_work_is_done_by_a_task() -> None:
    house, work = House(), Work()

    async def then() -> None:
        assert work.done == 0
        await house.ring("retention")
        await anyio.wait_all_tasks_blocked()

    await house.keep([MaintenanceJob("retention", HOUR, work)], then)

    assert work.done == 1


async def test_rings_during_the_work_count_as_one_and_work_never_overlaps() -> None:
    house, work = House(), Work()
    work.go_on = anyio.Event()

    async def then() -> None:
        await house.ring("reload")
        await anyio.wait_all_tasks_blocked()
        for _ in range(3):
            await house.ring("reload")
        work.go_on.set()
        await anyio.wait_all_tasks_blocked()

    await house.keep([MaintenanceJob("reload", HOUR, work)], then)

    assert (work.done, work.most_at_once) == (2, 1)


async def test_a_failed_job_is_done_again_and_harms_no_other() -> None:
    house, broken, sound = House(), Work(failures=1), Work()

    async def then() -> None:
        for _ in range(2):
            await house.ring("broken")
            await house.ring("sound")
            await anyio.wait_all_tasks_blocked()

    await house.keep([MaintenanceJob("broken", HOUR, broken), MaintenanceJob("sound", HOUR, sound)], then)

    assert (broken.done, sound.done) == (2, 2)


async def test_a_stalled_loop_drops_no_run() -> None:
    house = House()

    async def then() -> None:
        [job] = house.jobs().values()
        settings = (job.misfire_grace_time, job.coalesce, job.max_instances)
        assert settings == (None, True, 1)

    await house.keep([MaintenanceJob("tokens", HOUR, Work())], then)

    assert not house.scheduler.running


async def test_the_clock_rings_by_itself() -> None:
    rung = anyio.Event()

    async def work() -> None:
        rung.set()

    async with anyio.create_task_group() as group:
        group.start_soon(run_maintenance, [MaintenanceJob("reload", timedelta(seconds=1), work)])
        with anyio.fail_after(10):
            await rung.wait()
        group.cancel_scope.cancel()

    assert rung.is_set()


async def test_a_bug_in_a_job_is_not_hidden() -> None:
    house = House()

    async def work() -> None:
        raise ZeroDivisionError

    async def then() -> None:
        await house.ring("retention")

    with pytest.raises(ExceptionGroup) as caught:
        await house.keep([MaintenanceJob("retention", HOUR, work)], then)

    assert caught.group_contains(ZeroDivisionError)


def test_the_usual_jobs_check_for_changed_files_every_two_seconds() -> None:
    work = Work()
    jobs = maintenance_jobs(
        reload_check=work, renew_tokens=work, check_clock=work, tune=work, fill_amounts=work, forget_old=work
    )

    assert {job.name for job in jobs} == {"reload", "tokens", "clock", "tempo", "amounts", "retention"}
    assert next(job for job in jobs if job.name == "reload").every == timedelta(seconds=2)


async def test_a_job_says_when_it_begins_and_ends_and_by_when_it_has_to_do_the_other() -> None:
    house, work = House(), Work()
    work.go_on = anyio.Event()
    turns: list[tuple[str, timedelta]] = []

    async with anyio.create_task_group() as group:
        keeping = partial(run_maintenance, on_heartbeat=lambda name, within: turns.append((name, within)))
        group.start_soon(keeping, [MaintenanceJob("reload", HOUR, work)], house.scheduler)
        await anyio.wait_all_tasks_blocked()
        [(waiting, rings_within)] = turns
        assert (waiting, rings_within > HOUR) == ("reload job", True)
        await house.ring("reload")
        await anyio.wait_all_tasks_blocked()
        assert turns[1:] == [("reload job", LONGEST)]
        work.go_on.set()
        await anyio.wait_all_tasks_blocked()
        assert turns[2:] == [("reload job", rings_within)]
        group.cancel_scope.cancel()
