"""The figures over everything, kept for as long as reading them anew would cost more than they are worth."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import anyio
import structlog

from watcher.clock import Clock
from watcher.core.errors import StoreUnavailable
from watcher.ports import Figures

CHEAP = timedelta(milliseconds=60)
"""What costs no more is read within the request that asks."""
_SHARE = 20
"""Reading takes at most one part in so many of the time, however many look at the page."""
_FRESH = timedelta(seconds=1)
_PATIENCE_SECONDS = 0.08
"""How long a request waits for figures that are being read."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class CachedFigures:
    """Figures, and when they were read."""

    figures: Figures
    at: datetime


class DashboardCache:
    """One for all who look. Cheap figures are read on the spot, dear ones by `keep` while requests show the last."""

    def __init__(self, read: Callable[[datetime], Awaitable[Figures]], clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._last: CachedFigures | None = None
        self._cost = timedelta(0)
        self._reading = anyio.Lock()
        self._wanted = anyio.Event()
        self._renewed = anyio.Event()

    async def current(self) -> CachedFigures | None:
        """None only while the first reading is not done yet. Raises StoreUnavailable."""
        if self._is_fresh():
            return self._last
        if self._cost <= CHEAP and not self._reading.statistics().locked:
            await self.renew()
            return self._last
        self._wanted.set()
        renewed = self._renewed
        with anyio.move_on_after(_PATIENCE_SECONDS):
            await renewed.wait()
        return self._last

    async def renew(self) -> None:
        """Read now. Raises StoreUnavailable."""
        async with self._reading:
            if self._is_fresh():
                return
            now = self._clock.now()
            self._last = CachedFigures(await self._read(now), now)
            self._cost = self._clock.now() - now
            self._renewed.set()
            self._renewed = anyio.Event()

    async def keep(self) -> None:
        """Read once, for the first who comes, and then whenever somebody wants newer figures; until cancelled."""
        while True:
            try:
                await self.renew()
            except StoreUnavailable as error:
                _log.warning("figures.unread", error=str(error))
                await self._clock.sleep(_FRESH)
            self._wanted = anyio.Event()
            await self._wanted.wait()

    def _is_fresh(self) -> bool:
        return self._last is not None and self._clock.now() - self._last.at < max(_FRESH, self._cost * _SHARE)
