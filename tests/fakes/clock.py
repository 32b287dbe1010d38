"""A clock that stands still until a test moves it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import anyio
import anyio.lowlevel

_TURNS = 50
"""Turns of the event loop in which nearly any woken task comes to rest; anyio alone polls every tenth of a second."""

START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


@dataclass
class FakeClock:
    """Sleepers wake when time is moved to or past the end of their sleep."""

    instant: datetime = START
    _sleepers: list[tuple[datetime, anyio.Event]] = field(default_factory=list[tuple[datetime, anyio.Event]])

    def now(self) -> datetime:
        return self.instant

    async def sleep(self, period: timedelta) -> None:
        if period <= timedelta(0):
            await anyio.lowlevel.checkpoint()
            return
        sleeper = (self.instant + period, anyio.Event())
        self._sleepers.append(sleeper)
        try:
            await sleeper[1].wait()
        finally:
            if sleeper in self._sleepers:
                self._sleepers.remove(sleeper)

    @property
    def sleepers(self) -> int:
        return len(self._sleepers)

    def advance(self, period: timedelta) -> None:
        """Jump. A negative period is a clock set back: nobody wakes."""
        self.instant += period
        due = [sleeper for sleeper in self._sleepers if sleeper[0] <= self.instant]
        self._sleepers = [sleeper for sleeper in self._sleepers if sleeper[0] > self.instant]
        for _, woken in due:
            woken.set()

    async def elapse(self, period: timedelta, rest: Callable[[], Awaitable[None]] | None = None) -> None:
        """Let time pass as it really does: stop at each sleeper's end and let everybody work until all wait again.

        `rest` waits for that; tests with work outside the event loop bring their own.
        """
        end, rest = self.instant + period, rest or quiet
        await rest()
        while wakings := [ends_at for ends_at, _ in self._sleepers if ends_at <= end]:
            self.advance(min(wakings) - self.instant)
            await rest()
        self.advance(end - self.instant)
        await rest()


async def quiet() -> None:
    """Wait until every other task waits."""
    for _ in range(_TURNS):
        await anyio.lowlevel.checkpoint()
    await anyio.wait_all_tasks_blocked()
