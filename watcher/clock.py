"""The clock and the source of random numbers. Both are passed in, so that tests control them."""

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


async def sleep_or(clock: Clock, event: anyio.Event, period: timedelta) -> None:
    """Wait until the event is set, but no longer than the period."""

    async def sleep_then_end() -> None:
        await clock.sleep(period)
        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(sleep_then_end)
        await event.wait()
        group.cancel_scope.cancel()


Random = Callable[[], float]
"""Returns a number drawn evenly from [0, 1), for jitter."""

system_random: Random = random.Random().random  # noqa: S311 - spreads polls and makes salts, which are not secret
