"""Time and luck, handed in so that tests can hold them still."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

import anyio


class Clock(Protocol):
    def now(self) -> datetime:
        """The present instant, aware UTC."""
        ...

    async def sleep(self, period: timedelta) -> None:
        """Wait; zero or negative periods only yield to the event loop."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, period: timedelta) -> None:
        await anyio.sleep(max(0.0, period.total_seconds()))


Dice = Callable[[], float]
"""A number drawn evenly from [0, 1)."""

system_dice: Dice = random.SystemRandom().random
