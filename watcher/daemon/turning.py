"""Whether every loop of the service still goes round and the store still answers: what the watchdog is told."""

import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from watcher.core.errors import StoreUnavailable

_log = structlog.get_logger()

STALLED = timedelta(minutes=3)
"""More than a healthy loop's slowest turn: while another program locks the database, each of our writers waits for it
in turn, ten seconds each; a PostgreSQL that vanished is given up after 80 seconds."""

_ASK_EVERY = timedelta(seconds=10)


class Turning:
    """Loops report each turn; one that was heard of and fell silent stops the watchdog's feeding.

    Measured on the monotonic clock: a jump of the wall clock is no stall. Loops that wait for work of others (the
    recorder, the settling) are not heard: they wait for the store alone, and the store is asked itself.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._next_by: dict[str, float] = {}
        self._ending = False

    def turned(self, loop: str, within: timedelta = STALLED) -> None:
        """The loop goes round; its next turn has to come `within` this time."""
        self._next_by[loop] = self._monotonic() + within.total_seconds()

    def end(self) -> None:
        """The loops have been told to end: from now on their silence is no stall."""
        self._ending = True

    @property
    def heard(self) -> frozenset[str]:
        """Every loop that has turned at least once."""
        return frozenset(self._next_by)

    def stalled(self) -> tuple[str, ...]:
        """The loops that have not turned for too long."""
        now = self._monotonic()
        return () if self._ending else tuple(loop for loop, by in self._next_by.items() if by < now)

    def all_turn(self) -> bool:
        """Whether none is stalled; logs those that are, for what ends the process next says no names."""
        stalled = self.stalled()
        if stalled:
            _log.error("loops.stalled", loops=stalled, effect="the watchdog is not fed")
        return not stalled


async def keep_asking(
    answer: Callable[[], Awaitable[None]],
    turned: Callable[[str], None],
    sleep: Callable[[timedelta], Awaitable[None]],
    tell: Callable[[str | None], None],
) -> None:
    """Ask the store again and again, and `tell` what is wrong with it whenever that changes; None: nothing.

    "Not now" is an answer: it heals by itself when the lock, the disk or the server does, and no restart of ours would
    heal it sooner. Silence is a stall.
    """
    told: str | None = None
    while True:
        problem: str | None = None
        try:
            await answer()
        except StoreUnavailable as error:
            problem = str(error)
        turned("store")
        if problem != told:
            tell(problem)
            told = problem
        await sleep(_ASK_EVERY)
