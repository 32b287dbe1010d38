"""Periodic maintenance jobs. APScheduler decides when; the jobs run as tasks of our own task group.

An APScheduler job only rings the bell of a maintenance job. So cancellation, errors and shutdown are handled where they
are for all other work.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta

import anyio
import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from watcher.core.errors import WatcherError

RELOAD_CHECK_EVERY = timedelta(seconds=2)
"""Each check switches threads, because files may lie on a slow disk: twice as often is a third of all idle CPU."""
TOKEN_RENEWAL_EVERY = timedelta(seconds=30)
CLOCK_SKEW_EVERY = timedelta(minutes=1)
TUNING_EVERY = timedelta(minutes=1)
AMOUNTS_EVERY = timedelta(minutes=1)
RETENTION_EVERY = timedelta(hours=1)

LONGEST = timedelta(minutes=15)
"""A job that takes longer hangs: tokens are renewed one after the other, and a reload reads lists of any length."""
_LATE = timedelta(minutes=3)

RETENTION = "retention"

Work = Callable[[], Awaitable[None]]

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class MaintenanceJob:
    """Work to repeat. It never runs twice at once; rings that were missed meanwhile count as one."""

    name: str
    every: timedelta
    """Whole seconds."""
    work: Work


class Bell:
    """Can be rung any number of times, and is heard once."""

    def __init__(self) -> None:
        self._rung = anyio.Event()

    async def ring(self) -> None:
        # A coroutine on purpose: APScheduler would run a plain function in a thread, where no event may be set.
        self._rung.set()

    async def heard(self) -> None:
        await self._rung.wait()
        self._rung = anyio.Event()


def maintenance_jobs(
    *, reload_check: Work, renew_tokens: Work, check_clock: Work, tune: Work, fill_amounts: Work, forget_old: Work
) -> tuple[MaintenanceJob, ...]:
    return (
        MaintenanceJob("reload", RELOAD_CHECK_EVERY, reload_check),
        MaintenanceJob("tokens", TOKEN_RENEWAL_EVERY, renew_tokens),
        MaintenanceJob("clock", CLOCK_SKEW_EVERY, check_clock),
        MaintenanceJob("tempo", TUNING_EVERY, tune),
        MaintenanceJob("amounts", AMOUNTS_EVERY, fill_amounts),
        MaintenanceJob(RETENTION, RETENTION_EVERY, forget_old),
    )


async def run_maintenance(
    jobs: Sequence[MaintenanceJob],
    scheduler: AsyncIOScheduler | None = None,
    *,
    on_heartbeat: Callable[[str, timedelta], None] = lambda _job, _within: None,
) -> None:
    """Run the jobs until cancelled. A job that fails with a WatcherError is logged and runs again at its next time.

    `on_heartbeat` is called when a job begins or ends, with the time by which it has to end or to begin again.
    """
    scheduler = scheduler or AsyncIOScheduler(timezone=UTC)
    async with anyio.create_task_group() as group:
        for job in jobs:
            group.start_soon(_run_when_rung, job, _schedule(scheduler, job), on_heartbeat)
        scheduler.start()
        try:
            await anyio.sleep_forever()
        finally:
            scheduler.shutdown(wait=False)


def _schedule(scheduler: AsyncIOScheduler, job: MaintenanceJob) -> Bell:
    bell = Bell()
    scheduler.add_job(  # pyright: ignore[reportUnknownMemberType] -- APScheduler's parameters are untyped
        bell.ring,
        IntervalTrigger(seconds=int(job.every.total_seconds()), timezone=UTC),
        id=job.name,
        # The default of one second would silently drop a run whenever the loop was busy for longer.
        misfire_grace_time=None,
        coalesce=True,
        max_instances=1,
    )
    return bell


def loop_of(job: str) -> str:
    """By which name `on_heartbeat` is called for a job; work of many steps may do so itself at each."""
    return f"{job} job"


async def _run_when_rung(job: MaintenanceJob, bell: Bell, on_heartbeat: Callable[[str, timedelta], None]) -> None:
    name = loop_of(job.name)
    while True:
        on_heartbeat(name, job.every + _LATE)
        await bell.heard()
        on_heartbeat(name, LONGEST)
        try:
            await job.work()
        except WatcherError as error:
            _log.warning("job.failed", job=job.name, error=str(error))
