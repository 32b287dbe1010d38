"""Tracks when each loop last made progress, and whether the store takes writes, for the systemd watchdog."""

import math
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Protocol

import anyio
import structlog

from watcher.core.errors import StoreUnavailable

_log = structlog.get_logger()

STALLED = timedelta(minutes=3)
"""Longer than a healthy loop's slowest iteration: while another program locks the database, each of our writers waits
in turn, ten seconds each; a PostgreSQL that vanished is given up after 80 seconds.
"""

ASK_EVERY = timedelta(seconds=10)
_CHECK_HOLDS = timedelta(seconds=1)
_FAILURE_COUNTS = timedelta(seconds=5)
"""Long enough for each writer to try again, and to fail again if it must."""


class LoopHeartbeats:
    """Loops report each iteration; a loop that has reported once and falls silent ends the heartbeats to the watchdog.

    Time is measured on the monotonic clock: a jump of the wall clock is no stall. Loops that wait for the work of
    others (the recorder, the settling of deliveries) do not report: they wait for the store alone, which has a check of
    its own.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._next_by: dict[str, float] = {}
        self._ending = False

    def beat(self, loop: str, within: timedelta = STALLED) -> None:
        """The loop makes progress; its next heartbeat is due `within` this time."""
        self._next_by[loop] = self._monotonic() + within.total_seconds()

    def end(self) -> None:
        """The loops were asked to stop: from now on their silence is no stall."""
        self._ending = True

    @property
    def heard(self) -> frozenset[str]:
        """Every loop that has reported at least once."""
        return frozenset(self._next_by)

    def stalled(self) -> tuple[str, ...]:
        """The loops that have not reported for too long."""
        now = self._monotonic()
        return () if self._ending else tuple(loop for loop, by in self._next_by.items() if by < now)

    def all_turn(self) -> bool:
        """Whether none is stalled; logs the stalled ones, because what ends the process next names none."""
        stalled = self.stalled()
        if stalled:
            _log.error("loops.stalled", loops=stalled, effect="the watchdog gets no heartbeat")
        return not stalled


class Writable(Protocol):
    write_failed: tuple[float, str] | None

    async def check_writable(self) -> None: ...


class WriteCheck:
    """Why the database takes no writes: the error of a recent write, or that of a small write of its own.

    A success is valid for a second, however many ask.
    """

    def __init__(self, store: Writable, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._monotonic = monotonic
        self._lock = anyio.Lock()
        self._problem: str | None = None
        self._good_until = -math.inf

    async def problem(self) -> str | None:
        """A sentence; None if the last writes succeeded."""
        async with self._lock:
            failed = self._store.write_failed
            if failed is not None and self._monotonic() < failed[0] + _FAILURE_COUNTS.total_seconds():
                return failed[1]
            if self._monotonic() >= self._good_until:
                began_at, self._problem = self._monotonic(), None
                try:
                    await self._store.check_writable()
                except StoreUnavailable as error:
                    self._problem = str(error)
                else:
                    self._good_until = began_at + _CHECK_HOLDS.total_seconds()
            return self._problem


async def watch_store(
    ask: Callable[[], Awaitable[str | None]],
    beat: Callable[[str], None],
    sleep: Callable[[timedelta], Awaitable[None]],
    report: Callable[[str | None], None],
    every: timedelta = ASK_EVERY,
) -> None:
    """Check the store again and again, and call `report` whenever what is wrong with it changes; None means nothing.

    A refusal is an answer: the lock, the disk or the server recovers by itself, and a restart would not speed that up.
    Silence is a stall.
    """
    reported: str | None = None
    while True:
        problem = await ask()
        beat("store")
        if problem != reported:
            report(problem)
            reported = problem
        await sleep(every)
